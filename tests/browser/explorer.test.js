/** The explorer of the chat example: its contract, both kinds of client, forms, and what a person sees. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, picture, start } from "./support.js";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([start("chat"), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens the explorer; faults of the page are failures of the test. */
async function open(options = {}) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...options });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });
  await page.goto(new URL("explorer", server.url).href);
  await page.locator("#events button").first().waitFor();
  return { page, faults };
}

/** Connects under a nickname. */
async function connect(page, nickname, protocol = "plain") {
  await page.locator(`[name=protocol][value=${protocol}]`).check();
  await page.getByLabel("Credentials, as JSON").fill(JSON.stringify({ nickname }));
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Connected to /chat").waitFor();
}

async function choose(page, event) {
  await page.locator("#events button", { hasText: new RegExp(`^[→←]?\\s*${event}$`) }).click();
}

/** The newest entry of the log whose title has this text. */
const entry = (page, title) => page.locator("#log .entry", { has: page.locator("strong", { hasText: title }) }).first();

test("it lists the contract: events of both directions, their schemas and failures", async () => {
  const { page, faults } = await open();
  assert.equal(await page.title(), "chat: explorer");
  await choose(page, "message");
  const details = await page.locator("#details").innerText();
  assert.match(details, /text: string/);
  assert.match(details, /not_in_room/);
  await page.keyboard.press("/");
  await page.keyboard.type("posted");
  assert.deepEqual(await page.locator("#events button").allInnerTexts().then((texts) => texts.map((text) => text.replace(/\s/g, ""))), ["←posted"]);
  assert.deepEqual(faults, []);
  await page.close();
});

for (const protocol of ["plain", "socket-io"]) {
  test(`a message of a ${protocol} client, sent from the form, is shown by the chat page, and the reply stands at its request`, async () => {
    const { page, faults } = await open();
    await connect(page, `Eve ${protocol}`, protocol);
    await choose(page, "join");
    await page.locator("#form").getByRole("textbox").first().fill("lobby");
    await page.getByRole("button", { name: "Send" }).click();
    await entry(page, "→ join").getByText("answered after").waitFor();

    const chat = await browser.newPage();
    await chat.goto(server.url);
    await chat.locator("#nickname").fill(`Ann ${protocol}`);
    await chat.getByRole("button", { name: "Come in" }).click();
    await chat.locator("#text").waitFor();

    await choose(page, "message");
    const text = `hello from ${protocol}`;
    for (const [label, value] of [["room", "lobby"], ["text", text]]) await page.locator("#form").getByLabel(label, { exact: false }).fill(value);
    await page.keyboard.press("Control+Enter");
    await entry(page, "→ message").getByText("answered after").waitFor();
    await chat.getByText(text).first().waitFor();
    await chat.locator("#text").fill("and back");
    await chat.locator("#text").press("Enter");
    await entry(page, "← posted").getByText("and back").waitFor();
    if (protocol === "plain") await picture(page, "explorer");

    // A failure of the handler.
    await page.locator("#form").getByLabel("text", { exact: false }).fill("");
    await page.getByRole("button", { name: "Send" }).click();
    const failed = entry(page, "→ message");
    await failed.getByText("failed after").waitFor();
    assert.match(await failed.innerText(), /message_empty/);

    // As JSON.
    await page.getByRole("button", { name: "JSON" }).click();
    assert.deepEqual(JSON.parse(await page.getByLabel("Payload, as JSON").inputValue()), { room: "lobby", text: "" });
    await page.getByLabel("Payload, as JSON").fill("{");
    await page.getByRole("button", { name: "Send" }).click();
    assert.notEqual(await page.locator("#send-problem").innerText(), "");
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.locator("#status[data-state=closed]").waitFor();
    assert.deepEqual(faults, []);
    await Promise.all([page.close(), chat.close()]);
  });

  test(`a ${protocol} client without credentials is told why it is refused`, async () => {
    const { page } = await open();
    await page.locator(`[name=protocol][value=${protocol}]`).check();
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.locator("#status[data-state=failed]").waitFor();
    assert.match(await page.locator("#log").innerText(), /nickname/);
    await page.close();
  });
}

test("credentials that are no JSON are told before anything is sent", async () => {
  const { page, faults } = await open();
  await page.getByLabel("Credentials, as JSON").fill("{nickname");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  assert.match(await page.locator("#connection-problem").innerText(), /no JSON/);
  assert.equal(await page.locator("#log .entry").count(), 0);
  assert.deepEqual(faults, []);
  await page.close();
});

test("it is used by the keyboard alone", async () => {
  const { page, faults } = await open();
  const reach = async (selector) => {
    for (let step = 0; step < 60; step++) {
      if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} is not reached`);
  };
  await reach("#credentials");
  await page.keyboard.type(JSON.stringify({ nickname: "Keys" }));
  await reach("#connect");
  await page.keyboard.press("Enter");
  await page.getByText("Connected to /chat").waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

for (const [name, options] of [["phone", { viewport: { width: 360, height: 740 } }], ["dark", { colorScheme: "dark" }]]) {
  test(`it fits: ${name}`, async () => {
    const { page, faults } = await open(options);
    await connect(page, `Fit ${name}`);
    await choose(page, "message");
    const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(width <= inner, `${width} > ${inner}`);
    const [back, text] = await page.evaluate(() => {
      const { backgroundColor, color } = getComputedStyle(document.body);
      return [backgroundColor, color];
    });
    assert.notEqual(back, text);
    await picture(page, `explorer-${name}`);
    assert.deepEqual(faults, []);
    await page.close();
  });
}

test("without the contract it says so", async () => {
  const page = await browser.newPage();
  await page.route("**/contract.json", (route) => route.fulfill({ status: 500, body: "" }));
  await page.goto(new URL("explorer", server.url).href);
  await page.getByText("The contract cannot be read: the server answered 500").waitFor();
  await page.close();
});
