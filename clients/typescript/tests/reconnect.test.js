// When the client reconnects, by the code and reason of its end. Its clock and its chance are the suite's; the last test is a
// server that stops.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { afterEach, beforeEach, mock, test } from 'node:test';
import WebSocket from 'ws';
import { connect } from '../dist/index.js';
import { start, within } from './fixture.js';

const CLIENT = new URL('../dist/index.js', import.meta.url).href;
const DELAYS = { base: 500, cap: 4_000, connect: 10_000 };
const random = Math.random;
let chance;

/** The browser's side of a connection, ended by the test. */
class Fake {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  bufferedAmount = 0;
  protocol = 'gateway.v1';
  sent = [];
  closes = [];
  constructor(url, protocols) { Object.assign(this, { url, protocols }); Fake.all.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close(...how) { this.closes.push(how); }
  open() { this.readyState = 1; this.onopen({}); }
  hear(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  end(code, reason = '') { this.readyState = 3; this.onclose({ code, reason }); }
}

const latest = () => Fake.all.at(-1);

/** A client that was accepted. */
async function accepted() {
  const gateway = connect('ws://localhost/chat', { delays: DELAYS });
  await null;
  latest().open();
  latest().hear({ session: { id: 's1', resume: 'T1', resumed: false } });
  return gateway;
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  globalThis.WebSocket = Fake;
  Fake.all = [];
  chance = 0.5;
  Math.random = () => chance;
});

afterEach(() => {
  mock.timers.reset();
  Math.random = random;
});

/** Ends the connection and says after how long the next begins, or `never` within an hour. */
async function comesBackAfter(code, reason) {
  const gateway = await accepted();
  const before = Fake.all.length;
  latest().end(code, reason);
  let waited = 0;
  while (Fake.all.length === before && waited < 3_600_000) {
    const step = waited < 10_000 ? 1 : 10_000;
    mock.timers.tick(step);
    waited += step;
  }
  if (Fake.all.length === before) assert.equal(gateway.status.name, 'closed');
  return Fake.all.length === before ? 'never' : waited;
}

for (const [code, reason] of [[1012, 'service restart, retry after 3000 ms'], [1001, 'going away, retry after 3000 ms']]) {
  test(`after ${code} it waits as long as the server asks, and a jitter`, async () => {
    chance = 0;
    assert.equal(await comesBackAfter(code, reason), 3_000);
    chance = 0.5;
    assert.equal(await comesBackAfter(code, reason), 3_250);
    chance = 0.999;
    assert.equal(await comesBackAfter(code, reason), 3_500);
  });
}

test('after any other loss it waits a jitter that grows with each attempt that fails, up to its cap', async () => {
  for (const code of [1001, 1006, 1011, 1012, 1013, 3000, 3499, 4000, 4003, 4499]) assert.equal(await comesBackAfter(code), 250, code);
  const gateway = await accepted();
  latest().end(1006);
  const waits = [];
  for (let attempt = 0; attempt < 5; attempt += 1) {
    waits.push(gateway.status.retryAt - Date.now());
    mock.timers.tick(Math.ceil(waits.at(-1)));
    latest().end(1006);
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 2_000]);
  chance = 0;
  assert.equal(await comesBackAfter(1006), 1, 'all of it is jitter');
});

test('what follows a pause that was asked for, and fails, is jitter again', async () => {
  const gateway = await accepted();
  latest().end(1012, 'service restart, retry after 3000 ms');
  mock.timers.tick(3_250);
  latest().end(1006);
  assert.equal(gateway.status.retryAt - Date.now(), 500);
});

/** How clients tell of a connection that could not be made: what each calls, in its order. */
const refusals = {
  'a browser': (socket) => { socket.readyState = 3; socket.onerror({}); socket.onclose({ code: 1006, reason: '' }); },
  'Node 22': (socket) => socket.onerror({}),
  undici: (socket) => { socket.onerror({}); socket.readyState = 3; socket.onclose({ code: 1006, reason: '' }); },
  Deno: (socket) => { socket.readyState = 3; socket.onerror({}); socket.onclose({ code: 0, reason: '' }); },
  'a client without error events': (socket) => { socket.readyState = 3; socket.onclose({ code: 0, reason: '' }); },
};

