/** A request that one reply answers, within a time and until it is aborted. */

import { failure } from "./error.js";
import type { Signal } from "./options.js";
import { Waiting } from "./requests.js";

/** Timers that are set for longer end at once. */
const LONGEST = 2 ** 31 - 1;

export class Reply extends Waiting {
  #resolve: (reply: any) => void;
  #reject: (error: unknown) => void;
  #cancel: (reply: Reply) => void;
  #signal: Signal | undefined;
  #abort: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `cancel` tells the server that nobody waits any more. */
  constructor(resolve: (reply: any) => void, reject: (error: unknown) => void, cancel: (reply: Reply) => void) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
    this.#cancel = cancel;
  }

  /** Begins to wait. Returns `false` if it is over already. */
  begin(timeout: number, signal: Signal | undefined): boolean {
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

  override item(): void {}

  override done(reply: any): void {
    this.#settle();
    this.#resolve(reply);
  }

  override fail(error: Error): void {
    this.#settle();
    this.#reject(error);
  }

  #giveUp(error: Error): void {
    this.#cancel(this);
    this.fail(error);
  }

  #settle(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#abort) this.#signal?.removeEventListener("abort", this.#abort);
  }
}
