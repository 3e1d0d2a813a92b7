// docs/protocol.md, from a client's side: envelopes, ids, streams and the end of a connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, refusal, start, within } from './fixture.js';

let server;
before(async () => { server = await start('nest'); });
after(() => server.stop());

/** Runs a test with a client of `/a` that is alive at its end. */
function withClient(name, run) {
  test(name, async () => {
    const client = await Client.open(server.url('/a'));
    await run(client);
    assert.deepEqual((await client.request('plain', 'alive')).data, 'alive');
    assert.equal((await client.close()).code, 1000);
  });
}

withClient('an id comes back exactly as it was written', async (client) => {
  for (const id of ['7', '-1', '0', '9007199254740993', '"a"', '""', '"✓"', `"${'x'.repeat(128)}"`]) {
    client.socket.send(`{"event":"zero","id":${id}}`);
    const text = (await client.nextMessage()).data.toString();
    assert.ok(text.includes(`"id":${id}`), `${id}: ${text}`);
  }
});

withClient('a request ends in one frame with its id', async (client) => {
  assert.deepEqual(await client.request('echo', 5), { event: 'echoed', data: 5, id: 1 });
  assert.deepEqual(await client.request('undef'), { event: 'undef', data: null, id: 2 });
  const failed = await client.request('wsstr');
  assert.equal(failed.event, 'exception');
  assert.equal(failed.more, undefined);
});

withClient('answers come in the order of the requests', async (client) => {
  const ids = Array.from({ length: 50 }, (_, number) => client.ask('echo', number));
  for (const [number, id] of ids.entries()) {
    assert.deepEqual(await client.next(), { event: 'echoed', data: number, id });
  }
});

withClient('a stream says when there is more and when it has ended', async (client) => {
  const id = client.ask('stream');
  for (const data of [1, 2, 3]) {
    assert.deepEqual(await client.next(), { event: 's', data, id, more: true });
  }
  const { event, ...end } = await client.next();
  assert.deepEqual(end, { id, end: true });
});

withClient('a stream that fails ends with the exception', async (client) => {
  const id = client.ask('streamerr');
  assert.deepEqual(await client.next(), { event: 's', data: 1, id, more: true });
  const last = await client.next();
  assert.equal(last.event, 'exception');
  assert.equal(last.id, id);
  assert.equal(last.data.message, 'mid');
  assert.ok(!last.more && !last.end);
});

withClient('a cancelled stream sends no more items', async (client) => {
  const id = client.ask('longstream');
  assert.equal((await client.next()).more, true);
  client.socket.send(JSON.stringify({ cancel: id }));
  client.ask('zero');
  for (let frame = await client.next(); frame.event !== 'zero'; frame = await client.next()) {
    assert.equal(frame.id, id);
    assert.ok(frame.data !== 19, 'the stream went on to its end');
  }
});

withClient('other requests are answered while a stream runs', async (client) => {
  const stream = client.ask('longstream');
  const other = client.ask('echo', 'meanwhile');
  let frame;
  do frame = await client.next(); while (frame.id === stream && frame.more);
  assert.deepEqual(frame, { event: 'echoed', data: 'meanwhile', id: other });
  client.socket.send(JSON.stringify({ cancel: stream }));
  client.ask('zero');
  do frame = await client.next(); while (frame.event !== 'zero');
});

withClient('a binary message that holds an envelope is one', async (client) => {
  client.socket.send(Buffer.from('{"event":"echo","data":{"x":1}}'));
  assert.deepEqual(await client.next(), { event: 'echoed', data: { x: 1 } });
});

withClient('the members of an envelope come in any order, among others', async (client) => {
  client.socket.send('{"id":1,"more":[1,{"event":"x"}],"data":"d","trace":null,"event":"echo"}');
  assert.deepEqual(await client.next(), { event: 'echoed', data: 'd', id: 1 });
});

withClient('data that is absent is read as null', async (client) => {
  client.socket.send('{"event":"echo"}');
  assert.deepEqual(await client.next(), { event: 'echoed', data: null });
});

