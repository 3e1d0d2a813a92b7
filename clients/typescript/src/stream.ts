/** A stream of the server as an async iterable. */

import { failure } from "./error.js";
import type { Signal } from "./options.js";
import { Waiting } from "./requests.js";

interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const END = { value: undefined, done: true } as const;

/**
 * Items in their order. The request is sent when the first item is asked for. Leaving a `for await` loop, `return()` and the
 * signal cancel the stream at the server.
 */
export class Stream<T> extends Waiting implements AsyncIterableIterator<T, undefined> {
  #items: T[] = [];
  #readers: Reader<T>[] = [];
  #begin: ((stream: Waiting) => void) | null;
  #cancel: (stream: Waiting) => void;
  #ended = false;
  #failure: unknown;
  #most: number;
  #signal: Signal | undefined;

  /** `begin` sends the request, `cancel` tells the server that nobody reads any more. */
  constructor(begin: (stream: Waiting) => void, cancel: (stream: Waiting) => void, most: number, signal?: Signal) {
    super();
    this.#begin = begin;
    this.#cancel = cancel;
    this.#most = most;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    this.#start();
    if (this.#items.length > 0) return { value: this.#items.shift() as T, done: false };
    if (this.#failure !== undefined) {
      const error = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    if (this.#ended) return END;
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Cancels the stream. Items that were not read are dropped. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#begin = null;
    this.#cancel(this);
    this.#end();
    this.#items = [];
    this.#failure = undefined;
    return END;
  }

  #start(): void {
    const begin = this.#begin;
    if (!begin) return;
    this.#begin = null;
    this.#signal?.addEventListener("abort", this.#abort);
    if (this.#signal?.aborted) this.#abort();
    else begin(this);
  }

  override done(data: any): void {
    if (data !== undefined) this.item(data);
    this.#end();
  }

  override fail(error: Error): void {
    this.#end(error);
  }

  override item(item: T): void {
    const reader = this.#readers.shift();
    if (reader) return reader.resolve({ value: item, done: false });
    if (this.#items.length < this.#most) return void this.#items.push(item);
    this.#cancel(this);
    this.#end(failure("overflow", "the items of the stream were not read in time"));
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#begin = null;
    this.#signal?.removeEventListener("abort", this.#abort);
    const readers = this.#readers.splice(0);
    // The first reader hears of the failure; for the others the stream has ended.
    if (error !== undefined) {
      const first = readers.shift();
      if (first) first.reject(error);
      else this.#failure = error;
    }
    for (const { resolve } of readers) resolve(END);
  }

  #abort = (): void => {
    this.#cancel(this);
    this.#end(failure("aborted", "the stream was aborted", this.#signal?.reason));
  };
}
