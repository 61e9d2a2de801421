/** The operator's inbox: a list, what is open, and a panel of troubles, asked for again every second and a half. */

import { el, fill, icon, numberOf } from "../shared/dom.js";
import { I18n, pickLanguage } from "../shared/i18n.js";
import { ItemView } from "./item.js";
import { List } from "./list.js";
import { TEXTS } from "./texts.js";
import { Troubles } from "./troubles.js";
import { Workspace, WorkspaceError } from "./workspace.js";

const KINDS = new Set(["conversations", "tickets"]);

class App {
  constructor() {
    this.i18n = new I18n(TEXTS, pickLanguage());
    this.t = this.i18n.t;
    this.texts = this.i18n.texts;
    this.workspace = new Workspace();
    this.intervalMs = numberOf("poll", 1500);
    this.banner = document.querySelector("#banner");
    this.pane = document.querySelector("#pane");
    this.list = new List(this, document.querySelector("#hub"));
    this.troubles = new Troubles(this, document.querySelector("#troubles"));
    this.view = null;
    this.now = 0; // Intercom's time in s
    this.refused = ""; // why what the operator wanted last wasn't done
  }

  start() {
    document.title = this.t("inbox");
    addEventListener("hashchange", () => this.show());
    this.show();
    this.#again();
  }

  /** Shows what the address's hash names, such as `#conversations/17`. */
  show() {
    this.refused = "";
    const [kind, id] = location.hash.slice(1).split("/");
    document.body.dataset.view = kind || "hub";
    this.view = id && KINDS.has(kind) ? new ItemView(this, this.pane, kind, id) : null;
    this.list.select(this.view ? `${kind}/${id}` : "");
    if (this.view) this.refresh();
    else fill(this.pane, el("div", { class: "welcome" }, icon("inbox"), el("h2", { text: this.t("choose") })));
  }

  /** @returns {Promise<boolean>} whether it went well; what went wrong is told */
  tried = async (act) => {
    this.refused = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof WorkspaceError)) throw error;
      this.refused = this.t("refused", { why: error.message });
    }
    const done = !this.refused;
    await this.refresh();
    return done;
  };

  async refresh() {
    try {
      const [inbox] = await Promise.all([this.workspace.inbox(), this.view?.refresh()]);
      this.now = inbox.now;
      this.list.show(inbox.rows);
      this.troubles.show(inbox.faults, inbox.webhooks);
      this.tell(this.refused);
    } catch (error) {
      if (!(error instanceof WorkspaceError)) throw error;
      this.tell(error.status ? this.t("refused", { why: error.message }) : this.t("away"));
    }
  }

  /** @param {string} words what went wrong, or nothing */
  tell(words) {
    if (this.told === words) return;
    this.told = words;
    this.banner.hidden = !words;
    this.banner.className = "banner banner--unavailable";
    fill(this.banner, words && icon("alert"), words && el("span", { text: words }));
  }

  #again() {
    this.refresh().finally(() => setTimeout(() => this.#again(), this.intervalMs));
  }
}

new App().start();
