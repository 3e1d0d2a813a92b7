"""Envelopes, ids, streams and failures."""

import asyncio

from websockets.exceptions import ConnectionClosed, InvalidStatus

from fixture import FixtureCase, receive, receive_json, send_json


class Envelope(FixtureCase):
    name = "nest"

    async def test_push_is_answered_by_pop_at_each_path(self):
        for path in ("/", "/example", "/ws-path"):
            async with self.connect(path) as client:
                await send_json(client, event="push", data={"test": "test"})
                self.assertEqual(await receive_json(client), {"event": "pop", "data": {"test": "test"}})

    async def test_an_id_comes_back(self):
        async with self.connect("/a") as client:
            for id in (7, -1, "seven", 2**63):
                await send_json(client, event="echo", data="d", id=id)
                self.assertEqual(await receive_json(client), {"event": "echoed", "data": "d", "id": id})

    async def test_a_stream_says_when_there_is_more_and_when_it_has_ended(self):
        async with self.connect("/a") as client:
            await send_json(client, event="stream", id=1)
            for data in (1, 2, 3):
                item = await receive_json(client)
                self.assertEqual(item, {"event": "s", "data": data, "id": 1, "more": True})
            end = await receive_json(client)
            self.assertEqual((end["id"], end["end"]), (1, True))
            self.assertNotIn("more", end)

    async def test_a_stream_without_an_id_has_items_and_no_end(self):
        async with self.connect("/samples") as client:
            await send_json(client, event="events")
            for data in (1, 2, 3):
                self.assertEqual(await receive_json(client), {"event": "events", "data": data})
            await send_json(client, event="identity", data=0, id="next")
            self.assertEqual(await receive_json(client), {"event": "identity", "data": 0, "id": "next"})

    async def test_a_failure_is_an_exception_and_the_connection_lives(self):
        async with self.connect("/a") as client:
            for event in ("wsstr", "err", "panic", "circ", "no such event"):
                await send_json(client, event=event, data=1, id=event)
                frame = await receive_json(client)
                self.assertEqual((frame["event"], frame["id"]), ("exception", event))
                self.assertEqual(frame["data"]["status"], "error")
                self.assertEqual(frame["data"]["cause"], {"pattern": event, "data": 1})
                self.assertNotIn("secret", str(frame))
            await client.send("no json")
            self.assertEqual((await receive_json(client))["event"], "exception")
            await send_json(client, event="plain", data="alive", id=1)
            self.assertEqual((await receive_json(client))["data"], "alive")

    async def test_a_refused_connection_is_told_and_closed(self):
        async with self.connect("/hook") as client:
            frame = await receive_json(client)
            self.assertEqual(frame["data"]["message"], "Unauthorized")
            with self.assertRaises(ConnectionClosed):
                await receive(client)
            self.assertEqual(client.close_code, 4500)

    async def test_a_message_above_the_limit_closes(self):
        async with self.connect("/a") as client:
            with self.assertRaises(ConnectionClosed):
                await client.send("x" * (2 * 1024 * 1024))
                await receive(client)
            self.assertEqual(client.close_code, 1009)

    async def test_a_path_that_is_no_namespace_and_a_foreign_page_are_refused(self):
        for status, path, origin in ((404, "/nowhere", None), (403, "/a", "https://evil.example")):
            with self.assertRaises(InvalidStatus) as refused:
                await self.connect(path, origin=origin)
            self.assertEqual(refused.exception.response.status_code, status)

    async def test_a_hundred_clients_get_their_own_answers(self):
        async def ask(number):
            async with self.connect("/a") as client:
                await send_json(client, event="echo", data=number, id=number)
                return await receive_json(client)

        answers = await asyncio.gather(*(ask(number) for number in range(100)))
        expected = [{"event": "echoed", "data": number, "id": number} for number in range(100)]
        self.assertEqual(answers, expected)
