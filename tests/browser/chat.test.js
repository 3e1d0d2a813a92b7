/** The chat example in two tabs of a real browser. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { shows } from "./chat-page.js";
import { launch, picture, start } from "./support.js";

let browser, server;
const contexts = [], complaints = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());
beforeEach(async () => { server = await start("chat"); });
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await server.stop();
  assert.deepEqual(complaints.splice(0), [], "errors on the page's console");
});

/** A person with a browser of their own, so with a session of their own. */
async function person(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => complaints.push(error.message));
  // That the server is away is what some tests are about; the browser notes it by itself.
  page.on("console", (line) => { if (line.type() === "error" && !line.text().includes("WebSocket connection")) complaints.push(line.text()); });
  await page.goto(server.url);
  return page;
}

async function knock(page, nickname) {
  await page.getByLabel("What should we call you?").fill(nickname);
  await page.getByRole("button", { name: "Come in" }).click();
}

/** Somebody in the lobby. */
async function guest(nickname, options) {
  const page = await person(options);
  await knock(page, nickname);
  await page.getByRole("heading", { name: "lobby" }).waitFor();
  return page;
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
}

async function openRoom(page, name) {
  await page.getByLabel("Open a room").fill(name);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

const entry = (page, text) => page.locator(".entry", { hasText: text });
const roomButton = (page, name) => page.getByRole("navigation", { name: "Rooms" }).getByRole("button", { name: new RegExp(`^${name}\\b`) });
const trouble = (page, words) => page.locator("#trouble", { hasText: words });
const noScrollSideways = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

/** Says so many things faster than a person could. */
const burst = (page, count) => page.evaluate((count) => {
  for (let i = 1; i <= count; i += 1) {
    document.getElementById("text").value = `knock ${i}`;
    document.getElementById("composer").requestSubmit();
  }
}, count);

test("what one says the other reads, and the sender sees it delivered", async () => {
  const ann = await guest("Ann");
  await shows(ann, { room: "lobby", mine: { lobby: "1 person" }, people: ["Ann (you)"] });
  const bob = await guest("Bob");
  await entry(ann, "Bob came in").waitFor();
  await shows(ann, { room: "lobby", mine: { lobby: "2 people" }, people: ["Ann (you)", "Bob"] });
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, people: ["Ann", "Bob (you)"] });
  await say(ann, "Good morning! Is the kettle on?");
  await entry(bob, "Is the kettle on?").waitFor();
  await ann.locator(".entry.mine.sent", { hasText: "kettle" }).waitFor();
  assert.match(await entry(ann, "kettle").innerText(), /delivered/);
  assert.equal(await bob.locator("#announcer").textContent(), "Ann: Good morning! Is the kettle on?");
  await say(bob, "Two minutes. <b>Bring</b> the good cups.");
  await entry(ann, "<b>Bring</b>").waitFor();
  assert.equal(await ann.locator(".entry b").count(), 0, "text never becomes markup");
  await say(bob, "And the biscuits, if there are any left after last night.");
  await say(ann, "There are not.\nThere were never going to be.");
  await entry(bob, "never going to be").waitFor();
  await picture(ann, "lobby");
});

test("who writes is seen while they write", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await bob.getByLabel("Message", { exact: true }).pressSequentially("I was thinking");
  await ann.getByText("Bob is writing…").waitFor();
  await picture(ann, "typing");
  await bob.getByLabel("Message", { exact: true }).press("Enter");
  await entry(ann, "I was thinking").waitFor();
  await ann.getByText("Bob is writing…").waitFor({ state: "hidden" });
});

test("who takes the words back, or goes to another room with them, is not seen writing any more", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await openRoom(bob, "attic");
  // The page's clock stands still, so the end of it is told and not waited for.
  await ann.clock.install();
  await ann.clock.pauseAt(Date.now() + 60_000);
  await roomButton(bob, "lobby").click();
  const box = bob.getByLabel("Message", { exact: true });
  await box.pressSequentially("Hm");
  await ann.getByText("Bob is writing…").waitFor();
  await box.fill("");
  await ann.getByText("Bob is writing…").waitFor({ state: "hidden" });
  await box.pressSequentially("Well");
  await ann.getByText("Bob is writing…").waitFor();
  await roomButton(bob, "attic").click();
  await ann.getByText("Bob is writing…").waitFor({ state: "hidden" });
  await roomButton(bob, "lobby").click();
  assert.equal(await box.inputValue(), "Well");
});

