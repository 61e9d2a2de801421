/** Small helpers that make and fill elements. Text is always text here; HTML goes in by `sanitised` only. */

/**
 * Makes an element.
 * @param {string} tag
 * @param {Object<string, any>} [props] attributes; `class`, `text`, `dataset`, and `onclick`-like functions
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {any} the element
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * Replaces all that is in a node.
 * @param {Element} node
 * @param {...(Node|string|null|false|undefined)} children
 */
export function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * Shows rows in their order. Those that say the same as before stay the very nodes they were: with the keyboard's focus, the
 * pictures they loaded, and a click that is on its way; and a screen reader tells only what is new.
 * @param {Element} node
 * @param {{ key: string, says: any, make: () => HTMLElement }[]} rows `says`: all that the row is made of
 */
export function keep(node, rows) {
  const keys = new Set(rows.map((row) => row.key));
  const focused = node.contains(document.activeElement) && document.activeElement.closest("[data-key]")?.dataset.key;
  for (const child of [...node.children]) if (!keys.has(child.dataset.key)) child.remove();
  const before = new Map([...node.children].map((child) => [child.dataset.key, child]));
  rows.forEach(({ key, says, make }, at) => {
    const said = JSON.stringify(says);
    let row = before.get(key);
    if (row?.said !== said) {
      const made = Object.assign(make(), { said });
      made.dataset.key = key;
      row?.replaceWith(made);
      row = made;
    }
    if (node.children[at] !== row) node.insertBefore(row, node.children[at] ?? null);
  });
  if (focused && !node.contains(document.activeElement)) node.querySelector(`[data-key="${CSS.escape(focused)}"] :is(a, button)`)?.focus();
}

/**
 * Draws into what is scrolled, and stays at its end if that was seen, or else where it was.
 * @param {Element} node
 * @param {() => void} draw
 */
export function atTheEnd(node, draw) {
  const seen = below(node) < NEAR_PX;
  draw();
  if (seen) node.scrollTop = node.scrollHeight;
}

/**
 * A picture in a thread. Its size is known late: if the thread's end was seen, it is after that, too.
 * @param {string} src
 * @param {string} alt
 */
export function picture(src, alt) {
  const onload = ({ target }) => {
    const thread = target.closest(".thread");
    if (thread && below(thread) < NEAR_PX + target.height) thread.scrollTop = thread.scrollHeight;
  };
  return el("img", { src, alt, onload });
}

function below(node) {
  return node.scrollHeight - node.scrollTop - node.clientHeight;
}

/**
 * An element with HTML that the server has sanitised: the API's `html`, and nothing else.
 * @param {string} html
 * @param {string} [className]
 */
export function sanitised(html, className = "rich") {
  const node = el("div", { class: className });
  node.innerHTML = html;
  for (const link of node.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  return node;
}

const NEAR_PX = 40;
const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  alert: "M12 8v5m0 3v.5M12 3l10 18H2z",
  attach: "M21 11l-9 9a5 5 0 0 1-7-7l9-9a3.500 3.500 0 0 1 5 5l-9 9a2 2 0 0 1-3-3l8-8",
  back: "M15 5l-7 7 7 7",
  bold: "M7 4h6a4 4 0 0 1 0 8H7zM7 12h7a4 4 0 0 1 0 8H7z",
  bell: "M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
  check: "M4 12l5 5L20 6",
  checks: "M1 12l5 5L17 6M11 16l1 1L23 6",
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  close: "M6 6l12 12M18 6L6 18",
  file: "M14 3H6v18h12V7zM14 3v4h4",
  flag: "M5 21V4h13l-3 4 3 4H5",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5l1 3h4l1-3h5",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  list: "M9 6h11M9 12h11M9 18h11M4 6h.5M4 12h.5M4 18h.5",
  gear: "M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-8-6 16-3-7z",
  star: "M12 3l2.800 5.700 6.200.9-4.500 4.400 1.100 6.200L12 17.300 6.400 20.200l1.100-6.200L3 9.600l6.200-.9z",
  ticket: "M4 6h16v4a2 2 0 0 0 0 4v4H4v-4a2 2 0 0 0 0-4zM14 6v12",
};

/**
 * A drawn icon, hidden from screen readers: what it stands for is said in words beside it.
 * @param {keyof ICONS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const values = { viewBox: "0 0 24 24", width: "18", height: "18", fill: "none", "stroke-width": "2" };
  const more = { stroke: "currentColor", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  for (const [key, value] of Object.entries({ ...values, ...more })) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * The page's query parameter, or the value that stands in for it.
 * @param {string} name
 * @param {string} fallback
 */
export function parameter(name, fallback) {
  return new URLSearchParams(location.search).get(name) || fallback;
}

/**
 * The same as a number above 0.
 * @param {string} name
 * @param {number} fallback
 */
export function numberOf(name, fallback) {
  const value = Number(parameter(name, ""));
  return value > 0 ? value : fallback;
}
