// The npm servers that the suites are proved against: REFERENCE=1 starts them in place of the fixtures of the same name.

import { createServer } from 'node:http';

/** An HTTP server for the reference to attach to, and what a fixture promises: the line when it is ready, the end at SIGTERM. */
export function listen(attach) {
  const server = createServer((_, response) => response.writeHead(404).end('not found'));
  attach(server);
  const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
  server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
  process.once('SIGTERM', () => process.exit(0));
}

/** The heartbeat of the fixtures that are in a hurry, with the timeout of PING_TIMEOUT; PATIENT=1 starts them with that of the protocol's defaults. */
export const HEARTBEAT = process.env.PATIENT === '1'
  ? { pingInterval: 25_000, pingTimeout: 20_000 }
  : { pingInterval: 300, pingTimeout: Number(process.env.PING_TIMEOUT ?? 200) };
