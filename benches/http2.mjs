/**
 * The processor time of an echo in streams of HTTP/2: `node benches/http2.mjs SERVER [SECONDS [ROUNDS]]`, where SERVER is the built fixture
 * `bench`. It and Node's `http2` with `ws` (`peers/node/http2.mjs`) take turns under one load; both figures and their ratio are
 * of the same run, the medians of its rounds.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [program, seconds = "3", rounds = "5"] = process.argv.slice(2);
const SOCKETS = 20;
const TEXT = "x".repeat(32);
const MESSAGE = JSON.stringify({ event: "echo", data: TEXT });
/** Clock ticks of /proc, as on every Linux of today. */
const TICKS = 100;

/** RFC 6455 §5.2: a masked text below 126 bytes. */
function frame(text) {
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  const payload = Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, ...mask]), payload]);
}
const SENT = frame(MESSAGE);
/** The answer of either server: the envelope again, not masked. */
const ANSWER = 2 + MESSAGE.length;

async function started(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, address: line.match(/127\.0\.0\.1:\d+/)[0] };
}

/** Seconds of processor time, user and system. */
function consumed(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Microseconds of an echo with so many in flight in each socket. */
async function measured({ child, address }, inFlight) {
  const session = connect(`http://${address}`);
  await once(session, "remoteSettings");
  const batch = Buffer.concat(Array(inFlight).fill(SENT));
  let answered = 0, goesOn = true;
  const streams = await Promise.all(Array.from({ length: SOCKETS }, async () => {
    const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/", ":authority": address, "sec-websocket-version": "13" });
    const [headers] = await once(stream, "response");
    if (headers[":status"] !== 200) throw new Error(`status ${headers[":status"]}`);
    let bytes = 0;
    stream.on("data", (data) => {
      bytes += data.length;
      if (bytes < ANSWER * inFlight) return;
      if (bytes > ANSWER * inFlight) throw new Error(`an answer of another length: ${data}`);
      bytes = 0;
      answered += inFlight;
      if (goesOn) stream.write(batch);
    });
    return stream;
  }));
  for (const stream of streams) stream.write(batch);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [before, count] = [consumed(child.pid), answered];
  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
  const figure = (consumed(child.pid) - before) / (answered - count) * 1e6;
  goesOn = false;
  session.destroy();
  return figure;
}

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];

const servers = {
  ours: await started(program, ["--http2"]),
  "http2 + ws": await started(process.execPath, [fileURLToPath(new URL("peers/node/http2.mjs", import.meta.url))]),
};
for (const inFlight of [1, 16]) {
  const figures = { ours: [], "http2 + ws": [] };
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const [name, server] of Object.entries(servers)) figures[name].push(await measured(server, inFlight));
  }
  const [ours, peer] = Object.values(figures).map(median);
  console.log(`echo of 32 bytes, ${SOCKETS} sockets of one connection, ${inFlight} in flight: ours ${ours.toFixed(1)} µs, http2 + ws ${peer.toFixed(1)} µs, ratio ${(ours / peer).toFixed(2)}`);
}
for (const { child } of Object.values(servers)) child.kill("SIGTERM");
process.exit(0);
