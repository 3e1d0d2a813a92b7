/** The client: one socket in one namespace, through any number of connections. */

import { Answers, type Answer } from "./answers.js";
import type {
  AnswerOf, AnyContract, Arguments, Contract, DataOf, Emits, EventName, ItemOf, Listens, Questions, ReplyOf, Requests as RequestsOf, Streams,
} from "./contract.js";
import { failure } from "./error.js";
import type { Outgoing } from "./format.js";
import { Link } from "./link.js";
import { Listeners } from "./listeners.js";
import type { EmitOptions, Options, RequestOptions, StreamOptions } from "./options.js";
import { Reply } from "./reply.js";
import { Requests, type Waiting } from "./requests.js";
import type { Status } from "./status.js";
import { Stream } from "./stream.js";

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
    this.#link.queue.push(this.#link.encode({ event, data }));
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
    return new Promise((resolve, reject) => {
      const reply = new Reply(resolve, reject, this.#cancel);
      if (reply.begin(options.timeout ?? 10_000, options.signal)) this.#ask({ event, data }, reply, options.volatile);
    });
  }

  /**
   * Presents new credentials on this connection, before the server's grant of the old ones expires. Resolves once the server has
   * accepted them, rejects as `request` does. After a refusal the server closes the connection. The next connection has the
   * credentials of the option `auth`.
   */
  renew(credentials: unknown, options: RequestOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const reply = new Reply(() => resolve(), reject, this.#cancel);
      if (reply.begin(options.timeout ?? 10_000, options.signal)) this.#ask({ auth: credentials }, reply, options.volatile);
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
    return new Stream((stream) => this.#ask({ event, data }, stream), this.#cancel, this.#most, options?.signal);
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

  /** Sends a request, which gets its id here, or fails it. */
  #ask(message: Outgoing, waiting: Waiting, volatile?: boolean): void {
    const { queue, status } = this.#link;
    if (status.name === "closed") return waiting.fail(failure("closed", "the client is closed"));
    if (volatile && !queue.isFree) {
      return waiting.fail(status.name === "open"
        ? failure("queue_full", "other messages wait to be sent")
        : failure("disconnected", "there is no connection"));
    }
    this.#requests.add(waiting);
    try {
      message.id = waiting.id;
      queue.push(this.#link.encode(message), waiting);
    } catch (error) {
      this.#requests.remove(waiting);
      waiting.fail(error as Error);
    }
  }

  /** Forgets a request, and tells the server if that may be at work on it. */
  #cancel = (waiting: Waiting): void => {
    if (!this.#requests.remove(waiting)) return;
    if (waiting.queued) this.#link.queue.remove(waiting.queued);
    else this.#link.sendNow({ cancel: waiting.id });
  };
}

/** Connects to a namespace: `ws://…`, `http://…`, or a path on the page's host. The attempt begins after the caller's own statements. */
export const connect = <C extends Contract = AnyContract>(url: string | { href: string }, options?: Options): Client<C> => new Client<C>(url, options);
