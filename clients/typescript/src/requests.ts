/** Requests that wait for their last frame. */

import { GatewayError } from "./error.js";
import type { Incoming } from "./format.js";
import type { Queued } from "./queue.js";

/** A request that has no last frame yet. It is told of everything that arrives for it. */
export abstract class Waiting {
  /** Set by `Requests`. */
  id = 0;
  /** Its message, while that waits to be sent. Once it was sent the server may have seen the request. */
  queued: Queued | null = null;

  abstract item(data: any): void;
  /** Takes the reply; `undefined` at the end of a stream. */
  abstract done(data: any): void;
  abstract fail(error: Error): void;
}

export class Requests {
  #waiting = new Map<number, Waiting>();
  #last = 0;

  /** Gives a request its id. */
  add(waiting: Waiting): void {
    waiting.id = ++this.#last;
    this.#waiting.set(waiting.id, waiting);
  }

  /** Forgets a request. Returns whether it was known. */
  remove({ id }: Waiting): boolean {
    return this.#waiting.delete(id);
  }

  /** Hands on a frame with an `id`. Frames of forgotten requests are ignored. */
  receive(id: number, { event, data, more, end }: Incoming): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (more) return waiting.item(data);
    this.#waiting.delete(id);
    if (event === "exception") waiting.fail(new GatewayError(data));
    else waiting.done(end ? undefined : data);
  }

  /** Fails those that were sent, or all of them. */
  fail(error: GatewayError, all: boolean): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.queued && !all) continue;
      this.#waiting.delete(waiting.id);
      waiting.fail(error);
    }
  }
}
