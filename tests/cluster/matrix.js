/** Every operation from each kind of node to each, over one engine. */

import { after, before, describe, test } from 'node:test';
import { Cast } from './cast.js';
import { Postgres, Redis } from './engines.js';
import { settle, startAll } from './nodes.js';
import { operations } from './operations.js';

/** `KINDS=node` proves the suite against Socket.IO alone. */
export const kinds = (process.env.KINDS ?? 'node').split(',');
export const pairs = kinds.flatMap((from) => kinds.map((to) => [from, to]));

const engines = {
  redis: async () => ({ redis: await Redis.start() }),
  sharded: async () => ({ redis: await Redis.start() }),
  streams: async () => ({ redis: await Redis.start() }),
  postgres: async () => ({ postgres: await Postgres.start() }),
};

export class Engine {
  static async start(name) {
    const engine = new Engine();
    Object.assign(engine, { name, services: await engines[name]() });
    return engine;
  }

  /** Waits until a node has subscribed the room. */
  async subscribed(namespace, room) {
    if (room.length === 20) return;
    await this.services.redis.subscribed(`socket.io#${namespace}#${room}#`, 1, 'SHARDNUMSUB');
  }

  async stop() {
    for (const service of Object.values(this.services)) await service.stop();
  }
}

export function matrix(name) {
  describe(name, () => {
    let engine;
    before(async () => { engine = await Engine.start(name); });
    after(() => engine.stop());
    for (const [from, to] of pairs) pair(`${from} → ${to}`, () => engine, from, to);
  });
}

function pair(title, engine, from, to) {
  describe(title, () => {
    const nodes = [];
    const casts = [];
    before(async () => {
      nodes.push(...await startAll(engine(), [[from, 'acting'], [to, 'other']]));
      await settle(nodes);
      for (const namespace of ['/', '/chat']) casts.push(await Cast.open(engine(), ...nodes, namespace));
      [casts[0].sibling, casts[1].sibling] = [casts[1], casts[0]];
    });
    after(async () => {
      await Promise.all(casts.map((cast) => cast.close()));
      await Promise.all(nodes.map((node) => node.stop()));
    });
    for (const [name, run] of Object.entries(operations)) {
      test(name, async () => {
        for (const cast of casts) {
          // A case that failed leaves nothing to the next.
          await cast.settled();
          await run(cast);
        }
      });
    }
  });
}
