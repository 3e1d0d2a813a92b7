/** Programs that do not compile over the generated files: each mistake is expected, and none is accepted. */

import type { Client } from "@gateway-core/client";
import type { Socket } from "socket.io-client";
import { connectChatRoomId, type ChatRoomId, type Posted, type Shape } from "./plain.js";
import { call, type ChatRoomIdClientToServerEvents, type ChatRoomIdServerToClientEvents } from "./socket_io.js";

export async function plain(chat: Client<ChatRoomId>, shape: Shape): Promise<void> {
  // @ts-expect-error: no such room
  connectChatRoomId("", { room: "c", id: 7 }, { auth: { token: "t" } });
  // @ts-expect-error: a parameter is missing
  connectChatRoomId("", { room: "a" }, { auth: { token: "t" } });
  // @ts-expect-error: the credentials are missing
  connectChatRoomId("", { room: "a", id: 7 }, {});
  // @ts-expect-error: other credentials
  connectChatRoomId("", { room: "a", id: 7 }, { auth: { password: "t" } });
  // @ts-expect-error: no such event
  await chat.request("mesage", { text: "hello" });
  // @ts-expect-error: a member of another name
  await chat.request("message", { body: "hello" });
  // @ts-expect-error: no such value
  await chat.request("message", { text: "hello", level: "loud" });
  // @ts-expect-error: a stream is no request
  await chat.request("ticks", { every: 1 });
  // @ts-expect-error: the tuple has two items
  chat.emit("move to", ["left", 3, 4]);
  // @ts-expect-error: another kind of event
  chat.emit("orders.created", { children: [] });
  // @ts-expect-error: a child is no node
  chat.emit("order.created", { children: [3] });
  // @ts-expect-error: another reply
  const wrong: number = await chat.request("message", { text: "hello" });
  // @ts-expect-error: a circle has no author
  if (shape?.kind === "circle") wrong.toFixed(shape.from);
  // @ts-expect-error: an answer is a boolean
  chat.answer("confirm", () => "yes");
  // @ts-expect-error: no such event of the server
  chat.on("message", () => {});
}

export async function socketIo(socket: Socket<ChatRoomIdServerToClientEvents, ChatRoomIdClientToServerEvents>): Promise<void> {
  // @ts-expect-error: a member is missing
  socket.emit("message", {}, () => {});
  // @ts-expect-error: another type
  socket.emit("typing", "yes");
  // @ts-expect-error: another reply
  const number: number = await socket.emitWithAck("message", { text: "hello" });
  // @ts-expect-error: another payload
  await socket.emitWithAck("message", { text: number });
  // @ts-expect-error: another reply
  const text: string = await call(socket, 5_000, "message", { text: "hello" });
  // @ts-expect-error: another payload
  const posted: Posted = await call(socket, 5_000, "message", text);
  // @ts-expect-error: no such event
  await call(socket, 5_000, "mesage", posted);
  // @ts-expect-error: no such event of the server
  socket.on("message", () => {});
}
