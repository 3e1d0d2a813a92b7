/**
 * What gateway.js is for plain WebSocket, over npm's socket.io-client: the part of it that the chat uses. The file of the
 * client comes from the server, where it was given one.
 */

import { io } from "/socket.io/socket.io.esm.min.js";

import { GatewayError } from "./gateway.js";

export const connect = (namespace, options) => new Connection(namespace, options);

class Connection {
  status = { name: "connecting" };
  #socket; #changed = () => {};

  constructor(namespace, { auth } = {}) {
    const transports = new URLSearchParams(location.search).get("transports")?.split(",") ?? ["polling", "websocket"];
    this.#socket = io(namespace, { auth, transports });
    this.#socket.on("connect", () => this.#become({ name: "open" }));
    this.#socket.on("disconnect", (reason) => {
      // The server has ended it: this client does not come back by itself.
      if (reason === "io server disconnect") this.#become({ name: "closed", code: 4501 });
      else if (reason !== "io client disconnect") this.#wait();
    });
    this.#socket.on("connect_error", ({ message, data }) => {
      if (this.#socket.active) return this.#wait();
      this.#become({ name: "closed", code: 4500, error: new GatewayError({ code: data?.code, message, details: data?.details }) });
    });
  }

  subscribe(fn) {
    this.#changed = fn;
  }

  on(event, fn) {
    this.#socket.on(event, fn);
    return () => void this.#socket.off(event, fn);
  }

  emit(event, data) {
    if (this.#socket.connected) this.#socket.volatile.emit(event, data);
    return this.#socket.connected;
  }

  async request(event, data = null) {
    if (!this.#socket.connected) throw new GatewayError({ code: "disconnected", message: "there is no connection" });
    const answer = await this.#socket.timeout(10_000).emitWithAck(event, data).catch((error) => {
      const code = this.#socket.connected ? "timeout" : "disconnected";
      throw new GatewayError({ code, message: error.message });
    });
    if (answer?.status === "error") throw new GatewayError(answer);
    return answer;
  }

  retry() {
    if (this.status.name === "waiting") this.#socket.connect();
  }

  close() {
    this.#socket.disconnect();
    this.#become({ name: "closed", code: 1000 });
  }

  #wait() {
    this.#become({ name: "waiting", retryAt: navigator.onLine ? Date.now() + 1000 : null });
  }

  #become(status) {
    if (this.status.name === "closed") return;
    this.status = status;
    this.#changed(status);
  }
}
