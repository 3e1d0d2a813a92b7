// The page: chooses a namespace and an event, connects, sends, and shows what comes.

import { describe, readContract } from "./contract.js";
import { Fault, control, make } from "./form.js";
import { Log } from "./log.js";
import { closeCodes, connectPlain } from "./plain.js";
import { connectSocketIo } from "./socket-io.js";

const at = (id) => document.getElementById(id);
const log = new Log();
let contract;
let namespace;
let event;
let form;
let connection;
/** Parameters' inputs by name. */
let parameters = new Map();

start().catch((error) => {
  at("fault").textContent = `The contract cannot be read: ${error.message}`;
  at("fault").hidden = false;
});

async function start() {
  const response = await fetch(new URL("contract.json", import.meta.url));
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  contract = readContract(await response.json());
  at("title").textContent = contract.title;
  at("version").textContent = contract.version;
  document.title = `${contract.title}: explorer`;
  at("namespace").append(...contract.namespaces.map(({ path }, index) => make("option", { value: index }, path)));
  if (!contract.socketIo) at("protocols").hidden = true;
  listEvents();
  at("filter").addEventListener("input", listEvents);
  at("namespace").addEventListener("change", () => chooseNamespace(contract.namespaces[Number(at("namespace").value)]));
  at("connection").addEventListener("submit", (submit) => { submit.preventDefault(); connect(); });
  at("disconnect").addEventListener("click", () => connection?.close());
  at("sending").addEventListener("submit", (submit) => { submit.preventDefault(); send(); });
  at("as-form").addEventListener("click", () => showAs("form"));
  at("as-json").addEventListener("click", () => showAs("json"));
  document.addEventListener("keydown", keys);
  if (contract.namespaces.length > 0) chooseNamespace(contract.namespaces[0]);
}

function keys(press) {
  const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test(press.target.tagName);
  if (press.key === "/" && !isWriting) {
    press.preventDefault();
    at("filter").focus();
  } else if (press.key === "Enter" && (press.ctrlKey || press.metaKey) && event?.sends && connection) {
    press.preventDefault();
    send();
  }
}

// --- events and their details ----------------------------------------------------------------------

function listEvents() {
  const wanted = at("filter").value.toLowerCase();
  const groups = contract.namespaces.map((space) => {
    const events = space.events.filter(({ name }) => `${space.path} ${name}`.toLowerCase().includes(wanted));
    if (events.length === 0 && wanted !== "") return "";
    return make("div", {}, make("h3", {}, space.path), make("ul", {}, ...events.map((one) => make("li", {}, eventButton(space, one)))));
  });
  at("events").replaceChildren(...groups);
}

function eventButton(space, one) {
  const way = make("span", { class: "way", "aria-hidden": "true" }, one.sends ? "→" : "←");
  const name = make("span", { class: one.isOld ? "old" : undefined }, one.name);
  const hint = one.sends ? "sent by clients" : "sent by the server";
  return make("button", { type: "button", title: hint, "aria-current": String(one === event), onclick: () => {
    if (space !== namespace) chooseNamespace(space);
    chooseEvent(one);
    at("event").focus({ preventScroll: true });
  } }, way, name);
}

function chooseNamespace(space) {
  namespace = space;
  at("namespace").value = String(contract.namespaces.indexOf(space));
  parameters = new Map(space.parameters.map(({ name, values }) => {
    const choices = (values ?? []).map((value) => make("option", {}, value));
    return [name, choices.length > 0 ? make("select", {}, ...choices) : make("input", { type: "text", autocomplete: "off", spellcheck: "false" })];
  }));
  at("parameters").replaceChildren(...space.parameters.map(({ name, description }) =>
    make("label", { class: "field" }, name, make("span", { class: "hint" }, description ?? ""), parameters.get(name))));
  at("credentials").placeholder = space.credentials ? describe(contract.document, space.credentials.payload) : "";
  for (const radio of document.querySelectorAll("[name=protocol]")) radio.disabled = space.isRaw && radio.value !== "plain";
  chooseEvent(space.events.find(({ sends }) => sends) ?? space.events[0]);
}

function chooseEvent(one) {
  event = one;
  listEvents();
  at("sending").hidden = !(one?.sends || namespace.isRaw);
  at("send-problem").textContent = "";
  at("details").replaceChildren();
  at("event-title").textContent = one?.name ?? (namespace.isRaw ? "Message" : "Event");
  if (!one) {
    at("event-about").textContent = namespace.isRaw ? "A raw gateway: each message is sent as it is written." : "This namespace has no events.";
    form = undefined;
    at("form").replaceChildren();
    return showAs("json");
  }
  at("event-about").textContent = one.about || (one.sends ? "" : "The server sends this event.");
  if (one.sends) {
    form = hasPayload(one) ? control(contract, one.payload, "Payload") : undefined;
    at("form").replaceChildren(form?.element ?? make("p", { class: "hint" }, "This event has no payload."));
    showAs("form");
  }
  at("details").replaceChildren(...details(one));
}

function hasPayload({ payload, typeName }) {
  return payload !== undefined || typeName !== undefined;
}

