// The same namespaces with the msgpack parser: one binary message for each packet.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Decoder, Encoder } from 'socket.io-msgpack-parser';
import { TRANSPORTS, open } from '../channel.js';
import { reference, startWith } from '../fixture.js';

let server;
before(async () => { server = await startWith({ PARSER: 'msgpack' }, 'wire'); });
after(() => server.stop());

const CONNECT = 0, DISCONNECT = 1, EVENT = 2, ACK = 3, CONNECT_ERROR = 4;

const encode = (packet) => new Encoder().encode({ nsp: '/', ...packet })[0];

function decode(bytes) {
  assert.ok(Buffer.isBuffer(bytes), `not a binary message: ${bytes}`);
  const decoder = new Decoder();
  let packet;
  decoder.on('decoded', (decoded) => { packet = decoded; });
  decoder.add(bytes);
  return packet;
}

const read = async (channel) => decode(await channel.next());
const expect = async (channel, packet) => assert.deepEqual(await read(channel), { nsp: '/', ...packet });

async function join(channel, nsp = '/', data) {
  await channel.send(encode({ type: CONNECT, nsp, data }));
  const { data: { sid }, ...rest } = await read(channel);
  assert.deepEqual(rest, { type: CONNECT, nsp });
  await expect(channel, { type: EVENT, nsp, data: ['auth', data ?? {}] });
  return sid;
}

async function echoes(channel, ...args) {
  await channel.send(encode({ type: EVENT, data: ['message', ...args] }));
  await expect(channel, { type: EVENT, data: ['message-back', ...args] });
}