for (const [client, refuse] of Object.entries(refusals)) {
  test(`a refused connection is a loss as ${client} tells it, and counts once`, async () => {
    const gateway = connect('ws://localhost/chat', { delays: DELAYS });
    const states = [];
    gateway.subscribe(({ name }) => states.push(name));
    await null;
    for (const wait of [250, 500, 1_000, 2_000]) {
      refuse(latest());
      assert.equal(gateway.status.name, 'waiting');
      assert.equal(gateway.status.retryAt - Date.now(), wait);
      mock.timers.tick(wait);
      assert.equal(gateway.status.name, 'connecting');
    }
    assert.equal(Fake.all.length, 5);
    assert.deepEqual(states.slice(1, 5), ['waiting', 'connecting', 'waiting', 'connecting']);
    latest().open();
    latest().hear({ session: { id: 's1', resumed: false } });
    assert.equal(gateway.status.name, 'open');
  });
}

test('an error of an open connection waits for the close, which has the code', async () => {
  const gateway = await accepted();
  latest().onerror({});
  latest().end(4500, 'refused');
  assert.equal(gateway.status.name, 'closed');
});

test('an error of an open connection without a close is a loss in the end', async () => {
  const gateway = await accepted();
  latest().onerror({});
  mock.timers.tick(DELAYS.connect);
  assert.equal(gateway.status.name, 'waiting');
  mock.timers.tick(250);
  assert.equal(Fake.all.length, 2);
});

test('codes that are final end it, whatever the reason says', async () => {
  for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3500, 4500, 4501, 4502, 4999]) {
    assert.equal(await comesBackAfter(code, 'retry after 10 ms'), 'never', code);
  }
});

test('a reason that only looks like it asks for nothing', async () => {
  for (const reason of ['retry after -5 ms', 'retry after 5 s', 'retry after 5 ms or so', 'retry after 99999999999 ms']) {
    assert.equal(await comesBackAfter(1012, reason), 250, reason);
  }
});

test('a person who asks for it comes back at once, a network that is back does not', async () => {
  const network = new EventTarget();
  globalThis.addEventListener = network.addEventListener.bind(network);
  try {
    const gateway = await accepted();
    latest().end(1012, 'service restart, retry after 3000 ms');
    network.dispatchEvent(new Event('online'));
    assert.equal(Fake.all.length, 1, 'the server asked for a pause');
    mock.timers.tick(2_999);
    assert.equal(Fake.all.length, 1);
    mock.timers.tick(1);
    assert.equal(Fake.all.length, 2, 'the jitter is not waited for');
    latest().end(1006);
    network.dispatchEvent(new Event('online'));
    assert.equal(Fake.all.length, 3);
    latest().open();
    latest().hear({ session: { id: 's1', resume: 'T1', resumed: true } });
    latest().end(1012, 'service restart, retry after 3000 ms');
    gateway.retry();
    assert.equal(Fake.all.length, 4);
  } finally {
    delete globalThis.addEventListener;
  }
});

test("Node's own WebSocket comes back after it was refused", async () => {
  mock.timers.reset();
  const script = `import { connect } from ${JSON.stringify(CLIENT)};
    connect(process.argv[1], { delays: { base: 10, cap: 20, connect: 60_000 } });`;
  let child, count = 0;
  const server = createServer();
  const attempts = new Promise((resolve) => server.on('upgrade', (_, socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    count += 1;
    if (count === 3) resolve();
  }));
  try {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    // Node 20 has it behind this option, later ones always.
    child = spawn(process.execPath, ['--experimental-websocket', '--input-type=module', '-e', script, `ws://127.0.0.1:${server.address().port}/chat`], { stdio: 'ignore' });
    await within('three attempts', attempts);
  } finally {
    child?.kill();
    server.close();
  }
});

