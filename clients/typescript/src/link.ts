/** What keeps a client connected: attempts, their waits, the session, and the state of it all. Knows no requests. */

import { Backoff } from "./backoff.js";
import { EXPIRED, invitesBack } from "./close.js";
import { Connection } from "./connection.js";
import { failure, GatewayError } from "./error.js";
import { json, WITH_SESSIONS, type Format, type Incoming, type Outgoing, type Wire } from "./format.js";
import { open, webSocketUrl } from "./handshake.js";
import type { Options } from "./options.js";
import { Queue } from "./queue.js";
import type { Status } from "./status.js";

export interface LinkEvents {
  /** A frame other than those below. */
  received(frame: Incoming): void;
  /** A question. `reply` answers it, if the connection that it came by is still there. */
  asked(frame: Incoming, reply: (message: Outgoing) => void): void;
  /** What was sent may be lost. */
  lost(): void;
  closed(): void;
}

export class Link {
  status: Status = { name: "connecting" };
  readonly queue: Queue;
  #url: URL;
  #options: Options;
  #report: (error: unknown) => void;
  #events: LinkEvents;
  #format: Format;
  #backoff: Backoff;
  #patience: number;
  #connection: Connection | null = null;
  /** A connection that was given up. Its close frame would end the session, so it is closed once the next one is accepted. */
  #old: Connection | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #session: { token: string; offset: number } | null = null;
  #asksToResume: boolean;
  #wasAccepted = false;
  /** Whether the present connection has brought a sign that the server accepted it. */
  #isGreeted = false;
  /** The last exception before that. */
  #refusal: GatewayError | null = null;
  #subscribers = new Set<(status: Status) => void>();
  #forget = new AbortController();

