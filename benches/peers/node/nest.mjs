// NestJS with its two adapters: `nest.mjs ws` and `nest.mjs socket.io`. Decorators are applied by hand: no compiler.
import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { IoAdapter } from "@nestjs/platform-socket.io";
import { WsAdapter } from "@nestjs/platform-ws";
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from "@nestjs/websockets";

const socketIo = process.argv[2] === "socket.io";

class Bench {
  handleConnection(socket) {
    if (socketIo) socket.join("everybody");
  }
  echo(data, socket) {
    if (!socketIo) return { event: "echo", data };
    socket.emit("echo", data);
  }
  ask(data) {
    return data;
  }
  broadcast(data) {
    if (socketIo) {
      this.server.to("everybody").emit("broadcast", data);
      return;
    }
    const text = JSON.stringify({ event: "broadcast", data });
    for (const client of this.server.clients) client.send(text);
  }
}

WebSocketServer()(Bench.prototype, "server");
for (const event of ["echo", "ask", "broadcast"]) {
  MessageBody()(Bench.prototype, event, 0);
  SubscribeMessage(event)(Bench.prototype, event, Object.getOwnPropertyDescriptor(Bench.prototype, event));
}
ConnectedSocket()(Bench.prototype, "echo", 1);
WebSocketGateway(socketIo ? {} : { path: "/" })(Bench);

class App {}
Module({ providers: [Bench] })(App);

const app = await NestFactory.create(App, { logger: ["error"] });
app.useWebSocketAdapter(socketIo ? new IoAdapter(app) : new WsAdapter(app));
await app.listen(0, "127.0.0.1");
console.log(`listening on 127.0.0.1:${app.getHttpServer().address().port}`);