test('a server that stops is heard', async () => {
  mock.timers.reset();
  globalThis.WebSocket = WebSocket;
  const server = await start('operated', '--retry', '900000');
  const states = [];
  let changed = () => {};
  const gateway = connect(server.url(), { delays: DELAYS });
  gateway.subscribe((status) => { states.push({ ...status, at: Date.now() }); changed(); });
  const reaches = (name) => within(name, new Promise((resolve) => {
    changed = () => { if (gateway.status.name === name) resolve(); };
    changed();
  }));
  await reaches('open');
  assert.equal(await gateway.request('work', 7), 7);
  const [code] = await Promise.all([server.stop(), reaches('waiting')]);
  assert.equal(code, 0);
  const { at, ...waiting } = states.at(-1);
  assert.equal(waiting.code, 1012);
  const asked = Number(/^service restart, retry after (\d+) ms$/.exec(waiting.reason)?.[1]);
  assert.ok(asked >= 0 && asked < 900_000, waiting.reason);
  // Its own jitter here is a half of 500 ms; it was told at some moment before it said so.
  const wait = waiting.retryAt - at;
  assert.ok(wait <= asked + 250 && wait > asked + 250 - 15_000, `${wait} of ${asked}`);
  gateway.close();
});

test('a client whose grant has expired reconnects where it can ask for new credentials', async () => {
  const fixed = connect('ws://localhost/chat', { delays: DELAYS, auth: { token: 1 } });
  await null;
  latest().open();
  latest().hear({ session: { id: 's1', resume: 'T1', resumed: false } });
  latest().end(4502, 'expired');
  assert.equal(fixed.status.name, 'closed');

  let token = 0;
  const renewed = connect('ws://localhost/chat', { delays: DELAYS, auth: async () => ({ token: ++token }) });
  const offered = async () => {
    for (let turn = 0; turn < 5; turn += 1) await null;
    return JSON.parse(atob(latest().protocols.find((entry) => entry.startsWith('auth.')).slice(5)));
  };
  assert.deepEqual(await offered(), { token: 1 });
  latest().open();
  latest().hear({ session: { id: 's1', resume: 'T1', resumed: false } });
  latest().end(4502, 'expired');
  mock.timers.tick(250);
  assert.deepEqual(await offered(), { token: 2 });
  renewed.close();
});

test('credentials that cannot be had are asked for again, and the status says why', async () => {
  const gateway = connect('ws://localhost/chat', { delays: DELAYS, auth: async () => { throw new Error('no login server'); } });
  for (let turn = 0; turn < 5; turn += 1) await null;
  assert.equal(Fake.all.length, 0);
  assert.deepEqual([gateway.status.name, gateway.status.error.message], ['waiting', 'no login server']);
  gateway.close();
});

test('a server that does not say that it has accepted is given up after a while', async () => {
  const gateway = connect('ws://localhost/chat', { delays: DELAYS });
  await null;
  latest().open();
  assert.equal(gateway.status.name, 'connecting');
  mock.timers.tick(DELAYS.connect);
  assert.deepEqual([gateway.status.name, gateway.status.reason], ['waiting', 'connect timeout']);
});