  constructor(url: string | { href: string }, options: Options, report: (error: unknown) => void, events: LinkEvents) {
    const { delays = {}, bounds = {}, resume = true, format = json } = options;
    this.#url = webSocketUrl(url);
    this.#options = options;
    this.#report = report;
    this.#events = events;
    this.#format = format;
    this.#backoff = new Backoff(delays.base ?? 500, delays.cap ?? 30_000);
    this.#patience = delays.connect ?? 20_000;
    this.queue = new Queue(bounds.buffered ?? 256 * 1024, bounds.queue ?? 1024 * 1024);
    this.#asksToResume = resume;
    this.#watch();
    // After the caller's own statements, so that listeners set right away miss nothing.
    queueMicrotask(() => void this.#open());
  }

  subscribe(listener: (status: Status) => void): () => void {
    // A function that is given twice is called twice, until each has ended.
    const own = (status: Status): void => listener(status);
    this.#subscribers.add(own);
    return () => void this.#subscribers.delete(own);
  }

  encode(message: Outgoing): Wire {
    return this.#format.encode(message);
  }

  /** Sends a message past the queue, if there is a connection. */
  sendNow(message: Outgoing): void {
    if (this.#connection?.isOpen) this.#connection.send(this.encode(message));
  }

  retry(): void {
    if (this.status.name === "waiting") void this.#open();
  }

  close(code: number, reason: string): void {
    const connection = this.#connection;
    connection?.close(code, reason);
    this.#end(code, reason);
  }

  /** Networks and pages come and go. */
  #watch(): void {
    const { signal } = this.#forget;
    const on = globalThis.addEventListener?.bind(globalThis);
    on?.("online", () => this.#revive(), { signal });
    on?.("offline", () => this.#lose(1006, "offline"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this.#revive(), { signal });
  }

  async #open(): Promise<void> {
    if (this.status.name === "closed") return;
    clearTimeout(this.#timer);
    this.#refusal = null;
    this.#isGreeted = false;
    const connecting: Status = { name: "connecting" };
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

  #connect(credentials: unknown): void {
    try {
      const resume = this.#session ? `resume.${this.#session.token}.${this.#session.offset}` : this.#asksToResume ? "resume" : null;
      const socket = open(this.#url, this.#options, this.#format.protocol, credentials, resume);
      const connection = this.#connection = new Connection(socket, this.#patience, {
        opened: () => {
          if (!this.#hasSessions(connection)) this.#accepted(undefined, false);
        },
        received: (message) => this.#receive(connection, message),
        ended: (code, reason) => this.#ended(code, reason),
      });
    } catch (error) {
      // The address or an option is wrong: the next attempt would fail like this one.
      this.#end(1006, "no connection can be made", error);
    }
  }

  /** Whether the server says with a frame of its own that it has accepted: in the formats of the framework, where it was asked to. */
  #hasSessions(connection: Connection): boolean {
    return this.#asksToResume && WITH_SESSIONS.includes(connection.protocol);
  }

  #receive(connection: Connection, message: string | ArrayBuffer): void {
    let frame: Incoming;
    try {
      frame = this.#format.decode(message) as Incoming;
      if (typeof frame !== "object" || frame === null) throw new TypeError("not an object");
    } catch (error) {
      return this.#report(failure("malformed", "a message of the server cannot be read", error));
    }
    if (frame.session) return this.#resumed(frame.session);
    if (frame.offset !== undefined && this.#session) this.#session.offset = frame.offset;
    if (!this.#isGreeted) {
      if (frame.event === "exception" && frame.id === undefined) this.#refusal = new GatewayError(frame.data);
      else if (!this.#hasSessions(connection)) this.#greeted();
    }
    if (frame.ask === undefined) this.#events.received(frame);
    else this.#events.asked(frame, (answer) => { if (connection === this.#connection) this.sendNow(answer); });
    this.queue.flush();
  }

  #greeted(): void {
    this.#isGreeted = true;
    this.#refusal = null;
    this.#backoff.attempt = 0;
  }

  #resumed({ id, resume, resumed }: NonNullable<Incoming["session"]>): void {
    if (!resume) this.#session = null;
    else if (!resumed || !this.#session) this.#session = { token: resume, offset: 0 };
    this.#greeted();
    this.#accepted(id, resumed);
  }

  #accepted(id: string | undefined, resumed: boolean): void {
    const reconnected = this.#wasAccepted;
    this.#wasAccepted = true;
    this.#connection?.accepted();
    this.#old?.close();
    this.#old = null;
    this.queue.attach(this.#connection);
    this.#become({ name: "open", id, resumed, reconnected });
  }

  #ended(code: number, reason: string): void {
    this.#connection = null;
    const hasNewCredentials = code === EXPIRED && typeof this.#options.auth === "function";
    if (hasNewCredentials || invitesBack(code)) this.#lose(code, reason);
    else this.#end(code, reason);
  }

  /** The connection is gone or given up: it is tried again later. */
  #lose(code: number, reason: string, error: unknown = this.#refusal): void {
    if (this.status.name === "closed") return;
    this.#abandon();
    const offline = globalThis.navigator?.onLine === false;
    const retryAt = this.#backoff.next(reason);
    if (!offline) this.#timer = setTimeout(() => void this.#open(), retryAt - Date.now());
    this.#become({ name: "waiting", retryAt: offline ? null : retryAt, attempt: this.#backoff.attempt, code, reason, error });
    this.#events.lost();
  }

  /** The network is back, or the page is seen again: the jitter need not be waited for, the server's pause must. */
  #revive(): void {
    if (this.status.name !== "waiting") return;
    const { earliest } = this.#backoff;
    if (earliest <= Date.now()) return void this.#open();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), earliest - Date.now());
    this.#become({ ...this.status, retryAt: earliest });
  }

  #end(code: number, reason: string, error: unknown = this.#refusal): void {
    if (this.status.name === "closed") return;
    this.#abandon();
    this.#old?.close();
    this.#session = null;
    this.#forget.abort();
    this.queue.end(failure("closed", "the client is closed"));
    this.#become({ name: "closed", code, reason, error: error as GatewayError | null });
    this.#events.closed();
  }

  #abandon(): void {
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = null;
    this.queue.attach(null);
    if (!connection) return;
    connection.detach();
    // One that is not open yet ends without a close frame, and must not resume the session after the next one has.
    if (!this.#session || !connection.isOpen) return connection.close();
    this.#old?.close();
    this.#old = connection;
  }

  #become(status: Status): void {
    this.status = status;
    for (const subscriber of [...this.#subscribers]) {
      try {
        subscriber(status);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
