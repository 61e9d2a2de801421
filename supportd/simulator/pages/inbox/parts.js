/** What was said and done: messages and notes as bubbles, events as lines. */

import { el, icon, picture } from "../shared/dom.js";
import { clean } from "./clean.js";

const CONTACTS = new Set(["user", "lead", "contact"]);

/** All parts, oldest first. A conversation's first message is kept apart from them. @param {any} item */
export function partsOf(item) {
  if (item.type === "ticket") return item.ticket_parts.ticket_parts;
  const first = { ...item.source, part_type: "comment", created_at: item.created_at };
  return [first, ...item.conversation_parts.conversation_parts];
}

/** @param {any} app @param {any} part @param {string} person whose conversation it is @param {(part: any) => void} onRedact */
export function partView(app, part, person, onRedact) {
  return part.body || part.attachments?.length ? bubble(app, part, person, onRedact) : event(app, part);
}

function bubble(app, part, person, onRedact) {
  const { t, i18n } = app;
  const own = !CONTACTS.has(part.author.type);
  const note = part.part_type === "note";
  const name = part.author.name ?? (own ? t(part.author.type) : person);
  const redact = el("button", { class: "redact", type: "button", text: t("redact"), onclick: () => onRedact(part) });
  return el("div", { class: `message${own ? " message--own" : ""}${note ? " message--note" : ""}`, dataset: { id: part.id } },
    el("span", { class: "message__author", text: note ? `${name}, ${t("internalNote")}` : name }),
    el("div", { class: "bubble" }, ...content(app, part, own)),
    el("span", { class: "message__foot" }, el("time", { text: i18n.when(part.created_at * 1000) }), part.body && !part.redacted && redact));
}

function content(app, part, own) {
  if (part.redacted) return [el("em", { class: "muted", text: app.t("redacted") })];
  const said = part.body && clean(part.body);
  const shown = said && (own ? said : el("p", { class: "words", text: wordsOf(said) }));
  return [shown, ...(part.attachments ?? []).map((file) => attachment(app, file))];
}

/** A contact's words are text: a line for a line break, a blank one between paragraphs. */
function wordsOf(said) {
  for (const each of said.querySelectorAll("br")) each.replaceWith("\n");
  for (const each of said.querySelectorAll("p, div, li")) each.append("\n\n");
  return said.textContent.replace(/\n{3,}/g, "\n\n").trim();
}

function attachment(app, file) {
  const address = URL.canParse(file.url) ? new URL(file.url) : null;
  const href = address && /^https?:$/.test(address.protocol) ? address.href : null;
  const image = file.content_type.startsWith("image/") && address?.origin === location.origin; // others the policy forbids
  const inner = image
    ? [picture(href, file.name)]
    : [icon("file"), el("span", { text: `${file.name}, ${app.i18n.size(file.filesize)}` })];
  return el("a", { class: image ? "picture" : "file", href, target: "_blank", rel: "noopener noreferrer" }, ...inner);
}

function event(app, part) {
  const what = part.ticket_state ? app.t(part.ticket_state) : app.texts[`did_${part.part_type}`] ?? part.part_type.replaceAll("_", " ");
  return el("p", { class: "day", text: `${part.author.name ?? app.t(part.author.type)}: ${what}, ${app.i18n.when(part.created_at * 1000)}` });
}
