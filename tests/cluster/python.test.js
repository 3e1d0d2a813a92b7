/** python-socketio at one node, Socket.IO's client and a plain WebSocket at others: one room. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { IoClient, isOffset, PlainClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';
import { atExit, within } from './process.js';

const python = process.env.PYTHON;

class PythonClient {
  #asked = [];
  #waiting = [];
  received = [];

  static async open(node, namespace, tag) {
    const client = new PythonClient();
    const program = fileURLToPath(new URL('client.py', import.meta.url));
    client.child = spawn(python, [program, node.port, namespace, tag].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    atExit(() => client.child.kill('SIGKILL'));
    createInterface({ input: client.child.stdout }).on('line', (line) => client.#take(JSON.parse(line)));
    client.id = (await client.next('open')).args[0];
    return client;
  }

  ask(event, ...args) {
    const id = this.#asked.length;
    this.child.stdin.write(`${JSON.stringify({ id, event, args })}\n`);
    return within(`the answer to ${event}`, new Promise((resolve) => this.#asked.push(resolve)));
  }

  /** The next event of this name. */
  next(event) {
    const find = () => this.received.find((record) => record.event === event);
    const come = new Promise((resolve) => {
      if (find()) resolve();
      else this.#waiting.push({ event, resolve });
    });
    return within(`${event} at python`, come).then(() => this.received.splice(this.received.indexOf(find()), 1)[0]);
  }

  async close() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    assert.equal(await within('the end of python', ended), 0);
  }

  #take(record) {
    if (record.id !== undefined) return this.#asked[record.id](record.answer);
    // A server with recovery adds it for every client.
    if (isOffset(record.args?.at(-1))) record.args.pop();
    this.received.push(record);
    this.#waiting = this.#waiting.filter(({ event, resolve }) => event !== record.event || void resolve());
  }
}

describe('python-socketio in a mixed cluster', { skip: !python || !kinds.includes('rust') }, () => {
  for (const name of ['redis', 'sharded', 'streams', 'postgres']) {
    test(name, async () => {
      const engine = await Engine.start(name);
      const nodes = await startAll(engine, [['rust', 'one'], [kinds[0], 'two'], ['rust', 'three']]);
      await settle(nodes);
      const plain = await PlainClient.open(nodes[0], 'plain', '/chat');
      const io = await IoClient.open(nodes[1], 'io', '/chat');
      const py = await PythonClient.open(nodes[2], '/chat', 'py');
      for (const client of [plain, io, py]) assert.equal(await client.ask('join', 'red'), true);
      if (name === 'sharded') await engine.services.redis.subscribed('socket.io#/chat#red#', 3, 'SHARDNUMSUB');

      const data = { text: 'Zürich \u{1f600}', list: [1, [2.5, null]] };
      for (const [client, tag] of [[plain, 'plain'], [io, 'io'], [py, 'py']]) {
        await client.ask('do', 'emit', { rooms: ['red'], args: ['said', tag, data] });
        await plain.see('said', tag, data);
        await io.see('said', tag, data);
        assert.deepEqual((await py.next('said')).args, [tag, data]);
      }
      await io.do('emit', { rooms: [py.id], args: ['private', 1] });
      assert.deepEqual((await py.next('private')).args, [1]);
      const { err, sockets } = await py.ask('do', 'fetch', { rooms: ['red'] });
      assert.deepEqual([err, sockets.map(({ tag }) => tag).sort()], [null, ['io', 'plain', 'py']]);

      await py.close();
      plain.close();
      io.close();
      await Promise.all(nodes.map((node) => node.stop()));
      await engine.stop();
    });
  }
});
