"""Messages without an envelope."""

import asyncio
import os

from websockets.exceptions import ConnectionClosed

from fixture import PATIENCE, FixtureCase, receive


class Echo(FixtureCase):
    name = "echo"

    async def test_texts_and_bytes_come_back_as_they_were(self):
        messages = ["hello", "", "пойду спать", "👩‍👩‍👧", b"", b"\x00\xff", os.urandom(125), os.urandom(126), os.urandom(65536)]
        async with self.connect() as client:
            for message in messages:
                await client.send(message)
                self.assertEqual(await receive(client), message)

    async def test_a_mebibyte_passes_in_one_piece_and_in_fragments(self):
        text = "ä" * (512 * 1024)
        async with self.connect() as client:
            await client.send(text)
            self.assertEqual(await receive(client), text)
            await client.send(text[start : start + 4096] for start in range(0, len(text), 4096))
            self.assertEqual(await receive(client), text)

    async def test_a_client_that_offers_compression_is_served_without(self):
        async with self.connect(compression="deflate") as client:
            self.assertEqual(client.protocol.extensions, [])
            await client.send("plain")
            self.assertEqual(await receive(client), "plain")

    async def test_a_ping_is_answered(self):
        async with self.connect() as client:
            answered = await client.ping("are you there")
            await asyncio.wait_for(answered, PATIENCE)

    async def test_a_close_is_answered_with_the_same_code(self):
        for code in (1000, 3000, 4321):
            async with self.connect() as client:
                await client.close(code, "enough")
                self.assertEqual(client.close_code, code)

    async def test_one_subprotocol_is_selected(self):
        async with self.connect(subprotocols=["gateway.v1", "auth.e30"]) as client:
            self.assertEqual(client.subprotocol, "gateway.v1")
        async with self.connect(subprotocols=["unknown"]) as client:
            self.assertIsNone(client.subprotocol)

    async def test_a_server_that_stops_says_so_and_ends_well(self):
        async with self.connect() as client:
            await client.send("open")
            await receive(client)
            stopped = asyncio.create_task(asyncio.to_thread(self.server.stop))
            with self.assertRaises(ConnectionClosed):
                await receive(client)
            self.assertEqual((client.close_code, client.close_reason), (1001, "going away"))
            self.assertEqual(await stopped, 0)
