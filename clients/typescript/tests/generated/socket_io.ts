// Generated from the contract of chat 0.1.0. Do not edit: it is written anew.

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

export type Anything = unknown;

export type Empty = Record<string, never>;

export type Flat = ({
  a: string;
} | {
  b: string;
}) & {
  id: number;
};

/** - `urgent`: At once. */
export type Level = "info" | "urgent";

export interface Node {
  children: Node[];
}

export type Nothing = never;

export interface Page_User_ {
  items: (string | null)[];
}

export type Page_User_2 = [string, number?];

/** A message *\/ of the room. */
export interface Posted {
  /** Name of the author. */
  from: string;
  /** May lie beyond 2^53 - 1. */
  id: number;
  /** Default: `"info"`. */
  level?: "info" | "urgent" | undefined;
  /** @deprecated */
  old?: boolean | undefined;
  "reply-to"?: number | null | undefined;
}

export type Record2 = Record<string, number>;

export type Shape = {
  kind: "circle";
  radius: number;
} | Posted & {
  kind: "posted";
} | null;

/** Events that the server sends in `/`. */
export interface RootServerToClientEvents {
  tick: (data: number) => void;
  /** A failure of an event that was sent without an acknowledgement. */
  exception: (failure: GatewayException) => void;
}

/** Events that clients send in `/`. An acknowledgement has one value: the reply, or the failure. */
export interface RootClientToServerEvents {
}

/** Events that the server sends in `/chat/{room}/{id}`. */
export interface ChatRoomIdServerToClientEvents {
  posted: (data: Posted) => void;
  "room.closed": (data: null) => void;
  confirm: (data: string, ack: (answer: boolean) => void) => void;
  page: (data: Page_User_) => void;
  pair: (data: Page_User_2) => void;
  flat: (data: Flat) => void;
  /** An item of the stream that answers `ticks`. */
  ticks: (item: number) => void;
  /** A failure of an event that was sent without an acknowledgement. */
  exception: (failure: GatewayException) => void;
}

/** Events that clients send in `/chat/{room}/{id}`. An acknowledgement has one value: the reply, or the failure. */
export interface ChatRoomIdClientToServerEvents {
  /**
   * Says something.
   * - Fails with `muted`: The author may not write.
   */
  message: (data: {
    level?: Level | undefined;
    text: string;
  }, ack: (reply: Posted | GatewayException) => void) => void;
  typing: (...args: [data: boolean, ack: (reply: null | GatewayException) => void] | [data: boolean]) => void;
  leave: (...args: [ack: (reply: null | GatewayException) => void] | []) => void;
  find: (...args: [data: string | null, ack: (reply: Shape | null | GatewayException) => void] | [ack: (reply: Shape | null | GatewayException) => void]) => void;
  "move to": (...args: [data1: string, data2: number, ack: (reply: unknown) => void] | [data1: string, ack: (reply: unknown) => void]) => void;
  upload: (data: ArrayBuffer | Uint8Array, ack: (reply: ArrayBuffer | Uint8Array | GatewayException) => void) => void;
  ticks: (data: Record2, ack: (reply: void | GatewayException) => void) => void;
  [name: `order.${string}`]: (...args: [data: Node, ack: (reply: null | GatewayException) => void] | [data: Node]) => void;
  /** @deprecated */
  opaque: (...args: [data: unknown, ack: (reply: null | GatewayException) => void] | [data: unknown]) => void;
}
