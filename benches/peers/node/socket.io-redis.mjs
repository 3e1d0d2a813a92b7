// npm socket.io with @socket.io/redis-adapter, as its documentation has it: `pub_sub` or `sharded`, then the URL of Redis.
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [kind, url] = process.argv.slice(2);
const publisher = createClient({ url });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);
const adapter = kind === "sharded" ? createShardedAdapter : createAdapter;

const http = createServer();
const server = new Server(http, { adapter: adapter(publisher, subscriber) });
server.on("connection", (socket) => {
  socket.join("everybody");
  socket.on("echo", (data) => socket.emit("echo", data));
  socket.on("broadcast", (data) => server.to("everybody").emit("broadcast", data));
  socket.on("alone", (data) => {
    socket.join("alone");
    server.to("alone").emit("broadcast", data);
  });
});
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${http.address().port}`);
});
