/** Members of the messages of docs/protocol.md, and how they are written. */

import { isBinary, toBase64 } from "./base64.js";

/** A message of the client. */
export interface Outgoing {
  event?: string;
  data?: unknown;
  id?: number;
  answer?: number | undefined;
  error?: unknown;
  cancel?: number;
  /** New credentials. */
  auth?: unknown;
}

/** A message of the server. */
export interface Incoming {
  event?: string;
  data?: any;
  id?: number;
  more?: boolean;
  end?: boolean;
  ask?: number;
  offset?: number;
  session?: { id: string; resume?: string; resumed: boolean };
}

/** A message as the WebSocket takes it. */
export type Wire = string | Uint8Array;

/** A format of messages, and the subprotocol that selects it. */
export interface Format {
  /** Name of the subprotocol, such as `gateway.v1.msgpack`. */
  protocol: string;
  encode(message: object): Wire;
  /** Reads a text or binary message. A throw is reported, and the message is skipped. */
  decode(message: string | ArrayBuffer): unknown;
}

/** Subprotocols in which a server tells of sessions. A format of the application has none. */
export const WITH_SESSIONS = ["gateway.v1", "gateway.v1.msgpack"];

/** Whether there are bytes at any depth. */
function holdsBinary(value: any): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isBinary(value)) return true;
  if (Array.isArray(value)) return value.some(holdsBinary);
  for (const key in value) if (typeof value[key] === "object" && holdsBinary(value[key])) return true;
  return false;
}

/** The replacer reads the member itself: a `Buffer` of Node has become an array of numbers by then. */
function inBase64(this: any, key: string, value: unknown): unknown {
  return isBinary(this[key]) ? toBase64(this[key]) : value;
}

/** The JSON of docs/protocol.md. Bytes go as base64. */
export const json: Format = {
  protocol: "gateway.v1",
  encode: (message: Outgoing) => JSON.stringify(message, holdsBinary(message.data) ? inBase64 : undefined),
  decode: (message) => JSON.parse(typeof message === "string" ? message : new TextDecoder().decode(message)),
};
