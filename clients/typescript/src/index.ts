/** The client of the plain WebSocket protocol (docs/protocol.md). docs/clients.md shows its use. */

export { fromBase64, toBase64 } from "./base64.js";
export { Client, connect } from "./client.js";
export type { AnyContract, Contract, Exception } from "./contract.js";
export { GatewayError, type ClientCode } from "./error.js";
export type { Format } from "./format.js";
export type {
  Bounds, Delays, EmitOptions, Options, RequestOptions, Signal, StreamOptions, WebSocketConstructor, WebSocketLike,
} from "./options.js";
export type { Closed, Connecting, Open, Status, Waiting } from "./status.js";
