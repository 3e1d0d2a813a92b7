// A small client of Socket.IO 5 over WebSocket (Engine.IO 4), for one namespace. Protocol: https://socket.io/docs/v4/socket-io-protocol/

/** Connects. `report` receives `{ kind, … }` for all that comes. */
export function connectSocketIo(url, namespace, credentials, report) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const prefix = namespace === "/" ? "" : `${namespace},`;
  let next = 1;
  let pending;
  let reason = "";
  const write = (type, body, id = "") => {
    const attachments = [];
    const text = JSON.stringify(body, (_, value) => (value instanceof Uint8Array ? { _placeholder: true, num: attachments.push(value) - 1 } : value));
    const kind = attachments.length === 0 ? type : `${type + 3}${attachments.length}-`;
    socket.send(`4${kind}${prefix}${id}${text ?? ""}`);
    for (const attachment of attachments) socket.send(attachment);
  };
  // A namespace ends by a packet, after which the client itself closes.
  socket.onclose = ({ code, reason: text }) => report({ kind: "closed", code, reason: reason || text, hasFailed: reason !== "" });
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return attach(data);
    if (data === "2") return socket.send("3");
    if (data.startsWith("0")) return socket.send(`40${prefix}${credentials === undefined ? "" : JSON.stringify(credentials)}`);
    if (data.startsWith("4")) packet(data.slice(1));
  };

  function packet(text) {
    const type = Number(text[0]);
    const [, count, name, id, body] = /^(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(.*)$/s.exec(text.slice(1));
    if ((name ?? "/") !== namespace) return;
    const parsed = body === "" ? undefined : JSON.parse(body);
    const complete = { type, id: id === undefined ? undefined : Number(id), body: parsed };
    if (count === undefined || count === "0") return handle(complete);
    pending = { packet: complete, left: Number(count), parts: [] };
  }

  function attach(bytes) {
    if (!pending) return;
    pending.parts.push(`(${bytes.byteLength} bytes)`);
    if (--pending.left > 0) return;
    const { packet: { type, id, body }, parts } = pending;
    pending = undefined;
    const fill = (value) => (value?._placeholder ? parts[value.num] : value && typeof value === "object"
      ? (Array.isArray(value) ? value.map(fill) : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]))) : value);
    handle({ type: type - 3, id, body: fill(body) });
  }

  function handle({ type, id, body }) {
    if (type === 0) return report({ kind: "open", id: body?.sid });
    if (type === 4) {
      reason = body?.message ?? "refused";
      report({ kind: "failure", name: "connect_error", data: body });
      return socket.close();
    }
    if (type === 1) {
      reason = "the server ended the namespace";
      return socket.close();
    }
    if (type === 2) {
      const [name, ...args] = body;
      const data = args.length === 1 ? args[0] : args;
      if (id !== undefined) return report({ kind: "question", name, data, ask: id });
      return report({ kind: name === "exception" ? "failure" : "event", name, data });
    }
    if (type === 3) {
      const data = body.length === 1 ? body[0] : body;
      const failed = data?.status === "error" && typeof data.message === "string";
      report({ kind: failed ? "failure" : body.length === 0 ? "end" : "reply", id, data });
    }
  }

  return {
    send(name, data, wantsReply, { style, isEmpty }) {
      const id = wantsReply ? next++ : undefined;
      const args = isEmpty ? [] : style === "arguments" && Array.isArray(data) ? data : [style === "binary" ? fromBase64(data) : data];
      write(2, [name, ...args], id ?? "");
      return id;
    },
    cancel: () => {},
    answer: (ask, data) => write(3, [data], ask),
    close: () => {
      socket.send(`41${prefix}`);
      socket.close(1000);
    },
  };
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
