/** Requests that wait for their last frame. */

import { GatewayError } from "./error.js";
import type { Incoming } from "./format.js";

/** Told of everything that arrives for a request. */
export interface Waiting {
  item(data: any): void;
  /** The reply; `undefined` at the end of a stream. */
  done(data: any): void;
  fail(error: Error): void;
}

interface Entry {
  waiting: Waiting;
  /** Whether the server may have seen the request. */
  sent: boolean;
}

export class Requests {
  #entries = new Map<number, Entry>();
  #last = 0;

  /** Returns the id of a new request. */
  add(waiting: Waiting): number {
    this.#entries.set(++this.#last, { waiting, sent: false });
    return this.#last;
  }

  sent(id: number): void {
    const entry = this.#entries.get(id);
    if (entry) entry.sent = true;
  }

  /** Forgets a request. Returns whether the server may be at work on it. */
  remove(id: number): boolean {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    return entry?.sent ?? false;
  }

  /** Hands on a frame with an `id`. Frames of forgotten requests are ignored. */
  receive(id: number, { event, data, more, end }: Incoming): void {
    const waiting = this.#entries.get(id)?.waiting;
    if (!waiting) return;
    if (more) return waiting.item(data);
    this.#entries.delete(id);
    if (event === "exception") waiting.fail(new GatewayError(data));
    else waiting.done(end ? undefined : data);
  }

  /** Fails those that were sent, or all of them. */
  fail(error: GatewayError, all: boolean): void {
    for (const [id, { waiting, sent }] of [...this.#entries]) {
      if (!sent && !all) continue;
      this.#entries.delete(id);
      waiting.fail(error);
    }
  }
}
