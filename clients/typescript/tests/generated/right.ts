/** Programs that compile over the generated files. */

import type { Client } from "@gateway-core/client";
import type { Socket } from "socket.io-client";
import { connectChatRoomId, connectRoot, type ChatRoomId, type Level, type Posted, type Shape } from "./plain.js";
import { call, isException, type ChatRoomIdClientToServerEvents, type ChatRoomIdServerToClientEvents, type GatewayException } from "./socket_io.js";

declare function show(...values: unknown[]): void;

export async function plain(): Promise<void> {
  const root = connectRoot("wss://example.com");
  root.on("tick", (tick) => show(tick.toFixed()));
  const chat: Client<ChatRoomId> = connectChatRoomId("", { room: "a", id: 7 }, { auth: { token: "t" } });
  connectChatRoomId("", { room: "b", id: "x" }, { auth: async () => ({ token: "t" }), resume: false });

  const level: Level = "urgent";
  const posted: Posted = await chat.request("message", { text: "hello", level });
  await chat.request("message", { text: "hello", level: undefined });
  show(posted.id.toFixed(), posted["reply-to"]?.toFixed(), posted.old === true);
  const shape: Shape | null = await chat.request("find");
  if (shape?.kind === "circle") show(shape.radius.toFixed());
  else if (shape?.kind === "posted") show(shape.from.length);
  chat.emit("typing", true);
  chat.emit("leave");
  chat.emit("move to", ["left"]);
  chat.emit("move to", ["left", 3]);
  chat.emit("order.created", { children: [{ children: [] }] });
  const text: string = await chat.request("upload", new Uint8Array(3));
  show(text);
  for await (const tick of chat.stream("ticks", { every: 1 })) show(tick.toFixed());
  chat.on("room.closed", (nothing: null) => show(nothing));
  chat.on("pair", ([name, count]) => show(name.length, count?.toFixed()));
  chat.on("flat", (flat) => show(flat.id.toFixed(), "a" in flat ? flat.a.length : flat.b.length));
  chat.answer("confirm", (question) => question.length > 3);
}

export async function socketIo(socket: Socket<ChatRoomIdServerToClientEvents, ChatRoomIdClientToServerEvents>): Promise<void> {
  socket.on("posted", ({ from }) => show(from.length));
  socket.on("confirm", (question, ack) => ack(question.length > 3));
  socket.on("exception", ({ code, message }) => show(code?.length, message.length));
  socket.emit("typing", true);
  socket.emit("typing", true, (reply: null | GatewayException) => show(reply));
  socket.emit("leave");
  socket.emit("move to", "left", (reply: unknown) => show(reply));
  socket.emit("move to", "left", 3, (reply: unknown) => show(reply));
  socket.emit("upload", new Uint8Array(3), (reply) => show(isException(reply) ? reply.message : reply.byteLength));
  socket.emit("order.created", { children: [] });
  const reply: Posted | GatewayException = await socket.emitWithAck("message", { text: "hello" });
  show(isException(reply) ? reply.code : reply.from.length);
  const posted: Posted = await call(socket, 5_000, "message", { text: "hello" });
  const shape = await call(socket, 5_000, "find");
  await call(socket, 5_000, "find", "x");
  const nothing: null = await call(socket, 5_000, "leave");
  show(posted.id.toFixed(), shape?.kind, nothing);
}
