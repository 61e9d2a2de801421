/**
 * A client of supportd's public API; the start of an SDK. It knows no page: it takes an address and a way to get tokens.
 *
 * @typedef {{ type: "user"|"operator"|"bot", name: string|null, avatarUrl: string|null }} Author
 * @typedef {{ name: string, url: string, contentType: string, size: number|null }} Attachment
 * @typedef {{ id: string, author: Author, body: string, html: string|null, attachments: Attachment[], createdAt: number,
 *   redacted: boolean }} Message
 * @typedef {"open"|"closed"|"snoozed"} State
 * @typedef {{ id: string, title: string|null, state: State, snoozedUntil: number|null, rated: boolean, unread: number,
 *   reason: { main: string, sub: string|null }|null, createdAt: number, updatedAt: number,
 *   lastMessage: { author: Author, preview: string, createdAt: number }|null }} Summary
 * @typedef {Summary & { messages: Message[], latestTimestamp: number,
 *   rating: { stars: number, comment: string|null, createdAt: number }|null }} Conversation
 * @typedef {{ messages: Message[], latestTimestamp: number, state: State, snoozedUntil: number|null, rated: boolean }} News
 * @typedef {"submitted"|"in_progress"|"awaiting_reply"|"resolved"} TicketState
 * @typedef {{ id: string, reference: string, title: string|null, state: TicketState, rated: boolean, createdAt: number,
 *   updatedAt: number }} Ticket
 * @typedef {Ticket & { messages: Message[], timeline: { state: TicketState, at: number }[] }} TicketDetail
 * @typedef {{ id: string, name: string, contentType: string, size: number, createdAt: number }} StoredFile
 * @typedef {{ chatMessages: boolean, ticketUpdates: boolean, systemNotices: boolean }} Preferences
 */

const BACKOFF = [1, 2, 4, 7.5]; // times the interval
const HOLD_S = 25;
const LEAST_MS = 250; // between held polls
export const TICKETS_SLOWER = 5; // tickets are asked for each 20 s, chats each 4

/** What a call fails with. `status` 0: no answer came, so nobody knows what became of the call. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfterMs] */
  constructor(status, code, message, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** What the user should be told: the session ended, the network or the service is away, or something else is wrong. */
  get kind() {
    if (this.status === 401) return "expired";
    if (this.status === 0) return "offline";
    return this.status >= 500 ? "unavailable" : "refused";
  }
}

/** @returns {string} a new `Idempotency-Key`. Keep it with the message, and use it again for each retry. */
export function newKey() {
  return crypto.randomUUID();
}

export class Client {
  /**
   * @param {{ baseUrl: string, token: () => string, language?: string }} options `token` is asked before each call, so
   *   that the host may have minted a new one
   */
  constructor({ baseUrl, token, language = "en" }) {
    this.baseUrl = baseUrl;
    this.token = token;
    this.language = language;
  }

