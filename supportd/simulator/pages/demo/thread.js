/** Messages as bubbles, with ticks under the user's own. */

import { atTheEnd, el, icon, keep, picture, sanitised } from "../shared/dom.js";
import { reason } from "./head.js";

const TICKS = { sending: "clock", sent: "check", seen: "checks" };

/**
 * Draws them: the same bubbles stay where they are, new ones come below.
 * @param {any} app
 * @param {Element} list
 * @param {import("./client.js").Message[]} messages in their order
 * @param {import("./client.js").Outgoing} outgoing
 * @param {(message: any) => void} retry
 */
export function drawThread(app, list, messages, outgoing, retry) {
  const answered = messages.findLastIndex((each) => each.author.type !== "user");
  const said = messages.flatMap((each, at) => withDay(app, each, messages[at - 1], at < answered ? "seen" : "sent"));
  const waiting = outgoing.waiting.map((each) => ({ key: each.key, says: [each.state, each.error?.message], make: () => pending(app, each, retry) }));
  const none = { key: "none", says: "", make: () => el("p", { class: "day", text: app.t("noMessages") }) };
  const rows = [...said, ...waiting];
  atTheEnd(list, () => keep(list, rows.length ? rows : [none]));
}

function withDay(app, message, before, delivery) {
  const day = app.i18n.day(message.createdAt);
  const row = { key: message.id, says: [message, message.author.type === "user" && delivery], make: () => bubble(app, message, delivery) };
  if (before && app.i18n.day(before.createdAt) === day) return [row];
  return [{ key: `day of ${message.id}`, says: day, make: () => el("div", { class: "day", text: day }) }, row];
}

function bubble(app, message, delivery) {
  const own = message.author.type === "user";
  const name = message.author.name || app.t(message.author.type);
  return el("div", { class: own ? "message message--own" : "message", dataset: { id: message.id } },
    own ? el("span", { class: "visually-hidden", text: app.t("you") }) : el("span", { class: "message__author", text: name }),
    el("div", { class: "bubble" }, ...content(app, message)),
    el("span", { class: "message__foot" }, el("time", { text: app.i18n.time(message.createdAt) }), own && tick(app, delivery)));
}

function content(app, message) {
  if (message.redacted) return [el("em", { class: "muted", text: app.t("redacted") })];
  const words = message.html ? sanitised(message.html) : message.body && el("p", { class: "words", text: message.body });
  return [words, ...message.attachments.map((file) => attachment(app, file))];
}

function attachment(app, file) {
  const label = file.size === null ? file.name : `${file.name}, ${app.i18n.size(file.size)}`;
  const inner = file.contentType.startsWith("image/")
    ? [picture(file.url, file.name)]
    : [icon("file"), el("span", { text: label })];
  const kind = inner.length === 1 ? "picture" : "file";
  return el("a", { class: kind, href: file.url, target: "_blank", rel: "noopener noreferrer" }, ...inner);
}

function pending(app, message, retry) {
  const failed = message.state === "failed";
  const why = failed && message.error?.kind === "refused" && el("span", { class: "problem", text: reason(app, message.error) });
  return el("div", { class: "message message--own message--pending" },
    el("div", { class: "bubble" }, message.body && el("p", { class: "words", text: message.body }),
      ...message.files.map((file) => el("span", { class: "file" }, icon("file"), file.name))),
    why,
    failed
      ? el("button", { class: "retry", type: "button", onclick: () => retry(message) }, icon("alert"), app.t("failedRetry"))
      : el("span", { class: "message__foot" }, tick(app, "sending")));
}

function tick(app, delivery) {
  return el("span", { class: `tick tick--${delivery}`, dataset: { delivery } },
    icon(TICKS[delivery]), el("span", { class: "visually-hidden", text: app.t(delivery) }));
}
