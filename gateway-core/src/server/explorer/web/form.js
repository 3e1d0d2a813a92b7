// A form made from a schema. Each control has `read()`, which returns its value, `undefined` if it is left out.

import { resolve } from "./contract.js";

let number = 0;

/** Makes an element. Attributes that begin with `on` are listeners. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A control for a schema: `{ element, read }`. */
export function control(contract, schema, label, options = {}) {
  const resolved = merged(contract.document, schema);
  const about = schema?.description ?? resolved.description;
  if (options.optional) return optional(contract, schema, label, options);
  const variants = resolved.oneOf ?? resolved.anyOf;
  if (variants) return union(contract, resolved, variants, label, about);
  if (resolved.enum) return choice(resolved.enum, label, about);
  const types = [resolved.type ?? (resolved.properties ? "object" : undefined)].flat();
  const others = types.filter((type) => type !== "null");
  if (types.includes("null") && others.length > 0) {
    const rest = { ...resolved, type: others.length === 1 ? others[0] : others };
    return optional(contract, rest, label, { ...options, absent: null });
  }
  if (types.length > 1) return json(label, about);
  switch (types[0]) {
    case "null": return nothing(label);
    case "boolean": return boolean(resolved, label, about);
    case "integer":
    case "number": return numeric(resolved, label, about);
    case "string": return text(resolved, label, about);
    case "array": return list(contract, resolved, label, about);
    case "object": return object(contract, resolved, label, about);
    default: return json(label, about);
  }
}

/** The schema with references followed and `allOf` joined. */
function merged(document, schema) {
  const resolved = schema === true || schema === undefined ? {} : resolve(document, schema);
  if (!resolved.allOf) return resolved;
  const { allOf, ...own } = resolved;
  return allOf.map((part) => merged(document, part)).reduce((all, part) => ({
    ...all, ...part,
    properties: { ...all.properties, ...part.properties },
    required: [...(all.required ?? []), ...(part.required ?? [])],
  }), own);
}

function field(label, about, input) {
  const hint = about ? [make("span", { class: "hint" }, about)] : [];
  return make("label", { class: "field" }, label, ...hint, input);
}

function text(schema, label, about) {
  const attributes = { minlength: schema.minLength, maxlength: schema.maxLength, spellcheck: "false", autocomplete: "off" };
  const isLong = schema.contentEncoding === undefined && (schema.maxLength === undefined || schema.maxLength > 200);
  const input = isLong ? make("textarea", { ...attributes, rows: 1 }) : make("input", { ...attributes, type: "text", pattern: schema.pattern });
  input.value = schema.default ?? "";
  return { element: field(label, about ?? encoding(schema), input), read: () => input.value };
}

function encoding(schema) {
  return schema.contentEncoding === "base64" ? "Bytes, in base64" : schema.format;
}

function numeric(schema, label, about) {
  const input = make("input", { type: "number", min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? (schema.multipleOf ?? 1) : "any", inputmode: "decimal" });
  input.value = schema.default ?? "";
  const read = () => {
    if (input.value === "") throw new Fault(input, `${label}: a number is missing`);
    return Number(input.value);
  };
  return { element: field(label, about, input), read };
}

function boolean(schema, label, about) {
  const input = make("input", { type: "checkbox" });
  input.checked = schema.default === true;
  const hint = about ? [make("span", { class: "hint" }, about)] : [];
  return { element: make("label", { class: "check" }, input, label, ...hint), read: () => input.checked };
}

function choice(values, label, about) {
  if (values.length === 1) return { element: make("p", { class: "hint" }, `${label}: ${JSON.stringify(values[0])}`), read: () => values[0] };
  const input = make("select", {}, ...values.map((value, at) => make("option", { value: at }, typeof value === "string" ? value : JSON.stringify(value))));
  return { element: field(label, about, input), read: () => values[Number(input.value)] };
}

function nothing(label) {
  return { element: make("p", { class: "hint" }, `${label}: null`), read: () => null };
}

function json(label, about) {
  const input = make("textarea", { rows: 2, spellcheck: "false", autocomplete: "off" });
  const read = () => {
    if (input.value.trim() === "") return null;
    try {
      return JSON.parse(input.value);
    } catch (error) {
      throw new Fault(input, `${label}: ${error.message}`);
    }
  };
  return { element: field(label, about ?? "Any JSON", input), read };
}

