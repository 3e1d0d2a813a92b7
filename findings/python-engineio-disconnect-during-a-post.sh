#!/usr/bin/env bash
# python-engineio 4.15.1 (python-socketio 5.18.1), long polling: `disconnect()` while a POST is under way never tells the server, and
# returns only at the server's next ping.
#
# `disconnect()` queues a close packet, and sets a state at which the loop that writes ends when its POST is answered, with the packet
# unsent. It then waits for the GET that is parked at the server, which knows of nothing. A good engineer expects
# `emit(…)`, a moment, `disconnect()` to take about a round trip and the server to see the client leave. With the default ping interval
# it takes up to 25 s; here up to 6 s. Over WebSocket, or with nothing under way, it takes milliseconds. Both kinds of client do it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund socket.io@4.8.4 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check aiohttp==3.14.5 requests==2.34.2 websocket-client==1.9.2 \
    python-engineio==4.15.1 python-socketio==5.18.1
cat >server.cjs <<'JS'
const { createServer } = require('node:http');
const { Server } = require('socket.io');

const ROUND_TRIP = 400;
const http = createServer();
const io = new Server(http, { pingInterval: 6000 });
// A server that is far away: the answer to a POST takes its time.
io.engine.use((request, response, next) => {
  const end = response.end.bind(response);
  if (request.method === 'POST') response.end = (...answer) => { setTimeout(() => end(...answer), ROUND_TRIP); return response; };
  next();
});
io.on('connection', (socket) => socket.on('disconnect', (reason) => console.log(reason)));
http.listen(0, '127.0.0.1', () => console.log(http.address().port));
JS
cat >try.py <<'PY'
import asyncio
import subprocess
import time

import socketio

ROUND_TRIP = 0.4
heard = []


async def leaving(port, kind, transport, pause):
    """Seconds that `disconnect` took, and what the server had heard when it returned."""
    client = kind(reconnection=False, handle_sigint=False)

    async def call(method, *args, **options):
        function = getattr(client, method)
        return await (function(*args, **options) if kind is socketio.AsyncClient else asyncio.to_thread(function, *args, **options))

    await call("connect", f"http://127.0.0.1:{port}", transports=[transport])
    await asyncio.sleep(3 * ROUND_TRIP)
    await call("emit", "goodbye")
    await asyncio.sleep(pause)
    heard.clear()
    begun = time.monotonic()
    await call("disconnect")
    taken = time.monotonic() - begun
    await asyncio.sleep(0.1)
    return taken, list(heard)


async def main():
    server = subprocess.Popen(["node", "server.cjs"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(await asyncio.to_thread(server.stdout.readline))
        listening = asyncio.create_task(asyncio.to_thread(lambda: [heard.append(line.strip()) for line in server.stdout]))
        for kind in (socketio.Client, socketio.AsyncClient):
            for transport, pause in (("polling", ROUND_TRIP / 4), ("polling", 3 * ROUND_TRIP), ("websocket", ROUND_TRIP / 4)):
                taken, reasons = await leaving(port, kind, transport, pause)
                during = transport == "polling" and pause < ROUND_TRIP
                print(f"{kind.__name__}, {transport}, {'during' if during else 'without'} a POST: {taken:.1f} s, heard: {reasons}")
                assert (reasons == []) == during, "a client that leaves tells the server now, or never did"
                assert (taken > 2) == during, taken
    finally:
        server.kill()
    await listening


asyncio.run(main())
PY
timeout 90 venv/bin/python try.py
