/** Node's `http2` with `ws` on its streams (RFC 8441): an echo of the plain protocol's envelope, as in `ws.mjs`. */

import { createServer } from "node:http2";
import { WebSocket } from "ws";

const server = createServer({ settings: { enableConnectProtocol: true } });
server.on("stream", (stream, headers) => {
  if (headers[":method"] !== "CONNECT" || headers[":protocol"] !== "websocket") return stream.respond({ ":status": 404 }, { endStream: true });
  stream.respond({ ":status": 200 });
  // What `ws` asks of a socket of TCP.
  stream.setNoDelay = () => {};
  stream.setKeepAlive = () => {};
  const socket = new WebSocket(null, undefined, {});
  socket._isServer = true;
  socket.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 1 << 20, skipUTF8Validation: false });
  socket.on("error", () => {});
  socket.on("message", (text) => {
    const { event, data } = JSON.parse(text);
    socket.send(JSON.stringify({ event, data }));
  });
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
