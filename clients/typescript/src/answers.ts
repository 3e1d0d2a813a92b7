/** Answers to the server's questions. */

import { failure } from "./error.js";
import type { Incoming, Outgoing } from "./format.js";

export type Answer = (data: any) => unknown;

export class Answers {
  #answers = new Map<string, Answer>();

  /** Returns the function that takes the answer away again. */
  set(event: string, answer: Answer): () => void {
    this.#answers.set(event, answer);
    return () => {
      if (this.#answers.get(event) === answer) this.#answers.delete(event);
    };
  }

  /** Answers a question through `reply`. */
  async answer({ ask, event = "", data }: Incoming, reply: (message: Outgoing) => void): Promise<void> {
    let message: Outgoing;
    try {
      const answer = this.#answers.get(event);
      if (!answer) throw failure("unanswerable", `nothing here answers "${event}"`);
      message = { answer: ask, data: (await answer(data)) ?? null };
    } catch (error) {
      const { code = "failed", message: text = String(error) } = Object(error);
      message = { answer: ask, error: { code, message: text } };
    }
    reply(message);
  }
}
