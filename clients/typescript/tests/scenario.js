/** What every runtime is to be able to do, against the fixture `plain`. Needs nothing of Node. */

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function equal(actual, expected, what) {
  const [one, other] = [actual, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${what}: ${one} is not ${other}`);
}

const failureOf = (promise) => promise.then((value) => { throw new Error(`no failure but ${JSON.stringify(value)}`); }, (error) => error);

const opened = (client) => new Promise((resolve) => {
  const off = client.subscribe((status) => { if (status.name === "open") { off(); resolve(status); } });
});

/**
 * `url` leads through a proxy that `cut` asks to end all connections. `headers` says whether this runtime can send them. Returns
 * the names of what was seen to work.
 */
export async function scenario({ connect, fromBase64, GatewayError }, { url, cut, headers, WebSocket }) {
  const done = [];
  const delays = { base: 10, cap: 50 };
  const client = connect(url, { auth: { nickname: "ann", "ünï": 1 }, delays, WebSocket });
  const statuses = [];
  client.subscribe(({ name }) => statuses.push(name));
  const welcome = new Promise((resolve) => client.once("welcome", resolve));

  await client.ready();
  equal((await welcome).auth, { nickname: "ann", "ünï": 1 }, "credentials");
  equal(statuses, ["connecting", "open"], "statuses");
  done.push("connect");

  equal(await Promise.all([1, "zwei", { three: [3] }, null].map((data) => client.request("echo", data))), [1, "zwei", { three: [3] }, null], "replies");
  const failed = await failureOf(client.request("fail"));
  if (!(failed instanceof GatewayError)) throw failed;
  equal([failed.code, failed.message, failed.details], ["broken", "it is broken", { part: 3 }], "exception");
  done.push("requests");

  equal((await failureOf(client.request("work", 60_000, { timeout: 20 }))).code, "timeout", "deadline");
  const stop = new AbortController();
  const aborted = failureOf(client.request("work", 60_000, { signal: stop.signal }));
  stop.abort();
  equal((await aborted).code, "aborted", "abort");
  while (await client.request("running") !== 0) await pause(5);
  done.push("deadline and abort, cancelled at the server");

  const items = [];
  for await (const item of client.stream("countdown", { from: 3, every: 1 })) items.push(item);
  equal(items, [3, 2, 1], "stream");
  for await (const item of client.stream("countdown", { from: 1_000_000, every: 1 })) if (item < 999_999) break;
  while (await client.request("running") !== 0) await pause(5);
  const halves = [];
  const odd = await failureOf((async () => { for await (const half of client.stream("halve", 12)) halves.push(half); })());
  equal([halves, odd.code], [[6, 3], "odd"], "a stream that fails");
  done.push("streams");

  equal(Object.keys(await client.request("ask", 1)), ["error"], "a question that nothing answers");
  client.answer("question", async (data) => ({ twice: data * 2 }));
  equal(await client.request("ask", 4), { answer: { twice: 8 } }, "answer");
  done.push("questions");

  equal([...fromBase64(await client.request("reverse", new Uint8Array([1, 2, 255])))], [255, 2, 1], "bytes");
  done.push("binary");

  const said = [];
  const off = client.on("said", (text) => said.push(text));
  client.emit("say", "one");
  await client.request("say", "two");
  off();
  await client.request("say", "three");
  equal(said, ["one", "two"], "events");
  done.push("events");

  const numbers = [];
  client.on("number", (number) => numbers.push(number));
  const id = client.status.id;
  const lost = failureOf(client.request("work", 60_000, { timeout: 60_000 }));
  await client.request("burst", { from: 0, count: 300, every: 300 });
  for (let times = 0; times < 3; times += 1) {
    const again = opened(client);
    await cut();
    const status = await again;
    equal([status.id, status.resumed, status.reconnected], [id, true, true], "resumed");
  }
  equal((await lost).code, "disconnected", "a request on a lost connection");
  while (numbers.length < 300) await pause(5);
  await client.request("echo");
  equal(numbers, Array.from({ length: 300 }, (_, number) => number), "missed events");
  done.push("resume");

  const ended = new Promise((resolve) => client.subscribe((status) => { if (status.name === "closed") resolve(status); }));
  client.emit("close", { code: 4501, reason: "enough" });
  const { code, reason } = await ended;
  equal([code, reason], [4501, "enough"], "final close");
  done.push("final close codes");

  const refused = connect(`${url}?refuse=no_login`, { WebSocket, authIn: "query", auth: "a token" });
  equal((await failureOf(refused.ready())).code, "no_login", "refusal");
  done.push("refusals");

  const query = connect(url, { WebSocket, authIn: "query", auth: { token: "ä&=?" }, ...(headers && { headers: { cookie: "session=c1" } }) });
  const greeted = await new Promise((resolve) => query.once("welcome", resolve));
  equal([greeted.auth, greeted.cookie], [{ token: "ä&=?" }, headers ? "c1" : null], "credentials in the query and a cookie");
  query.close();
  equal(query.status.name, "closed", "closed");
  done.push("query", ...(headers ? ["cookie"] : []));
  return done;
}
