// The documents of contracts before the official parser, and their defaults and examples before a validator: the parser looks at neither.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import parserModule from '@asyncapi/parser';
import Ajv from 'ajv';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const chat = join(process.env.FIXTURES ?? join(repository, 'target', 'debug'), 'examples', 'chat');
const { Parser } = parserModule;

const committed = {
  'the chat example': readFileSync(join(repository, 'examples/chat/asyncapi.json'), 'utf8'),
  'the boards example': readFileSync(join(repository, 'examples/contract/asyncapi.json'), 'utf8'),
  'types that are hard to describe': readFileSync(join(repository, 'gateway-core/tests/contract/types.json'), 'utf8'),
};

const parse = (text) => new Parser().parse(text);

for (const [name, text] of Object.entries(committed)) {
  test(`the parser says nothing against the document of ${name}`, async () => {
    const { document, diagnostics } = await parse(text);
    assert.deepEqual(diagnostics, []);
    const plain = JSON.parse(text);
    assert.equal(document.operations().all().length, Object.keys(plain.operations).length);
    for (const operation of document.operations().all()) {
      assert.equal(operation.messages().all().length, 1, operation.id());
      const replies = operation.reply()?.messages().all().length ?? 0;
      if (operation.action() === 'receive') assert.equal(replies, 2, operation.id());
    }
  });

  test(`defaults and examples of ${name} fit their schemas`, () => {
    const document = JSON.parse(text);
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'document');
    let checked = 0;
    const check = (schema, value, pointer) => {
      const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components'));
      const validate = ajv.compile(whole);
      assert.ok(validate(value), `${pointer}: ${ajv.errorsText(validate.errors)}`);
      checked += 1;
    };
    const walk = (schema, pointer) => {
      if (schema === null || typeof schema !== 'object') return;
      if (!Array.isArray(schema)) {
        if ('default' in schema) check(schema, schema.default, `${pointer}/default`);
        for (const example of Array.isArray(schema.examples) ? schema.examples : []) check(schema, example, `${pointer}/examples`);
      }
      for (const [key, child] of Object.entries(schema)) walk(child, `${pointer}/${key}`);
    };
    for (const [key, schema] of Object.entries(document.components.schemas)) {
      walk(schema, `/components/schemas/${key}`);
      // What an unknown reference or keyword would break.
      ajv.compile({ $ref: `document#/components/schemas/${key}` });
    }
    assert.ok(checked > 0, 'a document without defaults shows nothing');
  });
}

test('every component and every message of a document is used', () => {
  for (const text of Object.values(committed)) {
    const document = JSON.parse(text);
    for (const name of Object.keys(document.components.schemas)) {
      assert.ok(text.includes(`"#/components/schemas/${name}"`), name);
    }
    for (const [channel, { messages }] of Object.entries(document.channels)) {
      for (const key of Object.keys(messages)) assert.ok(text.includes(`"#/channels/${channel}/messages/${key}"`), key);
    }
  }
});

test('one command of an application prints its contract, as JSON, as YAML, and in the older version', async () => {
  const print = (...options) => execFileSync(chat, ['contract', ...options], { encoding: 'utf8' });
  const json = print();
  assert.equal(json, committed['the chat example']);
  const yaml = await parse(print('--yaml'));
  assert.deepEqual(yaml.diagnostics, []);
  const older = await parse(print('--asyncapi-3.0'));
  assert.deepEqual(older.diagnostics.map(({ code }) => code), ['asyncapi-latest-version']);
  const bare = (document) => JSON.stringify(document.json(), (key, value) => (key.startsWith('x-parser') || key === 'asyncapi' ? undefined : value));
  const expected = bare((await parse(json)).document);
  assert.equal(bare(yaml.document), expected);
  assert.equal(bare(older.document), expected);
  assert.throws(() => execFileSync(chat, ['contract', '--xml'], { stdio: 'pipe' }), { status: 2 });
});
