import type { Socket } from "socket.io-client";

/** A failure: what an acknowledgement carries in place of its value, and the payload of the event `exception`. */
export interface GatewayException {
  status: "error";
  message: string;
  code?: string;
  details?: unknown;
  id?: string;
  cause?: { pattern?: string };
}

/** Tells a failure from the value of an acknowledgement. */
export function isException(answer: unknown): answer is GatewayException {
  return typeof answer === "object" && answer !== null && (answer as GatewayException).status === "error" && "message" in answer;
}

type Data<F> = F extends (...args: infer A) => void ? (A extends [...infer D, (reply: any) => void] ? D : never) : never;
type Reply<F> = F extends (...args: infer A) => void
  ? A extends [...unknown[], (reply: infer R) => void] ? Exclude<R, GatewayException> : never
  : never;

/**
 * Sends an event and resolves with the reply. Rejects with an `Error` whose `cause` is the failure, or after `timeout` milliseconds.
 *
 * `emitWithAck` after `timeout()` has no types of its own.
 */
export async function call<E extends Record<N, (...args: any[]) => void>, N extends keyof E & string>(
  socket: Socket<any, E>, timeout: number, name: N, ...data: Data<E[N]>
): Promise<Reply<E[N]>> {
  const untyped: Socket = socket as any;
  const answer: unknown = await untyped.timeout(timeout).emitWithAck(name, ...data);
  if (isException(answer)) throw Object.assign(new Error(answer.message), { cause: answer });
  return answer as Reply<E[N]>;
}

