/**
 * The client of the plain WebSocket protocol as one file without dependencies: docs/clients.md shows its use.
 * Built from clients/typescript by "npm run page"; do not edit.
 */

// src/base64.ts
var PART = 32768;
var isBinary = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
var bytesOf = (data) => ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
function toBase64(data) {
  const bytes = bytesOf(data);
  let text = "";
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}
function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
var base64url = (text) => toBase64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// src/error.ts
var GatewayError = class extends Error {
  name = "GatewayError";
  /** Code for programs; `"unknown"` if the server sent none. */
  code;
  /** Further facts, such as `{ retry_after_ms }`. */
  details;
  /** The payload as the server sent it, or as the client made it. */
  exception;
  constructor(exception, options) {
    const { code, message, details } = Object(exception);
    super(message ?? "the request failed", options);
    this.code = code ?? "unknown";
    this.details = details;
    this.exception = exception;
  }
};
var failure = (code, message, cause) => new GatewayError({ code, message }, cause === void 0 ? void 0 : { cause });

// src/answers.ts
var Answers = class {
  #answers = /* @__PURE__ */ new Map();
  /** Returns the function that takes the answer away again. */
  set(event, answer) {
    this.#answers.set(event, answer);
    return () => {
      if (this.#answers.get(event) === answer) this.#answers.delete(event);
    };
  }
  /** Answers a question through `reply`. */
  async answer({ ask, event = "", data }, reply) {
    let message;
    try {
      const answer = this.#answers.get(event);
      if (!answer) throw failure("unanswerable", `nothing here answers "${event}"`);
      message = { answer: ask, data: await answer(data) ?? null };
    } catch (error) {
      const { code = "failed", message: text = String(error) } = Object(error);
      message = { answer: ask, error: { code, message: text } };
    }
    reply(message);
  }
};

// src/close.ts
var EXPIRED = 4502;
var invitesBack = (code) => [0, 1001, 1005, 1006].includes(code) || code >= 1011 && code <= 1015 || code >= 3e3 && code % 1e3 < 500;
var pauseIn = (reason) => Number(/\bretry after (\d{1,9}) ms$/.exec(reason)?.[1] ?? 0);

// src/backoff.ts
var Backoff = class {
  /** Attempts since the server accepted this client. */
  attempt = 0;
  /** Time before which the server wants no attempt. */
  earliest = 0;
  #base;
  #cap;
  constructor(base, cap) {
    this.#base = base;
    this.#cap = cap;
  }
  /** Returns the time of the next attempt after a close with this reason. */
  next(reason) {
    this.earliest = Date.now() + pauseIn(reason);
    return this.earliest + Math.random() * Math.min(this.#cap, this.#base * 2 ** this.attempt++);
  }
};

// src/connection.ts
var OPEN = 1;
var Connection = class {
  #socket;
  #timer;
  #patience;
  #isHeld = false;
  #end;
  /** `patience` is the time for the connection to be accepted, and for a close to follow an error. */
  constructor(socket, patience, events) {
    this.#socket = socket;
    this.#patience = patience;
    this.#end = (code, reason) => events.ended(code, reason);
    this.#await("connect timeout");
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (this.#end) events.opened();
    };
    socket.onmessage = ({ data }) => {
      if (this.#end) events.received(data);
    };
    socket.onerror = () => {
      if (opened) this.#await("connection failed");
      else this.#lose(1006, "connection failed");
    };
    socket.onclose = ({ code, reason }) => this.#lose(code, reason);
  }
  get isOpen() {
    return this.#socket.readyState === OPEN;
  }
  get protocol() {
    return this.#socket.protocol;
  }
  get buffered() {
    return this.#socket.bufferedAmount;
  }
  send(message) {
    const stream = this.#isHeld ? null : this.#socket._socket;
    if (stream?.cork) {
      this.#isHeld = true;
      stream.cork();
      queueMicrotask(() => {
        this.#isHeld = false;
        stream.uncork();
      });
    }
    this.#socket.send(message);
  }
  /** Ends the wait for the connection to be accepted. */
  accepted() {
    clearTimeout(this.#timer);
  }
  /** Forgets its owner: from here on nothing is told. */
  detach() {
    clearTimeout(this.#timer);
    this.#end = null;
  }
  close(code, reason) {
    this.detach();
    this.#socket.close(code, reason);
  }
  #await(reason) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(1006, reason), this.#patience);
  }
  #lose(code, reason) {
    const end = this.#end;
    this.detach();
    end?.(code, reason);
  }
};

// src/format.ts
var WITH_SESSIONS = ["gateway.v1", "gateway.v1.msgpack"];
function holdsBinary(value) {
  if (typeof value !== "object" || value === null) return false;
  if (isBinary(value)) return true;
  if (Array.isArray(value)) return value.some(holdsBinary);
  for (const key in value) if (typeof value[key] === "object" && holdsBinary(value[key])) return true;
  return false;
}
function inBase64(key, value) {
  return isBinary(this[key]) ? toBase64(this[key]) : value;
}
var json = {
  protocol: "gateway.v1",
  encode: (message) => JSON.stringify(message, holdsBinary(message.data) ? inBase64 : void 0),
  decode: (message) => JSON.parse(typeof message === "string" ? message : new TextDecoder().decode(message))
};

// src/handshake.ts
function webSocketUrl(url) {
  const found = new URL(typeof url === "string" ? url : url.href, globalThis.location?.href);
  found.protocol = found.protocol.replace("http", "ws");
  found.hash = "";
  return found;
}
function open(url, options, format, credentials, resume) {
  const offered = [format];
  const target = new URL(url);
  if (resume) offered.push(resume);
  if (credentials !== void 0) {
    const text = JSON.stringify(credentials);
    if (options.authIn === "query") target.searchParams.set("auth", text);
    else offered.push("auth." + base64url(text));
  }
  const { headers, protocols = [], WebSocket: Given } = options;
  const all = [...offered, ...protocols];
  if (Given) return headers ? new Given(target.href, all, { headers }) : new Given(target.href, all);
  const Global = globalThis.WebSocket;
  if (!Global) throw new TypeError("this runtime has no WebSocket: give one as the option `WebSocket`");
  return headers ? new Global(target.href, { protocols: all, headers }) : new Global(target.href, all);
}

// src/queue.ts
var LOOK = 10;
var Queue = class {
  #queued = [];
  #length = 0;
  #waiters = [];
  #connection = null;
  #timer;
  #high;
  #most;
  constructor(high, most) {
    this.#high = high;
    this.#most = most;
  }
  /** Length of the messages that wait, and of those in the WebSocket's buffer. */
  get length() {
    return this.#length + (this.#connection?.buffered ?? 0);
  }
  /** Whether a message would go out at once. */
  get isFree() {
    return this.#queued.length === 0 && this.#connection !== null && this.#connection.isOpen && this.#connection.buffered < this.#high;
  }
  /** Sends through this connection from now on, what waits first; through none with `null`. */
  attach(connection) {
    this.#connection = connection;
    this.flush();
  }
  /** Sends a message or holds it. Throws `queue_full`. */
  push(message, owner) {
    if (this.isFree) return this.#connection?.send(message);
    if (this.#length > 0 && this.#length + message.length > this.#most) {
      throw failure("queue_full", "too many messages wait to be sent");
    }
    const entry = { message, owner };
    if (owner) owner.queued = entry;
    this.#queued.push(entry);
    this.#length += message.length;
    this.flush();
  }
  /** Takes out a message that nobody needs any more. */
  remove(entry) {
    const at = this.#queued.indexOf(entry);
    if (at < 0) return;
    this.#queued.splice(at, 1);
    this.#length -= entry.message.length;
  }
  /** Resolves once nothing waits and the WebSocket's buffer has room. */
  drained() {
    if (this.isFree) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.flush();
    });
  }
  /** Sends as much as the WebSocket's buffer has room for. */
  flush() {
    const connection = this.#connection;
    if (!connection?.isOpen || this.#queued.length + this.#waiters.length === 0) return;
    let gone = 0;
    while (gone < this.#queued.length && connection.buffered < this.#high) {
      const entry = this.#queued[gone++];
      this.#length -= entry.message.length;
      if (entry.owner) entry.owner.queued = null;
      connection.send(entry.message);
    }
    this.#queued.splice(0, gone);
    if (this.isFree) for (const { resolve } of this.#waiters.splice(0)) resolve();
    else this.#look();
  }
  /** Drops everything, for good. */
  end(error) {
    clearTimeout(this.#timer);
    this.#connection = null;
    this.#queued = [];
    this.#length = 0;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
  #look() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), LOOK);
  }
};

// src/link.ts
var Link = class {
  status = { name: "connecting" };
  queue;
  #url;
  #options;
  #report;
  #events;
  #format;
  #backoff;
  #patience;
  #connection = null;
  /** A connection that was given up. Its close frame would end the session, so it is closed once the next one is accepted. */
  #old = null;
  #timer;
  #session = null;
  #asksToResume;
  #wasAccepted = false;
  /** Whether the present connection has brought a sign that the server accepted it. */
  #isGreeted = false;
  /** The last exception before that. */
  #refusal = null;
  #subscribers = /* @__PURE__ */ new Set();
  #forget = new AbortController();
  constructor(url, options, report, events) {
    const { delays = {}, bounds = {}, resume = true, format = json } = options;
    this.#url = webSocketUrl(url);
    this.#options = options;
    this.#report = report;
    this.#events = events;
    this.#format = format;
    this.#backoff = new Backoff(delays.base ?? 500, delays.cap ?? 3e4);
    this.#patience = delays.connect ?? 2e4;
    this.queue = new Queue(bounds.buffered ?? 256 * 1024, bounds.queue ?? 1024 * 1024);
    this.#asksToResume = resume;
    this.#watch();
    queueMicrotask(() => void this.#open());
  }
  subscribe(listener) {
    const own = (status) => listener(status);
    this.#subscribers.add(own);
    return () => void this.#subscribers.delete(own);
  }
  encode(message) {
    return this.#format.encode(message);
  }
  /** Sends a message past the queue, if there is a connection. */
  sendNow(message) {
    if (this.#connection?.isOpen) this.#connection.send(this.encode(message));
  }
  retry() {
    if (this.status.name === "waiting") void this.#open();
  }
  close(code, reason) {
    const connection = this.#connection;
    connection?.close(code, reason);
    this.#end(code, reason);
  }
  /** Networks and pages come and go. */
  #watch() {
    const { signal } = this.#forget;
    const on = globalThis.addEventListener?.bind(globalThis);
    on?.("online", () => this.#revive(), { signal });
    on?.("offline", () => this.#lose(1006, "offline"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this.#revive(), { signal });
  }
  async #open() {
    if (this.status.name === "closed") return;
    clearTimeout(this.#timer);
    this.#refusal = null;
    this.#isGreeted = false;
    const connecting = { name: "connecting" };
    this.#become(connecting);
    const { auth } = this.#options;
    let credentials = auth;
    if (typeof auth === "function") {
      try {
        credentials = await auth();
      } catch (error) {
        if (this.status === connecting) this.#lose(1006, "no credentials", error);
        return;
      }
    }
    if (this.status === connecting) this.#connect(credentials);
  }
  #connect(credentials) {
    try {
      const resume = this.#session ? `resume.${this.#session.token}.${this.#session.offset}` : this.#asksToResume ? "resume" : null;
      const socket = open(this.#url, this.#options, this.#format.protocol, credentials, resume);
      const connection = this.#connection = new Connection(socket, this.#patience, {
        opened: () => {
          if (!this.#hasSessions(connection)) this.#accepted(void 0, false);
        },
        received: (message) => this.#receive(connection, message),
        ended: (code, reason) => this.#ended(code, reason)
      });
    } catch (error) {
      this.#end(1006, "no connection can be made", error);
    }
  }
  /** Whether the server says with a frame of its own that it has accepted: in the formats of the framework, where it was asked to. */
  #hasSessions(connection) {
    return this.#asksToResume && WITH_SESSIONS.includes(connection.protocol);
  }
  #receive(connection, message) {
    let frame;
    try {
      frame = this.#format.decode(message);
      if (typeof frame !== "object" || frame === null) throw new TypeError("not an object");
    } catch (error) {
      return this.#report(failure("malformed", "a message of the server cannot be read", error));
    }
    if (frame.session) return this.#resumed(frame.session);
    if (frame.offset !== void 0 && this.#session) this.#session.offset = frame.offset;
    if (!this.#isGreeted) {
      if (frame.event === "exception" && frame.id === void 0) this.#refusal = new GatewayError(frame.data);
      else if (!this.#hasSessions(connection)) this.#greeted();
    }
    if (frame.ask === void 0) this.#events.received(frame);
    else this.#events.asked(frame, (answer) => {
      if (connection === this.#connection) this.sendNow(answer);
    });
    this.queue.flush();
  }
  #greeted() {
    this.#isGreeted = true;
    this.#refusal = null;
    this.#backoff.attempt = 0;
  }
  #resumed({ id, resume, resumed }) {
    if (!resume) this.#session = null;
    else if (!resumed || !this.#session) this.#session = { token: resume, offset: 0 };
    this.#greeted();
    this.#accepted(id, resumed);
  }
  #accepted(id, resumed) {
    const reconnected = this.#wasAccepted;
    this.#wasAccepted = true;
    this.#connection?.accepted();
    this.#old?.close();
    this.#old = null;
    this.queue.attach(this.#connection);
    this.#become({ name: "open", id, resumed, reconnected });
  }
  #ended(code, reason) {
    this.#connection = null;
    const hasNewCredentials = code === EXPIRED && typeof this.#options.auth === "function";
    if (hasNewCredentials || invitesBack(code)) this.#lose(code, reason);
    else this.#end(code, reason);
  }
  /** The connection is gone or given up: it is tried again later. */
  #lose(code, reason, error = this.#refusal) {
    if (this.status.name === "closed") return;
    this.#abandon();
    const offline = globalThis.navigator?.onLine === false;
    const retryAt = this.#backoff.next(reason);
    if (!offline) this.#timer = setTimeout(() => void this.#open(), retryAt - Date.now());
    this.#become({ name: "waiting", retryAt: offline ? null : retryAt, attempt: this.#backoff.attempt, code, reason, error });
    this.#events.lost();
  }
  /** The network is back, or the page is seen again: the jitter need not be waited for, the server's pause must. */
  #revive() {
    if (this.status.name !== "waiting") return;
    const { earliest } = this.#backoff;
    if (earliest <= Date.now()) return void this.#open();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), earliest - Date.now());
    this.#become({ ...this.status, retryAt: earliest });
  }
  #end(code, reason, error = this.#refusal) {
    if (this.status.name === "closed") return;
    this.#abandon();
    this.#old?.close();
    this.#session = null;
    this.#forget.abort();
    this.queue.end(failure("closed", "the client is closed"));
    this.#become({ name: "closed", code, reason, error });
    this.#events.closed();
  }
  #abandon() {
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = null;
    this.queue.attach(null);
    if (!connection) return;
    connection.detach();
    if (!this.#session || !connection.isOpen) return connection.close();
    this.#old?.close();
    this.#old = connection;
  }
  #become(status) {
    this.status = status;
    for (const subscriber of [...this.#subscribers]) {
      try {
        subscriber(status);
      } catch (error) {
        this.#report(error);
      }
    }
  }
};

