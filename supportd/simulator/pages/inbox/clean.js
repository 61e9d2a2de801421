/**
 * Parts come as Intercom has them, with whatever somebody put in. So their HTML is parsed where nothing runs or loads, and
 * only what is on the lists below is built anew.
 */

import { el } from "../shared/dom.js";

const TAGS = new Set("P BR B STRONG I EM U UL OL LI CODE PRE BLOCKQUOTE H1 H2 H3 DIV SPAN".split(" "));
const DROPPED = new Set("SCRIPT STYLE TEMPLATE IFRAME OBJECT NOSCRIPT TITLE TEXTAREA SVG MATH".split(" "));
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** @param {string} html @returns {HTMLElement} */
export function clean(html) {
  const inert = new DOMParser().parseFromString(html, "text/html");
  return el("div", { class: "rich" }, ...built(inert.body));
}

function built(node) {
  return [...node.childNodes].flatMap((child) => {
    if (child.nodeType === Node.TEXT_NODE) return [child.textContent];
    if (child.nodeType !== Node.ELEMENT_NODE || DROPPED.has(child.tagName.toUpperCase())) return [];
    if (child.tagName === "A") return [link(child)];
    return TAGS.has(child.tagName) ? [el(child.tagName.toLowerCase(), {}, ...built(child))] : built(child);
  });
}

function link(node) {
  const address = URL.canParse(node.getAttribute("href")) ? new URL(node.getAttribute("href")) : null;
  if (!SCHEMES.has(address?.protocol)) return el("span", {}, ...built(node));
  return el("a", { href: address.href, target: "_blank", rel: "noopener noreferrer" }, ...built(node));
}
