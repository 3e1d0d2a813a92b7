/** The operations of the fixture `cluster`, each with what it must do on the acting node and on the other. */

import assert from 'node:assert/strict';
import { IoClient, PlainClient } from './clients.js';

const everybody = () => true;
const nobody = () => false;
const both = (...rooms) => (client) => rooms.some((room) => client.rooms.includes(room));

/** Who gets an event, by the request's selection. */
const selections = {
  'everybody': [{}, everybody],
  'a room': [{ rooms: ['red'] }, both('red')],
  'two rooms, each socket once': [{ rooms: ['red', 'blue'] }, both('red', 'blue')],
  'a room named twice': [{ rooms: ['red', 'red'] }, both('red')],
  'a room that nobody is in': [{ rooms: ['void'] }, nobody],
  'a room that somebody is in, and one that nobody is in': [{ rooms: ['void', 'blue'] }, both('blue')],
  'all but a room': [{ except: ['red'] }, (client) => !both('red')(client)],
  'all but two rooms': [{ except: ['red', 'blue'] }, nobody],
  'a room but another': [{ rooms: ['red'], except: ['blue'] }, (client) => both('red')(client) && !both('blue')(client)],
  'this node only': [{ local: true }, ({ side }) => side === 'a'],
  'a room on this node only': [{ rooms: ['red'], local: true }, (client) => client.side === 'a' && both('red')(client)],
  'everybody who is ready': [{ volatile: true }, everybody],
  'a room, not compressed': [{ rooms: ['red'], compress: false }, both('red')],
};

const bytes = (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));

/** Arguments of an event. */
const payloads = {
  'no argument': [],
  'null': [null],
  'false': [false],
  'an empty text': [''],
  'an empty list': [[]],
  'an empty object': [{}],
  'a list': [[1, 2, 3]],
  'two lists': [[1], [2]],
  'numbers': [[0, -1, 1.5, 1e-300, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991, -32, -33, -2_147_483_649]],
  'text of every plane': ['пойду спать 漢字 \u{1f600} \u0000 \u007f "\\ \u2028'],
  'names of every plane': [{ 'ключ': 1, '': 2, ' a "b" ': 3, '\u{1f600}': { '\u0001': 4 } }],
  'nested data': [{ a: [{ b: { c: [null, true, { d: 'e' }] } }] }],
  'twenty arguments': Array.from({ length: 20 }, (_, index) => ({ index })),
  'a text of 7 900 bytes': ['x'.repeat(7_900)],
  'a text of 8 000 bytes': ['x'.repeat(8_000)],
  'a text of 200 000 bytes': ['y'.repeat(200_000)],
  'text of three bytes a letter': ['€'.repeat(3_000)],
  'bytes': [bytes(5)],
  'no bytes': [Buffer.alloc(0)],
  'bytes in an object': [{ name: 'a', content: bytes(300), more: [bytes(1), 2, bytes(2)] }],
  'bytes and text as arguments': ['a', bytes(3), 'b', bytes(4)],
  '100 000 bytes': [bytes(100_000)],
  'an object that looks like a placeholder': [{ placeholder: true, num: 0 }],
};

/** Names that are hard on channels, patterns, tables and objects. */
const oddRooms = [
  'a#b', '#', '##', 'a*', '*', 'x[1]', '?', 'two words', ' ', '42', '0', '-1', 'ÄÖ', '\u{1f600}', 'constructor', '__proto__', 'a"b', 'a\\b', "it's",
  'x'.repeat(20), 'y'.repeat(16), 'z'.repeat(300), 'line\nbreak',
];

/** A whole number that Socket.IO's classic adapter turns into zero. */
const HUGE = 1e300;

function emits() {
  const cases = {};
  for (const [name, [request, gets]] of Object.entries(selections)) {
    cases[`emit to ${name}`] = async (cast) => {
      await cast.actor.do('emit', { ...request, args: ['posted', 1] });
      await cast.only('posted', [1], gets);
    };
  }
  for (const [name, args] of Object.entries(payloads)) {
    cases[`emit: ${name}`] = async (cast) => {
      await cast.actor.do('emit', { args: ['posted', ...args] });
      await cast.only('posted', args, everybody);
      await cast.actor.do('emit', { rooms: ['blue'], args: ['posted', ...args] });
      await cast.only('posted', args, both('blue'));
    };
  }
  return cases;
}

