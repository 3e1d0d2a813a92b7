// Generated from the contract of chat 0.1.0. Do not edit: it is written anew.

import { connect, type Client, type Options } from "@gateway-core/client";

export type Anything = unknown;

export type Empty = Record<string, never>;

export type Flat = ({
  a: string;
} | {
  b: string;
}) & {
  id: number;
};

/** - `urgent`: At once. */
export type Level = "info" | "urgent";

export interface Node {
  children: Node[];
}

export type Nothing = never;

export interface Page_User_ {
  items: (string | null)[];
}

export type Page_User_2 = [string, number?];

/** A message *\/ of the room. */
export interface Posted {
  /** Name of the author. */
  from: string;
  /** May lie beyond 2^53 - 1. */
  id: number;
  /** Default: `"info"`. */
  level?: "info" | "urgent" | undefined;
  /** @deprecated */
  old?: boolean | undefined;
  "reply-to"?: number | null | undefined;
}

export type Record2 = Record<string, number>;

export type Shape = {
  kind: "circle";
  radius: number;
} | Posted & {
  kind: "posted";
} | null;

/** Contract of the namespace `/`. */
export interface Root {
  listens: {
    tick: number;
  };
}

/** Connects to `/`. `server` is the server's address, such as `wss://example.com`; in a browser it may be empty for the page's host. */
export function connectRoot(server: string, options: Options = {}): Client<Root> {
  return connect<Root>(server + "/", options);
}

/**
 * Contract of the namespace `/chat/{room}/{id}`.
 * The chat.
 */
export interface ChatRoomId {
  emits: {
    /**
     * Says something.
     * - Fails with `muted`: The author may not write.
     */
    message: {
      level?: Level | undefined;
      text: string;
    };
    typing: boolean;
    leave: null;
    find: string | null;
    "move to": [string, number?];
    upload: Uint8Array | string;
    [name: `order.${string}`]: Node;
    /** @deprecated */
    opaque: unknown;
  };
  requests: {
    /**
     * Says something.
     * - Fails with `muted`: The author may not write.
     */
    message: { data: {
      level?: Level | undefined;
      text: string;
    }; reply: Posted };
    typing: { data: boolean; reply: null };
    leave: { data: null; reply: null };
    find: { data: string | null; reply: Shape | null };
    "move to": { data: [string, number?]; reply: unknown };
    upload: { data: Uint8Array | string; reply: string };
    [name: `order.${string}`]: { data: Node; reply: null };
    /** @deprecated */
    opaque: { data: unknown; reply: null };
  };
  streams: {
    ticks: { data: Record2; item: number };
  };
  listens: {
    posted: Posted;
    "room.closed": null;
    page: Page_User_;
    pair: Page_User_2;
    flat: Flat;
  };
  questions: {
    confirm: { data: string; answer: boolean };
  };
}

/** Connects to `/chat/{room}/{id}`. `server` is the server's address, such as `wss://example.com`; in a browser it may be empty for the page's host. */
export function connectChatRoomId(server: string, parameters: { room: "a" | "b"; id: string | number }, options: Omit<Options, "auth"> & { auth: {
    token: string;
  } | (() => {
    token: string;
  } | Promise<{
    token: string;
  }>) }): Client<ChatRoomId> {
  return connect<ChatRoomId>(server + `/chat/${encodeURIComponent(parameters["room"])}/${encodeURIComponent(parameters["id"])}`, options);
}
