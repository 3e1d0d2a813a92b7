// A client of the plain protocol: JSON envelopes on a WebSocket.

/** Connects. `report` receives `{ kind, … }` for all that comes. */
export function connectPlain(url, credentials, report) {
  const protocols = ["gateway.v1"];
  if (credentials !== undefined) protocols.push(`auth.${base64Url(JSON.stringify(credentials))}`);
  const socket = new WebSocket(url, protocols);
  let next = 1;
  socket.onopen = () => report({ kind: "open" });
  socket.onclose = ({ code, reason }) => report({ kind: "closed", code, reason });
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return report({ kind: "event", name: "(binary message)", data: `${data.size} bytes` });
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return report({ kind: "event", name: "(message)", data });
    }
    report(read(frame));
  };
  return {
    send(name, data, wantsReply) {
      const id = wantsReply ? next++ : undefined;
      socket.send(JSON.stringify({ event: name, data, id }));
      return id;
    },
    sendRaw: (data) => socket.send(data),
    cancel: (id) => socket.send(JSON.stringify({ cancel: id })),
    answer: (ask, data) => socket.send(JSON.stringify({ answer: ask, data })),
    close: () => socket.close(1000),
  };
}

/** docs/protocol.md, "Server to client". */
function read({ event, data, id, ask, more, end }) {
  if (ask !== undefined) return { kind: "question", name: event, data, ask };
  if (id === undefined) return { kind: event === "exception" ? "failure" : "event", name: event, data };
  if (more) return { kind: "item", id, name: event, data };
  if (end) return { kind: "end", id };
  return { kind: event === "exception" ? "failure" : "reply", id, name: event, data };
}

function base64Url(text) {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reasons of the close codes, from docs/protocol.md. */
export const closeCodes = {
  1000: "closed", 1001: "the server or the page goes away", 1002: "protocol error", 1003: "kind of message not supported", 1006: "the connection was lost or refused",
  1007: "text that is no UTF-8", 1008: "refused", 1009: "message too large", 1011: "error of the server", 1012: "the server restarts", 1013: "try again later",
};
