/** Close codes and reasons (docs/protocol.md, "Close codes"): whether to reconnect, and not before when. */

/** A grant of the server's guards has expired: new credentials are needed. */
export const EXPIRED = 4502;

/** Whether the code invites the client to reconnect. 0 is Deno's code of a connection that failed. */
export const invitesBack = (code: number): boolean =>
  [0, 1001, 1005, 1006].includes(code) || (code >= 1011 && code <= 1015) || (code >= 3000 && code % 1000 < 500);

/** The pause that a close reason asks for, in milliseconds. At most nine digits, which every timer can wait. */
export const pauseIn = (reason: string): number => Number(/\bretry after (\d{1,9}) ms$/.exec(reason)?.[1] ?? 0);
