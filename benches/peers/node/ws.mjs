// npm ws as its documentation has it.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: port(), backlog: 4096 });
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (message) => {
    const { event, data } = JSON.parse(message);
    if (event === "echo") {
      socket.send(JSON.stringify({ event, data }));
    } else if (event === "broadcast") {
      const text = JSON.stringify({ event, data });
      for (const client of server.clients) client.send(text);
    }
  });
});

function port() {
  const at = process.argv.indexOf("--port");
  return at < 0 ? 0 : Number(process.argv[at + 1]);
}
