#!/usr/bin/env bash
# python-socketio 5.18.1, `socketio.Client`: events with binary data are lost, as each packet is handled by a thread of its own.
#
# The packets of a connection come in order, and a binary event is several: its text, then its attachments. The synchronous client
# starts a thread for each (`run_async=True` in engineio/client.py) and keeps the event that waits for attachments in one variable, so that
# an attachment whose thread runs first is decoded as an event ("invalid literal for int()") and its event is never told. Events
# without attachments change places. Nothing is raised where the application could see it. Seldom on an idle machine, reported as
# happening "every once in a few hours" (miguelgrinberg/python-socketio#436); a shorter switch interval of the interpreter shows it at once.
# `socketio.AsyncClient` keeps the order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check aiohttp==3.14.5 requests==2.34.2 websocket-client==1.9.2 \
    python-engineio==4.15.1 python-socketio==5.18.1
cat >try.py <<'PY'
import asyncio
import sys
import threading

import socketio
from aiohttp import web

EVENTS = 2000
failures = []
threading.excepthook = lambda failure: failures.append(str(failure.exc_value))


async def received(port, kind):
    """The numbers of the events that the client was told of, in this order."""
    client, numbers = kind(reconnection=False, handle_sigint=False), []

    @client.on("picture")
    def picture(number, data):
        numbers.append(number)

    asynchronous = kind is socketio.AsyncClient
    call = (lambda function, *args, **options: function(*args, **options)) if asynchronous else asyncio.to_thread
    await call(client.connect, f"http://127.0.0.1:{port}", transports=["websocket"])
    await call(client.call, "send")
    await asyncio.sleep(1)
    await call(client.disconnect)
    return numbers


async def main():
    server = socketio.AsyncServer(async_mode="aiohttp")

    @server.event
    async def send(sid):
        for number in range(EVENTS):
            await server.emit("picture", (number, b"data"), to=sid)

    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    told = await received(port, socketio.AsyncClient)
    print("AsyncClient:", len(told), "of", EVENTS, "in order" if told == sorted(told) else "not in order")
    assert told == list(range(EVENTS))
    sys.setswitchinterval(1e-5)
    told = await received(port, socketio.Client)
    kinds = sorted({failure.split(":")[0] for failure in failures})
    print("Client:", len(told), "of", EVENTS, "; ended threads said:", kinds)
    assert len(told) < EVENTS and failures, "it tells all of them now"
    await runner.cleanup()


asyncio.run(main())
PY
timeout 120 venv/bin/python try.py
