// The AsyncAPI document as lists of namespaces and events.

/** Reads the document: `{ title, version, socketIoPath, namespaces: [{ path, parameters, credentials, events, … }] }`. */
export function readContract(document) {
  const servers = Object.values(document.servers ?? {});
  const socketIo = servers.find(({ protocol }) => protocol.startsWith("socketio") || protocol === "socket.io");
  const operations = Object.values(document.operations ?? {});
  const namespaces = Object.entries(document.channels ?? {}).map(([key, channel]) => {
    const own = operations.filter(({ channel }) => channel.$ref === `#/channels/${key}`);
    return {
      path: channel.address,
      about: channel.description ?? "",
      parameters: Object.entries(channel.parameters ?? {}).map(([name, { description, enum: values }]) => ({ name, description, values })),
      credentials: channel["x-credentials"],
      isRaw: channel["x-raw"] === true,
      refusals: channel["x-refusals"] ?? [],
      events: own.map((operation) => readEvent(document, operation)),
    };
  });
  return { title: document.info.title, version: document.info.version, about: document.info.description, socketIo, namespaces, document };
}

function readEvent(document, operation) {
  const message = resolve(document, operation.messages[0]);
  const [reply] = (operation.reply?.messages ?? []).map((message) => resolve(document, message));
  return {
    name: message.name,
    sends: operation.action === "receive",
    about: operation.description ?? "",
    isOld: operation["x-deprecated"] === true,
    payload: message.payload,
    style: message["x-style"] ?? "value",
    typeName: message["x-type"],
    mayBeAbsent: message["x-may-be-absent"] === true,
    replyKind: operation["x-reply"] ?? (reply ? "value" : "none"),
    reply,
    errors: operation["x-errors"] ?? [],
    handler: operation["x-handler"],
    guards: operation["x-guards"] ?? [],
  };
}

/** Follows `$ref` within the document, a bounded number of times. */
export function resolve(document, value) {
  for (let step = 0; step < 32 && value?.$ref !== undefined; step++) {
    const path = value.$ref.replace(/^#\//, "").split("/").map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
    value = path.reduce((at, part) => at?.[part], document);
  }
  return value ?? {};
}

/** A schema in few words, as the details show it: named schemas are spelled out at the top only. */
export function describe(document, schema, depth = 0, isInside = false) {
  if (schema === undefined || schema === true) return "anything";
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1);
    return isInside ? name : `${name} ${describe(document, resolve(document, schema), depth, true)}`;
  }
  const pad = "  ".repeat(depth + 1);
  const variants = schema.oneOf ?? schema.anyOf;
  const parts = [];
  if (variants) parts.push(variants.map((variant) => describe(document, variant, depth, true)).join(" | "));
  for (const part of schema.allOf ?? []) parts.push(describe(document, part, depth, true));
  if (schema.enum) parts.push(schema.enum.map((value) => JSON.stringify(value)).join(" | "));
  else if (schema.properties) {
    const required = new Set(schema.required ?? []);
    const lines = Object.entries(schema.properties).map(([name, property]) =>
      `${pad}${name}${required.has(name) ? "" : "?"}: ${describe(document, property, depth + 1, true)}`);
    parts.push(`{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`);
  } else if (schema.type === "array") {
    parts.push(Array.isArray(schema.items)
      ? `[${schema.items.map((item) => describe(document, item, depth, true)).join(", ")}]`
      : `list of ${describe(document, schema.items, depth, true)}`);
  } else if (typeof schema.additionalProperties === "object") {
    parts.push(`map of ${describe(document, schema.additionalProperties, depth, true)}`);
  } else if (schema.type) parts.push([schema.type].flat().join(" | ") + rules(schema));
  return parts.length === 0 ? "anything" : parts.join(" and ");
}

function rules(schema) {
  const told = [];
  if (schema.format) told.push(schema.format);
  if (schema.minimum !== undefined) told.push(`≥ ${schema.minimum}`);
  if (schema.maximum !== undefined) told.push(`≤ ${schema.maximum}`);
  if (schema.minLength) told.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) told.push(`at most ${schema.maxLength} characters`);
  if (schema.pattern) told.push(schema.pattern);
  return told.length === 0 ? "" : ` (${told.join(", ")})`;
}
