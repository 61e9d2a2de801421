/** The conversation or ticket that is open. Its frame is drawn once, so that what one types stays. */

import { atTheEnd, el, fill, icon, keep } from "../shared/dom.js";
import { newTag, stateActions, tagsOf } from "./actions.js";
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
    this.states = el("div", { class: "actions" });
    this.tags = el("span", { class: "tags" });
    this.rating = el("div", { class: "rated" });
    this.thread = el("div", { class: "thread", role: "log", "aria-label": app.t("messages"), tabindex: "0" });
    const back = el("a", { class: "button button--quiet button--icon head__back", href: "#", "aria-label": app.t("back") }, icon("back"));
    fill(pane, el("header", { class: "head" }, back, this.title, this.badge),
      el("div", { class: "strip" }, el("div", { class: "tags grow" }, this.tags, newTag(app, this.act)), this.states, this.rating), this.thread,
      el("div", { class: "below" }, composer(app, (action, body) => this.act(action, body))));
  }

  /** Asks for it, and draws what changed. */
  async refresh() {
    this.draw(await this.app.workspace.item(this.kind, this.id));
  }

  /** @returns {Promise<boolean>} whether it was done; what was in the way is told */
  act = (action, body) => this.app.tried(async () => this.draw(await this.app.workspace.act(this.kind, this.id, action, body)));

  untag = (name) => this.app.tried(async () => this.draw(await this.app.workspace.untag(this.kind, this.id, name)));

  /** Its buttons are drawn only where they change: one may be about to be pressed, or have a choice made. */
  #actions(item) {
    const drawnFor = JSON.stringify([item.state, item.ticket_state, item.is_shared]);
    if (drawnFor === this.drawnFor) return;
    this.drawnFor = drawnFor;
    const focused = document.activeElement?.dataset?.act;
    fill(this.states, ...stateActions(this.app, item, this.act));
    if (focused) (this.states.querySelector(`[data-act="${focused}"]`) ?? this.states.querySelector("button")).focus();
  }

  draw(item) {
    const shown = JSON.stringify(item, lasting);
    if (shown === this.shown) return;
    this.shown = shown;
    const { app } = this;
    const state = item.type === "ticket" ? item.ticket_state.category : item.state;
    const person = item.contacts.contacts[0];
    const title = item.type === "ticket" ? item.ticket_attributes._default_title_ : item.title;
    this.title.textContent = [nameOf(person), title].filter(Boolean).join(": ");
    this.badge.className = `badge ${TONES[state]}`;
    this.badge.textContent = app.t(state);
    this.#actions(item);
    fill(this.tags, ...tagsOf(app, item, this.untag));
    fill(this.rating, rating(app, item));
    const redact = (part) => this.act("redact", { part_id: part.id });
    const make = (part) => () => partView(app, part, nameOf(person), redact);
    const row = (part, at) => ({ key: `${at}`, says: JSON.stringify(part, lasting), make: make(part) });
    atTheEnd(this.thread, () => keep(this.thread, partsOf(item).map(row)));
  }
}

/** Files' addresses are new in each answer, and hold for half an hour: so often is enough. */
function lasting(key, value) {
  return key === "url" ? Math.floor(Date.now() / FRESH_MS) : value;
}

function nameOf(person) {
  return person.name ?? person.external_id ?? person.id;
}

function rating(app, item) {
  const given = item.conversation_rating;
  if (!given?.rating) return null;
  return el("p", { class: "small", text: [app.t("rated", { stars: given.rating }), given.remark].filter(Boolean).join(": ") });
}
