/**
 * The scenario in the runtime that this file is run by: `RUNTIME runtime.js URL CUT`, with the address that cuts connections.
 * `ws` as a third argument takes npm's WebSocket.
 */

import * as client from "../dist/index.js";
import { scenario } from "./scenario.js";

const [url, cutter, which] = process.argv.slice(2);
const WebSocket = which === "ws" ? (await import("ws")).default : undefined;
const done = await scenario(client, { url, cut: () => fetch(cutter).then((answer) => answer.text()), headers: true, WebSocket });
console.log(JSON.stringify(done));
process.exit(0);