const identified = {
  async 'emit to one socket of each node'(cast) {
    for (const tag of cast.clients.map((client) => client.tag)) {
      await cast.actor.do('emit', { rooms: [cast.id(tag)], args: ['private', tag] });
      await cast.only('private', [tag], (client) => client.tag === tag);
    }
  },
  async 'emit to all but one socket'(cast) {
    for (const tag of cast.clients.map((client) => client.tag)) {
      await cast.actor.do('emit', { except: [cast.id(tag)], args: ['others', tag] });
      await cast.only('others', [tag], (client) => client.tag !== tag);
    }
  },
  async 'rooms of odd names'(cast) {
    const client = cast.client('b-1');
    for (const room of oddRooms) {
      await cast.join(client, room);
      await cast.actor.do('emit', { rooms: [room], args: ['odd', room] });
      await cast.only('odd', [room], ({ tag }) => tag === 'b-1');
      assert.equal(await client.ask('leave', room), true);
      await cast.actor.do('emit', { rooms: [room], args: ['odd', room] });
      await cast.only('odd', [room], nobody);
    }
  },
  async 'a join is complete when it is answered'(cast) {
    // Socket.IO's sharded adapter subscribes afterwards.
    if (cast.engine.name === 'sharded' && !cast.to.isRust) return;
    const client = cast.client('b-1');
    for (let number = 0; number < 30; number += 1) {
      const room = `quick-${number}`;
      assert.equal(await client.ask('join', room), true);
      await cast.actor.do('emit', { rooms: [room], args: ['quick', number] });
      await client.see('quick', number);
      assert.equal(await client.ask('leave', room), true);
    }
    await cast.settled();
  },
  async 'an event to the sockets that have just been joined'(cast) {
    const rooms = Array.from({ length: 20 }, (_, number) => `just-joined-${number}`);
    const requests = rooms.flatMap((room) => [
      cast.actor.do('join', { rooms: ['lobby'], to: [room] }), cast.actor.do('emit', { rooms: [room], args: ['just', room] }),
    ]);
    await Promise.all(requests);
    // Of the classic adapter a node applies its own joins when they come back; in the sharded one rooms have channels of their own.
    const gets = ({ side }) => (side === 'a' ? cast.from.isRust || cast.engine.name !== 'redis' : cast.engine.name !== 'sharded');
    for (const client of cast.clients.filter(gets)) for (const room of rooms) await client.see('just', room);
    await cast.actor.do('leave', { to: rooms });
    for (const room of rooms) await cast.gone(room);
  },
  async 'events keep their order'(cast) {
    const sent = Array.from({ length: 200 }, (_, number) => number);
    const requests = [{}, { rooms: ['red'] }, { rooms: ['red', 'blue'] }, { except: ['void'] }];
    await Promise.all(sent.map((number) => cast.actor.do('emit', { ...requests[number % 4], args: ['n', number] })));
    const came = await cast.settled();
    for (const client of cast.clients) {
      const gets = [everybody, both('red'), both('red', 'blue'), everybody];
      const expected = sent.filter((number) => gets[number % 4](client)).map((number) => client.shape('n', [number]));
      assert.deepEqual(came.get(client.tag), expected, `order at ${client.tag}`);
    }
  },
  async 'a whole number beyond 64 bits'(cast) {
    if (cast.engine.name === 'redis' && !cast.from.isRust) return;
    await cast.actor.do('emit', { args: ['posted', HUGE] });
    await cast.only('posted', [HUGE], everybody);
  },
  async 'namespaces are apart'(cast) {
    const elsewhere = cast.namespace === '/' ? '/chat' : '/';
    const strangers = [];
    for (const node of [cast.from, cast.to]) {
      strangers.push(await IoClient.open(node, 'stranger', elsewhere));
      if (node.isRust) strangers.push(await PlainClient.open(node, 'stranger', elsewhere));
    }
    await cast.actor.do('emit', { rooms: ['lobby'], args: ['posted', 'here'] });
    await strangers[0].do('emit', { rooms: ['lobby'], args: ['posted', 'there'] });
    await Promise.all(strangers.map((stranger) => stranger.see('posted', 'there')));
    for (const stranger of strangers) assert.deepEqual(stranger.take(), [stranger.shape('posted', ['there'])]);
    await cast.only('posted', ['here'], everybody);
    for (const stranger of strangers) stranger.close();
    await cast.sibling.deserted('stranger');
    await cast.sibling.settled();
  },
  async 'a plain client acts'(cast) {
    const actor = cast.plainActor;
    if (!actor) return;
    assert.equal(await actor.do('emit', { rooms: ['red'], args: ['posted', { deep: ['x'] }] }), 'ok');
    await cast.only('posted', [{ deep: ['x'] }], both('red'));
    const { sockets } = await actor.do('fetch', { rooms: ['blue'] });
    assert.deepEqual(tags(sockets), tagsOf(cast, both('blue')));
  },
};