/** A part that may be left out: a checkbox that brings the control. Its control is made when it is asked for, so recursion ends. */
function optional(contract, schema, label, { absent }) {
  const box = make("input", { type: "checkbox" });
  const place = make("div");
  let inner;
  box.addEventListener("change", () => {
    inner = box.checked ? control(contract, schema, label) : undefined;
    place.replaceChildren(...(inner ? [inner.element] : []));
  });
  const name = absent === null ? `${label} (otherwise null)` : `${label} (may be left out)`;
  return { element: make("div", { class: "fields" }, make("label", { class: "check" }, box, name), place), read: () => (inner ? inner.read() : absent) };
}

function union(contract, schema, variants, label, about) {
  const { oneOf, anyOf, ...own } = schema;
  const shapes = variants.map((variant) => (own.properties ? { allOf: [own, variant] } : variant));
  const names = variants.map((variant, at) => variant.title ?? variant.$ref?.split("/").at(-1) ?? resolve(contract.document, variant).type ?? `variant ${at + 1}`);
  const select = make("select", {}, ...names.map((name, at) => make("option", { value: at }, String(name))));
  const place = make("div");
  let inner;
  const show = () => {
    inner = control(contract, shapes[Number(select.value)], names[Number(select.value)]);
    place.replaceChildren(inner.element);
  };
  select.addEventListener("change", show);
  show();
  return { element: make("div", { class: "fields" }, field(label, about, select), place), read: () => inner.read() };
}

function list(contract, schema, label, about) {
  if (Array.isArray(schema.items)) return tuple(contract, schema, label, about);
  const items = make("div", { class: "items" });
  const controls = new Map();
  const add = () => {
    const inner = control(contract, schema.items, `Item ${controls.size + 1}`);
    const row = make("div", { class: "item" }, inner.element, make("button", { type: "button", class: "small", onclick: () => { controls.delete(row); row.remove(); } }, "Remove"));
    controls.set(row, inner);
    items.append(row);
  };
  for (let count = 0; count < Math.min(schema.minItems ?? 0, 20); count++) add();
  const button = make("button", { type: "button", class: "small", onclick: add }, "Add an item");
  return { element: group(label, about, items, button), read: () => [...controls.values()].map((inner) => inner.read()) };
}

function tuple(contract, schema, label, about) {
  const least = schema.minItems ?? schema.items.length;
  const controls = schema.items.map((item, at) => control(contract, item, item.title ?? `Argument ${at + 1}`, { optional: at >= least }));
  const read = () => {
    const values = controls.map((inner) => inner.read());
    while (values.length > least && values.at(-1) === undefined) values.pop();
    return values.map((value) => value ?? null);
  };
  return { element: group(label, about, ...controls.map(({ element }) => element)), read };
}

function object(contract, schema, label, about) {
  const required = new Set(schema.required ?? []);
  const properties = Object.entries(schema.properties ?? {});
  const controls = properties.map(([name, property]) => [name, control(contract, property, name, { optional: !required.has(name) })]);
  const values = typeof schema.additionalProperties === "object" ? schema.additionalProperties : Object.values(schema.patternProperties ?? {})[0];
  const others = values && properties.length === 0 ? map(contract, values) : undefined;
  const read = () => {
    const made = Object.fromEntries(controls.map(([name, inner]) => [name, inner.read()]).filter(([, value]) => value !== undefined));
    return { ...made, ...others?.read() };
  };
  return { element: group(label, about, ...controls.map(([, { element }]) => element), ...(others ? [others.element] : [])), read };
}

function map(contract, schema) {
  const rows = new Map();
  const items = make("div", { class: "items" });
  const add = () => {
    const key = make("input", { type: "text", "aria-label": "Key", placeholder: "key" });
    const inner = control(contract, schema, "Value");
    const row = make("div", { class: "pair" }, key, inner.element, make("button", { type: "button", class: "small", onclick: () => { rows.delete(row); row.remove(); } }, "Remove"));
    rows.set(row, [key, inner]);
    items.append(row);
  };
  const button = make("button", { type: "button", class: "small", onclick: add }, "Add an entry");
  return { element: make("div", { class: "fields" }, items, button), read: () => Object.fromEntries([...rows.values()].map(([key, inner]) => [key.value, inner.read()])) };
}

function group(label, about, ...children) {
  const id = `about-${++number}`;
  const hint = about ? [make("p", { class: "hint", id }, about)] : [];
  return make("fieldset", { class: "group", "aria-describedby": about ? id : undefined }, make("legend", {}, label), make("div", { class: "fields" }, ...hint, ...children));
}

/** A value that a form does not have, with the input that is to be mended. */
export class Fault extends Error {
  constructor(input, message) {
    super(message);
    this.input = input;
  }
}
