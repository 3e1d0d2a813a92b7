/** Binary data in JSON messages is base64 text. */

const PART = 0x8000;

/** Any view of bytes, such as a `Uint8Array`, or a whole buffer. */
export type Binary = ArrayBuffer | ArrayBufferView;

export const isBinary = (value: unknown): value is Binary => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

const bytesOf = (data: Binary): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

/** Returns bytes as the base64 text that a handler's `Bytes` reads. */
export function toBase64(data: Binary): string {
  const bytes = bytesOf(data);
  let text = "";
  // A call takes a limited number of arguments.
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}

/** Returns the bytes of a base64 text, such as a reply of `Bytes`. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Returns text in the alphabet of a subprotocol entry. */
export const base64url = (text: string): string =>
  toBase64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
