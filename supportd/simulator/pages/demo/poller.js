/** Asks again and again: each 4 s, on failures after 4, 8, 16, 30 s, as the contract has it; or held, one after another. */

import { ApiError } from "./client.js";

const BACKOFF = [1, 2, 4, 7.5];
const HOLD_S = 25;

export class Poller {
  /**
   * @param {{ ask: (options: { waitS: number, signal: AbortSignal }) => Promise<any>,
   *   onNews: (news: any, latencyMs: number) => void, onFailure: (error: ApiError) => void, intervalMs?: number,
   *   held?: boolean }} options `held` polls wait at the server; who is asked for something that can't be held leaves it off
   */
  constructor({ ask, onNews, onFailure, intervalMs = 4000, held = false }) {
    Object.assign(this, { ask, onNews, onFailure, intervalMs, held });
    this.failures = 0;
    this.timer = 0;
    this.running = null;
  }

  /** Asks at once, and goes on until `stop`. Called again it starts afresh, as after a session's renewal. */
  start() {
    this.stop();
    this.#round(new AbortController());
  }

  /** Ends it. What is on its way is dropped. */
  stop() {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = null;
  }

  async #round(controller) {
    this.running = controller;
    const began = performance.now();
    let pauseMs = this.held ? 0 : this.intervalMs;
    try {
      const waitS = this.held && this.failures === 0 ? HOLD_S : 0;
      const news = await this.ask({ waitS, signal: controller.signal });
      if (controller.signal.aborted) return;
      this.failures = 0;
      this.onNews(news, performance.now() - began);
    } catch (error) {
      if (controller.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      pauseMs = Math.max(this.intervalMs * BACKOFF[Math.min(this.failures, BACKOFF.length - 1)], error.retryAfterMs);
      this.failures += 1;
      this.onFailure(error);
      if (error.status === 401) return; // only the host can help; it calls start() when it has a new token
    }
    if (!controller.signal.aborted) this.timer = setTimeout(() => this.#round(controller), pauseMs);
  }
}
