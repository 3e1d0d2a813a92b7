// @ts-check
/**
 * What happens in the chat: the connection, the rooms, and what is said in them. What it looks like is in view.js. TypeScript checks the
 * calls of the connection against the contract of the server's handlers.
 *
 * @import { Client, Options, Status } from "@gateway-core/client"
 * @import { Chat, Posted } from "../contract.ts"
 */

import { Outgoing } from "./outgoing.js";
import * as view from "./view.js";

/**
 * The same chat by either client: the page names the other one.
 * @type {{ connect(path: string, options: Options): Client<Chat> }}
 */
const { connect } = await import(document.documentElement.dataset.client ?? "./gateway.js");

const FIRST_ROOM = "lobby";
const KEEP = 300;                       // entries of a room that stay on the page
const TYPING_EVERY = 2_000, TYPING_LASTS = 4_500;

const random = () => crypto.getRandomValues(new Uint32Array(4));
const remember = (key, value) => sessionStorage.setItem(key, JSON.stringify(value));
const recall = (key, otherwise) => JSON.parse(sessionStorage.getItem(key) ?? "null") ?? otherwise;

/** @type {Client<Chat> | null} */
let chat = null;                        // the connection, once somebody has knocked
let me = recall("nickname", "");
// Shows the server that it is this tab that comes back, so that its own name is not "taken" after a drop.
const seat = recall("seat", null) ?? random().join("-");
remember("seat", seat);

const rooms = new Map();
// The rooms to be in, also after a reload or a drop.
const wanted = new Set(recall("rooms", [FIRST_ROOM]));
let current = null;
let lastTyping = 0, turns = 0;

const outgoing = new Outgoing({
  ready: () => chat?.status.name === "open",
  send: (room, { text, tag }) => ask("message", { room: room.name, text, tag }),
  changed(room, entry, moved) {
    if (moved && room === current) view.showLog(room, false); else view.updateEntry(room, entry);
    view.showOutgoing(current, outgoing.nextAt);
  },
  mend: (room, entry, why) => { if (room === current) view.textProblem(why, entry.text); else room.draft ||= entry.text; },
  explain,
});

function roomOf(name) {
  if (!rooms.has(name)) rooms.set(name, { name, size: 0, joined: false, people: new Set(), typing: new Map(), entries: [], unread: 0, draft: "" });
  return rooms.get(name);
}

