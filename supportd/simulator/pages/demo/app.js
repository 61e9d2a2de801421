/** The page: a session, the hub at the side, and the view that the address names. */

import { el, fill, icon, parameter } from "../shared/dom.js";
import { I18n, pickLanguage } from "../shared/i18n.js";
import { Client } from "./client.js";
import { complaintView } from "./complaint.js";
import { conversationView } from "./conversation.js";
import { Hub } from "./hub.js";
import { mintSession } from "./session.js";
import { settingsView } from "./settings.js";
import { startView } from "./start.js";
import { TEXTS } from "./texts.js";
import { ticketView } from "./ticket.js";

const VIEWS = { new: startView, chat: conversationView, ticket: ticketView, settings: settingsView, complaint: complaintView };

/**
 * What the views are given.
 * @typedef {{ client: Client, i18n: I18n, t: I18n["t"], intervalMs: number, held: boolean, go: (hash: string) => void,
 *   failed: (error: import("./client.js").ApiError) => void, worked: (latencyMs?: number) => void, refresh: () => void }} Context
 */

class App {
  constructor() {
    this.user = parameter("user", "alice");
    this.ttlS = Number(parameter("session", "900"));
    this.i18n = new I18n(TEXTS, pickLanguage());
    this.t = this.i18n.t;
    this.intervalMs = Number(parameter("poll", "4000"));
    this.held = parameter("held", "") === "1";
    this.view = null;
    this.banner = document.querySelector("#banner");
    this.pane = document.querySelector("#pane");
  }

  async start() {
    document.title = this.t("support");
    this.session = await mintSession(this.user, this.ttlS);
    this.client = new Client({ baseUrl: this.session.api, token: () => this.session.token, language: this.i18n.language });
    this.hub = new Hub(this, document.querySelector("#hub"));
    this.hub.start();
    addEventListener("hashchange", () => this.show());
    addEventListener("offline", () => this.tell("offline"));
    addEventListener("online", () => this.resume());
    this.show();
  }

  /** Shows what the address's hash names, such as `#chat/17`. */
  show() {
    this.view?.stop?.();
    this.view = null;
    const [name, id = ""] = location.hash.slice(1).split("/");
    const make = VIEWS[name];
    document.body.dataset.view = make ? name : "hub";
    this.hub.select(make ? `${name}/${id}` : "");
    if (make) this.view = make(this, this.pane, id);
    else fill(this.pane, el("div", { class: "welcome" }, icon("send"), el("h2", { text: this.t("choose") })));
    if (make) this.pane.focus({ preventScroll: true });
  }

  go = (hash) => {
    location.hash = hash;
  };

  refresh = () => this.hub.start();

  setHeld(held) {
    this.held = held;
    this.show();
  }

  /** An answer came, so all is well again; unless the session had ended, and it is one to what was asked before that. */
  worked = (latencyMs) => {
    if (this.told !== "expired") this.tell("");
    if (latencyMs !== undefined) this.hub.showLatency(latencyMs);
  };

  /** Tells of a failure that isn't about what the user entered. */
  failed = (error) => {
    if (error.kind !== "refused" && this.told !== "expired") this.tell(error.kind);
  };

  /** @param {"" | "offline" | "expired" | "unavailable"} kind */
  tell(kind) {
    if (this.told === kind) return;
    this.told = kind;
    this.banner.hidden = !kind;
    this.banner.className = `banner banner--${kind}`;
    const renew = el("button", { class: "button", type: "button", text: this.t("renew"), onclick: () => this.renew() });
    fill(this.banner, kind && icon("alert"), kind && el("span", { text: this.t(kind) }), kind === "expired" && renew);
  }

  async renew() {
    this.session = await mintSession(this.user, this.ttlS);
    this.resume();
  }

  resume() {
    this.tell("");
    this.hub.start();
    this.view?.resume?.();
  }
}

new App().start();
