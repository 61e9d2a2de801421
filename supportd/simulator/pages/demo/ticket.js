/** One ticket: its timeline and messages, a reply, and a question about its status that goes to the chat. */

import { el, fill, icon } from "../shared/dom.js";
import { newKey, Outgoing, Poller, TICKETS_SLOWER } from "./client.js";
import { composer } from "./composer.js";
import { head, missing } from "./head.js";
import { stars } from "./stars.js";
import { drawThread } from "./thread.js";

export function ticketView(app, pane, id) {
  return new TicketView(app, pane, id);
}

class TicketView {
  polls = true;
  left = false;

  constructor(app, pane, id) {
    Object.assign(this, { app, pane, id, ticket: null, clarifyKey: newKey() });
    this.timeline = el("ol", { class: "timeline" });
    this.list = el("div", { class: "thread", role: "log", "aria-label": app.t("messages"), tabindex: "0" });
    this.rating = el("div", { class: "below__rating" });
    this.outgoing = app.outgoing(`ticket/${id}`, () => new Outgoing((message, key) => app.client.replyToTicket(id, message, key)));
    this.outgoing.changed = () => this.draw();
    this.poller = new Poller({
      ask: () => app.client.ticket(id),
      onNews: (ticket, ms) => this.take(ticket, ms),
      onFailure: (error) => (error.code === "not_found" ? missing(app, pane) : app.failed(error)),
      intervalMs: app.intervalMs * TICKETS_SLOWER,
    });
    fill(pane);
    this.poller.start();
  }

  stop() {
    this.left = true;
    this.poller.stop();
  }

  resume() {
    if (!this.left) this.poller.start();
  }

  take(ticket, ms) {
    this.app.worked(ms);
    const before = this.ticket;
    this.ticket = ticket;
    if (!before) this.frame();
    if (before?.state !== ticket.state || before.rated !== ticket.rated) this.show();
    this.draw();
  }

  /** What is around the messages: drawn once, so that what one types stays. */
  frame() {
    const { app, ticket } = this;
    const { t } = app;
    const clarify = el("button", { class: "button", type: "button", text: t("clarify"), onclick: () => this.clarify() });
    fill(this.pane, head(app, ticket.title || ticket.reference, el("span", { class: "badge", text: ticket.reference })),
      el("div", { class: "strip" }, el("div", { class: "grow" }, el("h2", { text: t("timeline") }), this.timeline), clarify), this.list,
      el("div", { class: "below" }, this.rating, composer(app, (body, files) => this.send(this.outgoing.add(body, files)))));
  }

  /** The states it went through, and the stars once it is resolved. */
  show() {
    const { app, ticket } = this;
    fill(this.timeline, ...ticket.timeline.map((step) => this.step(step)));
    const asks = ticket.state === "resolved" && !ticket.rated;
    const thanks = ticket.rated && el("p", { class: "thanks", role: "status", text: app.t("thanks") });
    fill(this.rating, asks ? stars(app, { ticketId: this.id }, () => this.resume()) : thanks);
  }

  step({ state, at }) {
    const { t, i18n } = this.app;
    return el("li", {}, icon("check"), el("strong", { text: t(state) }), el("span", { class: "muted small", text: `${i18n.day(at)}, ${i18n.time(at)}` }));
  }

  draw() {
    if (!this.ticket) return;
    drawThread(this.app, this.list, this.ticket.messages, this.outgoing, (message) => this.send(this.outgoing.attempt(message)));
  }

  async send(attempt) {
    this.poller.stop();
    this.list.scrollTop = this.list.scrollHeight;
    await attempt.catch(this.app.failed);
    this.resume();
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
