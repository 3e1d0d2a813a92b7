#!/usr/bin/env bash
# Tornado 6.6.1, `websocket_connect(…, compression_options={})`: the client goes on with its compression window although the server's
# answer says `client_no_context_takeover`.
#
# RFC 7692 §7.1.1.2: a server that answers so asks the client to compress each message for itself, and a client that accepts the answer must
# do it. Tornado accepts it, and its second message refers back to the first: a server that keeps no window (most that ask for this)
# cannot inflate it. The first message is always right, so that a smoke test with one message passes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tornado==6.6.1
cat >try.py <<'PY'
import asyncio
import base64
import hashlib
import struct
import zlib

from tornado.websocket import websocket_connect

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
MESSAGES = ['{"event":"position","data":{"x":1,"y":2}}'] * 2


async def read_message(reader):
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return bool(first & 0x40), bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def alone(compressed):
    try:
        return zlib.decompressobj(-15).decompress(compressed + b"\x00\x00\xff\xff").decode()
    except zlib.error as error:
        return f"{error}"


async def main():
    seen = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        fields = {name.lower(): value for name, value in fields.items()}
        key = fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: {ANSWER}\r\n\r\n".encode()
        )
        messages = [await read_message(reader) for _ in MESSAGES]
        both = zlib.decompressobj(-15)
        kept = [both.decompress(data + b"\x00\x00\xff\xff").decode() for _, data in messages]
        seen.set_result(([is_compressed for is_compressed, _ in messages], [alone(data) for _, data in messages], kept))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await websocket_connect(f"ws://127.0.0.1:{port}/", compression_options={})
    for message in MESSAGES:
        await client.write_message(message)
    compressed, each, kept = await asyncio.wait_for(seen, 10)
    print("compressed:", compressed)
    print("each for itself:", each)
    print("with one window:", kept)
    assert compressed == [True, True]
    assert each[0] == MESSAGES[0] and each[1] != MESSAGES[1]
    assert kept == MESSAGES


asyncio.run(main())
PY
timeout 60 venv/bin/python try.py
