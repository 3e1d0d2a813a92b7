/** What the page looks like. Knows elements, never the connection. All text goes in as text, so none can become markup. */

const $ = (id) => document.getElementById(id);
const gate = $("gate"), house = $("house"), scroll = $("scroll"), log = $("log"), text = $("text");
const touch = matchMedia("(hover: none)");
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const GROUP = 5 * 60_000;
const LONGEST = 500, WARN = 440;
let countdown = null, nextMessage = null, actions = null;
/** The reader is at the end of the log, and stays there whatever comes and however large it is. */
let following = true;

/** `make("li", {className: "x"}, child, "text", …)` */
function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child != null));
  return node;
}

function hued(node, nickname) {
  let hash = 2166136261;
  for (const letter of nickname.toLowerCase()) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  node.style.setProperty("--hue", (hash % 1000) * 0.36);
  return node;
}

const people = (n) => (n === 1 ? "1 person" : `${n} people`);

/** Connects what a person does with what the chat does about it. */
export function wire(chat) {
  actions = chat;
  const submit = (form, fn) => $(form).addEventListener("submit", (event) => { event.preventDefault(); fn(); });
  submit("enter", () => chat.enter($("nickname").value.trim()));
  submit("open-room", () => chat.join($("room-name").value.trim().toLowerCase().replaceAll(/\s+/g, "-")));
  submit("composer", () => chat.say(text.value.trim()));
  $("leave").onclick = chat.leave;
  $("quit").onclick = chat.quit;
  $("retry").onclick = chat.retry;
  $("newer").onclick = toEnd;
  $("send-all").onclick = () => { chat.again(); writeOn(); };
  $("discard-all").onclick = () => { chat.discard(); writeOn(); };
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  text.addEventListener("input", () => { textProblem(""); measure(); chat.typing(text.value.trim() !== ""); });
  scroll.addEventListener("scroll", () => { following = atEnd(); if (following) $("newer").hidden = true; });
  new ResizeObserver(() => { if (following) toEnd(); }).observe(scroll);
  for (const side of ["rooms", "people"]) $(`show-${side}`).onclick = () => panel(side, !$(side).classList.contains("shown"));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closePanels(true); });
  for (const list of ["joined", "others"]) $(list).onclick = ({ target }) => {
    const button = target.closest("button");
    if (button) chat.choose(button.dataset.room);
  };
}

function panel(side, shown) {
  closePanels(false);
  $(side).classList.toggle("shown", shown);
  $(`show-${side}`).setAttribute("aria-expanded", String(shown));
  if (shown) $(side).querySelector("button[aria-current], button, h2")?.focus();
}

export function closePanels(focus) {
  for (const side of ["rooms", "people"]) {
    if (!$(side).classList.contains("shown")) continue;
    $(side).classList.remove("shown");
    $(`show-${side}`).setAttribute("aria-expanded", "false");
    if (focus) $(`show-${side}`).focus();
  }
}

/** The way in. `problem` says why the last try failed. */
export function showGate(nickname, problem = "", busy = false) {
  const arriving = gate.hidden;
  gate.hidden = false;
  house.hidden = true;
  document.title = "Gatehouse";
  const field = $("nickname");
  if (arriving) field.value = nickname;
  field.setAttribute("aria-invalid", String(problem !== ""));
  $("nickname-error").textContent = problem;
  const button = gate.querySelector("button");
  button.textContent = busy ? "Knocking…" : "Come in";
  button.ariaDisabled = String(busy);
  if (arriving || problem) { field.focus(); field.select(); }
}

export function showHouse(nickname) {
  if (!house.hidden) return;
  gate.hidden = true;
  house.hidden = false;
  $("me").textContent = nickname;
}

/**
 * The strip that says the connection is gone, counting down to `retryAt`. Without arguments: all is well.
 * @param {string} [message]
 * @param {number | null} [retryAt]
 */
export function trouble(message = "", retryAt = null) {
  clearInterval(countdown);
  $("trouble").hidden = message === "";
  $("dot").classList.toggle("open", message === "");
  $("trouble-text").textContent = message;
  $("retry").hidden = retryAt === null;
  const tick = () => {
    const seconds = Math.ceil((retryAt - Date.now()) / 1000);
    $("countdown").textContent = retryAt !== null && seconds > 0 ? `Trying again in ${seconds} s.` : "";
  };
  tick();
  if (retryAt !== null) countdown = setInterval(tick, 250);
}

export const announce = (words) => { $("announcer").textContent = words; };
export const roomProblem = (words) => { $("room-error").textContent = words; $("room-name").setAttribute("aria-invalid", String(words !== "")); };
export const roomOpened = () => { $("room-name").value = ""; roomProblem(""); };

