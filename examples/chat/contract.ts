// Generated from the contract of chat 0.1.0. Do not edit: it is written anew.

import { connect, type Client, type Options } from "@gateway-core/client";

export interface Entered {
  nickname: string;
  room: string;
}

/** Credentials of a client. */
export interface Grant {
  nickname: string;
  /** Default: `""`. */
  seat?: string | undefined;
}

export interface InRoom {
  room: string;
}

export interface Left {
  nickname: string;
  room: string;
}

export interface NewMessage {
  room: string;
  /**
   * Comes back in the history, so that a client that lost the receipt can tell that the message arrived.
   * A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits.
   * Default: `0`.
   */
  tag?: number | undefined;
  text: string;
}

/** Everybody in a room, told to the socket that joins it. */
export interface People {
  nicknames: string[];
  room: string;
}

export interface Posted {
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  at: number;
  from: string;
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  id: number;
  room: string;
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  tag: number;
  text: string;
}

export interface Receipt {
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  at: number;
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  id: number;
}

/** A room and how many are in it: told to everybody whenever it changes, and for each room to the socket that asks for `rooms`. */
export interface RoomSize {
  /** A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits. */
  members: number;
  name: string;
}

export interface Typing {
  nickname: string;
  room: string;
  writing: boolean;
}

export interface Writes {
  room: string;
  /** False where the text was taken back. */
  writing: boolean;
}

/**
 * Contract of the namespace `/chat`.
 * Rooms, and the people in them.
 */
export interface Chat {
  emits: {
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    history: InRoom;
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    join: InRoom;
    leave: InRoom;
    /**
     * A burst of five, then one a second: beyond it the client reads when to go on.
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    message: NewMessage;
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    rooms: null;
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    typing: Writes;
  };
  requests: {
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    history: { data: InRoom; reply: Posted[] };
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    join: { data: InRoom; reply: null };
    leave: { data: InRoom; reply: null };
    /**
     * A burst of five, then one a second: beyond it the client reads when to go on.
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    message: { data: NewMessage; reply: Receipt };
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    rooms: { data: null; reply: null };
    /**
     * - Fails with `gone`
     * - Fails with `message_empty`
     * - Fails with `message_too_long`
     * - Fails with `not_in_room`
     * - Fails with `room_name`
     * - Fails with `too_many_rooms`
     */
    typing: { data: Writes; reply: null };
  };
  listens: {
    entered: Entered;
    left: Left;
    /** Everybody in a room, told to the socket that joins it. */
    people: People;
    posted: Posted;
    /** A room and how many are in it: told to everybody whenever it changes, and for each room to the socket that asks for `rooms`. */
    room: RoomSize;
    typing: Typing;
  };
}

/** Connects to `/chat`. `server` is the server's address, such as `wss://example.com`; in a browser it may be empty for the page's host. */
export function connectChat(server: string, options: Omit<Options, "auth"> & { auth: Grant | (() => Grant | Promise<Grant>) }): Client<Chat> {
  return connect<Chat>(server + "/chat", options);
}