// src/listeners.ts
var Listeners = class {
  #sets = /* @__PURE__ */ new Map();
  #report;
  /** `report` is called with what a listener throws. The other listeners are called all the same. */
  constructor(report) {
    this.#report = report;
  }
  add(event, listener) {
    const set = this.#sets.get(event) ?? /* @__PURE__ */ new Set();
    this.#sets.set(event, set.add(listener));
  }
  remove(event, listener) {
    const set = this.#sets.get(event);
    if (set?.delete(listener) && set.size === 0) this.#sets.delete(event);
  }
  call(event, data) {
    const set = this.#sets.get(event);
    if (!set) return;
    for (const listener of [...set]) {
      try {
        listener(data);
      } catch (error) {
        this.#report(error);
      }
    }
  }
};

// src/requests.ts
var Waiting = class {
  /** Set by `Requests`. */
  id = 0;
  /** Its message, while that waits to be sent. Once it was sent the server may have seen the request. */
  queued = null;
};
var Requests = class {
  #waiting = /* @__PURE__ */ new Map();
  #last = 0;
  /** Gives a request its id. */
  add(waiting) {
    waiting.id = ++this.#last;
    this.#waiting.set(waiting.id, waiting);
  }
  /** Forgets a request. Returns whether it was known. */
  remove({ id }) {
    return this.#waiting.delete(id);
  }
  /** Hands on a frame with an `id`. Frames of forgotten requests are ignored. */
  receive(id, { event, data, more, end }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (more) return waiting.item(data);
    this.#waiting.delete(id);
    if (event === "exception") waiting.fail(new GatewayError(data));
    else waiting.done(end ? void 0 : data);
  }
  /** Fails those that were sent, or all of them. */
  fail(error, all) {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.queued && !all) continue;
      this.#waiting.delete(waiting.id);
      waiting.fail(error);
    }
  }
};

