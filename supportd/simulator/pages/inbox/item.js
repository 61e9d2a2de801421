/** The conversation or ticket that is open. Its frame is drawn once, so that what one types stays. */

import { el, fill, icon } from "../shared/dom.js";
import { stateActions, tagActions } from "./actions.js";
import { composer } from "./composer.js";
import { TONES } from "./list.js";
import { partsOf, partView } from "./parts.js";

const FRESH_MS = 600_000;

export class ItemView {
  /** @param {any} app @param {Element} pane @param {import("./workspace.js").Kind} kind @param {string} id */
  constructor(app, pane, kind, id) {
    Object.assign(this, { app, kind, id });
    this.shown = "";
    this.title = el("h1", { class: "head__title grow" });
    this.badge = el("span", { class: "badge" });
    this.states = el("div", { class: "row head__actions" });
    this.tags = el("div", { class: "ticket" });
    this.thread = el("div", { class: "thread", role: "log", "aria-label": app.t("messages"), tabindex: "0" });
    const back = el("a", { class: "button button--quiet button--icon head__back", href: "#", "aria-label": app.t("back") }, icon("back"));
    fill(pane, el("header", { class: "head" }, back, this.title, this.badge, this.states), this.tags, this.thread,
      el("div", { class: "below" }, composer(app, (action, body) => this.act(action, body))));
  }

  /** Asks for it, and draws what changed. */
  async refresh() {
    this.draw(await this.app.workspace.item(this.kind, this.id));
  }

  /** @returns {Promise<boolean>} whether it was done; what was in the way is told */
  act = (action, body) => this.app.tried(async () => this.draw(await this.app.workspace.act(this.kind, this.id, action, body)));

  untag = (name) => this.app.tried(async () => this.draw(await this.app.workspace.untag(this.kind, this.id, name)));

  draw(item) {
    const shown = JSON.stringify(item, (key, value) => (key === "url" ? fresh() : value));
    if (shown === this.shown) return;
    this.shown = shown;
    const { app } = this;
    const state = item.type === "ticket" ? item.ticket_state.category : item.state;
    const person = item.contacts.contacts[0];
    const title = item.type === "ticket" ? item.ticket_attributes._default_title_ : item.title;
    this.title.textContent = [person.external_id ?? person.id, title].filter(Boolean).join(": ");
    this.badge.className = `badge ${TONES[state]}`;
    this.badge.textContent = app.t(state);
    const focused = document.activeElement?.dataset?.act;
    fill(this.states, ...stateActions(app, item, this.act));
    fill(this.tags, tagActions(app, item, this.act, this.untag), rating(app, item));
    if (focused) document.querySelector(`[data-act="${focused}"]`)?.focus();
    const redact = (part) => this.act("redact", { part_id: part.id });
    fill(this.thread, ...partsOf(item).map((part) => partView(app, part, redact)));
    this.thread.scrollTop = this.thread.scrollHeight;
  }
}

/** Files' addresses are new in each answer, and hold for half an hour: so often is enough. */
function fresh() {
  return Math.floor(Date.now() / FRESH_MS);
}

function rating(app, item) {
  const given = item.conversation_rating;
  if (!given?.rating) return null;
  return el("p", { class: "small", text: [app.t("rated", { stars: given.rating }), given.remark].filter(Boolean).join(": ") });
}
