/** The line above a view: back (on a phone), what it is, and what can be done with it. */

import { el, icon } from "../shared/dom.js";

/** @param {any} app @param {string} title @param {...any} more */
export function head(app, title, ...more) {
  return el("header", { class: "head" },
    el("a", { class: "button button--quiet button--icon head__back", href: "#", "aria-label": app.t("back") }, icon("back")),
    el("h1", { class: "head__title grow", text: title }), ...more);
}

/** Says under a form what went wrong. @param {any} app @param {HTMLElement} place @param {any} error */
export function explain(app, place, error) {
  if (error.kind === undefined) throw error;
  app.failed(error);
  place.textContent = error.kind === "refused" ? error.message : app.t(error.kind);
}
