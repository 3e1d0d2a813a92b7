/** Requests that a server refuses, with bodies of all kinds. */

import { connect } from "node:net";
import { within } from "./parts.js";

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const GONE = "POST /socket.io/?EIO=4&transport=polling&sid=gone";

/** The status each is answered with, its line, and further headers. */
const REFUSED = [
  [404, "POST /none", ""],
  [426, "POST /", ""],
  [400, GONE, ""],
  [403, GONE, "Origin: http://evil.example\r\n"],
];

/** A handshake with a body, which not every proxy takes for one. */
export const HANDSHAKE = [403, "GET /", `${UPGRADE}Origin: http://evil.example\r\n`];

/** The status of a request whose body is written whole before the answer is looked at, or once it was asked for. */
async function post(port, line, headers, { length, chunked, expect }) {
  const socket = connect(port, "127.0.0.1");
  const payload = "4".repeat(length);
  const body = chunked ? `${length.toString(16)}\r\n${payload}\r\n0\r\n\r\n` : payload;
  const answered = new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (more) => {
      text += more;
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
      const last = statuses.find((status) => status !== 100);
      if (last) resolve(last);
      else if (expect) socket.write(body);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`it ended after "${text}"`)));
  });
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const waits = expect ? "Expect: 100-continue\r\n" : "";
  socket.write(`${line} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}${waits}${framing}\r\n\r\n`);
  if (!expect) socket.write(body);
  try {
    return await within(`the answer to ${line}`, answered);
  } finally {
    socket.destroy();
  }
}

/**
 * Sends each so many times in each way; throws with the first that is answered otherwise. `asked` is the longest body that its
 * client sends only when it is asked to.
 */
export async function refuseAll(port, times, { more = [], asked = 1_000_000 } = {}) {
  for (const [status, line, headers] of [...REFUSED, ...more]) {
    for (const length of [1_000, 100_000, 1_000_000]) {
      for (const [chunked, expect] of [[false, false], [true, false], [false, true]]) {
        for (let time = 0; time < times && (!expect || length <= asked); time += 1) {
          const answer = await post(port, line, headers, { length, chunked, expect }).catch((error) => error);
          if (answer !== status) throw new Error(`${answer} in place of ${status}: ${line}, ${length} bytes, chunked ${chunked}, waits ${expect}, time ${time}`);
        }
      }
    }
  }
}