const tags = (sockets) => sockets.map(({ tag }) => tag).sort();
const tagsOf = (cast, gets) => cast.clients.filter(gets).map(({ tag }) => tag).sort();

const questions = {
  async 'emitAck: every client answers'(cast) {
    const result = await cast.actor.do('emitAck', { args: ['question', 'q'] });
    assert.equal(result.err, null);
    assert.deepEqual(result.responses.sort(), tagsOf(cast, everybody));
    await cast.only('question', ['q'], everybody);
  },
  async 'emitAck to a room'(cast) {
    const result = await cast.actor.do('emitAck', { rooms: ['blue'], args: ['question', 'q'] });
    assert.equal(result.err, null);
    assert.deepEqual(result.responses.sort(), tagsOf(cast, both('blue')));
    await cast.only('question', ['q'], both('blue'));
  },
  async 'emitAck to one socket of the other node'(cast) {
    const result = await cast.actor.do('emitAck', { rooms: [cast.id('b-2')], args: ['question', 'q'] });
    assert.deepEqual(result, { err: null, responses: ['b-2'] });
    await cast.only('question', ['q'], ({ tag }) => tag === 'b-2');
  },
  async 'emitAck to nobody is answered at once'(cast) {
    const result = await cast.actor.do('emitAck', { rooms: ['void'], args: ['question', 'q'], timeout: 15_000 });
    assert.deepEqual(result, { err: null, responses: [] });
    await cast.only('question', ['q'], nobody);
  },
  async 'emitAck on this node only'(cast) {
    const result = await cast.actor.do('emitAck', { local: true, args: ['question', 'q'], timeout: 200 });
    // Socket.IO waits for the answers of nodes that it has not asked.
    assert.equal(result.err !== null, !cast.from.isRust);
    assert.deepEqual(result.responses.sort(), tagsOf(cast, ({ side }) => side === 'a'));
    await cast.only('question', ['q'], ({ side }) => side === 'a');
  },
  async 'emitAck with bytes in question and answer'(cast) {
    const rooms = [cast.id('a-1'), cast.id('b-2')];
    const result = await cast.actor.do('emitAck', { rooms, args: ['binary-question', bytes(9)] });
    assert.equal(result.err, null);
    assert.deepEqual(result.responses.map(String).sort(), ['a-1', 'b-2']);
    assert.ok(result.responses.every((answer) => Buffer.isBuffer(answer)));
    await cast.only('binary-question', [bytes(9)], ({ tag }) => ['a-1', 'b-2'].includes(tag));
  },
  async 'emitAck: clients that do not answer'(cast) {
    const result = await cast.actor.do('emitAck', { rooms: ['blue'], args: ['mute', 'q'], timeout: 200 });
    assert.notEqual(result.err, null);
    assert.deepEqual(result.responses, []);
    await cast.only('mute', ['q'], both('blue'));
  },
};

const described = (cast, client) => ({
  id: cast.id(client.tag), rooms: client.rooms, tag: client.tag, data: { node: client.node.name, n: 1 },
});
const byTag = (one, other) => (one.tag < other.tag ? -1 : 1);

function fetches() {
  const cases = {};
  for (const name of ['everybody', 'a room', 'two rooms, each socket once', 'a room that nobody is in', 'all but a room', 'this node only']) {
    const [request, gets] = selections[name];
    cases[`fetch ${name}`] = async (cast) => {
      const { err, sockets } = await cast.actor.do('fetch', request);
      assert.equal(err, null);
      assert.deepEqual(sockets.sort(byTag), cast.clients.filter(gets).map((client) => described(cast, client)).sort(byTag));
    };
  }
  cases['fetch one socket by its id'] = async (cast) => {
    for (const client of cast.clients) {
      const { err, sockets } = await cast.actor.do('fetch', { rooms: [cast.id(client.tag)] });
      assert.deepEqual({ err, sockets }, { err: null, sockets: [described(cast, client)] });
    }
  };
  return cases;
}