test('a session is asked for with its token and the offset that came last, which need not be the largest', async () => {
  const gateway = await accepted();
  const heard = [];
  gateway.on('n', (number) => heard.push(number));
  assert.deepEqual(latest().protocols, ['gateway.v1', 'resume']);
  for (const [data, offset] of [[1, 7], [2, 12], [3, 9]]) latest().hear({ event: 'n', data, offset });
  latest().hear({ event: 'n', data: 'volatile' });
  latest().end(1006);
  mock.timers.tick(250);
  assert.deepEqual(latest().protocols, ['gateway.v1', 'resume.T1.9']);
  latest().open();
  latest().hear({ event: 'n', data: 4, offset: 13 });
  // Lost again before it was accepted: what was read stays read.
  latest().end(1006);
  mock.timers.tick(500);
  assert.deepEqual(latest().protocols, ['gateway.v1', 'resume.T1.13']);
  latest().open();
  latest().hear({ session: { id: 's1', resume: 'T1', resumed: true } });
  assert.deepEqual(gateway.status, { name: 'open', id: 's1', resumed: true, reconnected: true });
  latest().end(1006);
  mock.timers.tick(250);
  latest().open();
  latest().hear({ session: { id: 's2', resume: 'T2', resumed: false } });
  assert.deepEqual(gateway.status, { name: 'open', id: 's2', resumed: false, reconnected: true });
  latest().end(1006);
  mock.timers.tick(250);
  assert.deepEqual(latest().protocols, ['gateway.v1', 'resume.T2.0']);
  assert.deepEqual(heard, [1, 2, 3, 'volatile', 4]);
});

test('a server without recovery has no token, and the connection is new each time', async () => {
  const gateway = connect('ws://localhost/chat', { delays: DELAYS });
  await null;
  for (const reconnected of [false, true]) {
    latest().open();
    latest().hear({ session: { id: 's1', resumed: false } });
    assert.deepEqual(gateway.status, { name: 'open', id: 's1', resumed: false, reconnected });
    latest().end(1006);
    mock.timers.tick(250);
    assert.deepEqual(latest().protocols, ['gateway.v1', 'resume']);
  }
});

test('a connection that is given up is closed once the next one is accepted: its close frame would end the session', async () => {
  const network = new EventTarget();
  globalThis.addEventListener = network.addEventListener.bind(network);
  try {
    const gateway = await accepted();
    const old = latest();
    network.dispatchEvent(new Event('offline'));
    assert.equal(gateway.status.name, 'waiting');
    assert.deepEqual(old.closes, []);
    old.hear({ event: 'n', data: 1, offset: 5 });
    gateway.retry();
    assert.deepEqual(latest().protocols, ['gateway.v1', 'resume.T1.0'], 'what it still brings is read from the next one');
    latest().open();
    assert.deepEqual(old.closes, []);
    latest().hear({ session: { id: 's1', resume: 'T1', resumed: true } });
    assert.deepEqual(old.closes, [[undefined, undefined]]);
    // One that was not open yet has told the server nothing, and may not resume later.
    const attempt = (network.dispatchEvent(new Event('offline')), gateway.retry(), latest());
    network.dispatchEvent(new Event('offline'));
    assert.equal(attempt.closes.length, 1);
    gateway.close();
  } finally {
    delete globalThis.addEventListener;
  }
});

test('while the browser is offline nothing is tried', async () => {
  const network = new EventTarget();
  globalThis.addEventListener = network.addEventListener.bind(network);
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true, writable: true });
  try {
    const gateway = await accepted();
    network.dispatchEvent(new Event('offline'));
    assert.equal(gateway.status.retryAt, null);
    mock.timers.tick(3_600_000);
    assert.equal(Fake.all.length, 1);
    globalThis.navigator.onLine = true;
    network.dispatchEvent(new Event('online'));
    assert.equal(Fake.all.length, 2);
    gateway.close();
    network.dispatchEvent(new Event('online'));
    assert.equal(Fake.all.length, 2);
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.navigator;
  }
});

test('a refusal is the error of the status', async () => {
  const gateway = connect('ws://localhost/chat', { delays: DELAYS });
  await null;
  latest().open();
  latest().hear({ event: 'exception', data: { status: 'error', code: 'no_login', message: 'say who you are', cause: { pattern: 'connect' } } });
  latest().end(4500, 'refused');
  assert.deepEqual([gateway.status.name, gateway.status.code, gateway.status.error.code], ['closed', 4500, 'no_login']);
  await assert.rejects(gateway.ready(), { code: 'no_login' });
  await assert.rejects(gateway.request('x'), { code: 'closed' });
  assert.throws(() => gateway.emit('x'), { code: 'closed' });
  assert.equal(gateway.emit('x', null, { volatile: true }), false);
});
