// Bun's own server, which has uWebSockets inside; the room is a topic.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("", { status: 426 });
  },
  websocket: {
    open(socket) {
      socket.subscribe("everybody");
    },
    message(socket, message) {
      const { event, data } = JSON.parse(message);
      if (event === "echo") socket.send(JSON.stringify({ event, data }));
      else if (event === "broadcast") server.publish("everybody", JSON.stringify({ event, data }));
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);