test("rooms are opened, found, joined, counted while unread, and left", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await openRoom(ann, "Garden Shed".toLowerCase().replace(" ", "-"));
  await shows(ann, { room: "garden-shed", mine: { "garden-shed": "1 person", lobby: "2 people" }, people: ["Ann (you)"] });
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, others: { "garden-shed": "1 person" }, people: ["Ann", "Bob (you)"] });
  await say(ann, "Who has the key?");
  await roomButton(bob, "garden-shed").click();
  await bob.getByRole("heading", { name: "garden-shed" }).waitFor();
  await entry(bob, "Who has the key?").waitFor();            // history
  await entry(ann, "Bob came in").waitFor();
  const both = { "garden-shed": "2 people", lobby: "2 people" };
  await shows(ann, { room: "garden-shed", mine: both, people: ["Ann (you)", "Bob"] });
  await shows(bob, { room: "garden-shed", mine: both, people: ["Ann", "Bob (you)"] });
  await roomButton(bob, "lobby").click();
  await say(ann, "Never mind, it was open.");
  await bob.getByRole("button", { name: "garden-shed 1 unread" }).waitFor();
  await shows(bob, { room: "lobby", mine: { "garden-shed": "1 unread", lobby: "2 people" }, people: ["Ann", "Bob (you)"] });
  await picture(bob, "unread");
  await roomButton(bob, "garden-shed").click();
  await shows(bob, { room: "garden-shed", mine: both, people: ["Ann", "Bob (you)"] });
  await bob.getByRole("button", { name: "Leave" }).click();
  await bob.getByRole("heading", { name: "lobby" }).waitFor();
  await entry(ann, "Bob left").waitFor();
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, others: { "garden-shed": "1 person" }, people: ["Ann", "Bob (you)"] });
  await shows(ann, { room: "garden-shed", mine: { "garden-shed": "1 person", lobby: "2 people" }, people: ["Ann (you)"] });
  await ann.getByRole("button", { name: "Leave" }).click();
  await roomButton(bob, "garden-shed").waitFor({ state: "detached" });
  for (const [page, people] of [[ann, ["Ann (you)", "Bob"]], [bob, ["Ann", "Bob (you)"]]]) await shows(page, { room: "lobby", mine: { lobby: "2 people" }, people });
});

test("whoever leaves, the numbers are those of who is there, and a room stays as long as somebody does", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob"), eve = await guest("Eve");
  await openRoom(ann, "attic");
  for (const page of [bob, eve]) { await roomButton(page, "attic").click(); await page.getByRole("heading", { name: "attic" }).waitFor(); }
  for (const [leaver, left] of [[ann, 2], [bob, 1], [eve, 0]]) {
    await leaver.getByRole("button", { name: "Leave" }).click();
    const here = { 2: ["Bob", "Eve"], 1: ["Eve"], 0: [] }[left], words = left === 1 ? "1 person" : `${left} people`;
    for (const [page, name] of [[ann, "Ann"], [bob, "Bob"], [eve, "Eve"]]) {
      const mark = (names) => names.map((one) => (one === name ? `${one} (you)` : one));
      if (here.includes(name)) await shows(page, { room: "attic", mine: { attic: words, lobby: "3 people" }, people: mark(here) });
      else await shows(page, { room: "lobby", mine: { lobby: "3 people" }, others: left ? { attic: words } : {}, people: mark(["Ann", "Bob", "Eve"]) });
    }
  }
  // The lobby too, which is listed while nobody is in it.
  await bob.close();
  await eve.getByRole("button", { name: "Leave" }).click();
  await shows(eve, { mine: {}, others: { lobby: "1 person" }, people: [] });
  await ann.getByRole("button", { name: "Leave" }).click();
  await shows(ann, { mine: {}, others: { lobby: "0 people" }, people: [] });
  await roomButton(eve, "lobby").click();
  await shows(eve, { room: "lobby", mine: { lobby: "1 person" }, people: ["Eve (you)"] });
  await shows(ann, { mine: {}, others: { lobby: "1 person" }, people: [] });
});

test("after the last room is left the keyboard is where it can go on, also after a reload", async () => {
  const ann = await guest("Ann");
  await ann.getByRole("button", { name: "Leave" }).click();
  await ann.getByText("You are in no room.").waitFor();
  assert.equal(await ann.evaluate(() => document.activeElement.id), "room-title");
  await ann.reload();
  await ann.getByText("You are in no room.").waitFor();
  await shows(ann, { mine: {}, others: { lobby: "0 people" }, people: [] });
  assert.equal(await ann.evaluate(() => document.activeElement.id), "room-title");
  await openRoom(ann, "attic");
  assert.equal(await ann.evaluate(() => document.activeElement.id), "text");
  await shows(ann, { room: "attic", mine: { attic: "1 person" }, others: { lobby: "0 people" }, people: ["Ann (you)"] });
});

