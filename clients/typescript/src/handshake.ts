/** The URL and the subprotocols of an attempt. */

import { base64url } from "./base64.js";
import type { Options, WebSocketConstructor, WebSocketLike } from "./options.js";

/** Returns the WebSocket URL of `ws:`, `http:` and, in browsers, relative addresses. */
export function webSocketUrl(url: string | { href: string }): URL {
  const found = new URL(typeof url === "string" ? url : url.href, globalThis.location?.href);
  found.protocol = found.protocol.replace("http", "ws");
  found.hash = "";
  return found;
}

/** Begins an attempt. `resume` is the entry that asks for a session. */
export function open(url: URL, options: Options, format: string, credentials: unknown, resume: string | null): WebSocketLike {
  const offered = [format];
  const target = new URL(url);
  if (resume) offered.push(resume);
  if (credentials !== undefined) {
    const text = JSON.stringify(credentials);
    if (options.authIn === "query") target.searchParams.set("auth", text);
    else offered.push("auth." + base64url(text));
  }
  const { headers, protocols = [], WebSocket: Given } = options;
  const all = [...offered, ...protocols];
  if (Given) return headers ? new Given(target.href, all, { headers }) : new Given(target.href, all);
  const Global = globalThis.WebSocket as unknown as WebSocketConstructor | undefined;
  if (!Global) throw new TypeError("this runtime has no WebSocket: give one as the option `WebSocket`");
  // The form of Node, Bun and Deno; browsers know no headers.
  return headers ? new Global(target.href, { protocols: all, headers }) : new Global(target.href, all);
}
