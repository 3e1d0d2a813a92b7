/** One client of `clients.js` under load: `load.js WEBSOCKET NAME URL`. Prints the microseconds of CPU that a message of each work took. */

import { clients } from "./clients.js";

const MESSAGES = 500, SAMPLES = 24;

const [webSocket, name, url] = process.argv.slice(2);
const client = await clients[webSocket][name](url);

/** The least microseconds of CPU for each message, of SAMPLES of so many rounds, once the code is warm. More is what else the machine did. */
async function cost(rounds, round) {
  for (let times = 0; times < 4 * rounds; times += 1) await round();
  let least = Infinity;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const before = process.cpuUsage();
    for (let times = 0; times < rounds; times += 1) await round();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / (rounds * MESSAGES));
  }
  return least;
}

async function eventByEvent() {
  for (let times = 0; times < MESSAGES; times += 1) await client.events(1);
}

console.log(JSON.stringify({
  requests: await cost(16, () => client.requests(MESSAGES)),
  events: await cost(16, () => client.events(MESSAGES)),
  "event by event": await cost(1, eventByEvent),
}));
process.exit(0);
