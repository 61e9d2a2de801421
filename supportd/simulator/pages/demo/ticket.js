/** One ticket: its timeline and messages, a reply, and a question about its status that goes to the chat. */

import { el, fill, icon } from "../shared/dom.js";
import { newKey, Outgoing, Poller } from "./client.js";
import { composer } from "./composer.js";
import { head } from "./head.js";
import { stars } from "./stars.js";
import { thread } from "./thread.js";

const SLOWER = 5; // tickets are asked for each 20 s, chats each 4

export function ticketView(app, pane, id) {
  return new TicketView(app, pane, id);
}

class TicketView {
  polls = true;

  constructor(app, pane, id) {
    Object.assign(this, { app, pane, id, ticket: null, clarifyKey: newKey() });
    this.top = el("div", { class: "ticket" });
    this.list = el("div", { class: "thread", role: "log", "aria-label": app.t("messages"), tabindex: "0" });
    this.below = el("div", { class: "below" });
    this.outgoing = new Outgoing((message, key) => app.client.replyToTicket(id, message, key), () => this.draw());
    this.poller = new Poller({
      ask: () => app.client.ticket(id),
      onNews: (ticket, ms) => this.take(ticket, ms),
      onFailure: (error) => app.failed(error),
      intervalMs: app.intervalMs * SLOWER,
    });
    this.resume();
  }

  stop() {
    this.poller.stop();
  }

  resume() {
    this.poller.start();
  }

  take(ticket, ms) {
    this.app.worked(ms);
    const before = this.ticket;
    this.ticket = ticket;
    if (before?.state !== ticket.state || before.rated !== ticket.rated) this.frame();
    this.draw();
  }

  frame() {
    const { app, ticket } = this;
    const { t } = app;
    const clarify = el("button", { class: "button", type: "button", text: t("clarify"), onclick: () => this.clarify() });
    fill(this.top, el("h2", { text: t("timeline") }), el("ol", { class: "timeline" }, ...ticket.timeline.map((step) => this.step(step))));
    fill(this.pane, head(app, ticket.title || ticket.reference, el("span", { class: "badge", text: ticket.reference }), clarify),
      this.top, this.list, this.below);
    fill(this.below,
      ticket.state === "resolved" && !ticket.rated && stars(app, { ticketId: this.id }, () => this.resume()),
      composer(app, (body, files) => this.send(this.outgoing.add(body, files))));
  }

  step({ state, at }) {
    const { t, i18n } = this.app;
    return el("li", {}, icon("check"), el("strong", { text: t(state) }), el("span", { class: "muted small", text: `${i18n.day(at)}, ${i18n.time(at)}` }));
  }

  draw() {
    const retry = (message) => this.send(this.outgoing.attempt(message));
    fill(this.list, ...thread(this.app, this.ticket.messages, this.outgoing, retry));
    this.list.scrollTop = this.list.scrollHeight;
  }

  async send(attempt) {
    this.poller.stop();
    await attempt.catch(this.app.failed);
    this.poller.start();
  }

  async clarify() {
    try {
      const { conversationId } = await this.app.client.clarify(this.id, {}, this.clarifyKey);
      this.app.refresh();
      this.app.go(`chat/${conversationId}`);
    } catch (error) {
      this.app.failed(error);
    }
  }
}
