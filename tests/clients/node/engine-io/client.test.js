// npm engine.io-client, over each of its transports.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Fetch, Socket } from 'engine.io-client';
import { Engine, assertError, handshake } from '../engine.js';
import { start, within } from '../fixture.js';

let server, engine;
before(async () => {
  server = await start('engine-io-client');
  engine = new Engine(server);
});
after(() => server.stop());

/** The options of a client for each way to reach the server. */
const WAYS = {
  'over polling': { transports: ['polling'] },
  'over polling with fetch': { transports: [Fetch] },
  'over WebSocket': { transports: ['websocket'] },
  'with an upgrade': { transports: ['polling', 'websocket'] },
};

/** A client that keeps its messages until the test asks for them. */
class Reader {
  #received = [];
  #waiting = [];

  constructor(options) {
    this.socket = new Socket(server.http(''), options);
    this.socket.binaryType = 'nodebuffer';
    this.closed = new Promise((resolve) => this.socket.once('close', (reason) => resolve(reason)));
    this.socket.on('message', (data) => {
      const waiting = this.#waiting.shift();
      if (waiting) waiting(data);
      else this.#received.push(data);
    });
  }

  next() {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    return within('a message', new Promise((resolve) => this.#waiting.push(resolve)));
  }

  event(name) {
    return within(`the event ${name}`, new Promise((resolve) => this.socket.once(name, resolve)));
  }

  async close() {
    this.socket.close();
    return within('the close', this.closed);
  }
}

for (const [way, options] of Object.entries(WAYS)) {
  /** Runs a test with a client of this way that has been greeted, and upgraded where it does. */
  const withClient = (name, run, more) => test(`${way} ${name}`, async () => {
    const client = new Reader({ ...options, ...more });
    if (options.transports.length > 1) await client.event('upgrade');
    assert.equal(await client.next(), 'hi');
    await run(client);
    assert.equal(await client.close(), 'forced close');
  });

  withClient('texts come back', async (client) => {
    for (const text of ['hello', '€€€', 'пойду спать', '😀', '1', 'b', 'line\nline']) {
      client.socket.send(text);
      assert.equal(await client.next(), text);
    }
  });

  withClient('bytes come back', async (client) => {
    for (const bytes of [Buffer.from([0, 1, 2, 3, 4]), Buffer.alloc(0), Buffer.alloc(60, 7)]) {
      client.socket.send(bytes);
      assert.deepEqual(await client.next(), bytes);
    }
    client.socket.send(new Int8Array([1, -1]));
    assert.deepEqual(await client.next(), Buffer.from([1, 255]));
  });

  withClient('the server sends bytes', async (client) => {
    client.socket.send('give binary');
    assert.deepEqual(await client.next(), Buffer.from([0, 1, 2, 3, 4]));
  });

  withClient('bytes may be an ArrayBuffer', async (client) => {
    client.socket.binaryType = 'arraybuffer';
    client.socket.send('give binary');
    const received = await client.next();
    assert.ok(received instanceof ArrayBuffer);
    assert.deepEqual([...new Uint8Array(received)], [0, 1, 2, 3, 4]);
  });

  withClient('the server sends text of several bytes', async (client) => {
    client.socket.send('give utf8');
    assert.equal(await client.next(), 'пойду спать всем спокойной ночи');
  });

  withClient('more than fits into one body is sent in several', async (client) => {
    assert.equal(client.socket.id.length >= 20, true);
    const texts = Array.from({ length: 30 }, (_, number) => `message ${number} of many`);
    for (const text of texts) client.socket.send(text);
    for (const text of texts) assert.equal(await client.next(), text);
  });

  withClient('texts and bytes mix', async (client) => {
    const sent = ['one', Buffer.from([1]), 'two', Buffer.from([2, 2]), '€'];
    for (const message of sent) client.socket.send(message);
    for (const message of sent) assert.deepEqual(await client.next(), message);
  });

  withClient('a client stays over two pings', async (client) => {
    const pings = [];
    client.socket.on('ping', () => pings.push(0));
    while (pings.length < 2) await client.event('ping');
    client.socket.send('alive');
    assert.equal(await client.next(), 'alive');
  });

  test(`${way} a client that is refused hears of it`, async () => {
    const client = new Reader({ ...options, query: { deny: 1 } });
    const error = await client.event('error');
    assert.match(error.message, /xhr poll error|fetch read error|websocket error/);
    if (error.message === 'xhr poll error') assert.equal(error.description, 403);
  });

  test(`${way} another path finds nobody`, async () => {
    const client = new Reader({ ...options, path: '/elsewhere' });
    await client.event('error');
  });
}

test('a message that is too large ends a session over WebSocket', async () => {
  const client = new Reader(WAYS['over WebSocket']);
  await client.next();
  client.socket.send('x'.repeat(101));
  assert.equal(await within('the close', client.closed), 'transport close');
});

test('a client that leaves out the upgrade stays on polling', async () => {
  const client = new Reader({ upgrade: false });
  assert.equal(await client.next(), 'hi');
  client.socket.send('here');
  assert.equal(await client.next(), 'here');
  assert.equal(client.socket.transport.name, 'polling');
  await client.close();
});

test('a client that does not upgrade by itself is told that it could', async () => {
  const client = new Socket(server.http(''), { upgrade: false });
  const opened = new Promise((resolve) => client.on('handshake', resolve));
  const { upgrades, pingInterval, maxPayload } = await within('the handshake', opened);
  assert.deepEqual([upgrades, pingInterval, maxPayload], [['websocket'], 500, 100]);
  client.close();
});

test('headers of the client\'s own arrive with each POST', async () => {
  const client = new Reader({ transports: ['polling'], extraHeaders: { 'X-Token': 'a b c' } });
  await client.next();
  client.socket.send('sendHeaders');
  const headers = JSON.parse(await client.next());
  assert.equal(headers['x-token'], 'a b c');
  assert.match(headers['content-type'], /^text\/plain/);
  await client.close();
});

test('cookies of the handshake come back with the next requests, those that have ended do not', async () => {
  const client = new Reader({ transports: ['polling'], withCredentials: true });
  await client.next();
  client.socket.send('sendHeaders');
  assert.equal(JSON.parse(await client.next()).cookie, '1=1; 2=2');
  await client.close();
});

test('cookies are set by the handshake only', async () => {
  const first = await engine.get();
  const names = first.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  assert.deepEqual(names, ['1=1', '2=2', '3=3', '4=4']);
  const { sid } = JSON.parse(first.text.slice(1).split('\x1e')[0]);
  if (!first.text.includes('4hi')) assert.deepEqual((await engine.get({ sid })).headers.getSetCookie(), []);
  assert.deepEqual((await engine.post({ sid }, '4hello')).headers.getSetCookie(), []);
});

test('who is refused reads code 4', async () => {
  assertError(await engine.get({ deny: '1' }), 4);
});

test('an upgrade that is refused reads the message as text', async () => {
  const { status, headers, body } = await handshake(engine, engine.target({ transport: 'websocket', deny: '1' }));
  assert.equal(status, 400);
  assert.match(headers['content-type'], /^text\/html/);
  assert.equal(body, 'Forbidden');
});

test('an unknown session is told before the application is asked', async () => {
  assertError(await engine.get({ deny: '1', sid: 'abc' }), 1);
});

test('a session that began is not asked again', async () => {
  const { sid } = await engine.poll();
  assert.equal((await engine.get({ sid, deny: '1' })).status, 200);
});
