/** One conversation: loaded once, then kept up to date by polls that send the last cursor back. */

import { el, fill } from "../shared/dom.js";
import { Outgoing, Poller } from "./client.js";
import { composer } from "./composer.js";
import { head, missing } from "./head.js";
import { stars } from "./stars.js";
import { drawThread } from "./thread.js";
import { titleOf } from "./topics.js";

export function conversationView(app, pane, id) {
  return new ConversationView(app, pane, id);
}

class ConversationView {
  polls = true;
  left = false;

  constructor(app, pane, id) {
    Object.assign(this, { app, pane, id });
    const { t } = app;
    /** @type {Map<string, import("./client.js").Message>} */
    this.messages = new Map();
    this.cursor = 0;
    this.badge = el("span", { class: "badge" });
    this.closing = el("button", { class: "button", type: "button", text: t("closeChat"), onclick: () => this.close() });
    this.list = el("div", { class: "thread", role: "log", "aria-label": t("messages"), tabindex: "0" });
    this.rating = el("div", { class: "below__rating" });
    this.outgoing = app.outgoing(`chat/${id}`, () => new Outgoing((message, key) => app.client.reply(id, message, key)));
    this.outgoing.changed = () => this.draw();
    this.poller = new Poller({
      ask: (options) => (this.cursor ? app.client.poll(id, this.cursor, options) : app.client.conversation(id)),
      onNews: (news, ms, waited) => this.take(news, ms, waited),
      onFailure: (error) => (error.code === "not_found" ? missing(app, pane) : app.failed(error)),
      intervalMs: app.intervalMs,
      held: app.held,
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

  setHeld(held) {
    this.poller.held = held;
    this.resume();
  }

  /** Takes a whole conversation, or what a poll brought. */
  take(news, ms, waited) {
    this.app.worked(ms, waited);
    const first = this.cursor === 0;
    if (first) this.frame(titleOf(this.app, news));
    for (const message of news.messages) this.messages.set(message.id, message);
    this.cursor = news.latestTimestamp;
    this.show(news.state, news.rated || Boolean(this.rated));
    if (first || news.messages.length) this.draw();
    if (first || news.messages.some((each) => each.author.type !== "user")) this.read();
  }

  async read() {
    await this.app.client.read(this.id).catch(this.app.failed);
  }

  /** What is around the messages: drawn once, so that what one types stays whatever operators do. */
  frame(title) {
    const { app } = this;
    fill(this.pane, head(app, title, this.badge, this.closing), this.list,
      el("div", { class: "below" }, this.rating, composer(app, (body, files) => this.send(this.outgoing.add(body, files)))));
  }

  /** The state, and what can be done in it. */
  show(state, rated) {
    if (this.state === state && this.rated === rated) return;
    Object.assign(this, { state, rated });
    const { t } = this.app;
    this.badge.textContent = t(state);
    this.closing.hidden = state === "closed";
    const onRated = () => this.show(state, true);
    const thanks = () => el("p", { class: "thanks", role: "status", text: t("thanks") });
    fill(this.rating, state === "closed" && (rated ? thanks() : stars(this.app, { conversationId: this.id }, onRated)));
  }

  draw() {
    const sorted = [...this.messages.values()].sort((a, b) => a.createdAt - b.createdAt);
    drawThread(this.app, this.list, sorted, this.outgoing, (message) => this.send(this.outgoing.attempt(message)));
  }

  /** Polls rest meanwhile, so that the answer and not a poll shows the message first. */
  async send(attempt) {
    this.poller.stop();
    this.list.scrollTop = this.list.scrollHeight;
    try {
      const answer = await attempt;
      this.app.refresh();
      if (this.left) return;
      this.take({ ...answer, messages: [answer.message], rated: this.rated });
    } catch (error) {
      this.app.failed(error);
      if (error.kind === "expired") return;
    }
    if (!this.outgoing.waiting.some((each) => each.state === "sending")) this.resume();
  }

  async close() {
    try {
      const { state } = await this.app.client.close(this.id);
      this.show(state, this.rated);
      this.rating.querySelector("input")?.focus();
      this.app.refresh();
    } catch (error) {
      this.app.failed(error);
    }
  }
}
