/** One client under load: `load.js WHICH URL`. Prints the microseconds of CPU that each request with its reply took, and each event. */

import WebSocket from "ws";

const ROUNDS = 40, IN_FLIGHT = 500, EVENTS = 500;
const data = { room: "lobby", text: "x".repeat(64), tag: 7 };

const clients = {
  async ours(url) {
    const { connect } = await import("../dist/index.js");
    const client = connect(url, { WebSocket });
    await client.ready();
    return {
      request: () => client.request("echo", data, { timeout: Infinity }),
      listen: (count) => new Promise((resolve) => {
        let left = count;
        const off = client.on("number", () => { if (--left === 0) { off(); resolve(); } });
        client.emit("burst", { from: 0, count, every: 0 });
      }),
      close: () => client.close(),
    };
  },
  async "socket.io-client"(url) {
    const { io } = await import("socket.io-client");
    const socket = io(url.replace("ws:", "http:"), { transports: ["websocket"] });
    await new Promise((resolve) => socket.once("connect", resolve));
    return {
      request: () => socket.emitWithAck("echo", data),
      listen: (count) => new Promise((resolve) => {
        let left = count;
        const listener = () => { if (--left === 0) { socket.off("number", listener); resolve(); } };
        socket.on("number", listener);
        socket.emit("burst", { from: 0, count, every: 0 });
      }),
      close: () => socket.disconnect(),
    };
  },
};

const [which, url] = process.argv.slice(2);
const client = await clients[which](url);

/** Microseconds of CPU for each of `messages`, once the code is warm. */
async function cost(messages, round) {
  for (let times = 0; times < ROUNDS; times += 1) await round();
  const before = process.cpuUsage();
  for (let times = 0; times < ROUNDS; times += 1) await round();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (ROUNDS * messages);
}

const requests = await cost(IN_FLIGHT, () => Promise.all(Array.from({ length: IN_FLIGHT }, client.request)));
const events = await cost(EVENTS, () => client.listen(EVENTS));
console.log(JSON.stringify({ requests, events }));
client.close();
process.exit(0);
