/** Messages on their way. Each keeps its `Idempotency-Key`, so that trying again never makes a second one. */

import { newKey } from "./client.js";

export class Outgoing {
  /** @param {(message: object, key: string) => Promise<any>} send @param {() => void} changed */
  constructor(send, changed) {
    this.send = send;
    this.changed = changed;
    /** @type {{ key: string, body: string, files: any[], state: "sending"|"failed" }[]} */
    this.waiting = [];
  }

  /** Sends what was written. @returns {Promise<any>} the API's answer, or null if it failed */
  add(body, files) {
    const message = { key: newKey(), body, files, state: "sending" };
    this.waiting.push(message);
    return this.attempt(message);
  }

  /** Sends it, the first time or again. Raises what isn't the API's. */
  async attempt(message) {
    message.state = "sending";
    this.changed();
    try {
      const attachmentIds = message.files.map((file) => file.id);
      const content = { ...(message.body && { body: message.body }), ...(attachmentIds.length && { attachmentIds }) };
      const answer = await this.send(content, message.key);
      this.waiting = this.waiting.filter((each) => each !== message);
      return answer;
    } catch (error) {
      message.state = "failed";
      this.changed();
      throw error;
    }
  }
}
