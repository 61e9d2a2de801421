/** A new request: by topic, by words, or both. */

import { el, fill } from "../shared/dom.js";
import { newKey } from "./client.js";
import { explain, head } from "./head.js";
import { TOPICS, topicName } from "./topics.js";

export function startView(app, pane) {
  const { t } = app;
  const words = el("textarea", { class: "input", id: "words", rows: "5", maxlength: "10000", placeholder: t("describe") });
  const topics = TOPICS.map((topic) => el("label", { class: "chip" },
    el("input", { type: "radio", name: "topic", value: topic }), el("span", { text: topicName(app, topic) })));
  const problem = el("p", { class: "problem", role: "alert" });
  const send = el("button", { class: "button button--primary", text: t("startChat") });
  let key = newKey();

  const submit = async (event) => {
    event.preventDefault();
    const topic = new FormData(form).get("topic");
    const body = words.value.trim();
    if (!topic && !body) return void (problem.textContent = t("topicOrWords"));
    send.disabled = true;
    try {
      const started = await app.client.start({ ...(body && { body }), ...(topic && { reason: { main: topic } }) }, key);
      app.worked();
      app.refresh();
      app.go(`chat/${started.id}`);
    } catch (error) {
      explain(app, problem, error);
    }
    send.disabled = false;
  };
  const form = el("form", { class: "form", onsubmit: submit, oninput: () => (key = newKey()) },
    el("fieldset", { class: "chips" }, el("legend", { text: t("topic") }), ...topics),
    el("div", { class: "field" }, el("label", { for: "words", text: t("message") }), words), problem, send);
  fill(pane, head(app, t("newRequest")), form);
}
