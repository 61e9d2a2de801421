/** The side that is always there: conversations, tickets, and how the page asks for news. */

import { el, fill, icon, keep } from "../shared/dom.js";
import { Poller, TICKETS_SLOWER } from "./client.js";
import { titleOf } from "./topics.js";

const TICKET_TONES = { submitted: "", in_progress: "badge--accent", awaiting_reply: "badge--warning", resolved: "badge--success" };

export class Hub {
  /** @param {any} app @param {Element} node */
  constructor(app, node) {
    this.app = app;
    this.selected = "";
    this.conversations = el("ul", { class: "list", "aria-label": app.t("conversations") });
    this.tickets = el("ul", { class: "list", "aria-label": app.t("tickets") });
    this.latency = el("span", { class: "muted small", id: "latency" });
    fill(node, this.#header(), this.#lists(), this.#footer());
    const onFailure = (error) => app.failed(error);
    this.pollers = [
      new Poller({
        ask: () => app.client.conversations(),
        onNews: (conversations, ms) => this.#showChats(conversations, ms),
        onFailure,
        intervalMs: app.intervalMs,
      }),
      new Poller({
        ask: () => app.client.tickets(),
        onNews: (tickets, ms) => this.#showTickets(tickets, ms),
        onFailure,
        intervalMs: app.intervalMs * TICKETS_SLOWER,
      }),
    ];
  }

  start() {
    for (const poller of this.pollers) poller.start();
  }

  select(hash) {
    this.selected = hash;
    for (const link of document.querySelectorAll(".item")) {
      if (link.hash === `#${hash}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** @param {number} ms how long the last answer took @param {boolean} waited whether it waited for news at the server */
  showLatency(ms, waited) {
    const { t, i18n } = this.app;
    this.latency.textContent = waited ? t("waited", { s: i18n.decimal(ms / 1000) }) : t("latency", { ms: Math.round(ms) });
  }

  #header() {
    const { t, user } = this.app;
    return el("header", { class: "hub__header" },
      el("span", { class: "avatar", "aria-hidden": "true", text: user[0].toUpperCase() }),
      el("div", { class: "grow" }, el("h1", { text: t("support") }), el("p", { class: "muted small", text: user })),
      el("a", { class: "button button--quiet button--icon", href: "#settings", "aria-label": t("settings") }, icon("gear")));
  }

  #lists() {
    const { t } = this.app;
    return el("div", { class: "hub__lists" },
      el("a", { class: "button button--primary", href: "#new" }, icon("plus"), t("newRequest")),
      el("h2", { class: "hub__title", text: t("conversations") }), this.conversations,
      el("h2", { class: "hub__title", text: t("tickets") }), this.tickets,
      el("a", { class: "button button--quiet", href: "#complaint" }, icon("flag"), t("complain")));
  }

  #footer() {
    const { app } = this;
    const held = el("input", { type: "checkbox", id: "held", role: "switch", onchange: () => app.setHeld(held.checked) });
    held.checked = app.held;
    return el("footer", { class: "hub__footer" }, el("label", { class: "switch grow" }, held, app.t("heldPolls")), this.latency);
  }

  #showChats(conversations, ms) {
    this.#keep(this.conversations, conversations, (each) => this.#chat(each), "noChats", ms);
  }

  #showTickets(tickets, ms) {
    this.#keep(this.tickets, tickets, (each) => this.#ticket(each), "noTickets", ms);
  }

  #keep(list, all, make, empty, ms) {
    const { app } = this;
    app.worked(app.view?.polls ? undefined : ms);
    const none = { key: empty, says: empty, make: () => el("li", { class: "muted small hub__none", text: app.t(empty) }) };
    keep(list, all.length ? all.map((each) => ({ key: each.id, says: each, make: () => make(each) })) : [none]);
    this.select(this.selected);
  }

  #chat(summary) {
    const { t, i18n } = this.app;
    const last = summary.lastMessage;
    return el("li", {}, el("a", { class: "item", href: `#chat/${summary.id}` },
      el("span", { class: "item__top" },
        el("strong", { class: "item__title", text: titleOf(this.app, summary) }),
        el("span", { class: "muted small", text: i18n.when(last?.createdAt ?? summary.updatedAt) })),
      el("span", { class: "item__bottom" },
        el("span", { class: "item__preview muted", text: last?.preview ?? t("noMessages") }),
        summary.state !== "open" && el("span", { class: "badge", text: t(summary.state) }),
        summary.unread > 0 && el("span", { class: "unread" },
          String(summary.unread), el("span", { class: "visually-hidden", text: ` ${t("unread")}` })))));
  }

  #ticket(ticket) {
    const { t } = this.app;
    return el("li", {}, el("a", { class: "item", href: `#ticket/${ticket.id}` },
      el("span", { class: "item__top" },
        el("strong", { class: "item__title", text: ticket.title || ticket.reference }),
        el("span", { class: `badge ${TICKET_TONES[ticket.state]}`, text: t(ticket.state) })),
      el("span", { class: "item__bottom muted small", text: ticket.reference })));
  }
}
