/** The contract of the chat example, as AsyncAPI's own page shows it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, picture } from "./support.js";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const component = (path) => file(`node_modules/@asyncapi/react-component/${path}`);

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

async function shown(document) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.setContent("<!doctype html><div id=asyncapi></div>");
  await page.addStyleTag({ path: component("styles/default.min.css") });
  await page.addScriptTag({ path: component("browser/standalone/index.js") });
  await page.evaluate((schema) => {
    AsyncApiStandalone.render({ schema, config: { expand: { messageExamples: false }, show: { errors: true } } }, document.querySelector("#asyncapi"));
  }, document);
  await page.locator("#operations").waitFor();
  return { page, errors, text: await page.locator("#asyncapi").innerText() };
}

test("the page of AsyncAPI shows namespaces, events, replies, codes and descriptions", async () => {
  const contract = readFileSync(file("../../examples/chat/asyncapi.json"), "utf8");
  const { page, errors, text } = await shown(contract);
  await picture(page, "contract-overview");
  const operation = page.locator('[id="operation-reply-chat.receive.message"]');
  await operation.getByText("Expected Reply Messages").click();
  await operation.scrollIntoViewIfNeeded();
  await picture(page, "contract-message");
  const codes = await operation.innerText();
  assert.ok(codes.includes("message_too_long") && codes.includes("reply.message"), codes);
  assert.deepEqual(errors, []);
  for (const expected of ["/chat", "chat.receive.message", "chat.send.posted", "Rooms, and the people in them."]) {
    assert.ok(text.includes(expected), `${expected} is not on the page`);
  }
  assert.ok(!/Anonymous Schema|Error:|There are errors/i.test(text), "the page complains");
  await page.close();
});

test("types that refer to themselves, maps and tuples are shown", async () => {
  const { page, errors, text } = await shown(readFileSync(file("../../gateway-core/tests/contract/types.json"), "utf8"));
  assert.deepEqual(errors, []);
  assert.ok(text.includes("types.receive.comment") && text.includes("order.*"));
  await picture(page, "contract-types");
  await page.close();
});