for (const transport of TRANSPORTS) {
  /** Runs a test over this transport with a socket that lives at the end. */
  const over = (name, run) => test(`${transport}: ${name}`, async () => {
    const channel = await open(server, transport);
    await join(channel);
    await run(channel);
    await echoes(channel, 'alive');
    await channel.close();
  });

  over('values of every kind come back', async (channel) => {
    const values = [
      null, true, false, 0, 1, -1, 127, 128, -32, -33, 255, 256, 65_535, 65_536, -32_768, 2 ** 31, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1,
      -(2 ** 53 - 1), 0.5, -1.5e-300, '', 'ü€😀', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(300), 'x'.repeat(70_000), [], {}, [[1], { a: [null] }],
      Array.from({ length: 20 }, (_, number) => number), Object.fromEntries(Array.from({ length: 20 }, (_, number) => [`k${number}`, number])),
    ];
    for (const value of values) await echoes(channel, value);
    await echoes(channel);
    await echoes(channel, 1, 'two', { three: [3] });
  });

  over('bytes in credentials are read as their base64', async (channel) => {
    const data = { key: Buffer.from([1, 2]), list: [Buffer.from([3])] };
    await channel.send(encode({ type: CONNECT, nsp: '/custom', data }));
    await read(channel);
    const expected = reference ? data : { key: 'AQI=', list: ['Aw=='] };
    await expect(channel, { type: EVENT, nsp: '/custom', data: ['auth', expected] });
  });

  over('bytes come back as bytes, wherever they are', async (channel) => {
    for (const length of [0, 1, 255, 256, 65_536]) await echoes(channel, Buffer.alloc(length, 7));
    await echoes(channel, { a: [Buffer.from([1]), { b: Buffer.from([2]) }] }, Buffer.from([3]));
    await echoes(channel, ...Array.from({ length: 20 }, (_, number) => Buffer.from([number])));
  });

  over('undefined and dates are taken', async (channel) => {
    await channel.send(encode({ type: EVENT, id: 1, data: ['message-with-ack', undefined, new Date(0)] }));
    const { type, id, data } = await read(channel);
    assert.deepEqual([type, id, data.length], [ACK, 1, 2]);
    // A value of JSON where the answer is made of JSON.
    assert.ok(data[0] === undefined || data[0] === null, `${data[0]}`);
    assert.equal(new Date(data[1]).getTime(), 0);
  });

  over('an ack has the id of its request', async (channel) => {
    for (const id of [0, 5, 300, 70_000]) {
      await channel.send(encode({ type: EVENT, id, data: ['message-with-ack', 1, Buffer.from([2])] }));
      await expect(channel, { type: ACK, id, data: [1, Buffer.from([2])] });
    }
  });

  over('a question is answered', async (channel) => {
    await channel.send(encode({ type: EVENT, data: ['ask'] }));
    const { id, ...question } = await read(channel);
    assert.deepEqual(question, { type: EVENT, nsp: '/', data: ['question', 'q'] });
    await channel.send(encode({ type: ACK, id, data: ['yes', Buffer.from([1])] }));
    await expect(channel, { type: EVENT, data: ['answer', 'yes', Buffer.from([1])] });
  });

  over('namespaces are joined, refused and left', async (channel) => {
    await join(channel, '/custom', { token: '1' });
    await channel.send(encode({ type: CONNECT, nsp: '/random' }));
    await expect(channel, { type: CONNECT_ERROR, nsp: '/random', data: { message: 'Invalid namespace' } });
    await channel.send(encode({ type: CONNECT, nsp: '/auth-fail' }));
    await expect(channel, {
      type: CONNECT_ERROR, nsp: '/auth-fail', data: { message: 'not authorized', data: { content: 'Please retry later' } },
    });
    await channel.send(encode({ type: EVENT, nsp: '/custom', data: ['kick'] }));
    const { data, ...left } = await read(channel);
    assert.deepEqual(left, { type: DISCONNECT, nsp: '/custom' });
  });

  over('a room hears what is sent to it, bytes too', async (channel) => {
    const other = await open(server, 'websocket');
    await join(other);
    await other.send(encode({ type: EVENT, data: ['join', 'r'] }));
    await echoes(other, 'joined');
    await channel.send(encode({ type: EVENT, data: ['to', 'r', { a: Buffer.from([1]) }, 2] }));
    await expect(other, { type: EVENT, data: ['room-msg', { a: Buffer.from([1]) }, 2] });
    await other.close();
  });

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['no map', Buffer.from([0x93, 1, 2, 3])],
    ['half a map', encode({ type: EVENT, data: ['message'] }).subarray(0, 10)],
    ['an unused type byte', Buffer.from([0xc1])],
    ['a type that is a text', encode({ type: '2', data: ['message'] })],
    ['type 5', encode({ type: 5, data: ['message'] })],
    ['type -1', encode({ type: -1, data: ['message'] })],
    ['no type', encode({ data: ['message'] })],
    ['a namespace that is a number', encode({ type: EVENT, nsp: 1, data: ['message'] })],
    ['an event that is no array', encode({ type: EVENT, data: 'message' })],
    ['an event that is a map', encode({ type: EVENT, data: { message: 1 } })],
    ['an event without data', encode({ type: EVENT })],
    ['an id that is a text', encode({ type: EVENT, id: 'a', data: ['message'] })],
    ['an id that is no integer', encode({ type: EVENT, id: 1.5, data: ['message'] })],
    ['an ack that is no array', encode({ type: ACK, id: 1, data: 'x' })],
    ['a second join', encode({ type: CONNECT })],
    ['a join whose data is a text', encode({ type: CONNECT, nsp: '/custom', data: 'x' })],
    ['an event of a namespace not joined', encode({ type: EVENT, nsp: '/custom', data: ['message'] })],
    ['nesting without end', Buffer.from([...encode({ type: EVENT, data: ['message'] }).subarray(0, 8), ...Array(50_000).fill(0x91)])],
    ['a length that promises gigabytes', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
  ]) {
    test(`${transport}: ${what} ends the session`, async () => {
      const channel = await open(server, transport);
      await join(channel);
      await channel.send(bytes);
      await channel.closes();
    });
  }
}

test('packets written by the npm client are understood', async () => {
  const channel = await open(server, 'websocket');
  await channel.send(Buffer.from('83a47479706500a36e7370a12fa464617461d40000', 'hex'));
  const { type, data } = await read(channel);
  assert.equal(type, CONNECT);
  assert.equal(typeof data.sid, 'string');
  await expect(channel, { type: EVENT, data: ['auth', {}] });
  await channel.send(Buffer.from('84a47479706502a36e7370a12fa46461746192b06d6573736167652d776974682d61636bc4020102a2696405', 'hex'));
  await expect(channel, { type: ACK, id: 5, data: [Buffer.from([1, 2])] });
  await channel.close();
});
