/** One to five stars and a comment, asked for once something is closed. */

import { el } from "../shared/dom.js";
import { explain } from "./head.js";

/** @param {any} app @param {{ conversationId: string } | { ticketId: string }} what @param {() => void} onRated */
export function stars(app, what, onRated) {
  const { t } = app;
  const problem = el("p", { class: "problem", role: "alert" });
  const comment = el("input", { class: "input", maxlength: "4000", "aria-label": t("comment"), placeholder: t("comment") });
  const choices = [1, 2, 3, 4, 5].map((count) => el("label", { class: "star" },
    el("input", { type: "radio", name: "stars", value: String(count), required: true }),
    el("span", { "aria-hidden": "true", text: "★" }), el("span", { class: "visually-hidden", text: t("stars", { count }) })));
  const rate = async (event) => {
    event.preventDefault();
    const said = comment.value.trim();
    try {
      await app.client.rate({ ...what, stars: Number(new FormData(form).get("stars")), ...(said && { comment: said }) });
      onRated();
    } catch (error) {
      explain(app, problem, error);
    }
  };
  const form = el("form", { class: "rating", onsubmit: rate },
    el("fieldset", { class: "stars" }, el("legend", { text: t("howWasIt") }), ...choices),
    el("div", { class: "row" }, comment, el("button", { class: "button button--primary", text: t("rate") })), problem);
  return form;
}
