/** Programs that compile, without the types of a browser or of Node. */

import { Client, connect, fromBase64, GatewayError, toBase64, type Options, type Status } from "@gateway-core/client";
import type { Chat, Clock, Posted } from "./chat.js";

declare const signal: { aborted: boolean; reason: unknown; addEventListener(type: "abort", fn: () => void): void; removeEventListener(type: "abort", fn: () => void): void };
declare function show(...values: unknown[]): void;

export async function typed(): Promise<void> {
  const chat: Client<Chat> = connect<Chat>("ws://localhost/chat", { auth: { token: "t" } });

  const off: () => void = chat.on("posted", ({ id, from, text }) => show(id.toFixed(), from.length, text));
  off();
  chat.once("left", ({ name }) => show(name.length));
  chat.on("room", ([name, members]) => show(name.length, members.toFixed()));
  chat.on("exception", ({ code, message }) => show(code?.length, message.length));
  const listener = (posted: Posted): void => show(posted);
  chat.on("posted", listener);
  chat.off("posted", listener);

  const sent: boolean = chat.emit("typing", { room: "lobby", writing: true }, { volatile: true });
  chat.emit("leave");
  chat.emit("leave", null);
  chat.emit("dotted.name", 3);

  const posted: Posted = await chat.request("message", { text: "hello" });
  await chat.request("message", { text: "hello", level: "urgent" }, { timeout: 500, signal });
  await chat.request("message", { text: "hello", level: undefined });
  const rooms: string[] = await chat.request("rooms");
  await chat.request("rooms", null, { volatile: true });
  const found: Posted | null = await chat.request("find", "x");
  await chat.request("find");
  await chat.request("upload", new Uint8Array(3));
  const bytes: Uint8Array = fromBase64(await chat.request("upload", toBase64(new Uint8Array(3))));

  for await (const tick of chat.stream("ticks", { every: 1 })) show(tick.toFixed());
  for await (const one of chat.stream("all", null, { signal })) show(one.text.length);
  const iterator: AsyncIterator<number, undefined> = chat.stream("ticks", { every: 1 });

  chat.answer("confirm", (question) => question.length > 3);
  const end: () => void = chat.answer("who", async () => ({ name: "ann" }));
  end();

  await chat.ready();
  await chat.drained();
  chat.retry();
  chat.close(4000, "done");
  show(sent, posted, rooms, found, bytes, iterator, chat.buffered.toFixed());
}

export function states(status: Status): string {
  switch (status.name) {
    case "connecting": return "…";
    case "open": return status.resumed ? "resumed" : `new ${status.id ?? ""}`;
    case "waiting": return status.retryAt === null ? "offline" : new Date(status.retryAt).toISOString();
    case "closed": return `${status.code.toFixed()} ${status.error?.code ?? status.reason}`;
  }
}

/** The shape of React's function. */
declare function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, snapshot: () => T): T;

export function useStatus(client: Client<Chat>): Status["name"] {
  return useSyncExternalStore(client.subscribe, client.getStatus).name;
}

/** A component may be written for clients of any contract. */
export function anyStatus(client: Client): string {
  return client.status.name;
}
declare const chat: Client<Chat>;
anyStatus(chat);

export function partly(): void {
  connect<Clock>("/clock").on("tick", (tick) => show(tick.toFixed()));
}

/** Without a contract every name is allowed. */
export async function untyped(): Promise<void> {
  const client = connect("/chat");
  client.on("anything", (data) => show(data.at.all));
  client.emit("anything", { at: 1 });
  const reply = await client.request("anything", 1, { timeout: 5 });
  show(reply.at.all);
  for await (const item of client.stream("anything")) show(item);
  client.answer("anything", async (data) => data);
}

export function failures(error: unknown): unknown {
  return error instanceof GatewayError ? [error.code.length, error.details?.retry_after_ms, error.message] : error;
}

export const options: Options = {
  auth: async () => ({ token: "t" }),
  authIn: "query",
  headers: { cookie: "session=1" },
  protocols: ["app.v1"],
  resume: false,
  delays: { base: 100, cap: 1_000, connect: 5_000 },
  bounds: { buffered: 1, queue: 2, stream: 3 },
  onerror: (problem) => show(problem),
};
