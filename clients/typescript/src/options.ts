/** Settings of a client, and the shapes that it asks of a runtime. Nothing here needs types of a browser or of Node. */

import type { Format } from "./format.js";

/** The part of a WebSocket that the client uses: that of browsers, Node 22, Deno and Bun, and npm's `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  binaryType: any;
  onopen: any;
  onmessage: any;
  onerror: any;
  onclose: any;
  send(message: any): void;
  close(code?: number, reason?: string): void;
}

/** The constructor of such a WebSocket. */
export interface WebSocketConstructor {
  new (url: any, protocols?: any, options?: any): WebSocketLike;
}

/** The part of an `AbortSignal` that the client uses. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: any;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Milliseconds. */
export interface Delays {
  /** Upper bound of the first wait after a loss. The bound doubles with each attempt that fails. Default: 500. */
  base?: number;
  /** Upper bound of every wait, a pause that the server asked for left out. Default: 30 000. */
  cap?: number;
  /** Time after which an attempt to connect is given up. It includes the server's guards and connect hook. Default: 20 000. */
  connect?: number;
}

/** Bounds of what is held in memory. */
export interface Bounds {
  /** Bytes in the WebSocket's own buffer from which on messages wait in the client's queue. Default: 256 KiB. */
  buffered?: number;
  /** Length of all messages that wait in the queue. One more is refused with the code `queue_full`. Default: 1 MiB. */
  queue?: number;
  /** Items of one stream that were not read yet. One more ends the stream with the code `overflow`. Default: 16 384. */
  stream?: number;
}

export interface Options {
  /** Credentials, or a function that returns them. The function is called before each attempt. */
  auth?: unknown;
  /** Place of the credentials in the handshake: a subprotocol entry, or `?auth=` of the URL. Default: `"protocol"`. */
  authIn?: "protocol" | "query";
  /** Headers of the handshake, such as `cookie`. Node, Bun and Deno can send them, browsers cannot. */
  headers?: Record<string, string>;
  /** Subprotocols to offer beside the client's own. */
  protocols?: string[];
  /** Whether to resume the session after a loss. `false` for servers of other frameworks, which know no sessions. Default: `true`. */
  resume?: boolean;
  delays?: Delays;
  bounds?: Bounds;
  /** Format of messages. Default: JSON. */
  format?: Format;
  /** Constructor of WebSockets for runtimes without a global one. */
  WebSocket?: WebSocketConstructor;
  /** Called with what a listener throws, and with messages that cannot be read. Default: it is thrown as uncaught. */
  onerror?: (error: unknown) => void;
}

export interface EmitOptions {
  /** Sends the event only if that is possible at once. Otherwise it is dropped. */
  volatile?: boolean;
}

export interface RequestOptions {
  /** Milliseconds until the request fails with the code `timeout`, time in the queue included. Default: 10 000. */
  timeout?: number;
  /** Cancels the request: it fails with the code `aborted`. */
  signal?: Signal;
  /**
   * Sends the request only if that is possible at once. Otherwise it fails with the code `disconnected`, or with `queue_full` where
   * other messages wait.
   */
  volatile?: boolean;
}

export interface StreamOptions {
  /** Cancels the stream: it fails with the code `aborted`. */
  signal?: Signal;
}
