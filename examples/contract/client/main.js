/** `node main.js ws://127.0.0.1:3000` by the plain protocol, `node main.js http://127.0.0.1:3000` by Socket.IO. */

import WebSocket from "ws";

const [server] = process.argv.slice(2);
const { run } = await import(server.startsWith("ws") ? "./dist/plain.js" : "./dist/socket_io.js");
console.log(await run(server, { WebSocket }));
