/**
 * A client of the plain WebSocket protocol (docs/protocol.md): one file, no build step, no dependency.
 *
 *   import { connect } from "./gateway.js";
 *
 *   const chat = connect("/chat", { auth: { nickname: "ann" } });
 *   chat.onstate = (state) => console.log(state.name);       // "connecting" "open" "waiting" "closed"
 *   chat.on("posted", (message) => show(message));
 *   chat.emit("typing", { room: "lobby" });                  // no answer wanted
 *   const receipt = await chat.request("message", { text });  // rejects with a GatewayError
 *   for await (const tick of chat.stream("ticks")) { … }      // leaving the loop cancels the stream
 *   chat.answer("confirm", async (question) => true);         // the server asks, this page answers
 *
 * A dropped connection comes back by itself after a growing, jittered delay, and not before the pause that a server
 * which stops asks for ("retry after 1234 ms"); what was waiting for an answer is rejected with the code "disconnected",
 * because nobody can know whether the server saw it. Close codes that mean "do not come back" are honoured. Handlers
 * set with `on` and `answer` outlive the drop; rooms do not: join them on each "open".
 */

/** A failure: the exception of the server, or one of this module's own ("disconnected", "timeout", "aborted"). */
export class GatewayError extends Error {
  /** @param {any} exception  what the server sent as `data`; applications may send any shape of their own */
  constructor(exception) {
    const { code, message, details } = Object(exception);
    super(message ?? "the request failed");
    this.name = "GatewayError";
    this.code = code ?? "unknown";
    this.details = details;
    this.exception = exception;
  }
}

/**
 * @param {string} url            ws://…, http://… or a path on this page's host
 * @param {object} [options]
 * @param {any} [options.auth]    credentials, or a function that returns them, called before each attempt
 * @param {string[]} [options.protocols]  further subprotocols to offer
 * @param {(state: object) => void} [options.onstate]
 * @param {{base?: number, cap?: number, connect?: number}} [options.delays]  milliseconds
 */
export const connect = (url, options) => new Gateway(url, options);

/** Closed in passing (1001, 1006, 1011 to 1015, Deno's 0 of a connection that failed), or by an application's code in the half that invites back. */
const comesBack = (code) => [0, 1001, 1005, 1006].includes(code) || (code >= 1011 && code <= 1015) || (code >= 3000 && code % 1000 < 500);

/** The pause that a close reason asks for, in milliseconds. Of at most nine digits, which every timer can wait. */
const pauseIn = (reason) => Number(/\bretry after (\d{1,9}) ms$/.exec(reason)?.[1] ?? 0);

