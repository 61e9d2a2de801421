/** The conversations and tickets of the workspace, the last changed first. */

import { el, fill, icon, keep } from "../shared/dom.js";

export const TONES = {
  open: "badge--accent", snoozed: "badge--warning", closed: "",
  submitted: "", in_progress: "badge--accent", waiting_on_customer: "badge--warning", resolved: "badge--success",
};

export class List {
  /** @param {any} app @param {Element} place */
  constructor(app, place) {
    this.app = app;
    this.selected = "";
    this.rows = el("ul", { class: "list" });
    this.count = el("p", { class: "muted small" });
    fill(place,
      el("header", { class: "hub__header" },
        el("span", { class: "avatar", "aria-hidden": "true" }, icon("inbox")),
        el("div", { class: "grow" }, el("h1", { text: app.t("inbox") }), this.count),
        el("a", { class: "button button--quiet button--icon to-troubles", href: "#troubles", "aria-label": app.t("troubles") }, icon("alert"))),
      el("div", { class: "hub__lists" }, this.rows));
  }

  /** @param {any[]} rows */
  show(rows) {
    const { t } = this.app;
    const count = rows.filter((row) => row.waits).length;
    this.count.textContent = count ? t("waiting", { count }) : t("nobodyWaits");
    const none = { key: "none", says: "", make: () => el("li", { class: "muted small hub__none", text: t("none") }) };
    const drawn = rows.map((row) => ({ key: `${row.kind}/${row.id}`, says: row, make: () => this.#row(row) }));
    keep(this.rows, drawn.length ? drawn : [none]);
    this.select(this.selected);
  }

  /** @param {string} hash */
  select(hash) {
    this.selected = hash;
    for (const link of this.rows.querySelectorAll("a")) {
      if (link.hash === `#${hash}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #row(row) {
    const { t, i18n } = this.app;
    return el("li", {}, el("a", { class: "item", href: `#${row.kind}/${row.id}` },
      el("span", { class: "item__top" },
        row.waits && el("span", { class: "dot" }, el("span", { class: "visually-hidden", text: t("waits") })),
        el("strong", { class: "item__title", text: row.title ? `${row.contact}: ${row.title}` : row.contact }),
        el("span", { class: "muted small", text: i18n.when(row.updated_at * 1000) })),
      el("span", { class: "item__bottom" },
        el("span", { class: "item__preview muted", text: row.preview || t("noWords") }),
        row.kind === "tickets" && icon("ticket"),
        el("span", { class: `badge ${TONES[row.state]}`, text: t(row.state) }))));
  }
}
