/** One conversation: loaded once, then kept up to date by polls that send the last cursor back. */

import { el, fill } from "../shared/dom.js";
import { Outgoing, Poller } from "./client.js";
import { composer } from "./composer.js";
import { head } from "./head.js";
import { stars } from "./stars.js";
import { thread } from "./thread.js";

export function conversationView(app, pane, id) {
  return new ConversationView(app, pane, id);
}

class ConversationView {
  polls = true;

  constructor(app, pane, id) {
    Object.assign(this, { app, pane, id });
    /** @type {Map<string, import("./client.js").Message>} */
    this.messages = new Map();
    this.cursor = 0;
    this.list = el("div", { class: "thread", role: "log", "aria-label": app.t("messages"), tabindex: "0" });
    this.below = el("div", { class: "below" });
    this.outgoing = new Outgoing((message, key) => app.client.reply(id, message, key), () => this.draw());
    this.poller = new Poller({
      ask: (options) => (this.cursor ? app.client.poll(id, this.cursor, options) : app.client.conversation(id)),
      onNews: (news, ms) => this.take(news, ms),
      onFailure: (error) => app.failed(error),
      intervalMs: app.intervalMs,
      held: app.held,
    });
    this.poller.start();
  }

  stop() {
    this.poller.stop();
  }

  resume() {
    this.poller.start();
  }

  /** Takes a whole conversation, or what a poll brought. */
  take(news, ms) {
    const { app } = this;
    app.worked(ms);
    const first = this.cursor === 0;
    if (first) this.title = news.title || news.reason?.main || app.t("conversation");
    if (first) this.rating = news.rating;
    for (const message of news.messages) this.messages.set(message.id, message);
    this.cursor = news.latestTimestamp;
    const changed = this.state !== news.state || this.rated !== news.rated;
    this.state = news.state;
    this.rated = news.rated;
    if (changed || first) this.frame();
    if (first || news.messages.length) this.draw();
    if (first || news.messages.some((each) => each.author.type !== "user")) this.read();
  }

  async read() {
    await this.app.client.read(this.id).catch(this.app.failed);
  }

  /** What is around the messages. */
  frame() {
    const { app, state } = this;
    const { t } = app;
    const close = el("button", { class: "button", type: "button", text: t("closeChat"), onclick: () => this.close() });
    const badge = el("span", { class: "badge", text: t(state) });
    fill(this.pane, head(app, this.title, badge, state !== "closed" && close), this.list, this.below);
    const asks = state === "closed" && !this.rated;
    fill(this.below,
      asks && stars(app, { conversationId: this.id }, () => { this.rated = true; this.frame(); }),
      state === "closed" && this.rated && el("p", { class: "thanks", role: "status", text: t("thanks") }),
      composer(app, (body, files) => this.send(this.outgoing.add(body, files))));
  }

  draw() {
    const sorted = [...this.messages.values()].sort((a, b) => a.createdAt - b.createdAt);
    const retry = (message) => this.send(this.outgoing.attempt(message));
    fill(this.list, ...thread(this.app, sorted, this.outgoing, retry));
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** Polls rest meanwhile, so that the answer and not a poll shows the message first. */
  async send(attempt) {
    this.poller.stop();
    try {
      const answer = await attempt;
      this.take({ ...answer, messages: [answer.message], rated: this.rated });
      this.draw();
      this.app.refresh();
    } catch (error) {
      if (error.kind === undefined) throw error;
      this.app.failed(error);
      if (error.kind === "expired") return;
    }
    this.poller.start();
  }

  async close() {
    try {
      const { state } = await this.app.client.close(this.id);
      this.take({ messages: [], latestTimestamp: this.cursor, state, rated: this.rated });
      this.app.refresh();
    } catch (error) {
      this.app.failed(error);
    }
  }
}
