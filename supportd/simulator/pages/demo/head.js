/** The line above a view: back (on a phone), what it is, and what can be done with it; and what is said where it fails. */

import { el, fill, icon } from "../shared/dom.js";

/** @param {any} app @param {string} title @param {...any} more */
export function head(app, title, ...more) {
  return el("header", { class: "head" },
    el("a", { class: "button button--quiet button--icon head__back", href: "#", "aria-label": app.t("back") }, icon("back")),
    el("h1", { class: "head__title grow", text: title }), ...more);
}

/** @param {any} app @param {import("./client.js").ApiError} error @returns {string} what went wrong, in the user's language */
export function reason(app, error) {
  if (error.kind !== "refused") return app.t(error.kind);
  return app.i18n.texts[`refused_${error.code}`] ?? app.t("refused", { why: error.message });
}

/** Says under a form what went wrong. @param {any} app @param {HTMLElement} place @param {any} error */
export function explain(app, place, error) {
  app.failed(error);
  place.textContent = reason(app, error);
}

/** Shows that there is no such conversation or ticket. @param {any} app @param {Element} pane */
export function missing(app, pane) {
  fill(pane, head(app, app.t("support")), el("p", { class: "welcome", role: "alert", text: app.t("refused_not_found") }));
}
