/**
 * Clients that are measured: ours, socket.io-client, and two that read no message, which show the least that a client can take:
 * `ws` counts the messages of a WebSocket, `stream` the frames of a TCP stream.
 *
 * `requests(count)` resolves once as many requests have their replies, `events(count)` once as many events have come, which the server
 * writes together.
 */

import { createRequire } from "node:module";
import { connect as connectStream } from "node:net";

const require = createRequire(import.meta.url);
/** As socket.io-client itself requires packages. */
const requireOfSocketIo = createRequire(require.resolve("socket.io-client"));
/** The npm package `ws` of the version that socket.io-client has, for every client. */
const ws = createRequire(requireOfSocketIo.resolve("engine.io-client"))("ws");

const data = { room: "lobby", text: "x".repeat(64), tag: 7 };

/** Calls `last` at the last of `count` calls. */
const countdown = (count, last) => () => {
  count -= 1;
  if (count === 0) last();
};

async function ours(url, WebSocket) {
  const { connect } = await import("../dist/index.js");
  const client = connect(url, { WebSocket });
  await client.ready();
  return {
    requests: (count) => Promise.all(Array.from({ length: count }, () => client.request("echo", data, { timeout: Infinity }))),
    events: (count) => new Promise((resolve) => {
      const off = client.on("number", countdown(count, () => { off(); resolve(); }));
      client.emit("flood", count);
    }),
  };
}

async function socketIo(url, transport) {
  const { io } = await import("socket.io-client");
  const socket = io(url.replace("ws:", "http:"), { transports: [transport] });
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    requests: (count) => Promise.all(Array.from({ length: count }, () => socket.emitWithAck("echo", data))),
    events: (count) => new Promise((resolve) => {
      const listener = countdown(count, () => { socket.off("number", listener); resolve(); });
      socket.on("number", listener);
      socket.emit("flood", count);
    }),
  };
}

/** Sends messages of the plain protocol with `send` and counts what comes with `received`. */
class Counting {
  #id = 0;
  received = () => {};

  constructor(send) {
    this.send = (message) => send(JSON.stringify(message));
  }

  next(count) {
    return new Promise((resolve) => { this.received = countdown(count, resolve); });
  }

  requests(count) {
    const replies = this.next(count);
    for (let sent = 0; sent < count; sent += 1) this.send({ event: "echo", data, id: this.#id += 1 });
    return replies;
  }

  events(count) {
    const events = this.next(count);
    this.send({ event: "flood", data: count });
    return events;
  }
}

/** Writes what is sent in one turn together. */
function corked(stream) {
  if (stream.writableCorked) return;
  stream.cork();
  queueMicrotask(() => stream.uncork());
}

async function webSocketAlone(url, WebSocket) {
  const socket = new WebSocket(url, ["gateway.v1"]);
  const client = new Counting((text) => {
    if (socket._socket) corked(socket._socket);
    socket.send(text);
  });
  socket.onmessage = () => client.received();
  await client.next(1); // the event `welcome`
  return client;
}

async function streamAlone(url) {
  const { host, hostname, port } = new URL(url);
  const stream = connectStream({ host: hostname, port });
  stream.setNoDelay(true);
  const client = new Counting((text) => {
    corked(stream);
    stream.write(maskedFrame(text));
  });
  stream.on("data", frames(() => client.received()));
  stream.write([
    "GET / HTTP/1.1", `Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: gateway.v1", "", "",
  ].join("\r\n"));
  await client.next(1); // the event `welcome`
  return client;
}

/** A text frame of at most 65 535 bytes, masked with zeros. */
function maskedFrame(text) {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? [0x81, 0x80 | length] : [0x81, 0xfe, length >> 8, length & 0xff];
  const frame = Buffer.alloc(header.length + 4 + length);
  frame.set(header);
  frame.write(text, header.length + 4);
  return frame;
}

/** Returns a function that takes chunks of the stream: the head of the response, and frames of at most 65 535 bytes. */
function frames(received) {
  let rest = null, isOpen = false;
  return (chunk) => {
    if (rest) chunk = Buffer.concat([rest, chunk]);
    let at = 0;
    if (!isOpen) {
      const end = chunk.indexOf("\r\n\r\n");
      if (end < 0) return void (rest = chunk);
      isOpen = true;
      at = end + 4;
    }
    for (;;) {
      const left = chunk.length - at;
      if (left < 4) break;
      const short = chunk[at + 1] & 0x7f;
      const whole = short < 126 ? 2 + short : 4 + chunk.readUInt16BE(at + 2);
      if (left < whole) break;
      at += whole;
      received();
    }
    rest = at < chunk.length ? chunk.subarray(at) : null;
  };
}

/** By WebSocket and name: each takes the URL and resolves with a client. */
export const clients = {
  ws: {
    ours: (url) => ours(url, ws),
    "socket.io-client": (url) => socketIo(url, "websocket"),
    "the WebSocket alone": (url) => webSocketAlone(url, ws),
    "a TCP stream alone": streamAlone,
  },
  global: {
    ours: (url) => ours(url, globalThis.WebSocket),
    "socket.io-client": (url) => socketIo(url, requireOfSocketIo("engine.io-client").WebSocket),
    "the WebSocket alone": (url) => webSocketAlone(url, globalThis.WebSocket),
  },
};