// src/reply.ts
var LONGEST = 2 ** 31 - 1;
var Reply = class extends Waiting {
  #resolve;
  #reject;
  #cancel;
  #signal;
  #abort;
  #timer;
  /** `cancel` tells the server that nobody waits any more. */
  constructor(resolve, reject, cancel) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
    this.#cancel = cancel;
  }
  /** Begins to wait. Returns `false` if it is over already. */
  begin(timeout, signal) {
    if (signal) {
      this.#signal = signal;
      this.#abort = () => this.#giveUp(failure("aborted", "the request was aborted", signal.reason));
      signal.addEventListener("abort", this.#abort);
      if (signal.aborted) {
        this.#abort();
        return false;
      }
    }
    if (timeout <= LONGEST) {
      this.#timer = setTimeout(() => this.#giveUp(failure("timeout", "the server did not answer in time")), timeout);
    }
    return true;
  }
  item() {
  }
  done(reply) {
    this.#settle();
    this.#resolve(reply);
  }
  fail(error) {
    this.#settle();
    this.#reject(error);
  }
  #giveUp(error) {
    this.#cancel(this);
    this.fail(error);
  }
  #settle() {
    if (this.#timer !== void 0) clearTimeout(this.#timer);
    if (this.#abort) this.#signal?.removeEventListener("abort", this.#abort);
  }
};

