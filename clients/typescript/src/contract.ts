/**
 * Types of what a namespace and its clients say to each other. `Client<C>` reads them from one interface, which a person or a
 * generator writes:
 *
 *     interface Chat {
 *       emits: { typing: { room: string } };
 *       requests: { message: { data: { text: string }; reply: { id: number } } };
 *       streams: { ticks: { data: null; item: number } };
 *       listens: { posted: { from: string; text: string } };
 *       questions: { confirm: { data: string; answer: boolean } };
 *     }
 */

/** Five tables from event names to payload types. A table that is left out is empty. */
export interface Contract {
  /** Events that the client sends without waiting for an answer: event to data. */
  emits?: object;
  /** Events that end with one reply: event to `{ data; reply }`. */
  requests?: object;
  /** Events that are answered by a stream: event to `{ data; item }`. */
  streams?: object;
  /** Events that the server sends: event to data. */
  listens?: object;
  /** Questions of the server, which the client answers: event to `{ data; answer }`. */
  questions?: object;
}

/** The contract of a client that was given none: every event name, with payloads that are not checked. */
export interface AnyContract {
  emits: Record<string, any>;
  requests: Record<string, { data: any; reply: any }>;
  streams: Record<string, { data: any; item: any }>;
  listens: Record<string, any>;
  questions: Record<string, { data: any; answer: any }>;
}

/** Payload of the event `exception`: a failure as the framework writes it. */
export interface Exception {
  status: "error";
  message: string;
  code?: string;
  details?: unknown;
  /** Name of the server's log entry, where that says more. */
  id?: string;
  cause?: { pattern?: string };
}

type Table<C, M extends keyof Contract> = C extends { [Name in M]: infer T } ? T : {};
type Member<T, K extends keyof T, M extends string> = T[K] extends { [Name in M]: infer V } ? V : null;

export type Emits<C> = Table<C, "emits">;
export type Requests<C> = Table<C, "requests">;
export type Streams<C> = Table<C, "streams">;
export type Questions<C> = Table<C, "questions">;
/** Events of the contract, and `exception`, which every namespace may send. */
export type Listens<C> = Table<C, "listens"> & ("exception" extends keyof Table<C, "listens"> ? {} : { exception: Exception });

export type EventName<T> = keyof T & string;
export type DataOf<T, K extends keyof T> = Member<T, K, "data">;
export type ReplyOf<T, K extends keyof T> = Member<T, K, "reply">;
export type ItemOf<T, K extends keyof T> = Member<T, K, "item">;
export type AnswerOf<T, K extends keyof T> = Member<T, K, "answer">;

/** Arguments after the event's name. Data that may be `null` or left out may be left out. */
export type Arguments<D, O> = [D] extends [null | undefined | void]
  ? [data?: D, options?: O]
  : undefined extends D
    ? [data?: D, options?: O]
    : null extends D
      ? [data?: D, options?: O]
      : [data: D, options?: O];
