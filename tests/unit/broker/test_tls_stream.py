"""A large message wakes its reader once and is copied once; what is passed on is what the client's own parser gives."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.protocol.parser import Parser

from manyeyes.broker.tls_stream import MessageParser, MessageReader

Passed = tuple[int, bytes, bytes, bytes, bytes | None]


class Client:
    """Notes what a parser passes on."""

    def __init__(self) -> None:
        self.passed: list[Passed | str] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, head: Any) -> None:
        self.passed.append((sid, bytes(subject), bytes(reply), data, head))

    async def _process_ping(self) -> None:
        self.passed.append("ping")


def message(size: int, *, reply: bool, headers: bool) -> bytes:
    route = b"a.b 7 " + (b"r.1 " if reply else b"")
    head = b"NATS/1.0\r\nX: y\r\n\r\n" if headers else b""
    body = bytes(number % 251 for number in range(size))
    if headers:
        return b"HMSG %b%d %d\r\n%b%b\r\n" % (route, len(head), len(head) + size, head, body)
    return b"MSG %b%d\r\n%b\r\n" % (route, size, body)


messages = st.builds(message, st.integers(0, 3000), reply=st.booleans(), headers=st.booleans())


def parsed(parser: Any, client: Client, pieces: list[bytes]) -> list[Passed | str]:
    async def main() -> None:
        for piece in pieces:
            await parser.parse(piece)

    asyncio.run(main())
    return client.passed


@given(st.lists(st.one_of(messages, st.just(b"PING\r\n")), max_size=5), st.lists(st.integers(0, 9000)))
def test_however_a_stream_is_cut_the_same_messages_come_out(stream: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(stream)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in pairwise(places)]
    ours, theirs = Client(), Client()
    assert parsed(MessageParser(ours), ours, pieces) == parsed(Parser(theirs), theirs, pieces)
    assert len(ours.passed) == len(stream)


def test_the_rest_of_a_message_wakes_its_reader_once() -> None:
    async def main() -> None:
        client = Client()
        parser = MessageParser(client)
        reader = MessageReader(parser.missing_bytes)
        content = message(100_000, reply=False, headers=False)
        reader.feed_data(content[:16_000])
        await parser.parse(await reader.read())
        reading = asyncio.ensure_future(reader.read())
        for start in range(16_000, len(content), 16_000):
            await asyncio.sleep(0)
            assert not reading.done()
            reader.feed_data(content[start : start + 16_000])
        await parser.parse(await reading)
        assert len(client.passed) == 1 and parser.missing_bytes() == 1

    asyncio.run(main())


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset")])
def test_a_connection_that_ends_within_a_message_is_told(error: Exception | None) -> None:
    async def main() -> None:
        parser = MessageParser(Client())
        reader = MessageReader(parser.missing_bytes)
        reader.feed_data(b"MSG a.b 7 1000\r\nxyz")
        await parser.parse(await reader.read())
        reading = asyncio.ensure_future(reader.read())
        await asyncio.sleep(0)
        reader.feed_data(b"more")
        if error is None:
            reader.feed_eof()
            assert await reading == b"more" and await reader.read() == b"" and reader.at_eof()
        else:
            reader.set_exception(error)
            assert await reading == b"more"
            with pytest.raises(ConnectionResetError):
                await reader.read()

    asyncio.run(main())


def test_lines_of_the_greeting_are_read_before_anything_else() -> None:
    async def main() -> None:
        parser = MessageParser(Client())
        reader = MessageReader(parser.missing_bytes)
        reader.feed_data(b"INFO {}\r\nPING\r\nMSG")
        assert [await reader.readline(), await reader.readline()] == [b"INFO {}\r\n", b"PING\r\n"]
        assert await reader.read() == b"MSG"
        reader.feed_data(b" a 1 0")
        assert await reader.read() == b" a 1 0"

    asyncio.run(main())


class Source(asyncio.Transport):
    """Says whether it was told to pause."""

    paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def test_more_than_a_few_messages_at_once_are_left_with_the_system() -> None:
    async def main() -> None:
        parser = MessageParser(Client())
        reader, source = MessageReader(parser.missing_bytes), Source()
        reader.set_transport(source)
        reader.feed_data(b"PING\r\n")
        await reader.read()
        for _ in range(5):
            assert not source.paused
            reader.feed_data(bytes(1024 * 1024))
        assert source.paused
        assert len(await reader.read()) == 5 * 1024 * 1024 and not source.paused

    asyncio.run(main())