withClient('data is sent back as it was written', async (client) => {
  const data = '{"n":1.50,"big":123456789012345678901234567890,"u":"\\u00e4","a":[ ],"n":2}';
  client.socket.send(`{"event":"echo","data":${data}}`);
  assert.equal((await client.nextMessage()).data.toString(), `{"event":"echoed","data":${data}}`);
});

const unreadable = [
  '', ' ', '{', 'null', '5', '"text"', '[]', '["push",1]', '{}', '{"data":1}', '{"event":5}', '{"event":null}',
  '{"event":"echo","data":}', '{"event":"echo"} trailing', "{'event':'echo'}", '{"event":"echo","event":"echo"',
];
withClient('what is no envelope is answered, and the connection lives', async (client) => {
  for (const text of unreadable) {
    client.socket.send(text);
    const { event, data } = await client.next();
    assert.equal(event, 'exception', text);
    assert.equal(data.status, 'error', text);
    assert.equal(typeof data.message, 'string', text);
  }
});

withClient('a request nobody handles is answered, whatever its name; an event is passed over by the switch of NestJS', async (client) => {
  for (const name of ['unknown', 'toString', 'constructor', '__proto__', 'hasOwnProperty', '', 'Echo', 'echo ']) {
    client.emit(name, 1);
    const { event, data } = await client.request(name, 1);
    assert.equal(event, 'exception', name);
    assert.equal(data.cause.pattern, name);
  }
});

withClient('names and values of JavaScript are plain data', async (client) => {
  client.socket.send('{"event":"echo","data":{"__proto__":{"x":1},"constructor":"c","hasOwnProperty":0}}');
  const text = (await client.nextMessage()).data.toString();
  assert.ok(text.includes('{"__proto__":{"x":1},"constructor":"c","hasOwnProperty":0}'), text);
});

withClient('several clients do not see each other’s answers', async (client) => {
  const others = await Promise.all(Array.from({ length: 20 }, () => Client.open(server.url('/a'))));
  const ids = others.map((other, number) => other.ask('echo', number));
  for (const [number, other] of others.entries()) {
    assert.deepEqual(await other.next(), { event: 'echoed', data: number, id: ids[number] });
  }
  await Promise.all(others.map((other) => other.close()));
  assert.equal((await client.request('zero')).data, 0);
});

test('text that is no UTF-8 closes with 1007, a message above the limit with 1009', async () => {
  const invalid = await Client.open(server.url('/a'));
  invalid.socket.send(Buffer.from([0xC3, 0x28]), { binary: false });
  assert.equal((await within('the close', invalid.closed)).code, 1007);
  const large = await Client.open(server.url('/a'));
  large.socket.on('error', () => {}); // the server may stop reading before all is written
  large.socket.send('x'.repeat(2 * 1024 * 1024));
  assert.equal((await within('the close', large.closed)).code, 1009);
});

test('a foreign page is refused, a page of the same host is not', async () => {
  const origin = (name) => ({ headers: { Origin: name } });
  assert.equal(await refusal(server.url('/a'), origin('https://evil.example')), 403);
  assert.equal(await refusal(server.url('/a'), origin('null')), 403);
  const client = await Client.open(server.url('/a'), [], origin(server.http('').replace(/\/$/, '')));
  assert.equal((await client.request('zero')).data, 0);
  await client.close();
});

test('who only looks is told to upgrade', async () => {
  const response = await fetch(server.http('/a'));
  assert.equal(response.status, 426);
  assert.equal(response.headers.get('upgrade'), 'websocket');
  assert.equal((await fetch(server.http('/nowhere'))).status, 404);
});

test('a server that stops says so and ends well', async () => {
  const own = await start('nest');
  const clients = await Promise.all(['/a', '/', '/samples'].map((path) => Client.open(own.url(path))));
  clients[0].ask('longstream');
  await clients[0].next();
  const stopped = own.stop();
  for (const client of clients) {
    assert.deepEqual(await within('the close', client.closed), { code: 1001, reason: 'going away' });
  }
  assert.equal(await stopped, 0);
});