/** What is wrong with what was typed; `back` puts the words back, unless others have been typed since. */
export function textProblem(words, back) {
  $("text-error").textContent = words;
  text.setAttribute("aria-invalid", String(words !== ""));
  if (back === undefined) return;
  if (text.value.trim() === "") text.value = back;
  measure();
  text.focus();
}

export const draft = () => text.value;
export function setDraft(words) { text.value = words; textProblem(""); measure(); }

function measure() {
  const length = [...text.value.trim()].length;
  $("left-over").textContent = length > LONGEST ? `${length - LONGEST} too many` : length > WARN ? `${LONGEST - length} left` : "";
  $("left-over").classList.toggle("over", length > LONGEST);
}

/** The row of a room. It stays the same element while it changes, so that a click meets what it began on. */
const rows = new WeakMap();
function row(room, current) {
  if (!rows.has(room)) {
    const button = make("button", { type: "button", className: "room" }, make("span", { className: "door", ariaHidden: "true" }), make("span", { className: "name" }, room.name), make("span"));
    button.dataset.room = room.name;
    rows.set(room, make("li", {}, button));
  }
  const node = rows.get(room), button = node.firstChild;
  const [className, figure, of] = room.unread ? ["count", room.unread, " unread"] : ["size", room.size, room.size === 1 ? " person" : " people"];
  button.lastChild.className = className;
  button.lastChild.replaceChildren(String(figure), make("span", { className: "unseen" }, of));
  button.ariaCurrent = room === current ? "true" : null;
  return node;
}

function fill(list, nodes) {
  if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) list.replaceChildren(...nodes);
}

