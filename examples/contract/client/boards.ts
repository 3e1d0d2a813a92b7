// Generated from the contract of contract 0.1.0. Do not edit: it is written anew.

import { connect, type Client, type Options } from "@gateway-core/client";

/** A client has added a ticket. */
export interface Added {
  ticket: Ticket;
}

/** - `started`: Somebody works on it. */
export type Column = "done" | "started" | "waiting";

/** The server asks the client whether it means that. */
export interface MayRemove {
  title: string;
}

/** A ticket is in another column. */
export interface Moved {
  column: Column;
  id: number;
  note: string | null;
}

/** A ticket as a client writes it. */
export interface NewTicket {
  /**
   * Left out, the ticket waits.
   * Default: `"waiting"`.
   */
  column?: Column | undefined;
  title: string;
}

export interface Removed {
  id: number;
}

/** Credentials: the name under which a client writes. */
export interface SignIn {
  name: string;
}

/** A ticket on a board. */
export interface Ticket {
  /** Name of its author. */
  by: string;
  column: Column;
  id: number;
  title: string;
}

/**
 * Contract of the namespace `/boards/{board}`.
 * A board with tickets. Everybody who is connected sees the same.
 */
export interface BoardsBoard {
  emits: {
    /** Adds a ticket. The reply is its number. */
    add: NewTicket;
    /**
     * Moves a ticket to another column.
     * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
     * - Fails with `not_agreed`: The client did not agree in time.
     */
    move: [number, Column, (string | null)?];
    /**
     * Removes a ticket once the client has agreed.
     * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
     * - Fails with `not_agreed`: The client did not agree in time.
     */
    remove: number;
  };
  requests: {
    /** Adds a ticket. The reply is its number. */
    add: { data: NewTicket; reply: number };
    /**
     * Moves a ticket to another column.
     * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
     * - Fails with `not_agreed`: The client did not agree in time.
     */
    move: { data: [number, Column, (string | null)?]; reply: null };
    /**
     * Removes a ticket once the client has agreed.
     * - Fails with `no_such_ticket`: The board has no such ticket, or no longer.
     * - Fails with `not_agreed`: The client did not agree in time.
     */
    remove: { data: number; reply: null };
  };
  streams: {
    /** All tickets, one after the other. */
    tickets: { data: null; item: Ticket };
  };
  listens: {
    /** A client has added a ticket. */
    added: Added;
    /** A ticket is in another column. */
    moved: Moved;
    removed: Removed;
  };
  questions: {
    /** The server asks the client whether it means that. */
    "remove?": { data: MayRemove; answer: boolean };
  };
}

/**
 * Connects to `/boards/{board}`. `server` is the server's address, such as `wss://example.com`; in a browser it may be empty for the page's host.
 * - Refused with `nameless`: The credentials have no name.
 */
export function connectBoardsBoard(server: string, parameters: { board: string | number }, options: Omit<Options, "auth"> & { auth: SignIn | (() => SignIn | Promise<SignIn>) }): Client<BoardsBoard> {
  return connect<BoardsBoard>(server + `/boards/${encodeURIComponent(parameters["board"])}`, options);
}
