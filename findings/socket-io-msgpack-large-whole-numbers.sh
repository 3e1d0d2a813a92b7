#!/usr/bin/env bash
# socket.io-msgpack-parser 3.0.2 (notepack.io 2.2.0): a whole number of 2^64 or more arrives as another number, without an error.
#
# notepack writes a number without a fraction as an integer, and beyond 32 bits as a 64-bit one made of two halves; what does not fit
# is cut off. The JSON parser of Socket.IO and MessagePack libraries that look at the size first (as @msgpack/msgpack, which takes
# a float from there on) keep the value. Numbers with a fraction are right, and so are whole numbers up to 2^53.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund socket.io-msgpack-parser@3.0.2 @msgpack/msgpack@3.1.2
cat >try.js <<'JS'
const { Encoder, Decoder } = require("socket.io-msgpack-parser");
const other = require("@msgpack/msgpack");

function roundTrip(value) {
    let read;
    const decoder = new Decoder();
    decoder.on("decoded", (packet) => (read = packet.data[1]));
    const [frame] = new Encoder().encode({ type: 2, nsp: "/", data: ["measured", value] });
    decoder.add(frame);
    return read;
}

const values = [2 ** 53, 2 ** 64, 1e20, 6.02214076e23, 0.1];
const seen = values.map((value) => [value, roundTrip(value), other.decode(other.encode(value))]);
console.log("sent, read, read by the other library");
for (const row of seen) console.log(row.join(", "));
const wrong = seen.filter(([sent, read]) => sent !== read).map(([sent]) => sent);
const assert = require("node:assert");
assert.deepStrictEqual(wrong, [2 ** 64, 1e20, 6.02214076e23]);
assert(seen.every(([sent, , read]) => sent === read));
JS
timeout 60 node try.js