// src/stream.ts
var END = { value: void 0, done: true };
var Stream = class extends Waiting {
  #items = [];
  #readers = [];
  #begin;
  #cancel;
  #ended = false;
  #failure;
  #most;
  #signal;
  /** `begin` sends the request, `cancel` tells the server that nobody reads any more. */
  constructor(begin, cancel, most, signal) {
    super();
    this.#begin = begin;
    this.#cancel = cancel;
    this.#most = most;
    this.#signal = signal;
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  async next() {
    this.#start();
    if (this.#items.length > 0) return { value: this.#items.shift(), done: false };
    if (this.#failure !== void 0) {
      const error = this.#failure;
      this.#failure = void 0;
      throw error;
    }
    if (this.#ended) return END;
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }
  /** Cancels the stream. Items that were not read are dropped. */
  async return() {
    this.#begin = null;
    this.#cancel(this);
    this.#end();
    this.#items = [];
    this.#failure = void 0;
    return END;
  }
  #start() {
    const begin = this.#begin;
    if (!begin) return;
    this.#begin = null;
    this.#signal?.addEventListener("abort", this.#abort);
    if (this.#signal?.aborted) this.#abort();
    else begin(this);
  }
  done(data) {
    if (data !== void 0) this.item(data);
    this.#end();
  }
  fail(error) {
    this.#end(error);
  }
  item(item) {
    const reader = this.#readers.shift();
    if (reader) return reader.resolve({ value: item, done: false });
    if (this.#items.length < this.#most) return void this.#items.push(item);
    this.#cancel(this);
    this.#end(failure("overflow", "the items of the stream were not read in time"));
  }
  #end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#begin = null;
    this.#signal?.removeEventListener("abort", this.#abort);
    const readers = this.#readers.splice(0);
    if (error !== void 0) {
      const first = readers.shift();
      if (first) first.reject(error);
      else this.#failure = error;
    }
    for (const { resolve } of readers) resolve(END);
  }
  #abort = () => {
    this.#cancel(this);
    this.#end(failure("aborted", "the stream was aborted", this.#signal?.reason));
  };
};

// src/client.ts
var Client = class {
  #link;
  #listeners;
  #requests = new Requests();
  #answers = new Answers();
  #most;
  constructor(url, options = {}) {
    const report = options.onerror ?? ((error) => queueMicrotask(() => {
      throw error;
    }));
    this.#listeners = new Listeners(report);
    this.#most = options.bounds?.stream ?? 16384;
    this.#link = new Link(url, options, report, {
      received: (frame) => {
        const { event, data, id } = frame;
        if (id !== void 0) this.#requests.receive(id, frame);
        else if (event !== void 0) this.#listeners.call(event, data);
      },
      asked: (frame, reply) => void this.#answers.answer(frame, reply),
      // Nobody can know whether the server has done what it was asked, so nothing is sent again.
      lost: () => this.#requests.fail(failure("disconnected", "the connection was lost"), false),
      closed: () => this.#requests.fail(failure("closed", "the client is closed"), true)
    });
  }
  /** The present state. The object stays the same until the state changes. */
  get status() {
    return this.#link.status;
  }
  /** Returns `status`; a function for `useSyncExternalStore` and the like. */
  getStatus = () => this.#link.status;
  /** Calls a function after each change of `status`. Returns the function that ends that. */
  subscribe = (listener) => this.#link.subscribe(listener);
  /** Bytes that wait to be sent, in the queue and in the WebSocket. */
  get buffered() {
    return this.#link.queue.length;
  }
  /** Calls `listener` with the data of each such event. Returns the function that takes it off. */
  on(event, listener) {
    this.#listeners.add(event, listener);
    return () => this.#listeners.remove(event, listener);
  }
  /** Calls `listener` with the data of the next such event only. Returns the function that takes it off. */
  once(event, listener) {
    const off = this.on(event, (data) => {
      off();
      listener(data);
    });
    return off;
  }
  /** Takes off a listener that `on` has added. */
  off(event, listener) {
    this.#listeners.remove(event, listener);
  }
  /**
   * Sends an event, or holds it until it can be sent. Returns `false` for a volatile one that cannot be sent at once. Throws
   * `queue_full`, and `closed`. An event that was sent just before a loss may not have arrived.
   */
  emit(event, ...[data, options]) {
    if (options?.volatile) {
      if (!this.#link.queue.isFree) return false;
    } else if (this.status.name === "closed") {
      throw failure("closed", "the client is closed");
    }
    this.#link.queue.push(this.#link.encode({ event, data }));
    return true;
  }
  /**
   * Sends a request and resolves with its reply. Rejects with a `GatewayError`: the server's exception, or `timeout`, `aborted`,
   * `disconnected` (the request may have been handled), `queue_full`, `closed`.
   */
  request(event, ...[data, options = {}]) {
    return new Promise((resolve, reject) => {
      const reply = new Reply(resolve, reject, this.#cancel);
      if (reply.begin(options.timeout ?? 1e4, options.signal)) this.#ask({ event, data }, reply, options.volatile);
    });
  }
  /**
   * Presents new credentials on this connection, before the server's grant of the old ones expires. Resolves once the server has
   * accepted them, rejects as `request` does. After a refusal the server closes the connection. The next connection has the
   * credentials of the option `auth`.
   */
  renew(credentials, options = {}) {
    return new Promise((resolve, reject) => {
      const reply = new Reply(() => resolve(), reject, this.#cancel);
      if (reply.begin(options.timeout ?? 1e4, options.signal)) this.#ask({ auth: credentials }, reply, options.volatile);
    });
  }
  /**
   * Returns the stream that answers a request. Nothing is sent before its first item is asked for. Leaving the loop cancels it at
   * the server. Fails with a `GatewayError` as `request` does, and with `overflow`.
   */
  stream(event, ...[data, options]) {
    return new Stream((stream) => this.#ask({ event, data }, stream), this.#cancel, this.#most, options?.signal);
  }
  /**
   * Answers a question of the server with what `answer` returns or resolves with. What it throws is sent as the error: its `code`
   * and `message`. Returns the function that ends that. A later function for the same event takes the place of an earlier one.
   */
  answer(event, answer) {
    return this.#answers.set(event, answer);
  }
  /** Resolves once nothing waits in the queue and the WebSocket's buffer has room. Rejects when the client is closed. */
  drained() {
    if (this.status.name === "closed") return Promise.reject(failure("closed", "the client is closed"));
    return this.#link.queue.drained();
  }
  /** Resolves once the server has accepted this client. Rejects when the client is closed. */
  ready() {
    return new Promise((resolve, reject) => {
      const look = (status) => {
        if (status.name === "closed") reject(status.error ?? failure("closed", `closed with ${status.code} ${status.reason}`.trim()));
        else if (status.name === "open") resolve();
        else return;
        off();
      };
      const off = this.subscribe(look);
      look(this.status);
    });
  }
  /** Tries again now instead of at `status.retryAt`, for a person who asks for it. */
  retry() {
    this.#link.retry();
  }
  /** Ends the client and its session for good. `code` is 1000, or 3000 to 4999. */
  close(code = 1e3, reason = "") {
    this.#link.close(code, reason);
  }
  /** Sends a request, which gets its id here, or fails it. */
  #ask(message, waiting, volatile) {
    const { queue, status } = this.#link;
    if (status.name === "closed") return waiting.fail(failure("closed", "the client is closed"));
    if (volatile && !queue.isFree) {
      return waiting.fail(status.name === "open" ? failure("queue_full", "other messages wait to be sent") : failure("disconnected", "there is no connection"));
    }
    this.#requests.add(waiting);
    try {
      message.id = waiting.id;
      queue.push(this.#link.encode(message), waiting);
    } catch (error) {
      this.#requests.remove(waiting);
      waiting.fail(error);
    }
  }
  /** Forgets a request, and tells the server if that may be at work on it. */
  #cancel = (waiting) => {
    if (!this.#requests.remove(waiting)) return;
    if (waiting.queued) this.#link.queue.remove(waiting.queued);
    else this.#link.sendNow({ cancel: waiting.id });
  };
};
var connect = (url, options) => new Client(url, options);
export {
  Client,
  GatewayError,
  connect,
  fromBase64,
  toBase64
};