/** Both lists of rooms, the title and the count of what is unread elsewhere. */
export function showRooms(rooms, current) {
  const focused = document.activeElement?.dataset?.room;
  const sorted = [...rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
  fill($("joined"), sorted.filter((room) => room.joined).map((room) => row(room, current)));
  fill($("others"), sorted.filter((room) => !room.joined).map((room) => row(room, current)));
  $("no-others").hidden = $("others").childElementCount > 0;
  if (focused && document.activeElement === document.body) document.querySelector(`.room[data-room="${CSS.escape(focused)}"]`)?.focus();
  const unread = sorted.reduce((sum, room) => sum + room.unread, 0);
  $("unread").hidden = unread === 0;
  $("unread").textContent = String(unread);
  $("leave").hidden = current === null;
  document.title = `${unread ? `(${unread}) ` : ""}${current ? `${current.name} · ` : ""}Gatehouse`;
}

export function showPeople(room, me) {
  const names = [...(room?.people ?? [])].sort((a, b) => a.localeCompare(b));
  $("show-people").replaceChildren(String(names.length), make("span", { className: "word" }, names.length === 1 ? " person" : " people"));
  $("show-people").hidden = room === null;
  $("people-title").textContent = room ? `${people(names.length)} here` : "No room";
  const row = (name) => make("li", { className: "member" },
    hued(make("span", { className: "tile", ariaHidden: "true" }, [...name][0].toUpperCase()), name),
    make("span", {}, name === me ? `${name} (you)` : name),
    room.typing.has(name) ? make("span", { className: "writes", ariaHidden: "true" }, "writing…") : null);
  $("members").replaceChildren(...names.map(row));
  const typing = [...(room?.typing.keys() ?? [])];
  $("typing").textContent = typing.length === 0 ? "" : typing.length === 1 ? `${typing[0]} is writing…`
    : typing.length === 2 ? `${typing[0]} and ${typing[1]} are writing…` : "Several people are writing…";
}

/** The whole register of a room. `arriving`: from the end on, and ready to write; otherwise the reader stays where they are. */
export function showLog(room, arriving) {
  const follow = arriving || following, top = scroll.scrollTop;
  $("room-title").textContent = room?.name ?? "No room";
  $("composer").hidden = room === null;
  const entries = room?.entries ?? [];
  log.replaceChildren(...entries.map((entry, i) => draw(entry, entries[i - 1])));
  showEmpty(room);
  if (follow) toEnd(); else scroll.scrollTop = top;
  if (!arriving) return;
  if (touch.matches || !room) $("room-title").focus(); else text.focus();
}

/** What of one's own has not gone out of the room that is shown: it waits for its turn, or has failed. */
export function showOutgoing(room, nextAt) {
  clearInterval(nextMessage);
  const count = (status) => (room?.entries ?? []).filter((entry) => entry.status === status).length;
  const held = count("held"), failed = count("failed");
  const messages = (n) => (n === 1 ? "1 message" : `${n} messages`);
  const before = $("outgoing").hidden ? 0 : 1;
  $("outgoing").hidden = held === 0 && failed < 2;
  $("send-all").hidden = failed === 0;
  $("discard-all").textContent = held + failed > 1 ? "Discard all" : "Discard";
  if ($("outgoing").hidden) return;
  const say = () => {
    const seconds = nextAt === null ? 0 : Math.ceil((nextAt - Date.now()) / 1000);
    $("outgoing-text").textContent = failed > 0 ? `${messages(failed)} could not be sent.`
      : nextAt === null ? `${messages(held)} will be sent when it can be.`
        : `You are sending too fast. ${messages(held)} will follow${seconds > 0 ? `, the next in ${seconds} s` : ""}.`;
  };
  say();
  if (nextAt !== null) nextMessage = setInterval(say, 250);
  if (!before) announce($("outgoing-text").textContent);
}

/** Where a button has vanished under its click, writing goes on. */
function writeOn() {
  if (document.activeElement !== document.body && document.activeElement.checkVisibility()) return;
  if (touch.matches) $("room-title").focus(); else text.focus();
}

function showEmpty(room) {
  $("empty").hidden = room !== null && room.entries.length > 0;
  $("empty").replaceChildren(...(room ? ["Nothing has been said here yet.", make("br"), "The first word is yours."] : ["You are in no room. Choose one, or open your own."]));
}

export function addEntry(room, entry) {
  const follow = following || entry.mine;
  const node = draw(entry, room.entries.at(-2));
  node.classList.add("new");
  log.append(node);
  while (log.childElementCount > room.entries.length) log.firstElementChild.remove();
  showEmpty(room);
  if (follow) toEnd(); else $("newer").hidden = false;
}

export function updateEntry(room, entry) {
  const old = entry.node, follow = following;
  if (!old?.isConnected) return;
  const at = room.entries.indexOf(entry);
  if (at < 0) { old.remove(); showEmpty(room); } else old.replaceWith(draw(entry, room.entries[at - 1]));
  if (follow) toEnd();
}

/** One line of the register; a line by the same person shortly after goes without the name. */
function draw(entry, before) {
  const first = !before || before.kind !== entry.kind || before.from !== entry.from || entry.at - before.at > GROUP;
  const same = !first && clock.format(before.at) === clock.format(entry.at);
  const under = { pending: "sending", held: "waits" }[entry.status];
  const time = make("time", { dateTime: new Date(entry.at).toISOString(), title: new Date(entry.at).toLocaleString() }, under
    ? make("span", { className: "unseen" }, under) : make("span", { className: "clock" }, clock.format(entry.at)));
  const tick = entry.mine && entry.status === "sent"
    ? make("span", { className: "tick" }, make("span", { ariaHidden: "true" }, "✓"), make("span", { className: "unseen" }, " delivered")) : null;
  const who = entry.kind === "notice" ? null
    : hued(make("p", { className: first ? "who" : "who unseen" }, entry.mine ? "you" : entry.from), entry.from);
  const node = make("li", { className: `entry ${entry.kind} ${entry.status}${first ? " first" : ""}${same ? " same" : ""}${entry.mine ? " mine" : ""}` },
    time, who, make("p", { className: "text" }, ...(entry.kind === "notice" ? [entry.text] : linked(entry.text)), tick));
  const button = (words, act) => make("button", { type: "button", className: "link", onclick: () => { act(entry); writeOn(); } }, words);
  if (entry.status === "failed") {
    node.append(make("p", { className: "failure", role: "alert" }, `Not sent. ${entry.failure}`,
      button("Send again", actions.again), button("Discard", actions.discard)));
  }
  if (entry.status === "held") node.append(make("p", { className: "failure" }, "Waits.", button("Discard", actions.discard)));
  entry.node = node;
  return node;
}

/** A text in pieces, its addresses as links. Only those of the web, so that no text becomes a program. */
function linked(words) {
  const pieces = [];
  let end = 0;
  for (const { 0: found, index } of words.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
    const address = withoutStops(found);
    if (!URL.canParse(address)) continue;
    pieces.push(words.slice(end, index), make("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    end = index + address.length;
  }
  return [...pieces, words.slice(end)];
}

/** What ends a sentence, or closes a bracket that was opened before the address, is no part of it. */
function withoutStops(address) {
  const last = address.at(-1);
  const count = (letter) => address.split(letter).length;
  const open = { ")": "(", "]": "[", "}": "{" }[last];
  const stops = open ? count(open) < count(last) : /[.,;:!?'*_]/.test(last);
  return stops ? withoutStops(address.slice(0, -1)) : address;
}

const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
function toEnd() { following = true; scroll.scrollTop = scroll.scrollHeight; $("newer").hidden = true; }
