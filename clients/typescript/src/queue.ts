/** Messages on their way out: sent at once, or held while there is no connection or its buffer is full. */

import type { Connection } from "./connection.js";
import { failure } from "./error.js";
import type { Wire } from "./format.js";

/** A browser tells nobody that its buffer has emptied, so the queue looks. Milliseconds. */
const LOOK = 10;

/** A message that waits. */
export interface Queued {
  message: Wire;
  /** Its `queued` is this entry until the message goes out. */
  owner: Owner | undefined;
}

export interface Owner {
  queued: Queued | null;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class Queue {
  #queued: Queued[] = [];
  #length = 0;
  #waiters: Waiter[] = [];
  #connection: Connection | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #high: number;
  #most: number;

  constructor(high: number, most: number) {
    this.#high = high;
    this.#most = most;
  }

  /** Length of the messages that wait, and of those in the WebSocket's buffer. */
  get length(): number {
    return this.#length + (this.#connection?.buffered ?? 0);
  }

  /** Whether a message would go out at once. */
  get isFree(): boolean {
    return this.#queued.length === 0 && this.#connection !== null && this.#connection.isOpen && this.#connection.buffered < this.#high;
  }

  /** Sends through this connection from now on, what waits first; through none with `null`. */
  attach(connection: Connection | null): void {
    this.#connection = connection;
    this.flush();
  }

  /** Sends a message or holds it. Throws `queue_full`. */
  push(message: Wire, owner?: Owner): void {
    if (this.isFree) return this.#connection?.send(message);
    // A message that alone is larger than the bound may wait alone.
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
  remove(entry: Queued): void {
    const at = this.#queued.indexOf(entry);
    if (at < 0) return;
    this.#queued.splice(at, 1);
    this.#length -= entry.message.length;
  }

  /** Resolves once nothing waits and the WebSocket's buffer has room. */
  drained(): Promise<void> {
    if (this.isFree) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.flush();
    });
  }

  /** Sends as much as the WebSocket's buffer has room for. */
  flush(): void {
    const connection = this.#connection;
    if (!connection?.isOpen || this.#queued.length + this.#waiters.length === 0) return;
    let gone = 0;
    while (gone < this.#queued.length && connection.buffered < this.#high) {
      const entry = this.#queued[gone++] as Queued;
      this.#length -= entry.message.length;
      if (entry.owner) entry.owner.queued = null;
      connection.send(entry.message);
    }
    this.#queued.splice(0, gone);
    if (this.isFree) for (const { resolve } of this.#waiters.splice(0)) resolve();
    else this.#look();
  }

  /** Drops everything, for good. */
  end(error: unknown): void {
    clearTimeout(this.#timer);
    this.#connection = null;
    this.#queued = [];
    this.#length = 0;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), LOOK);
  }
}
