/** Nodes of a cluster, each a process: the fixture `cluster` in Rust, or `node.js` with Socket.IO. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IoClient } from './clients.js';
import { eventually, freePort, Process } from './process.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
export const binaries = process.env.FIXTURES ?? join(repository, 'target', 'debug');

/** How long a settled cluster takes at most to hear of all its nodes. */
const PROBE_PAUSE = 20;

const programs = {
  rust: [join(binaries, 'cluster')],
  node: [process.execPath, fileURLToPath(new URL('node.js', import.meta.url))],
};

export class Node {
  static async start(kind, adapter, services, name, environment = {}) {
    const node = new Node();
    Object.assign(node, { kind, adapter, services, name, environment, port: await freePort() });
    await node.run();
    return node;
  }

  async run() {
    const [program, ...before] = programs[this.kind];
    this.process = await Process.start(program, before, {
      ready: /^listening on /,
      env: {
        ...process.env, PORT: String(this.port), ADAPTER: this.adapter, NAME: this.name,
        REDIS_URL: this.services.redis?.url ?? '', PG_URL: this.services.postgres?.url ?? '', ...this.environment,
      },
    });
  }

  get isRust() {
    return this.kind === 'rust';
  }

  async stop() {
    const code = await this.process.end('SIGTERM');
    if (code !== 0) throw new Error(`${this.name} ended with ${code}:\n${this.process.printed.join('\n')}`);
  }

  kill() {
    return this.process.end('SIGKILL');
  }
}

/** Starts nodes of one cluster at the same time: each a kind and a name. */
export function startAll(engine, nodes, environment = {}) {
  return Promise.all(nodes.map(([kind, name]) => Node.start(kind, engine.name, engine.services, name, environment)));
}

/**
 * Waits until every node knows of the others, and each hears what the others tell, in each of the namespaces. Socket.IO's servers
 * listen before they have subscribed.
 */
export async function settle(nodes, namespaces = ['/', '/chat'], size = nodes.length) {
  for (const namespace of namespaces) {
    const clients = await Promise.all(nodes.map((node) => IoClient.open(node, `probe-${node.name}`, namespace)));
    for (const client of clients) {
      await eventually(`${size} nodes known to ${client.tag}`, async () => (await client.do('count')) === size);
    }
    for (const sender of clients) {
      let isHeard = false;
      const heard = Promise.all(clients.map((client) => client.see('probe', sender.tag))).then(() => { isHeard = true; });
      while (!isHeard) {
        await sender.do('emit', { rooms: clients.map(({ id }) => id), args: ['probe', sender.tag] });
        await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE))]);
      }
    }
    for (const client of clients) client.close();
    await Promise.all(clients.map(({ left }) => left));
  }
}
