/** Failures of requests, streams and connections. */

/** Codes of the client's own failures. All others are codes of the server. */
export type ClientCode = "aborted" | "closed" | "disconnected" | "malformed" | "overflow" | "queue_full" | "timeout" | "unanswerable";

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  /** Code for programs; `"unknown"` if the server sent none. */
  readonly code: string;
  /** Further facts, such as `{ retry_after_ms }`. */
  readonly details: any;
  /** The payload as the server sent it, or as the client made it. */
  readonly exception: any;

  constructor(exception: unknown, options?: { cause?: unknown }) {
    const { code, message, details } = Object(exception);
    super(message ?? "the request failed", options);
    this.code = code ?? "unknown";
    this.details = details;
    this.exception = exception;
  }
}

export const failure = (code: ClientCode, message: string, cause?: unknown): GatewayError =>
  new GatewayError({ code, message }, cause === undefined ? undefined : { cause });
