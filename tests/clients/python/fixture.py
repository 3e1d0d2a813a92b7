"""A fixture server as a child process, and what a client of the plain protocol needs."""

import asyncio
import json
import os
import re
import unittest
from pathlib import Path

from websockets.asyncio.client import connect

REPOSITORY = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("FIXTURES", REPOSITORY / "target" / "debug"))

# Longer than anything a suite waits for: a hang becomes a failure that names its line.
PATIENCE = 15


class Fixture:
    """A running fixture on a free port."""

    @classmethod
    async def start(cls, name):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            BINARIES / name, "--port", "0", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        line = (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode()
        found = re.fullmatch(r"listening on (127\.0\.0\.1:\d+)\n", line)
        assert found, f"unexpected first line: {line!r}"
        self.address = found[1]
        return self

    def url(self, path="/"):
        return f"ws://{self.address}{path}"

    async def stop(self):
        """Ends the server as a supervisor would; returns its exit code."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


class FixtureCase(unittest.IsolatedAsyncioTestCase):
    """Runs each test against a server of its own."""

    name = None

    async def asyncSetUp(self):
        self.server = await Fixture.start(self.name)

    async def asyncTearDown(self):
        if self.server.process.returncode is None:
            self.assertEqual(await self.server.stop(), 0)

    def connect(self, path="/", **options):
        return connect(self.server.url(path), max_size=None, open_timeout=PATIENCE, **options)


async def receive(client):
    return await asyncio.wait_for(client.recv(), PATIENCE)


async def receive_json(client):
    text = await receive(client)
    assert isinstance(text, str), "an envelope is a text message"
    return json.loads(text)


async def send_json(client, **members):
    await client.send(json.dumps(members))
