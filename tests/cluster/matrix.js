/** Every operation from each kind of node to each, over one engine. */

import { after, before, describe, test } from 'node:test';
import { Cast } from './cast.js';
import { Postgres, Redis } from './engines.js';
import { settle, startAll } from './nodes.js';
import { operations } from './operations.js';

/** `KINDS=node` proves the suite against Socket.IO alone. */
export const kinds = (process.env.KINDS ?? 'node,rust').split(',');

/** Every kind with every kind. */
export const pairs = kinds.flatMap((from) => kinds.map((to) => [from, to]));

/** An engine of nodes, and the service that it needs. */
export class Engine {
  static async start(name) {
    const engine = await Engine.away(name);
    await engine.service.run();
    return engine;
  }

  /** An engine whose service is not there yet. */
  static async away(name) {
    const engine = new Engine();
    engine.name = name;
    engine.services = name === 'postgres' ? { postgres: await Postgres.away() } : { redis: await Redis.away() };
    return engine;
  }

  get service() {
    return this.services.redis ?? this.services.postgres;
  }

  /** Waits until a node has subscribed the room. */
  async subscribed(namespace, room) {
    if (room.length === 20) return;
    await this.services.redis.subscribed(`socket.io#${namespace}#${room}#`, 1, 'SHARDNUMSUB');
  }

  stop() {
    return this.service.stop();
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
