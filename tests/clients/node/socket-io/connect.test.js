// Joining and leaving namespaces, over both transports.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TRANSPORTS, joined, open } from '../channel.js';
import { reference, start, startPatient } from '../fixture.js';

let server;
before(async () => { server = await startPatient('socket-io'); });
after(() => server.stop());

for (const transport of TRANSPORTS) {
  /** Runs a test over this transport with a session that has joined nothing. */
  const over = (name, run, options) => test(`${transport}: ${name}`, options, async () => {
    const channel = await open(server, transport);
    await run(channel);
    await channel.close();
  });

  test(`${transport}: the session says its limits`, async () => {
    const hurried = await start('socket-io');
    const channel = await open(hurried, transport);
    const { pingInterval, pingTimeout, maxPayload } = channel.open;
    assert.deepEqual([pingInterval, pingTimeout, maxPayload], [300, 200, 1_000_000]);
    await channel.close();
    await hurried.stop();
  });

  over('joining the main namespace is answered by the socket\'s id, then come its events', async (channel) => {
    await channel.send('0');
    const answer = await channel.next();
    assert.match(answer, /^0\{"sid":"[\w-]{20}"\}$/);
    assert.notEqual(JSON.parse(answer.slice(1)).sid, channel.open.sid, 'the id of the session is a secret');
    await channel.expect('2["auth",{}]');
    await channel.echoes();
  });

  over('the payload of the join reaches the gateway', async (channel) => {
    for (const [namespace, prefix] of [['/', ''], ['/custom', '/custom,']]) {
      const auth = { token: '123', deep: { list: [1, 'ä', null] } };
      await channel.join(namespace, auth);
      const packet = await channel.next();
      assert.ok(packet.startsWith(`2${prefix}["auth",`), packet);
      assert.deepEqual(JSON.parse(packet.slice(1 + prefix.length)), ['auth', auth]);
    }
  });

  over('a namespace is joined and left with or without the comma', async (channel) => {
    for (const [join, leave] of [['0/custom', '1/custom,'], ['0/custom,', '1/custom'], ['0/custom,{}', '1/custom,']]) {
      await channel.send(join);
      assert.match(await channel.next(), /^0\/custom,\{"sid":"[\w-]{20}"\}$/);
      await channel.expect('2/custom,["auth",{}]');
      await channel.send(leave, '0/nowhere');
      await channel.expect('4/nowhere,{"message":"Invalid namespace"}');
    }
  });

  over('several namespaces share a session, each with an id of its own', async (channel) => {
    const main = await channel.join('/');
    await channel.expect('2["auth",{}]');
    const custom = await channel.join('/custom');
    await channel.expect('2/custom,["auth",{}]');
    assert.notEqual(main.sid, custom.sid);
    await channel.echoes();
  });

  over('the main namespace need not be joined', async (channel) => {
    await channel.join('/custom');
    await channel.expect('2/custom,["auth",{}]');
    await channel.send('2["message","hi"]');
    await channel.closes('an event for a namespace that was not joined');
  });

  over('an unknown namespace is refused and the session goes on', async (channel) => {
    for (const packet of ['0/random', '0/random,', '0/random,{"token":1}', '0/custom/deeper', '0/custo', '0/__proto__', '0/custom?a=b']) {
      await channel.send(packet);
      await channel.expect(`4${packet.slice(1).split(',')[0]},{"message":"Invalid namespace"}`);
    }
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.echoes();
  });

  over('who leaves may join again, under another id', async (channel) => {
    const first = await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.leave();
    const second = await channel.join('/', { again: true });
    await channel.expect('2["auth",{"again":true}]');
    assert.notEqual(first.sid, second.sid);
    await channel.echoes();
  });

  over('who leaves may join again in the same breath', async (channel) => {
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.send('1', '0{"again":true}');
    assert.match(await channel.next(), /^0\{"sid":/);
    await channel.expect('2["auth",{"again":true}]');
    await channel.echoes();
  }, { skip: reference && 'the reference ends the session, as it leaves a moment later' });

  over('leaving one namespace does not disturb another', async (channel) => {
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.join('/custom');
    await channel.expect('2/custom,["auth",{}]');
    await channel.send('1/custom,');
    await channel.echoes();
  });

  over('an event for a namespace that was left is passed over', async (channel) => {
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.leave();
    await channel.send('2["message","late"]');
    if (reference) return channel.closes();
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.echoes();
  });

  over('who joins nothing in time is let go', (channel) => channel.closes());

  over('who was refused and joins nothing in time is let go', async (channel) => {
    await channel.send('0/random');
    await channel.expect('4/random,{"message":"Invalid namespace"}');
    await channel.closes();
  });

  over('a second join of a namespace ends the session', async (channel) => {
    await channel.join('/');
    await channel.expect('2["auth",{}]');
    await channel.send('0');
    await channel.closes();
  });
}

test('sessions have nothing to do with each other', async () => {
  const channels = await Promise.all(Array.from({ length: 10 }, (_, number) => joined(server, TRANSPORTS[number % 2])));
  assert.equal(new Set(channels.map(({ id }) => id)).size, 10);
  for (const channel of channels) await channel.expect('2["auth",{}]');
  await Promise.all(channels.map((channel) => channel.echoes()));
  await Promise.all(channels.map((channel) => channel.close()));
});

// In this fixture there is time enough to join: the packet ends the session, not the clock.
let patient;
before(async () => { patient = await start('socket-io-client'); });
after(() => patient.stop());

for (const transport of TRANSPORTS) {
  const ends = (name, packet) => test(`${transport}: ${name} from one who has joined nothing ends the session`, async () => {
    const channel = await open(patient, transport);
    await channel.send(packet);
    await channel.closes();
  });

  ends('a binary message', Buffer.from([1, 2, 3]));

  for (const packet of [
    '0[]', '0"x"', '0null', '0true', '0{bad', '0{"a":1', '0{}x', '0/custom,[]', '0/custom,"x"', '0/custom,null',
    '0/custom,{bad', '4/custom,{"message":"m"}', '4', '4{}', '1', '1/custom,', '1{}', '2["message",1]', '21["message-with-ack",1]',
    '2/custom,["message",1]', '2/random,["message",1]', '31[]', '3/custom,1[]', '7', '9', 'x', '', '{}', '-1',
  ]) {
    ends(JSON.stringify(packet), packet);
  }
}
