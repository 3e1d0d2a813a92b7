/** Functions by event, called in the order they were added. */

export class Listeners {
  #sets = new Map<string, Set<(data: any) => void>>();
  #report: (error: unknown) => void;

  /** `report` is called with what a listener throws. The other listeners are called all the same. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  add(event: string, listener: (data: any) => void): void {
    const set = this.#sets.get(event) ?? new Set();
    this.#sets.set(event, set.add(listener));
  }

  remove(event: string, listener: (data: any) => void): void {
    const set = this.#sets.get(event);
    if (set?.delete(listener) && set.size === 0) this.#sets.delete(event);
  }

  call(event: string, data: unknown): void {
    const set = this.#sets.get(event);
    if (!set) return;
    for (const listener of [...set]) {
      try {
        listener(data);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
