// The client that docs/protocol.md shows under "Coming back", run as it stands there against sockets of the test's own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, mock, test } from 'node:test';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const sample = page.split('```js\n').map((block) => block.split('```')[0]).find((block) => block.startsWith("let token = ''"));

const random = Math.random;
let sockets, handled;

class Fake {
  constructor(url, protocols) { this.protocols = protocols; sockets.push(this); }
  hear(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  Math.random = () => 0.5;
  [sockets, handled] = [[], []];
  new Function('WebSocket', 'url', 'handle', `${sample}\nconnect();`)(Fake, 'ws://localhost/chat', (frame) => handled.push(frame));
});

afterEach(() => {
  mock.timers.reset();
  Math.random = random;
});

const refusals = {
  'a browser': (socket) => { socket.onerror({}); socket.onclose({ code: 1006, reason: '' }); },
  'Node 22': (socket) => socket.onerror({}),
  Deno: (socket) => { socket.onerror({}); socket.onclose({ code: 0, reason: '' }); },
};

for (const [client, refuse] of Object.entries(refusals)) {
  test(`it comes back once after a connection that ${client} could not make`, () => {
    for (const wait of [250, 500, 1_000]) {
      const before = sockets.length;
      refuse(sockets.at(-1));
      mock.timers.tick(wait - 1);
      assert.equal(sockets.length, before);
      mock.timers.tick(1);
      assert.equal(sockets.length, before + 1);
    }
  });
}

test('it names its session and the last event it has read', () => {
  const [first] = sockets;
  assert.deepEqual(first.protocols, ['gateway.v1', 'resume']);
  first.onopen({});
  first.hear({ session: { id: 'a', resume: 'TOKEN', resumed: false } });
  first.hear({ event: 'posted', data: 1, offset: 12 });
  first.hear({ event: 'typing', data: 2 });
  assert.equal(handled.length, 2);
  first.onerror({});
  first.onclose({ code: 1012, reason: 'service restart, retry after 3000 ms' });
  mock.timers.tick(3_249);
  assert.equal(sockets.length, 1);
  mock.timers.tick(1);
  assert.deepEqual(sockets[1].protocols, ['gateway.v1', 'resume.TOKEN.12']);
});

for (const code of [1000, 1008, 4500]) {
  test(`the code ${code} is final`, () => {
    sockets[0].onopen({});
    sockets[0].onclose({ code, reason: 'retry after 10 ms' });
    mock.timers.tick(60_000);
    assert.equal(sockets.length, 1);
  });
}
