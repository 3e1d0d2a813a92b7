"""Compressed messages, and encrypted connections."""

import asyncio
import ssl
import tempfile
from pathlib import Path

from tornado.websocket import websocket_connect
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from fixture import PATIENCE, Fixture, FixtureCase, receive

MESSAGES = ["", "short", "ü" * 5000, b"\x00" * 100_000, "{}" * 700]


class Deflate(FixtureCase):
    name = "echo"

    async def asyncSetUp(self):
        self.server = await asyncio.to_thread(Fixture, self.name, options=["--deflate"])

    async def talk(self, client):
        for message in MESSAGES:
            await client.send(message)
            self.assertEqual(await receive(client), message)
        await client.send(message[start : start + 100] for start in range(0, len(message), 100))
        self.assertEqual(await receive(client), message)

    async def test_compression_is_negotiated_and_used(self):
        async with self.connect() as client:
            [extension] = client.protocol.extensions
            self.assertEqual(extension.name, "permessage-deflate")
            self.assertTrue(extension.remote_no_context_takeover)
            self.assertTrue(extension.local_no_context_takeover)
            await self.talk(client)

    async def test_each_window_is_kept_to(self):
        for bits in range(9, 16):
            offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits, client_max_window_bits=bits)
            async with self.connect(compression=None, extensions=[offer]) as client:
                [extension] = client.protocol.extensions
                self.assertEqual(extension.remote_max_window_bits, bits)
                self.assertEqual(extension.local_max_window_bits, bits)
                await self.talk(client)

    async def test_tornado_which_keeps_its_window_whatever_it_is_told(self):
        client = await websocket_connect(self.server.url(), compression_options={}, max_message_size=1 << 24)
        self.assertIn("client_no_context_takeover", client.headers["Sec-WebSocket-Extensions"])
        for _ in range(20):
            for message in (*MESSAGES, '{"event":"position","data":{"x":1,"y":0}}'):
                await client.write_message(message, binary=isinstance(message, bytes))
                self.assertEqual(await asyncio.wait_for(client.read_message(), PATIENCE), message)
        client.close(1000)
        self.assertIsNone(await asyncio.wait_for(client.read_message(), PATIENCE))
        self.assertEqual(client.close_code, 1000)


class Tls(FixtureCase):
    name = "echo"

    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.server = await asyncio.to_thread(Fixture, self.name, options=["--tls", folder.name, "--deflate"])
        self.url = f"wss://127.0.0.1:{self.server.port}/"

    async def test_a_client_that_knows_the_certificate_talks(self):
        context = ssl.create_default_context(cafile=self.folder / "cert.pem")
        # Newer versions ask for extensions that certificates of this kind do not have.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        async with connect(self.url, ssl=context, open_timeout=PATIENCE) as client:
            for message in MESSAGES:
                await client.send(message)
                self.assertEqual(await receive(client), message)
            await client.close(1000, "enough")
            self.assertEqual(client.close_code, 1000)

    async def test_a_client_that_does_not_know_it_does_not(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            async with connect(self.url, open_timeout=PATIENCE):
                pass
