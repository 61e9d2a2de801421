/** Messages as bubbles, with ticks under the user's own. */

import { el, icon, sanitised } from "../shared/dom.js";

const TICKS = { sending: "clock", sent: "check", seen: "checks" };

/**
 * @param {any} app
 * @param {import("./client.js").Message[]} messages in their order
 * @param {import("./client.js").Outgoing} outgoing
 * @param {(message: any) => void} retry
 */
export function thread(app, messages, outgoing, retry) {
  const answered = messages.findLastIndex((each) => each.author.type !== "user");
  const bubbles = messages.map((each, at) => bubble(app, each, at < answered ? "seen" : "sent"));
  return [...withDays(app, messages, bubbles), ...outgoing.waiting.map((each) => pending(app, each, retry))];
}

function withDays(app, messages, bubbles) {
  const days = messages.map((each) => app.i18n.day(each.createdAt));
  return bubbles.flatMap((each, at) =>
    days[at] === days[at - 1] ? [each] : [el("div", { class: "day", text: days[at] }), each]);
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
    ? [el("img", { src: file.url, alt: file.name, loading: "lazy" })]
    : [icon("file"), el("span", { text: label })];
  const kind = inner.length === 1 ? "picture" : "file";
  return el("a", { class: kind, href: file.url, target: "_blank", rel: "noopener noreferrer" }, ...inner);
}

function pending(app, message, retry) {
  const failed = message.state === "failed";
  return el("div", { class: "message message--own message--pending" },
    el("div", { class: "bubble" }, message.body && el("p", { class: "words", text: message.body }),
      ...message.files.map((file) => el("span", { class: "file" }, icon("file"), file.name))),
    failed
      ? el("button", { class: "retry", type: "button", onclick: () => retry(message) }, icon("alert"), app.t("failedRetry"))
      : el("span", { class: "message__foot" }, tick(app, "sending")));
}

function tick(app, delivery) {
  return el("span", { class: `tick tick--${delivery}`, dataset: { delivery } },
    icon(TICKS[delivery]), el("span", { class: "visually-hidden", text: app.t(delivery) }));
}
