// Generated from the contract of contract 0.1.0. Do not edit: it is written anew.

import type { Socket } from "socket.io-client";

/** A failure: what an acknowledgement carries in place of its value, and the payload of the event `exception`. */
export interface GatewayException {
  status: "error";
  message: string;
  code?: string;
  details?: unknown;
  id?: string;
  cause?: { pattern?: string };
}

/** Tells a failure from the value of an acknowledgement. */
export function isException(answer: unknown): answer is GatewayException {
  return typeof answer === "object" && answer !== null && (answer as GatewayException).status === "error" && "message" in answer;
}

type Data<F> = F extends (...args: infer A) => void ? (A extends [...infer D, (reply: any) => void] ? D : never) : never;
type Reply<F> = F extends (...args: infer A) => void
  ? A extends [...unknown[], (reply: infer R) => void] ? Exclude<R, GatewayException> : never
  : never;

/**
 * Sends an event and resolves with the reply. Rejects with an `Error` whose `cause` is the failure, or after `timeout` milliseconds.
 *
 * `emitWithAck` after `timeout()` has no types of its own.
 */
export async function call<E extends Record<N, (...args: any[]) => void>, N extends keyof E & string>(
  socket: Socket<any, E>, timeout: number, name: N, ...data: Data<E[N]>
): Promise<Reply<E[N]>> {
  const untyped: Socket = socket as any;
  const answer: unknown = await untyped.timeout(timeout).emitWithAck(name, ...data);
  if (isException(answer)) throw Object.assign(new Error(answer.message), { cause: answer });
  return answer as Reply<E[N]>;
}

/** A client has added a ticket. */
export interface Added {
  ticket: Ticket;
}

/** - `started`: Somebody works on it. */
export type Column = "done" | "started" | "waiting";

/** The server asks the client whether it means that. */
export interface MayRemove {
  title: string;
}

/** A ticket is in another column. */
export interface Moved {
  column: Column;
  id: number;
  note: string | null;
}

/** A ticket as a client writes it. */
export interface NewTicket {
  /**
   * Left out, the ticket waits.
   * Default: `"waiting"`.
   */
  column?: Column | undefined;
  title: string;
}

export interface Removed {
  id: number;
}

/** Credentials: the name under which a client writes. */
export interface SignIn {
  name: string;
}

/** A ticket on a board. */
export interface Ticket {
  /** Name of its author. */
  by: string;
  column: Column;
  id: number;
  title: string;
}

/** Events that the server sends in `/boards/{board}`. */
export interface BoardsBoardServerToClientEvents {
  /** A client has added a ticket. */
  added: (data: Added) => void;
  /** A ticket is in another column. */
  moved: (data: Moved) => void;
  /** The server asks the client whether it means that. */
  "remove?": (data: MayRemove, ack: (answer: boolean) => void) => void;
  removed: (data: Removed) => void;
  /** An item of the stream that answers `tickets`. */
  tickets: (item: Ticket) => void;
  /** A failure of an event that was sent without an acknowledgement. */
  exception: (failure: GatewayException) => void;
}

/** Events that clients send in `/boards/{board}`. An acknowledgement has one value: the reply, or the failure. */
export interface BoardsBoardClientToServerEvents {
  /** Adds a ticket. The reply is its number. */
  add: (data: NewTicket, ack: (reply: number | GatewayException) => void) => void;
  /**
   * Moves a ticket to another column.
   * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
   * - Fails with `not_agreed`: The client did not agree in time.
   */
  move: (...args: [data1: number, data2: Column, data3: string | null, ack: (reply: null | GatewayException) => void] | [data1: number, data2: Column, ack: (reply: null | GatewayException) => void] | [data1: number, data2: Column, data3: string | null] | [data1: number, data2: Column]) => void;
  /**
   * Removes a ticket once the client has agreed.
   * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
   * - Fails with `not_agreed`: The client did not agree in time.
   */
  remove: (...args: [data: number, ack: (reply: null | GatewayException) => void] | [data: number]) => void;
  /** All tickets, one after the other. */
  tickets: (ack: (reply: void | GatewayException) => void) => void;
}
