// Events, acks and attachments, well formed and malformed, over both transports.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TRANSPORTS, joined, open } from '../channel.js';
import { reference, startPatient } from '../fixture.js';

let server;
before(async () => { server = await startPatient('socket-io'); });
after(() => server.stop());

const A = Buffer.from([1, 2, 3]);
const B = Buffer.from([4, 5, 6]);
const P0 = '{"_placeholder":true,"num":0}';
const P1 = '{"_placeholder":true,"num":1}';
const placeholders = (count) => Array.from({ length: count }, (_, num) => JSON.stringify({ _placeholder: true, num })).join();

const early = reference && 'the reference ends the session, as its join takes a moment';

const half = reference && 'the reference puts undefined in its place';

/** Reads a packet that must have this prefix and, however it is written, this JSON. */
async function expectJson(channel, prefix, json) {
  const packet = await channel.next();
  assert.equal(packet.slice(0, prefix.length), prefix);
  assert.deepEqual(JSON.parse(packet.slice(prefix.length)), JSON.parse(json));
}

for (const transport of TRANSPORTS) {
  /** Runs a test over this transport with a session that has joined the main namespace. */
  const over = (name, run, options) => test(`${transport}: ${name}`, options, async () => {
    const channel = await joined(server, transport);
    await channel.expect('2["auth",{}]');
    await run(channel);
    await channel.close();
  });

  /** Sends packets and expects packets; the session must live on. */
  const exchange = (name, sent, ...expected) => over(name, async (channel) => {
    await channel.send(...sent);
    await channel.expect(...expected);
    await channel.echoes();
  });

  /** Sends packets that end the session with nothing said. */
  const fatal = (...sent) => {
    const name = sent.map((packet) => (typeof packet === 'string' ? packet : `<${packet.length} bytes>`)).join(' ');
    over(`${name.slice(0, 80)} ends the session`, async (channel) => {
      await channel.send(...sent);
      await channel.closes();
    });
  };

  for (const args of [
    '1', '"2"', '{"3":["4"]}', 'null', 'true', '""', '[]', '[[],[[]]]', '"ü€😀"', '1,"2",{"3":["4"]}', '', '1.5e3',
    '"\\u2028\\u2029"', '-0.5', '{"a":{"b":{"c":[]}}}', '"\\"quoted\\" and \\\\"', '{"_placeholder":false,"num":1}',
  ]) {
    const list = args && `,${args}`;
    over(`the arguments [${args}] come back`, async (channel) => {
      await channel.send(`2["message"${list}]`);
      await expectJson(channel, '2', `["message-back"${list}]`);
      await channel.send(`27["message-with-ack"${list}]`);
      await expectJson(channel, '37', `[${args}]`);
    });
  }

  over('many events are answered in their order', async (channel) => {
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    await channel.send(...numbers.map((number) => `2["message",${number}]`));
    await channel.expect(...numbers.map((number) => `2["message-back",${number}]`));
  });

  over('many acks are answered, each once', async (channel) => {
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    await channel.send(...numbers.map((number) => `2${number}["message-with-ack",${number}]`));
    await channel.expect(...numbers.map((number) => `3${number}[${number}]`));
    await channel.echoes();
  });

  exchange('ack ids are counted in decimal', ['20["message-with-ack"]', '2007["message-with-ack"]', '2999999999["message-with-ack"]'],
    '30[]', '37[]', '3999999999[]');
  exchange('an ack nobody waits for is passed over', ['312["late"]', '312["late"]', '30', '30[]', '3999[1]']);
  exchange('an event without a payload is passed over', ['2', '21']);

  for (const packet of ['2["nobody"]', '2["nobody",1]', '2[1,"a"]', '2[-1e400]', '27["nobody"]']) {
    over(`the session goes on after ${packet}, which nobody handles`, async (channel) => {
      await channel.send(packet);
      await channel.emit('/', ['message', 'alive']);
      // Ours says so; the reference is silent.
      const told = /^(2\["exception",|37\[)\{"status":"error",.*"unknown_event"/;
      let next = await channel.next();
      if (!reference) {
        assert.match(next, told);
        next = await channel.next();
      }
      assert.equal(next, '2["message-back","alive"]');
    });
  }

  exchange('spaces in the JSON are no harm', ['2[ "message" , 1 ]'], '2["message-back",1]');
  exchange('an event name may be escaped', ['2["mess\\u0061ge",1]'], '2["message-back",1]');

  exchange('attachments come back', [`52-["message",${P0},${P1}]`, A, B], `52-["message-back",${P0},${P1}]`, A, B);
  exchange('attachments are found at any depth', [`52-["message",{"a":[${P0}],"b":{"c":${P1}}},"x"]`, A, B],
    `52-["message-back",{"a":[${P0}],"b":{"c":${P1}}},"x"]`, A, B);
  exchange('an ack has attachments', [`51-4["message-with-ack",${P0}]`, A], `61-4[${P0}]`, A);
  exchange('an attachment may be empty', [`51-["message",${P0}]`, Buffer.alloc(0)], `51-["message-back",${P0}]`, Buffer.alloc(0));
  exchange('ten attachments are taken', [`510-["message",${placeholders(10)}]`, ...Array(10).fill(A)],
    `510-["message-back",${placeholders(10)}]`, ...Array(10).fill(A));
  exchange('placeholders are numbered anew in the order of the answer', [`52-["message",${P1},${P0}]`, A, B],
    `52-["message-back",${P0},${P1}]`, B, A);
  exchange('one attachment may stand in two places', [`51-["message",${P0},${P0}]`, A],
    `52-["message-back",${P0},${P1}]`, A, A);
  exchange('an attachment that nothing names is dropped', ['51-["message","x"]', A], '2["message-back","x"]');
  exchange('an ack with attachments that nobody waits for is passed over', [`61-5[${P0}]`, A]);

  over('a pong may come between attachments', async (channel) => {
    await channel.send(`52-["message",${P0},${P1}]`, A);
    await channel.raw('3');
    await channel.send(B);
    await channel.expect(`52-["message-back",${P0},${P1}]`, A, B);
  });

  for (const packet of [
    '2[]', '2{}', '2{"0":"message"}', '2[null]', '2[true]', '2[{}]', '2[{"toString":"x"}]', '2[["message"]]', '2"message"', '2null',
    '2["message"', '2["message"]x', '2["message"]]', '2["message",]', '2["message",nan]', "2['message']", '2abc["message-with-ack"]',
    '2/custom', '2/custom,', '2/random', '2/random7', '2/["message"]', '2/custom["message"]', '3/custom,[]', '3/custom', '2-1["message-with-ack"]', '21.5["message-with-ack"]', '2["connect"]', '2["connect_error"]', '2["disconnect"]', '2["disconnecting"]',
    '2["newListener"]', '2["removeListener"]', '2/random,["message"]', '2/custom,["message"]', '21-["message"]',
    '3abc[]', '31{}', '31"x"', '31[', '3/custom,1[]', '4', '4{"message":"m"}', '7', '8[]', '{}', '', 'message', '1{}', '1[]',
    '5["message"]', '51["message"]', '5-["message"]', '50-["message"]', '5a-["message"]', '51.5-["message"]', '5-1-["message"]', '511-["message"]',
    '51000000-["message"]', '6["x"]', '60-1[]', '611-1[]', '51-["connect",1]',
  ]) fatal(packet);

  fatal('51-["message"', A);
  fatal('51-{}', A);
  fatal('51-/custom["message"]', A);
  fatal('61-/custom,[1]', A);
  fatal('51-[]', A);
  fatal(`51-["message",${P1}]`, A);
  fatal('51-["message",{"_placeholder":true,"num":-1}]', A);
  fatal('51-["message",{"_placeholder":true,"num":"0"}]', A);
  fatal('51-["message",{"_placeholder":true,"num":"splice"}]', A);
  fatal('51-["message",{"_placeholder":true,"num":null}]', A);
  fatal('51-["message",{"_placeholder":true}]', A);
  fatal(A);
  over('half a placeholder number ends the session', async (channel) => {
    await channel.send('51-["message",{"_placeholder":true,"num":0.5}]', A);
    await channel.closes();
  }, { skip: half });
  fatal('51-["message"]', '2["message","between"]');
  fatal(`52-["message",${P0},${P1}]`, A, '2["message"]');
}

for (const transport of TRANSPORTS) {
  test(`${transport}: an event that follows its join at once is not lost`, { skip: early }, async () => {
    const channel = await open(server, transport);
    await channel.send('0', '2["message","early"]');
    assert.match(await channel.next(), /^0\{/);
    await channel.expect('2["auth",{}]', '2["message-back","early"]');
    await channel.close();
  });
}
