/** A complaint, which goes past the operators. */

import { el, fill } from "../shared/dom.js";
import { newKey } from "./client.js";
import { explain, head } from "./head.js";

const CATEGORIES = ["funds", "security", "operator", "technical", "other"];

export function complaintView(app, pane) {
  const { t } = app;
  const category = el("select", { class: "input", id: "category" }, ...CATEGORIES.map((each) => el("option", { value: each, text: t(each) })));
  const words = el("textarea", { class: "input", id: "complaint", rows: "6", minlength: "10", maxlength: "4000", required: true });
  const problem = el("p", { class: "problem", role: "alert" });
  let key = newKey();
  const submit = async (event) => {
    event.preventDefault();
    try {
      await app.client.complain({ category: category.value, description: words.value }, key);
      fill(form, el("p", { class: "thanks", role: "status", text: t("complained") }));
    } catch (error) {
      explain(app, problem, error);
    }
  };
  const form = el("form", { class: "form", onsubmit: submit, oninput: () => (key = newKey()) },
    el("div", { class: "field" }, el("label", { for: "category", text: t("category") }), category),
    el("div", { class: "field" }, el("label", { for: "complaint", text: t("whatHappened") }), words),
    problem, el("button", { class: "button button--primary", text: t("send") }));
  fill(pane, head(app, t("complain")), form);
}
