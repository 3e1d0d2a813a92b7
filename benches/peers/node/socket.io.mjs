// npm socket.io as its documentation has it.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http);
server.on("connection", (socket) => {
  socket.join("everybody");
  socket.on("echo", (data) => socket.emit("echo", data));
  socket.on("ask", (data, answer) => answer(data));
  socket.on("broadcast", (data) => server.to("everybody").emit("broadcast", data));
});
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${http.address().port}`);
});