const base64url = (text) => {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

class Gateway {
  /** `{name, …}`; "waiting" adds `retryAt` (null while offline) and why; "closed" adds `code`, `reason`, `error`. */
  state = { name: "connecting" };
  onstate;
  #url; #options; #delays;
  #socket = null; #timer = null; #attempt = 0; #earliest = 0; #nextId = 1; #refusal = null;
  #listeners = new Map(); #answers = new Map(); #waiting = new Map();
  #forget = new AbortController();

  constructor(url, { onstate, delays, ...options } = {}) {
    this.onstate = onstate;
    this.#options = options;
    this.#delays = { base: 500, cap: 30_000, connect: 10_000, ...delays };
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    const { signal } = this.#forget;
    globalThis.addEventListener?.("online", () => this.#revive(), { signal });
    globalThis.addEventListener?.("offline", () => this.#drop(1006, "offline"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this.#revive(), { signal });
    // After the caller's own statements, so that handlers set right away miss nothing.
    queueMicrotask(() => this.#open());
  }

  /** Calls `fn(data)` for each `event`; returns the function that takes it off again. */
  on(event, fn) {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(fn));
    return () => void set.delete(fn);
  }

  /** Sends an event that wants no answer. False when there is no connection to send it on. */
  emit(event, data) {
    return this.#send({ event, data });
  }

  /** Sends a request and resolves with its reply. */
  request(event, data, { timeout = 10_000, signal } = {}) {
    return new Promise((resolve, reject) => {
      const cancel = this.#ask(event, data, { item() {}, done: (reply) => settle(resolve, reply), fail: (error) => settle(reject, error) });
      const giveUp = (code, message) => { cancel(); settle(reject, new GatewayError({ code, message })); };
      const abort = () => giveUp("aborted", "the request was aborted");
      const timer = setTimeout(() => giveUp("timeout", "the server did not answer in time"), timeout);
      const settle = (end, value) => { clearTimeout(timer); signal?.removeEventListener("abort", abort); end(value); };
      if (signal?.aborted) abort(); else signal?.addEventListener("abort", abort);
    });
  }

  /** Sends a request whose reply is a stream. Nothing is sent before the first item is asked for. */
  async *stream(event, data, { signal } = {}) {
    const items = [];
    let ended = false, failure = null, wake = () => {};
    const end = (error) => { ended = true; failure = error; wake(); };
    const cancel = this.#ask(event, data, {
      item: (value) => { items.push(value); wake(); },
      done: (value) => { if (value !== undefined) items.push(value); end(null); },
      fail: end,
    });
    const abort = () => { cancel(); end(new GatewayError({ code: "aborted", message: "the stream was aborted" })); };
    if (signal?.aborted) abort(); else signal?.addEventListener("abort", abort);
    try {
      for (;;) {
        while (items.length > 0) yield items.shift();
        if (failure) throw failure;
        if (ended) return;
        await new Promise((resolve) => { wake = resolve; });
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      if (!ended) cancel();
    }
  }

  /** Answers questions of the server with what `fn(data)` returns; what it throws is sent as the error. */
  answer(event, fn) {
    this.#answers.set(event, fn);
  }

  /** Tries again now instead of at `state.retryAt`, for a person who asks for it. */
  retry() {
    if (this.state.name === "waiting") this.#open();
  }

  /** Ends the connection for good. */
  close(code = 1000, reason = "") {
    this.#socket?.close(code, reason);
    this.#end(code, reason);
  }

  #open() {
    if (this.state.name === "closed") return;
    clearTimeout(this.#timer);
    this.#refusal = null;
    this.#become({ name: "connecting" });
    const { auth, protocols = [] } = this.#options;
    const credentials = typeof auth === "function" ? auth() : auth;
    const offered = credentials === undefined ? [] : ["auth." + base64url(JSON.stringify(credentials))];
    const socket = this.#socket = new WebSocket(this.#url, ["gateway.v1", ...offered, ...protocols]);
    const mine = (fn) => (event) => { if (socket === this.#socket) fn(event); };
    this.#timer = setTimeout(mine(() => this.#drop(1006, "connect timeout")), this.#delays.connect);
    socket.onopen = mine(() => { clearTimeout(this.#timer); this.#become({ name: "open" }); });
    // Node and undici tell of a refused connection by this alone. Once it was open, the close that follows has the code.
    socket.onerror = mine(() => {
      clearTimeout(this.#timer);
      if (this.state.name === "connecting") this.#drop(1006, "connection failed");
      else this.#timer = setTimeout(mine(() => this.#drop(1006, "connection failed")), this.#delays.connect);
    });
    socket.onmessage = mine(({ data }) => this.#receive(JSON.parse(data)));
    socket.onclose = mine(({ code, reason }) => (comesBack(code) ? this.#drop(code, reason) : this.#end(code, reason)));
  }

  /** The connection is gone or given up: reject what waits, and come back later. */
  #drop(code, reason) {
    if (this.state.name === "closed") return;
    this.#abandon();
    const offline = globalThis.navigator?.onLine === false;
    const { base, cap } = this.#delays;
    this.#earliest = Date.now() + pauseIn(reason);
    // Full jitter: clients that a restart dropped together do not come back together.
    const retryAt = this.#earliest + Math.random() * Math.min(cap, base * 2 ** this.#attempt++);
    if (!offline) this.#timer = setTimeout(() => this.#open(), retryAt - Date.now());
    this.#become({ name: "waiting", retryAt: offline ? null : retryAt, attempt: this.#attempt, code, reason });
  }

  /** The network is back, or the page is seen again: the jitter need not be waited for, the server's pause must. */
  #revive() {
    if (this.state.name !== "waiting") return;
    const pause = this.#earliest - Date.now();
    if (pause <= 0) return this.#open();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), pause);
    this.#become({ ...this.state, retryAt: this.#earliest });
  }

  #end(code, reason) {
    if (this.state.name === "closed") return;
    this.#abandon();
    this.#forget.abort();
    this.#become({ name: "closed", code, reason, error: this.#refusal });
  }

  #abandon() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const request of waiting) request.fail(new GatewayError({ code: "disconnected", message: "the connection was lost" }));
  }

  #become(state) {
    this.state = state;
    this.onstate?.(state);
  }

  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Sends a request; returns what cancels it. */
  #ask(event, data, request) {
    const id = this.#nextId++;
    if (this.#send({ event, data, id })) this.#waiting.set(id, request);
    else queueMicrotask(() => request.fail(new GatewayError({ code: "disconnected", message: "there is no connection" })));
    return () => { if (this.#waiting.delete(id)) this.#send({ cancel: id }); };
  }

  #receive(frame) {
    const { event, data, id, ask, more, end } = frame;
    if (ask !== undefined) return void this.#reply(ask, event, data);
    const failed = event === "exception";
    if (failed && id === undefined && data?.cause?.pattern === "connect") this.#refusal = new GatewayError(data);
    else this.#attempt = 0;                                   // the server has accepted this socket
    const request = this.#waiting.get(id);
    if (!request) return void (id === undefined && this.#listeners.get(event)?.forEach((fn) => fn(data)));
    if (more) return void request.item(data);
    this.#waiting.delete(id);
    if (failed) request.fail(new GatewayError(data));
    else request.done(end ? undefined : data);
  }

  async #reply(ask, event, data) {
    try {
      const answer = this.#answers.get(event);
      if (!answer) throw new GatewayError({ code: "unanswerable", message: `nothing here answers "${event}"` });
      this.#send({ answer: ask, data: (await answer(data)) ?? null });
    } catch (error) {
      this.#send({ answer: ask, error: { code: error.code ?? "failed", message: error.message } });
    }
  }
}
