/** The state of a client as a user interface shows it. Each change is a new object. */

import type { GatewayError } from "./error.js";

export type Status = Connecting | Open | Waiting | Closed;

/** An attempt to connect is under way. */
export interface Connecting {
  readonly name: "connecting";
}

/** The server has accepted this client. */
export interface Open {
  readonly name: "open";
  /** Id of the socket; absent where the server was not asked for it (`resume: false`, a format of the application). */
  readonly id?: string | undefined;
  /** Whether this is the socket of before the loss, with its rooms and every missed event. */
  readonly resumed: boolean;
  /** Whether the client had been accepted before. Reconnected and not resumed: load again what may have been missed. */
  readonly reconnected: boolean;
}

/** The connection is lost, or an attempt failed. */
export interface Waiting {
  readonly name: "waiting";
  /** Time of the next attempt in milliseconds, as of `Date.now()`; `null` while there is no network. */
  readonly retryAt: number | null;
  /** Number of the attempt that comes next, from 1. */
  readonly attempt: number;
  readonly code: number;
  readonly reason: string;
  /** The failure of the `auth` function, or the exception of a refusal. */
  readonly error: unknown;
}

/** The client has ended for good. */
export interface Closed {
  readonly name: "closed";
  readonly code: number;
  readonly reason: string;
  /** The exception that the server gave as the reason. */
  readonly error: GatewayError | null;
}
