/**
 * What one says, on its way to the server. A message that comes faster than the server takes it waits here behind those before
 * it, and goes by itself; what could not be sent stays with its author, to be sent again or discarded.
 */

/** Failures the author can mend: the words go back to where they were typed. */
const MENDABLE = new Set(["message_too_long", "message_empty"]);

const remove = (entries, entry) => { if (entries.includes(entry)) entries.splice(entries.indexOf(entry), 1); };

export class Outgoing {
  #ready; #send; #changed; #mend; #explain;
  #waiting = []; #timer = null; #sending = false;
  /** When the next message may go, or null while none waits. */
  nextAt = null;

  /**
   * @param {object} on
   * @param {() => boolean} on.ready                                         there is a connection
   * @param {(room: object, entry: object) => Promise<object>} on.send      resolves with the receipt
   * @param {(room: object, entry: object) => void} on.changed               an entry looks otherwise, or is gone
   * @param {(room: object, entry: object, why: string) => void} on.mend     the words go back to their author
   * @param {(error: object) => string} on.explain
   */
  constructor({ ready, send, changed, mend, explain }) {
    [this.#ready, this.#send, this.#changed, this.#mend, this.#explain] = [ready, send, changed, mend, explain];
  }

  /** Sends at once, or behind those that wait already. */
  add(room, entry) {
    if (this.#waiting.length > 0 || this.#sending) this.#hold(room, entry); else this.#deliver(room, entry);
  }

  /** Sends what failed once more, in the order it was said. */
  again(room, entries) {
    for (const entry of entries) this.#hold(room, entry);
    if (this.#timer === null) this.resume();
  }

  discard(room, entries) {
    this.#waiting = this.#waiting.filter(({ entry }) => !entries.includes(entry));
    for (const entry of entries) {
      remove(room.entries, entry);
      this.#changed(room, entry);
    }
    if (this.#waiting.length === 0) this.#pause(0);
  }

  /** Forgets what waits, of one room or of all. */
  forget(room) {
    this.#waiting = room ? this.#waiting.filter((waits) => waits.room !== room) : [];
    if (this.#waiting.length === 0) this.#pause(0);
  }

  /** Goes on with what waits, now that it can. */
  async resume() {
    this.#pause(0);
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.length > 0 && this.#timer === null && this.#ready()) {
      const { room, entry } = this.#waiting.shift();
      // The history may have shown meanwhile that it had arrived.
      if (entry.status === "held" && !await this.#deliver(room, entry)) break;
    }
    this.#sending = false;
  }

  #hold(room, entry) {
    Object.assign(entry, { status: "held", failure: null });
    this.#waiting.push({ room, entry });
    // A burst is refused one by one, and keeps its order.
    this.#waiting.sort((one, other) => one.entry.turn - other.entry.turn);
    this.#changed(room, entry);
  }

  #pause(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = milliseconds > 0 ? setTimeout(() => this.resume(), milliseconds) : null;
    this.nextAt = milliseconds > 0 ? Date.now() + milliseconds : null;
  }

  /** Follows one entry to its receipt or its failure. Says whether the next may go. */
  async #deliver(room, entry) {
    const waited = entry.status === "held";
    Object.assign(entry, { status: "pending", failure: null });
    this.#changed(room, entry);
    let goesOn = true;
    try {
      Object.assign(entry, await this.#send(room, entry), { status: "sent" });
      // What was said meanwhile came before it.
      if (waited) room.entries.sort((one, other) => one.at - other.at);
    } catch (error) {
      // Where the history has it, only its receipt was lost.
      if (entry.status !== "sent") goesOn = this.#failed(room, entry, error);
    }
    this.#changed(room, entry, waited && entry.status === "sent");
    return goesOn;
  }

  #failed(room, entry, error) {
    if (error.code === "rate_limited") {
      this.#pause(Math.max(1, error.details?.retry_after_ms ?? 1_000));
      this.#hold(room, entry);
      return false;
    }
    if (MENDABLE.has(error.code)) {
      remove(room.entries, entry);
      this.#mend(room, entry, this.#explain(error));
    } else {
      Object.assign(entry, { status: "failed", failure: this.#explain(error) });
    }
    return error.code !== "disconnected";
  }
}
