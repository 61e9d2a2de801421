/** The panel of troubles: what may go wrong between Intercom and supportd, each with a switch that shows how it is. */

import { el, fill } from "../shared/dom.js";

/** What each switch sets while it is on. */
export const TROUBLES = {
  latency: { latency_s: 2 },
  errors: { error_rate: 0.3 },
  outage: { outage: "error" },
  webhooksOff: { webhook_drop: 1 },
  webhooksDoubled: { webhook_duplicate: 1 },
  webhooksLate: { webhook_delay_s: 5 },
  searchLag: { search_lag_s: 30 },
};

export class Troubles {
  /** @param {any} app @param {Element} place */
  constructor(app, place) {
    this.app = app;
    const { t } = app;
    this.switches = Object.entries(TROUBLES).map(([name, on]) => ({ on, name, input: this.#input(name, on), value: el("span", { class: "muted small" }) }));
    this.told = el("p", { class: "muted small", role: "status" });
    fill(place,
      el("header", { class: "head" },
        el("a", { class: "button button--quiet head__back", href: "#", text: t("back") }), el("h1", { class: "head__title grow", text: t("troubles") })),
      el("div", { class: "troubles__list" },
        ...this.switches.map(({ name, input, value }) => el("label", { class: "switch" }, input, el("span", { class: "grow", text: t(name) }), value)),
        el("button", { class: "button", type: "button", text: t("endAll"), onclick: () => app.tried(() => app.workspace.noTrouble()) }),
        el("p", { class: "muted small", text: t("troublesHint") }), this.told));
  }

  /** @param {any} faults @param {{ sent: number, delivered: number, failed: number, dropped: number }} webhooks */
  show(faults, webhooks) {
    for (const { on, input, value } of this.switches) {
      const [name] = Object.keys(on);
      input.checked = Boolean(faults[name]);
      const shown = faults[name] ? this.#amount(name, faults[name]) : "";
      if (value.textContent !== shown) value.textContent = shown;
    }
    const told = this.app.t("webhooks", webhooks);
    if (this.told.textContent !== told) this.told.textContent = told;
  }

  /** How much of it there is: seconds, or a share. */
  #amount(name, value) {
    if (typeof value === "string") return "";
    return name.endsWith("_s") ? this.app.t("seconds", { value }) : new Intl.NumberFormat(this.app.i18n.language, { style: "percent" }).format(value);
  }

  #input(name, on) {
    const input = el("input", { type: "checkbox", role: "switch", name, onchange: () => this.app.tried(() => this.app.workspace.trouble(input.checked ? on : off(on))) });
    return input;
  }
}

function off(on) {
  return Object.fromEntries(Object.entries(on).map(([name, value]) => [name, typeof value === "string" ? "" : 0]));
}
