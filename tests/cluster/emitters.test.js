import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Cast } from './cast.js';
import { IoClient } from './clients.js';
import { emitters } from './emitters.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';

const everybody = () => true;
const nobody = () => false;
const inRoom = (...rooms) => (client) => rooms.some((room) => client.rooms.includes(room));
const bytes = Buffer.from([0, 1, 2, 255]);

const selections = {
  'everybody': [{}, everybody],
  'a room': [{ rooms: ['red'] }, inRoom('red')],
  'two rooms': [{ rooms: ['red', 'blue'] }, inRoom('red', 'blue')],
  'a room that nobody is in': [{ rooms: ['void'] }, nobody],
  'all but a room': [{ except: ['red'] }, (client) => !inRoom('red')(client)],
  'a room but another': [{ rooms: ['red'], except: ['blue'] }, (client) => inRoom('red')(client) && !inRoom('blue')(client)],
  'everybody who is ready': [{ volatile: true }, everybody],
};

const payloads = [[], [null], ['Zürich \u{1f600}'], [[1, 2]], [{ a: { b: [1] } }, 'second', 3], [bytes], ['with', bytes], ['x'.repeat(9_000)]];

const cases = {
  async 'emit'({ cast, act }) {
    for (const [request, gets] of Object.values(selections)) {
      await act('emit', { ...request, args: ['posted', 1] });
      await cast.only('posted', [1], gets);
    }
  },
  async 'emit with arguments of all kinds'({ cast, act }) {
    for (const args of payloads) {
      await act('emit', { rooms: ['red'], args: ['posted', ...args] });
      await cast.only('posted', args, inRoom('red'));
    }
  },
  async 'emit to one socket'({ cast, act }) {
    for (const { tag } of cast.clients) {
      await act('emit', { rooms: [cast.id(tag)], args: ['posted', tag] });
      await cast.only('posted', [tag], (client) => client.tag === tag);
    }
  },
  async 'join and leave'({ cast, act }) {
    await act('join', { rooms: ['blue'], to: ['new', 'more'] });
    for (const room of ['new', 'more']) await cast.inRoom(room, inRoom('blue'));
    await act('leave', { rooms: ['lobby'], except: ['void'], to: ['new', 'more'] });
    for (const room of ['new', 'more']) await cast.gone(room);
  },
  async 'disconnect'({ cast, act }) {
    for (const close of [false, true]) {
      const clients = await Promise.all([cast.from, cast.to].map((node) => IoClient.open(node, 'doomed', cast.namespace)));
      await act('disconnect', { rooms: clients.map(({ id }) => id), close });
      for (const client of clients) assert.equal(await client.left, 'io server disconnect');
      await cast.settled();
    }
  },
  async 'a server-side event runs on every node'({ cast, act }) {
    await act('sse', { args: ['note', { x: 1 }] });
    for (const client of cast.clients) await client.see('noted', client.node.name, { x: 1 });
    await cast.settled();
  },
};

for (const [engineName, ofEngine] of Object.entries(emitters)) {
  for (const [name, start] of Object.entries(ofEngine)) {
    if (name === 'rust' && !kinds.includes('rust')) continue;
    // See `emitters`.
    const spoken = engineName === 'postgres' && name === 'npm' ? kinds.filter((kind) => kind === 'rust') : kinds;
    if (spoken.length === 0) continue;
    describe(`emitter: ${name}, ${engineName}`, () => emitting(engineName, start, [spoken.at(0), spoken.at(-1)]));
  }
}

function emitting(engineName, start, [from, to]) {
  let engine, emitter;
  const nodes = [];
  const casts = [];
  before(async () => {
    engine = await Engine.start(engineName);
    emitter = await start(engine.services);
    nodes.push(...await startAll(engine, [[from, 'acting'], [to, 'other']]));
    await settle(nodes);
    for (const namespace of ['/', '/chat']) {
      const cast = await Cast.open(engine, ...nodes, namespace);
      const act = (name, request) => emitter.do(name, { namespace, ...request });
      cast.mark = (event) => act('emit', { args: [event] });
      casts.push({ cast, act });
    }
  });
  after(async () => {
    await Promise.all(casts.map(({ cast }) => cast.close()));
    await Promise.all(nodes.map((node) => node.stop()));
    await emitter.close();
    await engine.stop();
  });
  for (const [name, run] of Object.entries(cases)) {
    test(name, async () => {
      for (const each of casts) await run(each);
    });
  }
}
