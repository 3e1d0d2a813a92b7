/** Programs that do not compile: each mistake is expected, and none is accepted. */

import { connect, type Client } from "@gateway-core/client";
import type { Chat, Clock } from "./chat.js";

declare const chat: Client<Chat>;
declare const clock: Client<Clock>;

export async function wrong(): Promise<void> {
  // @ts-expect-error: no such event
  chat.emit("typin", { room: "lobby", writing: true });
  // @ts-expect-error: no such member
  chat.emit("typing", { room: "lobby", writing: true, loud: true });
  // @ts-expect-error: a member is missing
  chat.emit("typing", { room: "lobby" });
  // @ts-expect-error: the data is missing
  chat.emit("typing");
  // @ts-expect-error: wrong type
  chat.emit("dotted.name", "3");
  // @ts-expect-error: a request is no event
  chat.emit("message", { text: "hello" });
  // @ts-expect-error: no data belongs to it
  chat.emit("leave", { room: "lobby" });
  // @ts-expect-error: no such option
  chat.emit("leave", null, { timeout: 3 });

  // @ts-expect-error: an event that is not answered
  await chat.request("typing", { room: "lobby", writing: true });
  // @ts-expect-error: wrong type of a member
  await chat.request("message", { text: 3 });
  // @ts-expect-error: no such value
  await chat.request("message", { text: "hello", level: "loud" });
  // @ts-expect-error: the data is missing
  await chat.request("message");
  // @ts-expect-error: the reply is an object
  (await chat.request("message", { text: "hello" })).toFixed();
  // @ts-expect-error: the reply has no such member
  (await chat.request("message", { text: "hello" })).author;
  // @ts-expect-error: the reply may be null
  (await chat.request("find", "x")).text;
  // @ts-expect-error: a stream is no request
  await chat.request("ticks", { every: 1 });
  // @ts-expect-error: no such option
  await chat.request("rooms", null, { deadline: 3 });

  // @ts-expect-error: a request is no stream
  chat.stream("message", { text: "hello" });
  // @ts-expect-error: wrong type
  chat.stream("ticks", { every: "1" });
  // @ts-expect-error: items are numbers
  for await (const tick of chat.stream("ticks", { every: 1 })) tick.length;

  // @ts-expect-error: the server sends no such event
  chat.on("message", () => {});
  // @ts-expect-error: the data has no such member
  chat.on("posted", ({ author }) => author);
  // @ts-expect-error: the listener takes other data
  chat.on("left", (data: { name: number }) => data);
  // @ts-expect-error: the listener takes other data
  chat.once("posted", (data: string) => data);

  // @ts-expect-error: the server asks no such question
  chat.answer("confirmed", () => true);
  // @ts-expect-error: the answer is a boolean
  chat.answer("confirm", () => "yes");
  // @ts-expect-error: the answer is a boolean, also later
  chat.answer("confirm", async () => "yes");
  // @ts-expect-error: an answer is needed
  chat.answer("who", () => {});

  // @ts-expect-error: this namespace takes no events
  clock.emit("tick", 1);
  // @ts-expect-error: this namespace answers nothing
  await clock.request("tick");

  // @ts-expect-error: not a contract
  connect<{ events: { posted: string } }>("/chat");
  // @ts-expect-error: no such option
  connect("/chat", { token: "t" });
  // @ts-expect-error: the status is read only
  chat.status = { name: "open", resumed: false, reconnected: false };
  // @ts-expect-error: a status that waits has no id
  if (chat.status.name === "waiting") chat.status.id;
}
