// Sizes, bursts, what is kept exactly, and a probe that takes too long.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TRANSPORTS, joined, open } from '../channel.js';
import { Engine, closeCode, text } from '../engine.js';
import { reference, start } from '../fixture.js';

let server, engine;
before(async () => {
  server = await start('wire');
  engine = new Engine(server, '/socket.io/');
});
after(() => server.stop());

for (const transport of TRANSPORTS) {
  /** Runs a test over this transport with a socket that has been greeted and lives at the end. */
  const over = (name, run, options) => test(`${transport}: ${name}`, options, async () => {
    const channel = await joined(server, transport);
    await channel.expect('2["auth",{}]');
    await run(channel);
    await channel.echoes();
    await channel.close();
  });

  test(`${transport}: the session says its limits`, async () => {
    const channel = await open(server, transport);
    const { sid, ...rest } = channel.open;
    const upgrades = transport === 'polling' ? ['websocket'] : [];
    assert.deepEqual(rest, { upgrades, pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 100_000 });
    await channel.close();
  });

  over('a burst arrives whole and in order', async (channel) => {
    await channel.emit('/', ['burst', 2000]);
    for (let number = 0; number < 2000; number += 1) await channel.expect(`2["n",${number}]`);
  });

  over('a message may be larger than what a client may send', async (channel) => {
    await channel.emit('/', ['big', 1_000_000]);
    await channel.expect(`2["big","${'x'.repeat(1_000_000)}"]`);
  });

  over('a message of nearly the greatest size passes', async (channel) => {
    const large = 'y'.repeat(99_000);
    await channel.emit('/', ['message', large]);
    await channel.expect(`2["message-back","${large}"]`);
  });

  over('JSON a hundred deep comes back', async (channel) => {
    const deep = `${'['.repeat(100)}1${']'.repeat(100)}`;
    await channel.send(`2["message",${deep}]`);
    await channel.expect(`2["message-back",${deep}]`);
  });

  over('JSON five hundred deep is answered', async (channel) => {
    const deep = `${'['.repeat(500)}${']'.repeat(500)}`;
    await channel.send(`25["message-with-ack",${deep}]`);
    assert.match(await channel.next(), /^35\[/);
  });

  over('JSON however deep is answered', async (channel) => {
    for (const depth of [127, 128, 20_000, 45_000]) {
      await channel.send(`25["message-with-ack",${'['.repeat(depth)}${']'.repeat(depth)}]`);
      assert.match(await channel.next(), /^35\[/);
    }
  }, { skip: reference && 'the process of the reference dies of its stack' });

  over('half a surrogate pair is answered', async (channel) => {
    await channel.send('25["message-with-ack","\\ud800"]');
    assert.match(await channel.next(), /^35\[/);
  });

  over('integers and decimals keep their digits', async (channel) => {
    for (const number of ['9007199254740993', '123456789012345678901234567890', '0.1000000000000000055511151231257827', '1e400']) {
      await channel.send(`2["message",${number}]`);
      await channel.expect(`2["message-back",${number}]`);
    }
  }, { skip: reference && 'the reference rounds to doubles' });

  over('an ack id of any length comes back', async (channel) => {
    await channel.send('29007199254740991["message-with-ack"]');
    await channel.expect('39007199254740991[]');
  });
}

test('websocket: a message that is too large closes with 1009', async () => {
  for (const message of ['x'.repeat(100_001), Buffer.alloc(100_001)]) {
    const channel = await joined(server, 'websocket');
    channel.raw(message);
    assert.equal(await closeCode(channel.client), 1009);
  }
});

test('polling: a body that is too large is refused and ends the session', async () => {
  const channel = await joined(server, 'polling');
  await channel.expect('2["auth",{}]');
  assert.equal((await channel.raw(`42["message","${'x'.repeat(100_000)}"]`)).status, 413);
  await channel.closes();
});

test('attachments count among what is too large', { skip: reference && 'the reference keeps ten times its limit' }, async () => {
  const channel = await joined(server, 'websocket');
  await channel.expect('2["auth",{}]');
  const many = Array.from({ length: 10 }, (_, num) => JSON.stringify({ _placeholder: true, num })).join();
  await channel.send(`510-["message",${many}]`, ...Array(10).fill(Buffer.alloc(60_000)));
  await channel.closes();
});

for (const [what, ...frames] of [['no probe', undefined], ['a probe and no upgrade', '2probe']]) {
  test(`${what} in time closes the WebSocket, and the session stays on polling`, async () => {
    const channel = await joined(server, 'polling');
    await channel.expect('2["auth",{}]');
    const client = await engine.upgrade({ sid: channel.open.sid });
    for (const frame of frames.filter(Boolean)) {
      client.socket.send(frame);
      assert.equal(await text(client), '3probe');
    }
    assert.equal(await closeCode(client), 1005);
    await channel.echoes();
    const again = await engine.upgrade({ sid: channel.open.sid });
    again.socket.send('2probe');
    assert.equal(await text(again), '3probe');
    again.socket.send('5');
    again.socket.send('42["message","over WebSocket"]');
    assert.equal(await text(again), '42["message-back","over WebSocket"]');
    await again.close();
  });
}
