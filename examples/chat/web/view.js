/** What the page looks like. Knows elements, never the connection. All text goes in as text, so none can become markup. */

const $ = (id) => document.getElementById(id);
const gate = $("gate"), house = $("house"), scroll = $("scroll"), log = $("log"), text = $("text");
const touch = matchMedia("(hover: none)");
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const GROUP = 5 * 60_000;
const LONGEST = 500, WARN = 440;
let countdown = null;

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
  const submit = (form, fn) => $(form).addEventListener("submit", (event) => { event.preventDefault(); fn(); });
  submit("enter", () => chat.enter($("nickname").value.trim()));
  submit("open-room", () => chat.join($("room-name").value.trim().toLowerCase().replaceAll(/\s+/g, "-")));
  submit("composer", () => chat.say(text.value.trim()));
  $("leave").onclick = chat.leave;
  $("quit").onclick = chat.quit;
  $("retry").onclick = chat.retry;
  $("newer").onclick = toEnd;
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  text.addEventListener("input", () => { textProblem(""); measure(); if (text.value.trim()) chat.typing(); });
  scroll.addEventListener("scroll", () => { if (atEnd()) $("newer").hidden = true; });
  for (const side of ["rooms", "people"]) $(`show-${side}`).onclick = () => panel(side, !$(side).classList.contains("shown"));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closePanels(true); });
  addEventListener("resize", () => { if (!$("newer").checkVisibility()) toEnd(); });
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

/** The strip that says the connection is gone, counting down to `retryAt`. Without arguments: all is well. */
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

/** Both lists of rooms, the title and the count of what is unread elsewhere. */
export function showRooms(rooms, current) {
  const row = (room) => {
    const size = room.unread
      ? make("span", { className: "count" }, String(room.unread), make("span", { className: "unseen" }, " unread"))
      : make("span", { className: "size" }, String(room.size), make("span", { className: "unseen" }, room.size === 1 ? " person" : " people"));
    const button = make("button", { type: "button", className: "room" }, make("span", { className: "door", ariaHidden: "true" }), make("span", { className: "name" }, room.name), size);
    button.dataset.room = room.name;
    if (room === current) button.ariaCurrent = "true";
    return make("li", {}, button);
  };
  const focused = document.activeElement?.dataset?.room;
  const sorted = [...rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
  $("joined").replaceChildren(...sorted.filter((room) => room.joined).map(row));
  $("others").replaceChildren(...sorted.filter((room) => !room.joined).map(row));
  $("no-others").hidden = $("others").childElementCount > 0;
  if (focused) document.querySelector(`.room[data-room="${CSS.escape(focused)}"]`)?.focus();
  const unread = sorted.reduce((sum, room) => sum + room.unread, 0);
  $("unread").hidden = unread === 0;
  $("unread").textContent = String(unread);
  $("leave").hidden = current === null;
  document.title = `${unread ? `(${unread}) ` : ""}${current ? `${current.name} · ` : ""}Gatehouse`;
}

export function showPeople(room, me) {
  const names = [...(room?.people ?? [])].sort((a, b) => a.localeCompare(b));
  $("show-people").textContent = people(names.length);
  $("people-title").textContent = `${people(names.length)} here`;
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
  const follow = arriving || atEnd(), top = scroll.scrollTop;
  $("room-title").textContent = room?.name ?? "No room";
  $("composer").hidden = room === null;
  const entries = room?.entries ?? [];
  log.replaceChildren(...entries.map((entry, i) => draw(entry, entries[i - 1])));
  showEmpty(room);
  if (follow) toEnd(); else scroll.scrollTop = top;
  if (!arriving) return;
  if (touch.matches) $("room-title").focus(); else if (room) text.focus();
}

function showEmpty(room) {
  $("empty").hidden = room !== null && room.entries.length > 0;
  $("empty").replaceChildren(...(room ? ["Nothing has been said here yet.", make("br"), "The first word is yours."] : ["You are in no room. Choose one, or open your own."]));
}

export function addEntry(room, entry) {
  const follow = atEnd() || entry.mine;
  const node = draw(entry, room.entries.at(-2));
  node.classList.add("new");
  log.append(node);
  while (log.childElementCount > room.entries.length) log.firstElementChild.remove();
  showEmpty(room);
  if (follow) toEnd(); else $("newer").hidden = false;
}

export function updateEntry(room, entry) {
  const old = entry.node, follow = atEnd();
  if (!old?.isConnected) return;
  const at = room.entries.indexOf(entry);
  if (at < 0) { old.remove(); showEmpty(room); } else old.replaceWith(draw(entry, room.entries[at - 1]));
  if (follow) toEnd();
}

/** One line of the register; a line by the same person shortly after goes without the name. */
function draw(entry, before) {
  const first = !before || before.kind !== entry.kind || before.from !== entry.from || entry.at - before.at > GROUP;
  const same = !first && clock.format(before.at) === clock.format(entry.at);
  const time = make("time", { dateTime: new Date(entry.at).toISOString(), title: new Date(entry.at).toLocaleString() }, entry.status === "pending"
    ? make("span", { className: "unseen" }, "sending") : make("span", { className: "clock" }, clock.format(entry.at)));
  const tick = entry.mine && entry.status === "sent"
    ? make("span", { className: "tick" }, make("span", { ariaHidden: "true" }, "✓"), make("span", { className: "unseen" }, " delivered")) : null;
  const who = entry.kind === "notice" ? null
    : hued(make("p", { className: first ? "who" : "who unseen" }, entry.mine ? "you" : entry.from), entry.from);
  const node = make("li", { className: `entry ${entry.kind} ${entry.status}${first ? " first" : ""}${same ? " same" : ""}${entry.mine ? " mine" : ""}` },
    time, who, make("p", { className: "text" }, entry.text, tick));
  if (entry.status === "failed") {
    node.append(make("p", { className: "failure", role: "alert" }, `Not sent. ${entry.failure}`,
      make("button", { type: "button", className: "link", onclick: entry.again }, "Send again"),
      make("button", { type: "button", className: "link", onclick: entry.discard }, "Discard")));
  }
  entry.node = node;
  return node;
}

const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
function toEnd() { scroll.scrollTop = scroll.scrollHeight; $("newer").hidden = true; }
