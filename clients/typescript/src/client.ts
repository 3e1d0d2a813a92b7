/** The client: one socket in one namespace, through any number of connections. */

import { Answers, type Answer } from "./answers.js";
import type {
  AnswerOf, AnyContract, Arguments, Contract, DataOf, Emits, EventName, ItemOf, Listens, Questions, ReplyOf, Requests as RequestsOf, Streams,
} from "./contract.js";
import { failure } from "./error.js";
import { Link } from "./link.js";
import { Listeners } from "./listeners.js";
import type { EmitOptions, Options, RequestOptions, StreamOptions } from "./options.js";
import type { Queued } from "./queue.js";
import { Requests, type Waiting } from "./requests.js";
import type { Status } from "./status.js";
import { Stream } from "./stream.js";

/** Timers that are set for longer end at once. */
const LONGEST = 2 ** 31 - 1;

export class Client<C extends Contract = AnyContract> {
  #link: Link;
  #listeners: Listeners;
  #requests = new Requests();
  #answers = new Answers();
  #most: number;

  constructor(url: string | { href: string }, options: Options = {}) {
    const report = options.onerror ?? ((error: unknown) => queueMicrotask(() => { throw error; }));
    this.#listeners = new Listeners(report);
    this.#most = options.bounds?.stream ?? 16_384;
    this.#link = new Link(url, options, report, {
      received: (frame) => {
        const { event, data, id } = frame;
        if (id !== undefined) this.#requests.receive(id, frame);
        else if (event !== undefined) this.#listeners.call(event, data);
      },
      asked: (frame, reply) => void this.#answers.answer(frame, reply),
      // Nobody can know whether the server has done what it was asked, so nothing is sent again.
      lost: () => this.#requests.fail(failure("disconnected", "the connection was lost"), false),
      closed: () => this.#requests.fail(failure("closed", "the client is closed"), true),
    });
  }

  /** The present state. The object stays the same until the state changes. */
  get status(): Status {
    return this.#link.status;
  }

  /** Returns `status`; a function for `useSyncExternalStore` and the like. */
  readonly getStatus = (): Status => this.#link.status;

  /** Calls a function after each change of `status`. Returns the function that ends that. */
  readonly subscribe = (listener: (status: Status) => void): (() => void) => this.#link.subscribe(listener);

  /** Bytes that wait to be sent, in the queue and in the WebSocket. */
  get buffered(): number {
    return this.#link.queue.length;
  }

  /** Calls `listener` with the data of each such event. Returns the function that takes it off. */
  on<K extends EventName<Listens<C>>>(event: K, listener: (data: Listens<C>[K]) => void): () => void {
    this.#listeners.add(event, listener);
    return () => this.#listeners.remove(event, listener);
  }

  /** Calls `listener` with the data of the next such event only. Returns the function that takes it off. */
  once<K extends EventName<Listens<C>>>(event: K, listener: (data: Listens<C>[K]) => void): () => void {
    const off = this.on(event, (data) => {
      off();
      listener(data);
    });
    return off;
  }

  /** Takes off a listener that `on` has added. */
  off<K extends EventName<Listens<C>>>(event: K, listener: (data: Listens<C>[K]) => void): void {
    this.#listeners.remove(event, listener);
  }

  /**
   * Sends an event, or holds it until it can be sent. Returns `false` for a volatile one that cannot be sent at once. Throws
   * `queue_full`, and `closed`. An event that was sent just before a loss may not have arrived.
   */
  emit<K extends EventName<Emits<C>>>(event: K, ...[data, options]: Arguments<Emits<C>[K], EmitOptions>): boolean {
    if (options?.volatile) {
      if (!this.#link.queue.isFree) return false;
    } else if (this.status.name === "closed") {
      throw failure("closed", "the client is closed");
    }
    this.#link.queue.push({ message: this.#link.encode({ event, data }) });
    return true;
  }

  /**
   * Sends a request and resolves with its reply. Rejects with a `GatewayError`: the server's exception, or `timeout`, `aborted`,
   * `disconnected` (the request may have been handled), `queue_full`, `closed`.
   */
  request<K extends EventName<RequestsOf<C>>>(
    event: K,
    ...[data, options = {}]: Arguments<DataOf<RequestsOf<C>, K>, RequestOptions>
  ): Promise<ReplyOf<RequestsOf<C>, K>> {
    const { timeout = 10_000, signal, volatile } = options;
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const abort = (): void => {
        cancel();
        fail(failure("aborted", "the request was aborted", signal?.reason));
      };
      if (signal?.aborted) return fail(failure("aborted", "the request was aborted", signal.reason));
      const cancel = this.#ask(event, data, volatile, { item() {}, done: (reply) => { settle(); resolve(reply); }, fail });
      signal?.addEventListener("abort", abort);
      if (timeout <= LONGEST) {
        timer = setTimeout(() => {
          cancel();
          fail(failure("timeout", "the server did not answer in time"));
        }, timeout);
      }
    });
  }

  /**
   * Returns the stream that answers a request. Nothing is sent before its first item is asked for. Leaving the loop cancels it at
   * the server. Fails with a `GatewayError` as `request` does, and with `overflow`.
   */
  stream<K extends EventName<Streams<C>>>(
    event: K,
    ...[data, options]: Arguments<DataOf<Streams<C>, K>, StreamOptions>
  ): AsyncIterableIterator<ItemOf<Streams<C>, K>, undefined> {
    return new Stream((stream) => this.#ask(event, data, false, stream), this.#most, options?.signal);
  }

  /**
   * Answers a question of the server with what `answer` returns or resolves with. What it throws is sent as the error: its `code`
   * and `message`. Returns the function that ends that. A later function for the same event takes the place of an earlier one.
   */
  answer<K extends EventName<Questions<C>>>(
    event: K,
    answer: (data: DataOf<Questions<C>, K>) => AnswerOf<Questions<C>, K> | Promise<AnswerOf<Questions<C>, K>>,
  ): () => void {
    return this.#answers.set(event, answer as Answer);
  }

  /** Resolves once nothing waits in the queue and the WebSocket's buffer has room. Rejects when the client is closed. */
  drained(): Promise<void> {
    if (this.status.name === "closed") return Promise.reject(failure("closed", "the client is closed"));
    return this.#link.queue.drained();
  }

  /** Resolves once the server has accepted this client. Rejects when the client is closed. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (status: Status): void => {
        if (status.name === "closed") reject(status.error ?? failure("closed", `closed with ${status.code} ${status.reason}`.trim()));
        else if (status.name === "open") resolve();
        else return;
        off();
      };
      const off = this.subscribe(look);
      look(this.status);
    });
  }

  /** Tries again now instead of at `status.retryAt`, for a person who asks for it. */
  retry(): void {
    this.#link.retry();
  }

  /** Ends the client and its session for good. `code` is 1000, or 3000 to 4999. */
  close(code = 1000, reason = ""): void {
    this.#link.close(code, reason);
  }

  /** Sends a request. Returns the function that cancels it. */
  #ask(event: string, data: unknown, volatile: boolean | undefined, waiting: Waiting): () => void {
    const { queue, status } = this.#link;
    let cancel = (): void => {};
    const refused = status.name === "closed" ? failure("closed", "the client is closed")
      : volatile && !queue.isFree ? failure("disconnected", "there is no connection")
        : null;
    if (refused) {
      waiting.fail(refused);
      return cancel;
    }
    const id = this.#requests.add(waiting);
    try {
      const entry: Queued = { message: this.#link.encode({ event, data, id }), sent: () => this.#requests.sent(id) };
      cancel = () => {
        if (this.#requests.remove(id)) this.#link.sendNow({ cancel: id });
        else queue.remove(entry);
      };
      queue.push(entry);
    } catch (error) {
      this.#requests.remove(id);
      waiting.fail(error as Error);
    }
    return cancel;
  }
}

/** Connects to a namespace: `ws://…`, `http://…`, or a path on the page's host. The attempt begins after the caller's own statements. */
export const connect = <C extends Contract = AnyContract>(url: string | { href: string }, options?: Options): Client<C> => new Client<C>(url, options);
