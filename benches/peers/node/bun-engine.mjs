// Socket.IO's own engine for Bun's server, as its documentation has it.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

const server = new Server();
const engine = new Engine({ path: "/socket.io/" });
server.bind(engine);
server.on("connection", (socket) => {
  socket.join("everybody");
  socket.on("echo", (data) => socket.emit("echo", data));
  socket.on("ask", (data, answer) => answer(data));
  socket.on("broadcast", (data) => server.to("everybody").emit("broadcast", data));
});
const http = Bun.serve({ hostname: "127.0.0.1", port: 0, ...engine.handler() });
console.log(`listening on 127.0.0.1:${http.port}`);