test("addresses of the web are links, and nothing else is", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  const text = "See https://example.org/a_(b)?q=1&r=<2, (http://example.com/x). Not javascript:alert(1), ftp://a.b or https://";
  await say(ann, text);
  await entry(bob, "See https").waitFor();
  for (const page of [ann, bob]) {
    const links = await page.locator(".entry a").evaluateAll((all) => all.map(({ href, textContent, target, rel }) => ({ href, textContent, target, rel })));
    const safe = { target: "_blank", rel: "noopener noreferrer nofollow" };
    assert.deepEqual(links, [
      { href: "https://example.org/a_(b)?q=1&r=", textContent: "https://example.org/a_(b)?q=1&r=", ...safe },
      { href: "http://example.com/x", textContent: "http://example.com/x", ...safe },
    ]);
  }
  assert.equal(await bob.locator(".entry .text", { hasText: "See https" }).textContent(), text);
});

test("a room's bad name is explained where it was typed", async () => {
  const ann = await guest("Ann");
  await ann.getByLabel("Open a room").fill("what/is/this");
  await ann.getByLabel("Open a room").press("Enter");
  await ann.getByRole("alert").filter({ hasText: "A room's name has" }).waitFor();
});

test("somebody who closes the tab leaves the room", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await entry(ann, "Bob came in").waitFor();
  await bob.close();
  await entry(ann, "Bob left").waitFor();
  await shows(ann, { room: "lobby", mine: { lobby: "1 person" }, people: ["Ann (you)"] });
});

test("a nickname that is taken or bad is refused at the gate, and another one is let in", async () => {
  await guest("Ann");
  const other = await person();
  await picture(other, "gate");
  await knock(other, "ann");
  await other.getByRole("alert").filter({ hasText: "Somebody here is called" }).waitFor();
  assert.equal(await other.evaluate(() => document.activeElement.id), "nickname");
  await picture(other, "taken");
  await knock(other, "x");
  await other.getByRole("alert").filter({ hasText: "2 to 20" }).waitFor();
  const rule = (id) => other.locator(id).textContent();
  assert.ok((await rule("#nickname-error")).includes(await rule("#nickname-hint")), "the hint and the error say the same");
  await knock(other, "Anna");
  await other.getByRole("heading", { name: "lobby" }).waitFor();
});

test("a reload keeps the seat, the room and the name", async () => {
  const ann = await guest("Ann");
  await openRoom(ann, "attic");
  await say(ann, "It rains in.");
  await ann.locator(".entry.mine.sent", { hasText: "rains" }).waitFor();
  await openRoom(ann, "cellar");
  await roomButton(ann, "attic").click();
  await ann.reload();
  await ann.getByRole("heading", { name: "attic" }).waitFor();
  await shows(ann, { room: "attic", mine: { attic: "1 person", cellar: "1 person", lobby: "1 person" }, people: ["Ann (you)"] });
});

test("a message that is too long comes back to be shortened", async () => {
  const ann = await guest("Ann");
  const long = "ever so long ".repeat(40);
  await ann.getByLabel("Message", { exact: true }).fill(long);
  await ann.getByText("19 too many").waitFor();
  await ann.getByRole("button", { name: "Send", exact: true }).click();
  await ann.getByRole("alert").filter({ hasText: "500 characters" }).waitFor();
  assert.equal(await ann.getByLabel("Message", { exact: true }).inputValue(), long.trim());
  assert.equal(await entry(ann, "ever so long").count(), 0);
  await picture(ann, "too-long");
});

test("what is sent too fast follows by itself, in its order, and the wait is counted", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await burst(ann, 8);
  await ann.locator("#outgoing-text", { hasText: "You are sending too fast. 3 messages will follow, the next in 1 s." }).waitFor();
  await picture(ann, "too-fast");
  await ann.locator("#outgoing").waitFor({ state: "hidden" });
  await bob.locator(".entry", { hasText: "knock 8" }).waitFor();
  const knocks = (page) => page.locator(".entry:not(.notice) .text").evaluateAll((all) => all.map(({ firstChild }) => firstChild.data));
  const expected = Array.from({ length: 8 }, (_, i) => `knock ${i + 1}`);
  for (const page of [ann, bob]) assert.deepEqual(await knocks(page), expected);
  assert.equal(await ann.locator(".entry.mine.sent").count(), 8);
});