let joined = 0;

function joins() {
  const cases = {};
  for (const name of ['everybody', 'a room', 'all but a room', 'a room but another', 'a room that nobody is in']) {
    const [request, gets] = selections[name];
    cases[`join and leave: ${name}`] = async (cast) => {
      joined += 1;
      const to = [`joined-${joined}`, `also-${joined}`];
      assert.equal(await cast.actor.do('join', { ...request, to }), 'ok');
      for (const room of to) await cast.inRoom(room, gets);
      await cast.actor.do('emit', { rooms: [`void-${joined}`, to[1]], args: ['posted', joined] });
      await cast.only('posted', [joined], gets);
      assert.equal(await cast.actor.do('leave', { ...request, to }), 'ok');
      for (const room of to) await cast.gone(room);
      await cast.actor.do('emit', { rooms: [`void-${joined}`, to[1]], args: ['posted', joined] });
      await cast.only('posted', [joined], nobody);
    };
  }
  cases['join and leave: one socket of the other node'] = async (cast) => {
    const [id, room] = [cast.id('b-1'), 'x'.repeat(20)];
    await cast.actor.do('join', { rooms: [id], to: [room] });
    await cast.inRoom(room, ({ tag }) => tag === 'b-1');
    await cast.actor.do('leave', { rooms: [id], to: [room] });
    await cast.gone(room);
  };
  return cases;
}

const ends = {
  async 'disconnect a room'(cast) {
    for (const close of [false, true]) {
      const [doomed, spared] = await company(cast, close);
      assert.equal(await cast.actor.do('disconnect', { rooms: ['doomed'], close }), 'ok');
      for (const client of doomed) {
        const reason = await client.left;
        if (client instanceof IoClient) assert.equal(reason, 'io server disconnect');
      }
      for (const client of spared) {
        await client.see('disconnected', 'others');
        client.close();
      }
      const { sockets } = await cast.actor.do('fetch', { rooms: ['doomed'] });
      assert.deepEqual(sockets, []);
      await cast.deserted('spared');
    }
  },
  async 'disconnect one socket of the other node'(cast) {
    const client = await IoClient.open(cast.to, 'lonely', cast.namespace);
    await cast.actor.do('disconnect', { rooms: [client.id] });
    assert.equal(await client.left, 'io server disconnect');
    await cast.settled();
  },
};

/** New clients on both nodes in the room `doomed`, and some that are not. When a doomed one has gone, the others are told. */
async function company(cast) {
  const doomed = [];
  const spared = [];
  for (const node of [cast.from, cast.to]) {
    for (const [list, tag] of [[doomed, 'doomed'], [spared, 'spared']]) {
      list.push(await IoClient.open(node, tag, cast.namespace));
      if (node.isRust) list.push(await PlainClient.open(node, tag, cast.namespace));
    }
  }
  for (const client of doomed) assert.equal(await client.ask('join', 'doomed'), true);
  Promise.all(doomed.map(({ left }) => left)).then(() => cast.actor.do('emit', { args: ['disconnected', 'others'] }));
  return [doomed, spared];
}

const serverSide = {
  async 'a server-side event'(cast) {
    assert.equal(await cast.actor.do('sse', { args: ['note', { text: 'Zürich' }] }), 'ok');
    await cast.only('noted', [cast.to.name, { text: 'Zürich' }], ({ side }) => side === 'b');
  },
  async 'a server-side event with an answer'(cast) {
    const result = await cast.actor.do('sseAck', { args: ['ask', { n: [1, 'two'] }] });
    assert.deepEqual(result, { err: null, responses: [{ node: cast.to.name, x: { n: [1, 'two'] } }] });
  },
  async 'a server-side event that nobody answers'(cast) {
    // It takes five seconds.
    if (cast.namespace === '/') return;
    const result = await cast.actor.do('sseAck', { args: ['silent', 1] });
    assert.notEqual(result.err, null);
    assert.deepEqual(result.responses, []);
  },
  async 'the number of nodes'(cast) {
    assert.equal(await cast.actor.do('count'), 2);
  },
  async 'rooms of a client'(cast) {
    for (const client of cast.clients) assert.deepEqual(await client.ask('rooms'), client.rooms);
  },
};

/** Every case: its name, and what it does with a cast. */
export const operations = {
  ...emits(), ...identified, ...questions, ...fetches(), ...joins(), ...serverSide, ...ends,
};
