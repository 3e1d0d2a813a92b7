// nginx, as docs/deploy.md has it, in front of two servers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, start, within } from '../clients/node/fixture.js';
import { REFUSED, io, post, startNginx, upstreamFailures } from './support.js';

/** By default nginx takes a server for broken that failed once. */
const defaults = (text) => text.replace(/ (max_fails|fail_timeout)=\w+/g, '');
/** As one that hands each byte on when it comes. */
const unbuffered = (text) => defaults(text).replace('proxy_buffering off;', 'proxy_buffering off; proxy_request_buffering off;');

for (const [name, edit] of [['as documented', defaults], ['without buffers for requests', unbuffered]]) {
  describe(`nginx ${name}`, () => {
    let servers;
    let nginx;
    before(async () => {
      servers = await Promise.all([start('operated'), start('operated')]);
      nginx = await startNginx(servers.map((server) => server.port), edit);
    });
    after(async () => {
      await nginx?.stop();
      await Promise.all((servers ?? []).map((server) => server.stop()));
    });

    test('a dozen refused requests of one client take no server from the others', async () => {
      for (const [status, line, headers] of REFUSED) {
        for (const length of [1000, 100_000, 1_000_000]) {
          for (const [chunked, expect] of [[false, false], [true, false], [false, true]]) {
            for (let time = 0; time < 12; time += 1) {
              const what = `${line}, ${length} bytes, chunked ${chunked}, waits ${expect}, time ${time}`;
              assert.equal(await post(nginx.port, line, headers, { length, chunked, expect }), status, what);
            }
          }
        }
      }
      assert.deepEqual(upstreamFailures(nginx), []);
      const client = await Client.open(nginx.url());
      assert.equal((await client.request('work', 1)).data, 1);
      await client.close();
    });

    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
      test(`socket.io-client by ${transports.join(', then ')}`, async () => {
        const socket = io(nginx.http(), { transports, forceNew: true, reconnection: false });
        try {
          await within('the connection', new Promise((resolve, reject) => {
            socket.once('connect', resolve);
            socket.once('connect_error', reject);
          }));
          assert.equal(await within('an ack', socket.emitWithAck('work', 7)), 7);
        } finally {
          socket.disconnect();
        }
      });
    }
  });
}