test("what waits for its turn is discarded at once, or one by one", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await burst(ann, 12);
  const last = ann.locator(".entry.held", { hasText: "knock 12" });
  await last.getByRole("button", { name: "Discard" }).click();
  await last.waitFor({ state: "detached" });
  assert.equal(await ann.evaluate(() => document.activeElement.id), "text");
  await ann.getByRole("button", { name: "Discard all" }).click();
  await ann.locator("#outgoing").waitFor({ state: "hidden" });
  assert.equal(await ann.evaluate(() => document.activeElement.id), "text");
  await ann.locator(".entry.pending, .entry.held").waitFor({ state: "detached" });
  await say(ann, "Enough.");
  await entry(bob, "Enough.").waitFor();
  assert.equal(await entry(bob, "knock 12").count(), 0);
});

test("a restart of the server is waited out, and everybody finds their rooms again", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  await openRoom(ann, "attic");
  await server.stop();
  await trouble(ann, "The connection is lost.").waitFor();
  await ann.locator("#countdown", { hasText: "Trying again in" }).waitFor();
  await picture(ann, "lost");
  await say(ann, "Anybody there?");
  await ann.locator(".entry.failed", { hasText: "Anybody there?" }).waitFor();
  await say(ann, "Hello?");
  await ann.locator("#outgoing-text", { hasText: "2 messages could not be sent." }).waitFor();
  await picture(ann, "failed");
  server = await start("chat", server.address);
  for (const page of [ann, bob]) await page.locator("#trouble").waitFor({ state: "hidden", timeout: 20_000 });
  await ann.getByRole("heading", { name: "attic" }).waitFor();
  await shows(ann, { room: "attic", mine: { attic: "1 person", lobby: "2 people" }, people: ["Ann (you)"] });
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, others: { attic: "1 person" }, people: ["Ann", "Bob (you)"] });
  await ann.getByRole("button", { name: "Send all again" }).click();
  await ann.locator(".entry.mine.sent", { hasText: "Hello?" }).waitFor();
  await ann.locator(".entry.mine.sent", { hasText: "Anybody there?" }).waitFor();
  await roomButton(bob, "attic").click();
  await entry(bob, "Anybody there?").waitFor();
  assert.match(await bob.locator("#log").innerText(), /Anybody there\?[^]*Hello\?/);
});

test("who does not want to wait tries now", async () => {
  const ann = await person();
  await ann.clock.install();
  await ann.reload();
  await knock(ann, "Ann");
  await ann.getByRole("heading", { name: "lobby" }).waitFor();
  // With the page's clock standing still nothing comes back by itself.
  await ann.clock.pauseAt(Date.now() + 60_000);
  await server.stop();
  await trouble(ann, "The connection is lost.").waitFor();
  server = await start("chat", server.address);
  await ann.getByRole("button", { name: "Try now" }).click();
  await ann.locator("#trouble").waitFor({ state: "hidden" });
});

test("a message whose receipt is lost turns out delivered, and is not said twice", async () => {
  const ann = await guest("Ann"), bob = await guest("Bob");
  let cut = true;
  await ann.routeWebSocket("**/chat", (page) => {
    const real = page.connectToServer();
    real.onMessage((text) => {
      const { event, id } = JSON.parse(text);
      if (!cut || event !== "message" || id === undefined) return page.send(text);
      cut = false;
      real.close();
      page.close({ code: 4000, reason: "too slow" });
    });
  });
  await ann.reload();
  await ann.getByRole("heading", { name: "lobby" }).waitFor();
  await say(ann, "Once, please.");
  await ann.locator(".entry.mine.sent", { hasText: "Once, please." }).waitFor();
  assert.equal(cut, false);
  assert.equal(await entry(ann, "Once, please.").count(), 1);
  await say(ann, "That was it.");
  await entry(bob, "That was it.").waitFor();
  assert.equal(await entry(bob, "Once, please.").count(), 1);
  await shows(ann, { room: "lobby", mine: { lobby: "2 people" }, people: ["Ann (you)", "Bob"] });
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, people: ["Ann", "Bob (you)"] });
});

test("offline is said, and the network's return brings the chat back", async () => {
  const ann = await guest("Ann");
  await ann.context().setOffline(true);
  await trouble(ann, "You are offline.").waitFor();
  await ann.context().setOffline(false);
  await ann.locator("#trouble").waitFor({ state: "hidden" });
  await say(ann, "Back again.");
  await ann.locator(".entry.mine.sent", { hasText: "Back again." }).waitFor();
  await shows(ann, { room: "lobby", mine: { lobby: "1 person" }, people: ["Ann (you)"] });
});

