"""A fixture server as a child process, and what a client of the plain protocol needs."""

import asyncio
import json
import os
import re
import subprocess
import threading
import unittest
from pathlib import Path

from websockets.asyncio.client import connect

REPOSITORY = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("FIXTURES", REPOSITORY / "target" / "debug"))

# Longer than anything a suite waits for: a hang becomes a failure that names its line.
PATIENCE = 15


# REFERENCE=1 runs the suites against npm's servers, to prove the suites.
REFERENCE = REPOSITORY / "tests" / "clients" / "node" / "reference" if os.environ.get("REFERENCE") == "1" else None


class Fixture:
    """A running fixture."""

    def __init__(self, name, port=0, environment=None, options=()):
        program = ["node", REFERENCE / f"{name}.mjs"] if REFERENCE else [BINARIES / name]
        self.process = subprocess.Popen(
            [*program, "--port", str(port), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        late = threading.Timer(PATIENCE, self.process.kill)
        late.start()
        line = self.process.stdout.readline().decode()
        late.cancel()
        found = re.fullmatch(r"listening on (127\.0\.0\.1:(\d+))\n", line)
        assert found, f"unexpected first line: {line!r}"
        self.address, self.port = found[1], int(found[2])

    def url(self, path="/"):
        return f"ws://{self.address}{path}"

    def http(self, path=""):
        return f"http://{self.address}{path}"

    def kill(self):
        """Ends the server as a failure would."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def stop(self):
        """Ends the server as a supervisor would; returns its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            finally:
                self.process.kill()
                self.process.stdout.close()
        return self.process.returncode


class FixtureCase(unittest.IsolatedAsyncioTestCase):
    """Runs each test against a server of its own."""

    name = None

    async def asyncSetUp(self):
        self.server = await asyncio.to_thread(Fixture, self.name)

    async def asyncTearDown(self):
        self.assertEqual(await asyncio.to_thread(self.server.stop), 0)

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
