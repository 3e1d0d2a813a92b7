/** When to try again. */

import { pauseIn } from "./close.js";

export class Backoff {
  /** Attempts since the server accepted this client. */
  attempt = 0;
  /** Time before which the server wants no attempt. */
  earliest = 0;
  #base: number;
  #cap: number;

  constructor(base: number, cap: number) {
    this.#base = base;
    this.#cap = cap;
  }

  /** Returns the time of the next attempt after a close with this reason. */
  next(reason: string): number {
    this.earliest = Date.now() + pauseIn(reason);
    // Full jitter: clients that a restart dropped together do not reconnect together.
    return this.earliest + Math.random() * Math.min(this.#cap, this.#base * 2 ** this.attempt++);
  }
}
