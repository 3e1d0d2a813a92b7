/** Programs that do not compile over the clients of the example `contract`: each mistake is expected, and none is accepted. */

import type { Client } from "@gateway-core/client";
import type { Socket } from "socket.io-client";
import { connectBoardsBoard, type BoardsBoard } from "../../../../examples/contract/client/boards.js";
import {
  call, type BoardsBoardClientToServerEvents, type BoardsBoardServerToClientEvents,
} from "../../../../examples/contract/client/boards_socket_io.js";

export async function plain(board: Client<BoardsBoard>): Promise<void> {
  // @ts-expect-error: the credentials are missing
  connectBoardsBoard("", { board: "kitchen" });
  // @ts-expect-error: the credentials have a name
  connectBoardsBoard("", { board: "kitchen" }, { auth: { nickname: "Ann" } });
  // @ts-expect-error: no such parameter
  connectBoardsBoard("", { name: "kitchen" }, { auth: { name: "Ann" } });
  // @ts-expect-error: a field of another name
  await board.request("add", { name: "Oven" });
  // @ts-expect-error: no such column
  await board.request("add", { title: "Oven", column: "later" });
  // @ts-expect-error: an argument is missing
  await board.request("move", [1]);
  // @ts-expect-error: a stream is no request
  await board.request("tickets");
  // @ts-expect-error: the reply is a number
  const id: string = await board.request("add", { title: "Oven" });
  // @ts-expect-error: the answer is a boolean
  board.answer("remove?", () => id);
}

export async function socketIo(board: Socket<BoardsBoardServerToClientEvents, BoardsBoardClientToServerEvents>): Promise<void> {
  // @ts-expect-error: an argument is missing
  await call(board, 5_000, "move", 1);
  // @ts-expect-error: another type
  board.emit("remove", "1");
  // @ts-expect-error: the reply is a number
  const id: string = await call(board, 5_000, "add", { title: "Oven" });
  // @ts-expect-error: no such event of the server
  board.on("add", () => id);
}
