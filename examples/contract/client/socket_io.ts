/** The same as plain.ts, with `socket.io-client`. */

import { io, type Socket } from "socket.io-client";
import {
  call, isException, type BoardsBoardClientToServerEvents, type BoardsBoardServerToClientEvents, type Ticket,
} from "./boards_socket_io.js";

/** Runs against a server. Returns the titles that were on the board, and the code of a failure. */
export async function run(server: string): Promise<{ titles: string[]; code: string }> {
  const board: Socket<BoardsBoardServerToClientEvents, BoardsBoardClientToServerEvents> = io(`${server}/boards/kitchen`, { auth: { name: "Bob" } });
  board.on("added", ({ ticket }) => console.log(`${ticket.by} has added "${ticket.title}"`));
  board.on("remove?", ({ title }, answer) => answer(title === "Oven"));

  const id: number = await call(board, 5_000, "add", { title: "Oven" });
  board.emit("move", id, "started", (reply) => isException(reply) && console.error(reply.message));
  await call(board, 5_000, "move", id, "done", "at last");

  const tickets: Ticket[] = [];
  board.on("tickets", (ticket) => tickets.push(ticket));
  await call(board, 5_000, "tickets");

  await call(board, 5_000, "remove", id);
  const code = await call(board, 5_000, "remove", id).then(() => "", ({ cause }) => (isException(cause) ? cause.code ?? "" : ""));
  board.disconnect();
  return { titles: tickets.map(({ title, column }) => `${title}: ${column}`), code };
}