/** A server's message is a clause without a full stop; this is the sentence a person reads. */
function explain({ code, message }) {
  if (code === "disconnected") return "The connection was lost.";
  if (code === "rate_limited") return "You are doing this too fast.";
  if (code === "timeout") return "The server has not answered.";
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

/**
 * A request that fails at once where there is no connection: what it is about is joined again, or sent again by a person.
 * @type {Client<Chat>["request"]}
 */
const ask = (event, ...[data]) => /** @type {any} */ (chat).request(event, data, { volatile: true });

function knock(nickname) {
  chat?.close();
  me = nickname;
  chat = connect("/chat", { auth: { nickname, seat } });
  chat.subscribe(changed);
  chat.on("posted", posted);
  chat.on("entered", ({ room, nickname }) => seen(room, nickname, true));
  chat.on("left", ({ room, nickname }) => seen(room, nickname, false));
  chat.on("typing", ({ room, nickname, writing }) => typing(room, nickname, writing));
  chat.on("people", ({ room, nicknames }) => joined(roomOf(room), nicknames));
  chat.on("room", ({ name, members }) => { size(name, members); view.showRooms(rooms, current); });
}

/** @param {Status} state */
function changed(state) {
  const inside = current !== null || rooms.size > 0;
  if (state.name === "open") return void arrive();
  if (state.name === "closed") {
    for (const room of rooms.values()) for (const name of room.typing.keys()) stopTyping(room, name);
    if (state.error || state.code !== 1000) { remember("nickname", ""); forget(); }
    const why = state.error ? explain(state.error) : state.code === 4501 ? "This chat goes on in another tab." : state.code === 1000 ? "" : "The server has ended the connection.";
    return view.showGate(me, why);
  }
  const words = state.name === "connecting" ? "Connecting…"
    : state.retryAt === null ? "You are offline. The chat comes back with the network." : "The connection is lost.";
  if (!inside) return view.showGate(me, state.name === "waiting" ? `The server cannot be reached. ${state.retryAt === null ? "You are offline." : "Trying again…"}` : "", state.name === "connecting");
  view.trouble(words, state.name === "waiting" ? state.retryAt : null);
  if (state.name === "waiting") view.announce(words);
}

function forget() {
  outgoing.forget();
  rooms.clear();
  current = null;
}

/** The first answer shows that the server has let us in; then the rooms of before are joined again. */
async function arrive() {
  const back = rooms.size > 0;
  try {
    for (const room of rooms.values()) room.size = 0;
    // Each is told by an event of its own, before the answer.
    await ask("rooms");
    remember("nickname", me);
    view.showHouse(me);
    view.trouble();
    if (back) view.announce("Connected again.");
    const entered = await Promise.all([...wanted].map((name) => enter(roomOf(name)).catch((error) => barred(roomOf(name), error))));
    for (const room of [...rooms.values()]) if (!room.joined && room.size === 0 && room.name !== FIRST_ROOM) rooms.delete(room.name);
    const before = rooms.get(recall("current", FIRST_ROOM));
    show(before?.joined ? before : entered.find((room) => room?.joined) ?? null, !back);
    outgoing.resume();
  } catch (error) {
    // Refused or dropped meanwhile: the state says so.
    if (error.code !== "disconnected") { chat?.close(); view.showGate(me, explain(error)); }
  }
}

/** Joins a room and brings its page up to date. */
async function enter(room) {
  // Handled in this order, so nothing said after the history was read is missed.
  const [, history] = await Promise.all([ask("join", { room: room.name }), ask("history", { room: room.name })]);
  merge(room, history);
  want(room.name, true);
  return room;
}

/** The server has let us into a room: from here on it is told who comes, goes and speaks. */
function joined(room, nicknames) {
  room.joined = true;
  room.people = new Set(nicknames);
  view.showRooms(rooms, current);
  if (room === current) view.showPeople(room, me);
}

function want(name, here) {
  if (here) wanted.add(name); else wanted.delete(name);
  remember("rooms", [...wanted]);
}

function barred(room, error) {
  if (error.code === "disconnected") throw error;
  room.joined = false;
  want(room.name, false);
  view.roomProblem(explain(error));
}

/**
 * History and what the page holds already become one register; a message whose receipt got lost turns out delivered.
 * @param {Posted[]} history
 */
function merge(room, history) {
  const byTag = new Map(room.entries.filter((entry) => entry.tag).map((entry) => [entry.tag, entry]));
  const known = new Set(room.entries.map((entry) => entry.id));
  for (const message of history) {
    const unsure = message.from === me && byTag.get(message.tag);
    if (unsure && unsure.status !== "sent") Object.assign(unsure, { id: message.id, at: message.at, status: "sent" });
    else if (!known.has(message.id)) room.entries.push(said(message));
  }
  room.entries.sort((a, b) => a.at - b.at);
  room.entries.splice(0, room.entries.length - KEEP);
}

/** @param {Posted} message */
const said = (message) => ({ ...message, kind: "message", status: "sent", mine: message.from === me });

function show(room, arriving = room !== current) {
  if (arriving) {
    stopWriting();
    if (current) current.draft = view.draft();
    view.setDraft(room?.draft ?? "");
  }
  current = room;
  if (room) room.unread = 0;
  remember("current", room?.name ?? null);
  view.showRooms(rooms, current);
  view.showPeople(current, me);
  view.showLog(current, arriving);
  view.showOutgoing(current, outgoing.nextAt);
}

function record(room, entry) {
  room.entries.push(entry);
  room.entries.splice(0, room.entries.length - KEEP);
  if (room === current) view.addEntry(room, entry);
}

function size(name, members) {
  roomOf(name).size = members;
  if (members === 0 && name !== FIRST_ROOM && !rooms.get(name).joined) rooms.delete(name);
}

/** The room that something is told of; nothing, where we have left it meanwhile. */
const roomHere = (name) => { const room = rooms.get(name); return room?.joined ? room : null; };

/** @param {Posted} message */
function posted(message) {
  const room = roomHere(message.room);
  if (!room) return;
  stopTyping(room, message.from);
  record(room, said(message));
  if (room === current) view.announce(`${message.from}: ${message.text}`);
  if (room !== current || document.hidden) room.unread += 1;
  view.showRooms(rooms, current);
}

function seen(name, nickname, here) {
  const room = roomHere(name);
  if (!room) return;
  if (here) room.people.add(nickname); else room.people.delete(nickname);
  stopTyping(room, nickname);
  record(room, { kind: "notice", status: "sent", from: nickname, at: Date.now(), text: here ? `${nickname} came in` : `${nickname} left` });
  if (room === current) view.showPeople(room, me);
}

function typing(name, nickname, writing) {
  const room = roomHere(name);
  if (!room) return;
  if (!writing) return stopTyping(room, nickname);
  clearTimeout(room.typing.get(nickname));
  room.typing.set(nickname, setTimeout(() => stopTyping(room, nickname), TYPING_LASTS));
  if (room === current) view.showPeople(room, me);
}

function stopTyping(room, nickname) {
  if (!room.typing.has(nickname)) return;
  clearTimeout(room.typing.get(nickname));
  room.typing.delete(nickname);
  if (room === current) view.showPeople(room, me);
}

/** The others need not wait for the end of "is writing" where the words are gone. */
function stopWriting() {
  if (current?.joined && lastTyping > 0) chat?.emit("typing", { room: current.name, writing: false }, { volatile: true });
  lastTyping = 0;
}

const failedIn = (room) => room.entries.filter((entry) => entry.status === "failed");
const heldIn = (room) => room.entries.filter((entry) => entry.status === "held");

view.wire({
  enter: knock,
  retry: () => chat?.retry(),
  quit() {
    remember("nickname", "");
    wanted.clear();
    want(FIRST_ROOM, true);
    remember("current", FIRST_ROOM);
    forget();
    chat?.close();
  },
  say(text) {
    if (!current || text === "") return;
    const entry = { kind: "message", from: me, mine: true, text, at: Date.now(), tag: random()[0], turn: turns++, status: "pending" };
    view.setDraft("");
    stopWriting();
    record(current, entry);
    outgoing.add(current, entry);
  },
  again: (entry) => outgoing.again(current, entry ? [entry] : failedIn(current)),
  discard: (entry) => outgoing.discard(current, entry ? [entry] : failedIn(current).length > 0 ? failedIn(current) : heldIn(current)),
  typing(writing) {
    if (!writing) return stopWriting();
    if (!current || Date.now() - lastTyping < TYPING_EVERY) return;
    lastTyping = Date.now();
    chat?.emit("typing", { room: current.name, writing }, { volatile: true });
  },
  async choose(name) {
    if (!roomOf(name).joined) return void this.join(name);
    view.closePanels(false);
    show(roomOf(name));
  },
  async join(name) {
    const known = rooms.has(name);
    try {
      const room = await enter(roomOf(name));
      view.roomOpened();
      view.closePanels(false);
      show(room);
    } catch (error) {
      if (!known && rooms.get(name)?.size === 0) rooms.delete(name);
      view.roomProblem(explain(error));
    }
  },
  async leave() {
    const room = current;
    try {
      await ask("leave", { room: room.name });
      // How many are left the server has told already.
      room.joined = false;
      want(room.name, false);
      size(room.name, room.size);
      outgoing.forget(room);
      if (room === current) show([...rooms.values()].find((room) => room.joined) ?? null);
      Object.assign(room, { people: new Set(), typing: new Map(), entries: [], unread: 0, draft: "" });
      view.showRooms(rooms, current);
    } catch (error) {
      view.announce(explain(error));
    }
  },
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !current?.unread) return;
  current.unread = 0;
  view.showRooms(rooms, current);
});

if (me) knock(me); else view.showGate("");
