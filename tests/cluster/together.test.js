/** A plain WebSocket, a socket.io-client and a python-socketio client, each on a node of its own, talk in one room. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { IoClient, PlainClient } from './clients.js';
import { Engine } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { atExit, eventually, within } from './process.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A client of python-socketio in a process of its own. */
class PythonClient {
  /** Names and arguments of events, without the offsets that servers with recovery add. */
  received = [];

  static async open(node) {
    const client = new PythonClient();
    const script = fileURLToPath(new URL('peer.py', import.meta.url));
    client.process = spawn(`${repository}tests/.venv/bin/python`, [script, `http://127.0.0.1:${node.port}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    atExit(() => client.process.kill('SIGKILL'));
    client.isOver = once(client.process, 'exit');
    await within('the connection of python-socketio', new Promise((resolve, reject) => {
      client.isOver.then(([code]) => reject(new Error(`python-socketio ended with ${code}`)));
      createInterface({ input: client.process.stdout }).on('line', (line) => {
        if (line === 'connected') return resolve();
        const event = JSON.parse(line);
        if (/^\d+-\d+$/.test(event.at(-1))) event.pop();
        client.received.push(event);
      });
    }));
    return client;
  }

  do(name, request) {
    this.process.stdin.write(`${JSON.stringify([name, request])}\n`);
  }

  async close() {
    this.process.stdin.end();
    await within('the end of python-socketio', this.isOver);
  }
}

test('one room of three kinds of clients, and a node that is killed in the middle', async () => {
  const engine = await Engine.start('streams');
  const nodes = await startAll(engine, [['rust', 'one'], ['node', 'two'], ['rust', 'three']]);
  await settle(nodes);
  const [one, two, three] = nodes;
  const ann = await PlainClient.open(one, 'ann', '/', { resumes: true });
  const bob = await IoClient.open(two, 'bob');
  const mia = await IoClient.open(one, 'mia');
  const cid = await PythonClient.open(three);
  const heard = {
    ann: () => ann.received.map(({ event, data }) => [event, data]),
    bob: () => bob.received.map(({ event, args }) => [event, ...args]),
    mia: () => mia.received.map(({ event, args }) => [event, ...args]),
    cid: () => cid.received,
  };
  const say = (client, text) => client.do('emit', { rooms: ['lobby'], args: ['said', text] });
  const all = [];
  const everybody = async (text, names = Object.keys(heard)) => {
    all.push(['said', text]);
    for (const name of names) {
      await eventually(`${text} at ${name}`, () => heard[name]().some(([, said]) => said === text));
    }
  };

  for (const [name, client] of Object.entries({ ann, bob, mia, cid })) {
    const text = `from ${name}`;
    await say(client, text);
    await everybody(text);
  }
  for (const key of [ann.key, mia.key]) {
    await eventually('a record', async () => {
      const record = await engine.services.redis.command('GET', `sio:session:${key}`);
      return record !== null && decode(Buffer.from(record, 'base64')).rooms.includes('lobby');
    });
  }

  await one.kill();
  await Promise.all([ann.left, mia.left]);
  await say(bob, 'while they are away, from bob');
  await everybody('while they are away, from bob', ['bob', 'cid']);
  await say(cid, 'while they are away, from cid');
  await everybody('while they are away, from cid', ['bob', 'cid']);
  // One comes back to the other node of ours, the other to the node of Socket.IO.
  assert.deepEqual([await ann.resume(three), await mia.resume(two)], [true, true]);
  for (const [name, client] of Object.entries({ ann, bob, mia, cid })) {
    const text = `again from ${name}`;
    await say(client, text);
    await everybody(text);
  }
  for (const [name, received] of Object.entries(heard)) assert.deepEqual(received(), all, name);

  for (const client of [ann, bob, mia]) client.close();
  await cid.close();
  await Promise.all([two, three].map((node) => node.stop()));
  await engine.stop();
});
