// Questions of the server to a client, and its answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TRANSPORTS, joined, prefixOf } from '../channel.js';
import { start } from '../fixture.js';

let server;
before(async () => { server = await start('wire'); });
after(() => server.stop());

const P0 = '{"_placeholder":true,"num":0}';

/** Reads the question and returns its id. */
async function question(channel, prefix = '') {
  const packet = await channel.next();
  const id = /^(\d+)\["question","q"\]$/.exec(packet.slice(1 + prefix.length))?.[1];
  assert.ok(packet.startsWith(`2${prefix}`) && id, packet);
  return id;
}

for (const transport of TRANSPORTS) {
  /** Runs a test over this transport with a socket that has been greeted and lives at the end. */
  const over = (name, run) => test(`${transport}: ${name}`, async () => {
    const channel = await joined(server, transport);
    await channel.expect('2["auth",{}]');
    await run(channel);
    await channel.echoes();
    await channel.close();
  });

  for (const args of ['[]', '["yes"]', '["yes",1,{"a":[null]}]', '[null]', '[[]]']) {
    over(`the answer ${args} reaches the one who asked`, async (channel) => {
      await channel.emit('/', ['ask']);
      await channel.send(`3${await question(channel)}${args}`);
      await channel.expect(`2["answer"${args === '[]' ? '' : `,${args.slice(1, -1)}`}]`);
    });
  }

  over('an answer without a payload has no arguments', async (channel) => {
    await channel.emit('/', ['ask']);
    await channel.send(`3${await question(channel)}`);
    await channel.expect('2["answer"]');
  });

  over('an answer has attachments', async (channel) => {
    await channel.emit('/', ['ask']);
    const bytes = Buffer.from([9, 8, 7]);
    await channel.send(`61-${await question(channel)}["a",{"b":${P0}}]`, bytes);
    await channel.expect(`51-["answer","a",{"b":${P0}}]`, bytes);
  });

  over('a question in another namespace has its answer there', async (channel) => {
    for (const namespace of ['/custom', '/dynamic-5']) {
      const prefix = prefixOf(namespace);
      await channel.join(namespace);
      await channel.expect(`2${prefix}["auth",{}]`);
      await channel.emit(namespace, ['ask']);
      await channel.send(`3${prefix}${await question(channel, prefix)}["there"]`);
      await channel.expect(`2${prefix}["answer","there"]`);
    }
  });

  over('every question has an id of its own, and answers come in any order', async (channel) => {
    const ids = [];
    for (let asked = 0; asked < 3; asked += 1) {
      await channel.emit('/', ['ask']);
      ids.push(await question(channel));
    }
    assert.equal(new Set(ids).size, 3);
    for (const id of [...ids].reverse()) {
      await channel.send(`3${id}["to ${id}"]`);
      await channel.expect(`2["answer","to ${id}"]`);
    }
  });

  over('a second answer is passed over', async (channel) => {
    await channel.emit('/', ['ask']);
    const id = await question(channel);
    await channel.send(`3${id}["first"]`, `3${id}["second"]`);
    await channel.expect('2["answer","first"]');
  });

  over('an answer to no question is passed over', async (channel) => {
    await channel.emit('/', ['ask']);
    const id = await question(channel);
    await channel.send(`3${Number(id) + 1000}["other"]`);
    await channel.send(`3${id}["mine"]`);
    await channel.expect('2["answer","mine"]');
  });

  over('nobody answers for another', async (channel) => {
    const other = await joined(server, transport);
    await other.expect('2["auth",{}]');
    await channel.emit('/', ['ask']);
    const id = await question(channel);
    await other.send(`3${id}["stolen"]`);
    await other.echoes();
    await channel.send(`3${id}["mine"]`);
    await channel.expect('2["answer","mine"]');
    await other.close();
  });

  over('an answer that does not come in time is a failure of the one who asked', async (channel) => {
    await channel.emit('/', ['ask-timeout']);
    const id = await question(channel);
    await channel.expect('2["answer","operation has timed out"]');
    await channel.send(`3${id}["late"]`);
  });

  over('an answer in time is none', async (channel) => {
    await channel.emit('/', ['ask-timeout']);
    // Within the 50 ms that the fixture waits: the answer is sent at once, and asked for again if this machine was busy.
    for (;;) {
      await channel.send(`3${await question(channel)}["soon"]`);
      const answer = await channel.next();
      if (answer === '2["answer","none"]') break;
      assert.equal(answer, '2["answer","operation has timed out"]');
      await channel.emit('/', ['ask-timeout']);
    }
  });

  over('events are handled while a question waits', async (channel) => {
    await channel.emit('/', ['ask']);
    const id = await question(channel);
    await channel.echoes();
    await channel.send(`3${id}["at last"]`);
    await channel.expect('2["answer","at last"]');
  });

  over('who leaves with a question open does no harm', async (channel) => {
    const other = await joined(server, transport);
    await other.expect('2["auth",{}]');
    await other.emit('/', ['ask']);
    await question(other);
    await other.close();
    await channel.emit('/', ['ask']);
    await channel.send(`3${await question(channel)}["mine"]`);
    await channel.expect('2["answer","mine"]');
  });
}