  /** @returns {Promise<Summary[]>} the user's conversations, newest first */
  conversations = async () => (await this.#get("/api/conversations")).conversations;

  /** @param {string} id @returns {Promise<Conversation>} */
  conversation = (id) => this.#get(`/api/conversations/${encodeURIComponent(id)}`);

  /** @param {{ body?: string, reason?: { main: string, sub?: string } }} request @param {string} key @returns {Promise<Conversation>} */
  start = (request, key) => this.#post("/api/conversations", request, key);

  /** @param {string} id @param {{ body?: string, attachmentIds?: string[] }} message @param {string} key
   *  @returns {Promise<{ message: Message, latestTimestamp: number, state: State }>} */
  reply = (id, message, key) => this.#post(`/api/conversations/${encodeURIComponent(id)}/reply`, message, key);

  /** @param {string} id */
  read = (id) => this.#post(`/api/conversations/${encodeURIComponent(id)}/read`);

  /** @param {string} id @returns {Promise<{ id: string, state: State }>} */
  close = (id) => this.#post(`/api/conversations/${encodeURIComponent(id)}/close`);

  /**
   * What is new after the cursor `since`.
   * @param {string} id
   * @param {number} since
   * @param {{ waitS?: number, signal?: AbortSignal }} [options] `waitS` holds the poll until there is news, at most 25 s
   * @returns {Promise<News>}
   */
  poll = (id, since, { waitS = 0, signal } = {}) =>
    this.#get(`/api/conversations/${encodeURIComponent(id)}/poll?since=${since}${waitS ? `&wait=${waitS}` : ""}`, signal);

  /** @param {string} [query] a reference to look for @returns {Promise<Ticket[]>} */
  tickets = async (query = "") =>
    (await this.#get(query ? `/api/tickets/search?q=${encodeURIComponent(query)}` : "/api/tickets")).tickets;

  /** @param {string} id @returns {Promise<TicketDetail>} */
  ticket = (id) => this.#get(`/api/tickets/${encodeURIComponent(id)}`);

  /** @param {string} id @param {{ body?: string, attachmentIds?: string[] }} message @param {string} key
   *  @returns {Promise<{ message: Message, state: TicketState }>} */
  replyToTicket = (id, message, key) => this.#post(`/api/tickets/${encodeURIComponent(id)}/reply`, message, key);

  /** @param {string} id @param {{ body?: string }} message @param {string} key
   *  @returns {Promise<{ conversationId: string, message: Message }>} */
  clarify = (id, message, key) => this.#post(`/api/tickets/${encodeURIComponent(id)}/clarify`, message, key);

  /** @param {{ stars: number, comment?: string, conversationId?: string, ticketId?: string }} rating */
  rate = (rating) => this.#post("/api/csat", rating);

  /** @param {{ category: string, description: string, chatId?: string }} complaint @param {string} key */
  complain = (complaint, key) => this.#post("/api/complaints", complaint, key);

  /** @returns {Promise<Preferences>} */
  preferences = () => this.#get("/api/settings/notifications");

  /** @param {Partial<Preferences>} changes @returns {Promise<Preferences>} */
  prefer = (changes) => this.#call("PUT", "/api/settings/notifications", { body: changes });

  /**
   * Uploads a file. XMLHttpRequest, since `fetch` doesn't tell how far an upload is.
   * @param {File} file
   * @param {(share: number) => void} onProgress from 0 to 1
   * @param {AbortSignal} [signal] ends it
   * @returns {Promise<StoredFile>}
   */
  upload = (file, onProgress, signal) =>
    new Promise((resolve, reject) => {
      const form = new FormData();
      form.append("file", file);
      const request = new XMLHttpRequest();
      request.open("POST", `${this.baseUrl}/api/files/upload`);
      request.setRequestHeader("Authorization", `Bearer ${this.token()}`);
      request.responseType = "json";
      request.upload.onprogress = (event) => onProgress(event.loaded / (event.total || 1));
      request.onerror = request.onabort = () => reject(new ApiError(0, "offline", "no answer"));
      signal?.addEventListener("abort", () => request.abort());
      request.onload = () =>
        request.status === 201
          ? resolve(request.response)
          : reject(failure(request.status, request.response, request.getResponseHeader("Retry-After")));
      request.send(form);
    });

  /** @param {string} path @param {AbortSignal} [signal] */
  #get = (path, signal) => this.#call("GET", path, { signal });

  /** @param {string} path @param {object} [body] @param {string} [key] */
  #post = (path, body, key) => this.#call("POST", path, { body, key });

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: object, key?: string, signal?: AbortSignal }} options
   * @returns {Promise<any>} the JSON of a good answer
   * @throws {ApiError} for any other, and where none came; what `signal` ended raises its own error
   */
  async #call(method, path, { body, key, signal }) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${this.token()}`, "Accept-Language": this.language };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    try {
      const answer = await fetch(this.baseUrl + path, { method, headers, signal, body: body && JSON.stringify(body) });
      const json = parsed(await answer.text());
      if (!answer.ok) throw failure(answer.status, json, answer.headers.get("Retry-After"));
      return json;
    } catch (error) {
      if (error instanceof ApiError || signal?.aborted) throw error;
      throw new ApiError(0, "offline", String(error));
    }
  }
}