function details(one) {
  const parts = [];
  const add = (title, ...content) => parts.push(make("h3", {}, title), ...content);
  if (hasPayload(one)) add(one.typeName ? `Payload: ${one.typeName}` : "Payload", make("pre", {}, describe(contract.document, one.payload)));
  if (one.sends && one.replyKind === "value") add("Reply", make("pre", {}, one.reply?.["x-type"] ?? describe(contract.document, one.reply?.payload)));
  if (one.sends && one.replyKind === "stream") add("Reply: a stream of", make("pre", {}, describe(contract.document, one.reply?.payload)));
  if (one.sends && one.replyKind === "empty") add("Reply", make("p", { class: "about" }, "empty"));
  if (!one.sends && one.reply) add("The client answers", make("pre", {}, describe(contract.document, one.reply.payload)));
  if (one.errors.length > 0) add("Failures", make("dl", {}, ...one.errors.flatMap(failure)));
  if (one.guards.length > 0) add("Guards", make("p", { class: "about" }, one.guards.join(", ")));
  if (one.handler) add("Handler", make("p", {}, make("code", {}, one.handler)));
  return parts;
}

function failure(error) {
  const { code, description } = typeof error === "string" ? { code: error } : error;
  return [make("dt", {}, code), make("dd", {}, description ?? "")];
}

// --- connecting --------------------------------------------------------------------------------------

function connect() {
  at("connection-problem").textContent = "";
  let credentials;
  try {
    credentials = at("credentials").value.trim() === "" ? undefined : JSON.parse(at("credentials").value);
  } catch (error) {
    at("connection-problem").textContent = `The credentials are no JSON: ${error.message}`;
    return at("credentials").focus();
  }
  let path = namespace.path;
  for (const [name, input] of parameters) {
    if (input.value === "") {
      at("connection-problem").textContent = `${name} is missing`;
      return input.focus();
    }
    path = path.replace(new RegExp(`\\{\\*?${name}\\*?\\}`), encodeURIComponent(input.value));
  }
  connection?.close();
  const isSocketIo = document.querySelector("[name=protocol]:checked").value === "socket-io" && !namespace.isRaw;
  const origin = location.origin.replace(/^http/, "ws");
  setState("connecting", `Connecting to ${path}`);
  const report = (message) => { if (connection === mine) received(message, path); };
  const mine = isSocketIo
    ? connectSocketIo(`${origin}${contract.socketIo.pathname ?? "/socket.io/"}?EIO=4&transport=websocket`, decodeURIComponent(path), credentials, report)
    : connectPlain(`${origin}${path}`, credentials, report);
  connection = mine;
  log.add("state", `connecting to ${path}`, undefined, make("span", { class: "note" }, isSocketIo ? "Socket.IO" : "plain WebSocket"));
}

function setState(state, text) {
  at("status").dataset.state = state;
  at("status").textContent = text;
  at("disconnect").disabled = state !== "open" && state !== "connecting";
  at("send").disabled = state !== "open";
}

function received(message, path) {
  const { kind, id, name, data } = message;
  switch (kind) {
    case "open":
      setState("open", `Connected to ${path}`);
      return log.add("state", "connected", undefined);
    case "closed": {
      const { code, reason, hasFailed = code !== 1000 && code !== 1005 } = message;
      const told = [code, closeCodes[code] ?? "", reason].filter((text) => text !== "").join(": ");
      log.lost();
      log.add("state", `closed, ${told}`, undefined);
      connection = undefined;
      return setState(hasFailed ? "failed" : "closed", `Closed, ${told}`);
    }
    case "question":
      return log.question(name, data, (value) => connection?.answer(message.ask, value));
    default:
      if (id !== undefined && log.answer(message)) return;
      return log.add(kind === "failure" ? "failed" : "received", `← ${name}`, data);
  }
}

// --- sending -----------------------------------------------------------------------------------------

function showAs(mode) {
  const isForm = mode === "form";
  if (!isForm && form) {
    try {
      at("json").value = JSON.stringify(form.read(), null, 2);
    } catch {
      // The form is incomplete; the text stays as it was.
    }
  }
  at("form").hidden = !isForm;
  at("json-field").hidden = isForm;
  at("as-form").setAttribute("aria-pressed", String(isForm));
  at("as-json").setAttribute("aria-pressed", String(!isForm));
}

function send() {
  at("send-problem").textContent = "";
  if (!connection || at("send").disabled) return;
  try {
    const text = at("json").value;
    if (namespace.isRaw) {
      connection.sendRaw(text);
      return void log.add("sent", "→ message", text);
    }
    const isForm = at("json-field").hidden;
    const data = isForm ? form?.read() : text.trim() === "" ? undefined : JSON.parse(text);
    const wantsReply = at("wants-reply").checked;
    const id = connection.send(event.name, data, wantsReply, { style: event.style, isEmpty: data === undefined });
    if (id === undefined) log.add("sent", `→ ${event.name}`, data);
    else log.request(id, event.name, data, (one) => connection?.cancel(one));
  } catch (error) {
    at("send-problem").textContent = error.message;
    if (error instanceof Fault) error.input.focus();
  }
}