test("a phone shows the talk, and the rooms and people at a tap", async () => {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
  const gate = await person(phone);
  await picture(gate, "phone-gate");
  assert.ok(await noScrollSideways(gate));
  const bob = await guest("Bob");
  await knock(gate, "Ann");
  await gate.getByRole("heading", { name: "lobby" }).waitFor();
  await say(bob, "Supercalifragilisticexpialidocious-supercalifragilisticexpialidocious!");
  await say(gate, "On my way, two stops left.");
  await gate.locator(".entry.mine.sent").waitFor();
  await entry(gate, "Supercali").waitFor();
  await shows(gate, { room: "lobby", mine: { lobby: "2 people" }, people: ["Ann (you)", "Bob"] });
  await picture(gate, "phone");
  assert.ok(await noScrollSideways(gate));
  await gate.getByRole("button", { name: "2 people" }).click();
  await gate.getByRole("complementary").getByText("Ann (you)").waitFor();
  await picture(gate, "phone-people");
  await gate.getByRole("button", { name: "Rooms" }).click();
  await openRoom(gate, "bus-stop");
  await gate.getByRole("navigation").waitFor({ state: "hidden" });
  await shows(gate, { room: "bus-stop", mine: { "bus-stop": "1 person", lobby: "2 people" }, people: ["Ann (you)"] });
  await shows(bob, { room: "lobby", mine: { lobby: "2 people" }, others: { "bus-stop": "1 person" }, people: ["Ann", "Bob (you)"] });
  await gate.getByRole("button", { name: "Rooms" }).click();
  await picture(gate, "phone-rooms");
  await gate.keyboard.press("Escape");
  await gate.getByRole("navigation").waitFor({ state: "hidden" });
});

for (const width of [320, 390]) {
  test(`at a width of ${width} the name of the room can be read`, async () => {
    const gate = await person({ viewport: { width, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
    await picture(gate, `gate-${width}`);
    await knock(gate, "Ann");
    const heading = gate.getByRole("heading", { level: 1, name: "lobby" });
    await heading.waitFor();
    const isWhole = () => gate.locator("#room-title").evaluate((title) => title.scrollWidth <= title.clientWidth && title.scrollHeight <= title.clientHeight);
    assert.ok(await isWhole());
    await gate.getByRole("button", { name: "Rooms" }).click();
    await openRoom(gate, "the-long-garden-shed");
    assert.ok(await isWhole(), "a long one too");
    await say(gate, "On my way.");
    await gate.locator(".entry.mine.sent").waitFor();
    await picture(gate, `room-${width}`);
    assert.ok(await noScrollSideways(gate));
    // Lines above the composer come and go; whoever reads the end goes on reading it.
    await say(gate, "line\n".repeat(20));
    await burst(gate, 6);
    await gate.locator("#outgoing").waitFor();
    const isAtEnd = () => gate.locator("#scroll").evaluate((scroll) => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 2);
    assert.ok(await isAtEnd());
    await picture(gate, `too-fast-${width}`);
    await gate.locator("#outgoing").waitFor({ state: "hidden" });
    assert.ok(await isAtEnd());
    assert.ok(await gate.locator("#newer").isHidden());
    await gate.getByRole("button", { name: "Leave" }).click();
    await gate.getByRole("button", { name: "Leave" }).click();
    await gate.getByText("You are in no room.").waitFor();
    assert.equal(await gate.evaluate(() => document.activeElement.id), "room-title");
    await picture(gate, `no-room-${width}`);
  });
}

test("the whole visit works from the keyboard", async () => {
  const ann = await person();
  await ann.locator("#nickname:focus").waitFor();
  await ann.keyboard.type("Ann");
  await ann.keyboard.press("Enter");
  await ann.getByRole("heading", { name: "lobby" }).waitFor();
  assert.equal(await ann.evaluate(() => document.activeElement.id), "text");
  await ann.keyboard.type("first line");
  await ann.keyboard.press("Shift+Enter");
  await ann.keyboard.type("second line");
  await ann.keyboard.press("Enter");
  await ann.locator(".entry.mine.sent", { hasText: "second line" }).waitFor();
  await ann.getByLabel("Open a room").focus();
  await picture(ann, "focus");
  await ann.keyboard.type("library");
  await ann.keyboard.press("Enter");
  await ann.getByRole("heading", { name: "library" }).waitFor();
});

test("it is dark where the reader wants it dark", async () => {
  const ann = await guest("Ann", { colorScheme: "dark", reducedMotion: "reduce" }), bob = await guest("Bob");
  await say(bob, "You can put the light out, I am going home.");
  await entry(ann, "light out").waitFor();
  await say(ann, "Good night.");
  await ann.locator(".entry.mine.sent").waitFor();
  await picture(ann, "dark");
});