/** Asks again and again: each 4 s, on failures after 4, 8, 16, 30 s, as the contract has it; or held, one after another. */
export class Poller {
  failures = 0;

  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @type {AbortController|null} */
  #running = null;

  /**
   * @param {{ ask: (options: { waitS: number, signal: AbortSignal }) => Promise<any>,
   *   onNews: (news: any, latencyMs: number, waited: boolean) => void, onFailure: (error: ApiError) => void,
   *   intervalMs?: number, held?: boolean }} options `held` polls wait at the server; who is asked for something that
   *   can't be held leaves it off. `waited` tells that an answer did, so that its time isn't taken for slowness
   */
  constructor({ ask, onNews, onFailure, intervalMs = 4000, held = false }) {
    this.ask = ask;
    this.onNews = onNews;
    this.onFailure = onFailure;
    this.intervalMs = intervalMs;
    this.held = held;
  }

  /** Asks at once, and goes on until `stop`. Called again it starts afresh, as after a session's renewal. */
  start() {
    this.stop();
    this.#running = new AbortController();
    this.#round(this.#running.signal);
  }

  /** Ends it. What is on its way is dropped. */
  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  /** @param {AbortSignal} signal */
  async #round(signal) {
    const began = performance.now();
    const waitS = this.held && this.failures === 0 ? HOLD_S : 0;
    let pauseMs = this.held ? 0 : this.intervalMs;
    try {
      const news = await this.ask({ waitS, signal });
      if (signal.aborted) return;
      const tookMs = performance.now() - began;
      if (waitS) pauseMs = Math.max(0, LEAST_MS - tookMs); // the server may hold no more of them, and answer at once
      this.failures = 0;
      this.onNews(news, tookMs, waitS > 0);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      pauseMs = Math.max(this.intervalMs * BACKOFF[Math.min(this.failures, BACKOFF.length - 1)], error.retryAfterMs);
      this.failures += 1;
      this.onFailure(error);
      if (error.status === 401 || error.status === 404) return; // who has a new token, or a reason to hope, calls start()
    }
    if (!signal.aborted) this.#timer = setTimeout(() => this.#round(signal), pauseMs);
  }
}

/**
 * A message on its way. `error`: what its last attempt failed with.
 * @typedef {{ key: string, body: string, files: StoredFile[], state: "sending"|"failed", error?: ApiError }} Waiting
 */

/** Messages on their way. Each keeps its `Idempotency-Key`, so that trying again never makes a second one. */
export class Outgoing {
  /** Called when one was added, sent, or failed. */
  changed = () => {};

  /** @type {Waiting[]} */
  waiting = [];

  /** @param {(message: { body?: string, attachmentIds?: string[] }, key: string) => Promise<any>} send */
  constructor(send) {
    this.send = send;
  }

  /**
   * Sends what was written.
   * @param {string} body
   * @param {StoredFile[]} files
   * @returns {Promise<any>} as `attempt`
   */
  add(body, files) {
    /** @type {Waiting} */
    const message = { key: newKey(), body, files, state: "sending" };
    this.waiting.push(message);
    return this.attempt(message);
  }

  /**
   * Sends it, the first time or again.
   * @param {Waiting} message
   * @returns {Promise<any>} the API's answer
   * @throws {ApiError} if it failed; the message goes on waiting
   */
  async attempt(message) {
    message.state = "sending";
    this.changed();
    try {
      const attachmentIds = message.files.map((file) => file.id);
      const content = { ...(message.body && { body: message.body }), ...(attachmentIds.length && { attachmentIds }) };
      const answer = await this.send(content, message.key);
      this.waiting = this.waiting.filter((each) => each !== message);
      this.changed();
      return answer;
    } catch (error) {
      if (error instanceof ApiError) message.error = error;
      message.state = "failed";
      this.changed();
      throw error;
    }
  }
}

/** @param {string} text @returns {any} the JSON, or null where a proxy answered something else */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {number} status @param {any} json @param {string|null} retryAfter in s @returns {ApiError} */
function failure(status, json, retryAfter) {
  return new ApiError(status, json?.error ?? "unknown", json?.message ?? "", Number(retryAfter) * 1000 || 0);
}
