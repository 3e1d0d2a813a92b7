/**
 * The chat's connection over npm socket.io-client, whose bundle the page has loaded: what gateway.js does over a plain
 * WebSocket, as far as the chat needs it. The server's gateways and rooms are the same.
 */

/** A failure: the exception of the server, or one of this module's own ("disconnected", "timeout"). */
class Failure extends Error {
  constructor({ code, message }) {
    super(message ?? "the request failed");
    this.code = code ?? "unknown";
  }
}

/** An ack that says why a request failed. */
const isException = (answer) => answer?.status === "error" && typeof answer.message === "string";

/** How long a request waits for its ack. */
const PATIENCE = 10_000;

/** @param {string} namespace  @param {{auth?: any, onstate?: (state: object) => void}} options */
export function connect(namespace, { auth, onstate } = {}) {
  const become = (state) => { connection.state = state; onstate?.(state); };
  const socket = globalThis.io?.(namespace, { auth, forceNew: true, autoConnect: false });

  const connection = {
    state: { name: "connecting" },
    on: (event, fn) => socket?.on(event, fn),
    emit: (event, data) => socket?.volatile.emit(event, ...(data === undefined ? [] : [data])),
    retry: () => { if (connection.state.name === "waiting") socket.disconnect().connect(); },
    close: () => { if (end()) become({ name: "closed", code: 1000 }); },
    async request(event, data) {
      if (!socket?.connected) throw new Failure({ code: "disconnected", message: "there is no connection" });
      const answer = await socket.timeout(PATIENCE).emitWithAck(event, ...(data === undefined ? [] : [data])).catch(() => {
        const code = socket.connected ? "timeout" : "disconnected";
        throw new Failure({ code, message: "no answer came" });
      });
      if (isException(answer)) throw new Failure(answer);
      return answer;
    },
  };

  /** Whether there was anything to end. */
  function end() {
    const lives = connection.state.name !== "closed";
    socket?.off("disconnect").disconnect();
    return lives;
  }

  function refused(error) {
    if (connection.state.name === "closed") return;
    end();
    become({ name: "closed", error: new Failure(error) });
  }

  socket?.on("connect", () => become({ name: "open" }));
  socket?.on("disconnect", () => {
    // An active socket comes back by itself; another was ended by the server.
    become(socket.active ? { name: "waiting", retryAt: Date.now() } : { name: "closed" });
  });
  socket?.on("connect_error", (error) => {
    if (socket.active) become({ name: "waiting", retryAt: Date.now() });
    else refused({ code: error.data?.code, message: error.message });
  });
  // After the caller's own statements, so that handlers set right away miss nothing.
  queueMicrotask(() => {
    if (!socket) return refused({ code: "no_client", message: "the server has no copy of socket.io-client to give" });
    become({ name: "connecting" });
    socket.connect();
  });
  return connection;
}
