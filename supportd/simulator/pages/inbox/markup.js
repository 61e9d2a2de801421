/** What an operator types, as the HTML that Intercom's composer makes: `**bold**`, `[words](address)`, `- a list`. */

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const BOLD = /\*\*(.+?)\*\*/g;
const LINK = /\[([^\]]+)\]\((https?:[^\s)]+|mailto:[^\s)]+)\)/g;
const ITEM = /^[-*]\s+/;

/** @param {string} text @returns {string} a paragraph a block, a list where each line begins with a dash */
export function toHtml(text) {
  return runs(text.trim().split("\n")).map(({ list, lines }) => (list ? bullets(lines) : paragraph(lines))).join("");
}

/** Lines that belong together: those of a list, or those up to an empty one. */
function runs(lines) {
  const found = [];
  let open = null;
  for (const line of lines) {
    const list = ITEM.test(line);
    if (!line.trim()) open = null;
    else if (open?.list === list) open.lines.push(line);
    else found.push((open = { list, lines: [line] }));
  }
  return found;
}

function bullets(lines) {
  return `<ul>${lines.map((line) => `<li>${inline(line.replace(ITEM, ""))}</li>`).join("")}</ul>`;
}

function paragraph(lines) {
  return `<p>${lines.map(inline).join("<br>")}</p>`;
}

function inline(text) {
  const safe = text.replace(/[&<>"]/g, (sign) => ESCAPES[sign]);
  return safe.replace(BOLD, "<b>$1</b>").replace(LINK, '<a href="$2">$1</a>');
}

/**
 * Puts marks around what is selected in a text field, or before each of its lines.
 * @param {HTMLTextAreaElement} field
 * @param {"bold"|"list"|"link"} kind
 * @param {{ words: string, address: string }} stand what stands for words that aren't chosen, and for a link's address
 */
export function mark(field, kind, stand) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const chosen = value.slice(from, to) || stand.words;
  const marked = {
    bold: () => `**${chosen}**`,
    link: () => `[${chosen}](${stand.address})`,
    list: () => chosen.split("\n").map((line) => `- ${line}`).join("\n"),
  }[kind]();
  field.setRangeText(marked, from, to, "select");
  field.focus();
}
