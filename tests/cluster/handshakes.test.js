/** A server of Socket.IO shows the handshake of a client of ours as it shows that of its own. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IoClient } from './clients.js';
import { Engine, kinds } from './matrix.js';
import { settle, startAll } from './nodes.js';

describe('handshakes of other servers', { skip: kinds.length < 2 }, () => {
  for (const name of ['redis', 'sharded', 'streams', 'postgres']) {
    test(name, async () => {
      const engine = await Engine.start(name);
      const nodes = await startAll(engine, [['node', 'one'], ['rust', 'two']]);
      await settle(nodes);
      // Node calls every request with an origin one of another domain.
      const options = ({ port }) => ({ query: { tag: 'a b', name: 'é&=' }, extraHeaders: { origin: `http://127.0.0.1:${port}` } });
      const clients = await Promise.all(nodes.map((node) => IoClient.open(node, node.name, '/chat', options(node))));
      const handshakes = await clients[0].do('handshakes');
      assert.equal(handshakes.length, 2);
      for (const handshake of handshakes) {
        const { time, issued, address, url, query, secure, xdomain } = handshake;
        assert.ok(Math.abs(Date.now() - issued) < 60_000, `issued ${issued}`);
        // Node names the zone of the machine.
        assert.match(time, /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4} \(.+\)$/);
        assert.equal(Math.floor(issued / 1000) * 1000, Date.parse(time));
        assert.ok(address.endsWith('127.0.0.1'), address);
        assert.deepEqual({ secure, xdomain }, { secure: false, xdomain: true });
        assert.deepEqual(query, { tag: 'a b', name: 'é&=', EIO: '4', transport: 'websocket' });
        const { pathname, searchParams } = new URL(url, 'http://localhost');
        assert.deepEqual([pathname, Object.fromEntries(searchParams)], ['/socket.io/', query]);
      }
      for (const client of clients) client.close();
      await Promise.all(nodes.map((node) => node.stop()));
      await engine.stop();
    });
  }
});
