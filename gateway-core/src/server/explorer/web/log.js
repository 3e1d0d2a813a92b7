// The log: what was sent and received, with each answer under its request.

import { make } from "./form.js";

/** Entries kept; the oldest go first. */
const KEPT = 500;
/** Items of one stream that are shown; the oldest go first. */
const ITEMS = 100;

export class Log {
  #list = document.querySelector("#log");
  #empty = document.querySelector("#empty");
  #requests = new Map();

  constructor() {
    document.querySelector("#clear").addEventListener("click", () => this.clear());
  }

  clear() {
    this.#list.replaceChildren();
    this.#requests.clear();
    this.#empty.hidden = false;
  }

  /** Adds an entry; returns its element. */
  add(kind, title, data, ...notes) {
    const head = make("div", { class: "head" }, make("strong", {}, title), make("time", {}, new Date().toLocaleTimeString()), ...notes);
    const entry = make("li", { class: `entry ${kind}` }, head, ...payload(data));
    this.#list.prepend(entry);
    this.#empty.hidden = true;
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild.remove();
    return entry;
  }

  /** Adds a request whose answers go below it. `cancel` is called for a stream that is no longer wanted. */
  request(id, name, data, cancel) {
    const note = make("span", { class: "note" }, `request ${id}, waiting`);
    const stop = make("button", { type: "button", class: "small", onclick: () => cancel(id) }, "Cancel");
    const entry = this.add("sent", `→ ${name}`, data, note, stop);
    const answers = make("div", { class: "answers" });
    entry.append(answers);
    this.#requests.set(id, { entry, answers, note, stop, begun: performance.now(), items: 0 });
  }

  /** Puts an answer below its request. Returns `false` if there is no such request. */
  answer({ kind, id, data }) {
    const request = this.#requests.get(id);
    if (!request) return false;
    const { entry, answers, note, stop, begun } = request;
    if (kind !== "end") answers.append(...payload(data));
    if (kind === "item") {
      request.items++;
      if (answers.childElementCount > ITEMS) answers.firstElementChild.remove();
      note.textContent = `request ${id}, ${request.items} items`;
      return true;
    }
    const took = `${(performance.now() - begun).toFixed(1)} ms`;
    const items = request.items > 0 ? `, ${request.items} items` : "";
    note.textContent = kind === "failure" ? `failed after ${took}${items}` : `answered after ${took}${items}`;
    note.classList.toggle("bad", kind === "failure");
    entry.classList.toggle("failed", kind === "failure");
    stop.remove();
    this.#requests.delete(id);
    return true;
  }

  /** Adds a question of the server with a place for the answer. */
  question(name, data, answer) {
    const entry = this.add("asked", `? ${name}`, data, make("span", { class: "note" }, "the server asks"));
    const input = make("textarea", { rows: 1, "aria-label": `Answer to ${name}, as JSON`, spellcheck: "false" });
    const problem = make("p", { class: "problem", role: "alert" });
    const send = make("button", { type: "button", class: "small", onclick: () => {
      try {
        const value = JSON.parse(input.value === "" ? "null" : input.value);
        answer(value);
        row.replaceWith(...payload(value));
      } catch (error) {
        problem.textContent = error.message;
      }
    } }, "Answer");
    const row = make("div", { class: "item" }, input, send, problem);
    entry.append(row);
  }

  /** Ends all requests that are open: their connection is gone. */
  lost() {
    for (const { note, stop, entry } of this.#requests.values()) {
      note.textContent = "the connection ended before an answer";
      note.classList.add("bad");
      entry.classList.add("failed");
      stop.remove();
    }
    this.#requests.clear();
  }
}

function payload(data) {
  return data === undefined ? [] : [make("pre", {}, JSON.stringify(data, null, 2))];
}
