/** One WebSocket, whose end is told exactly once, whatever the runtime calls. */

import type { Wire } from "./format.js";
import type { WebSocketLike } from "./options.js";

const OPEN = 1;

/** A writable stream of Node. */
interface Corkable {
  cork?(): void;
  uncork(): void;
}

export interface ConnectionEvents {
  opened(): void;
  received(message: string | ArrayBuffer): void;
  ended(code: number, reason: string): void;
}

export class Connection {
  #socket: WebSocketLike;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #patience: number;
  #isHeld = false;
  #end: ((code: number, reason: string) => void) | null;

  /** `patience` is the time for the connection to be accepted, and for a close to follow an error. */
  constructor(socket: WebSocketLike, patience: number, events: ConnectionEvents) {
    this.#socket = socket;
    this.#patience = patience;
    this.#end = (code, reason) => events.ended(code, reason);
    this.#await("connect timeout");
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (this.#end) events.opened();
    };
    socket.onmessage = ({ data }: { data: any }) => {
      if (this.#end) events.received(data);
    };
    // Node and undici tell of a refused connection by this alone. Once it was open, the close that follows has the code.
    socket.onerror = () => {
      if (opened) this.#await("connection failed");
      else this.#lose(1006, "connection failed");
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#lose(code, reason);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === OPEN;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Wire): void {
    // npm's `ws` writes every message by itself, its stream writes those of one turn together.
    const stream = this.#isHeld ? null : (this.#socket as { _socket?: Corkable })._socket;
    if (stream?.cork) {
      this.#isHeld = true;
      stream.cork();
      queueMicrotask(() => {
        this.#isHeld = false;
        stream.uncork();
      });
    }
    this.#socket.send(message);
  }

  /** Ends the wait for the connection to be accepted. */
  accepted(): void {
    clearTimeout(this.#timer);
  }

  /** Forgets its owner: from here on nothing is told. */
  detach(): void {
    clearTimeout(this.#timer);
    this.#end = null;
  }

  close(code?: number, reason?: string): void {
    this.detach();
    this.#socket.close(code, reason);
  }

  #await(reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(1006, reason), this.#patience);
  }

  #lose(code: number, reason: string): void {
    const end = this.#end;
    this.detach();
    end?.(code, reason);
  }
}
