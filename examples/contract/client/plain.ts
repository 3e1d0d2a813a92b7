/** Adds a ticket to a board, moves it, lists the board, and removes the ticket. */

import { GatewayError } from "@gateway-core/client";
import { connectBoardsBoard, type Column, type Ticket } from "./boards.js";

/** Runs against a server. Returns the titles that were on the board, and the code of a failure. */
export async function run(server: string, options: { WebSocket?: any } = {}): Promise<{ titles: string[]; code: string }> {
  const board = connectBoardsBoard(server, { board: "kitchen" }, { auth: { name: "Ann" }, ...options });
  board.on("added", ({ ticket }) => console.log(`${ticket.by} has added "${ticket.title}"`));
  board.on("moved", ({ id, column, note }) => console.log(`${id} is ${column} ${note ?? ""}`));
  board.answer("remove?", ({ title }) => title === "Oven");

  const id: number = await board.request("add", { title: "Oven" });
  const column: Column = "started";
  await board.request("move", [id, column]);
  await board.request("move", [id, "done", "at last"]);

  const tickets: Ticket[] = [];
  for await (const ticket of board.stream("tickets")) tickets.push(ticket);

  await board.request("remove", id);
  const code = await board.request("remove", id).then(() => "", (error: unknown) => (error instanceof GatewayError ? error.code ?? "" : ""));
  board.close();
  return { titles: tickets.map(({ title, column }) => `${title}: ${column}`), code };
}
