/** The page: a session, the hub at the side, and the view that the address names. */

import { el, fill, icon, numberOf, parameter } from "../shared/dom.js";
import { I18n, pickLanguage } from "../shared/i18n.js";
import { ApiError, Client } from "./client.js";
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
 *   failed: (error: import("./client.js").ApiError) => void, worked: (latencyMs?: number, waited?: boolean) => void,
 *   outgoing: (hash: string, make: () => import("./client.js").Outgoing) => import("./client.js").Outgoing, refresh: () => void }} Context
 */

class App {
  constructor() {
    this.user = parameter("user", "alice");
    this.ttlS = numberOf("session", 900);
    this.i18n = new I18n(TEXTS, pickLanguage());
    this.t = this.i18n.t;
    this.intervalMs = numberOf("poll", 4000);
    this.held = parameter("held", "") === "1";
    this.view = null;
    /** @type {Map<string, import("./client.js").Outgoing>} */
    this.sending = new Map();
    this.banner = document.querySelector("#banner");
    this.pane = document.querySelector("#pane");
    document.title = this.t("support");
  }

  /** Signs in, at first and whenever a session has ended, and goes on. */
  signIn = async () => {
    try {
      this.session = await mintSession(this.user, this.ttlS);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.tell("signedOut");
    }
    if (!this.hub) return this.#open();
    this.resume();
    this.pane.focus({ preventScroll: true }); // the button that had the focus is gone
  };

  #open() {
    this.client = new Client({ baseUrl: this.session.api, token: () => this.session.token, language: this.i18n.language });
    this.hub = new Hub(this, document.querySelector("#hub"));
    addEventListener("hashchange", () => this.show());
    addEventListener("offline", () => this.tell("offline"));
    addEventListener("online", () => this.resume());
    this.tell("");
    this.hub.start();
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

  /** What was written there and isn't sent yet. It outlives the view. */
  outgoing = (hash, make) => {
    if (!this.sending.has(hash)) this.sending.set(hash, make());
    return this.sending.get(hash);
  };

  setHeld(held) {
    this.held = held;
    this.view?.setHeld?.(held);
  }

  /** An answer came, so all is well again; unless the session had ended, and it is one to what was asked before that. */
  worked = (latencyMs, waited = false) => {
    if (!this.#ended) this.tell("");
    if (latencyMs !== undefined) this.hub.showLatency(latencyMs, waited);
  };

  /** Tells of a failure that isn't about what the user entered. Raises what isn't the API's. */
  failed = (error) => {
    if (error.kind === undefined) throw error;
    if (error.kind !== "refused" && !this.#ended) this.tell(error.kind);
  };

  /** Whether nothing but a new session helps. */
  get #ended() {
    return this.told === "expired" || this.told === "signedOut";
  }

  /** @param {"" | "offline" | "expired" | "signedOut" | "unavailable"} kind */
  tell(kind) {
    if (this.told === kind) return;
    this.told = kind;
    this.banner.hidden = !kind;
    this.banner.className = `banner banner--${kind}`;
    const renew = el("button", { class: "button", type: "button", text: this.t("renew"), onclick: this.signIn });
    fill(this.banner, kind && icon("alert"), kind && el("span", { text: this.t(kind) }), this.#ended && renew);
  }

  resume() {
    this.tell("");
    this.hub.start();
    this.view?.resume?.();
  }
}

new App().signIn();
