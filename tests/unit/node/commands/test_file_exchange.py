"""Files into and out of a folder, and never past it."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import pytest

from manyeyes.contract import CHUNK_BYTES, FileOrder
from manyeyes.errors import FileTrouble
from manyeyes.node.commands.file_exchange import MAX_DEPTH, Room, deflate, inflate, parts_of


@pytest.fixture
def room(tmp_path: Path) -> Room:
    room = Room(tmp_path / "exchange", tmp_path / "incoming")
    room.open()
    (tmp_path / "secret").write_text("of the agent")
    return room


def order(name: str, content: bytes, offset: int = 0) -> FileOrder:
    digest = hashlib.sha256(content).hexdigest()
    return FileOrder(kind="put", name=name, size_bytes=len(content), sha256=digest, offset=offset)


def put(room: Room, name: str, content: bytes) -> int:
    """Send it all; how many chunks that took."""
    reply, sent = room.put(order(name, content), b""), 0
    while not reply.done:
        chunk = content[reply.received : reply.received + CHUNK_BYTES]
        reply = room.put(order(name, content, reply.received), chunk)
        sent += 1
    return sent


def fetched(room: Room, name: str) -> bytes:
    content = b""
    while True:
        reply, data = room.read(name, len(content))
        content += inflate(data, reply.zipped)
        if reply.done:
            return content


LEADING_OUT = [
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "",
    "a//b",
    "./a",
    "a/.",
    "..",
    "a\0b",
    "x/" * 60 + "y",
]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_that_lead_out_are_refused(room: Room, name: str) -> None:
    for kind in ("list", "digest", "read"):
        with pytest.raises(FileTrouble):
            room.step(FileOrder(kind=kind, name=name), b"")  # type: ignore[arg-type]
    with pytest.raises(FileTrouble):
        room.step(order(name, b"x"), b"x")


def test_links_are_refused(room: Room, tmp_path: Path) -> None:
    exchange = tmp_path / "exchange"
    (exchange / "out").symlink_to(tmp_path)
    (exchange / "file").symlink_to(tmp_path / "secret")
    for name in ("out/secret", "file", "out"):
        for kind in ("list", "digest", "read"):
            with pytest.raises(FileTrouble, match="link"):
                room.step(FileOrder(kind=kind, name=name), b"")  # type: ignore[arg-type]
    with pytest.raises(FileTrouble, match="link"):
        put(room, "out/planted", b"x")
    assert not (tmp_path / "planted").exists()
    put(room, "file", b"replaces the link, not what it leads to")
    assert (tmp_path / "secret").read_text() == "of the agent"
    assert not (exchange / "file").is_symlink()


def test_pipes_and_folders_are_no_files(room: Room, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "exchange" / "pipe")
    (tmp_path / "exchange" / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(FileTrouble):
            room.read(name, 0)
    with pytest.raises(FileTrouble):
        room.step(order("folder", b"x"), b"x")


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_is_put_can_be_had_back(room: Room, tmp_path: Path, size: int) -> None:
    content = secrets.token_bytes(size)
    assert put(room, "a/b/c.bin", content) == -(-size // CHUNK_BYTES)
    assert fetched(room, "a/b/c.bin") == content
    assert room.digest("a/b/c.bin").sha256 == hashlib.sha256(content).hexdigest()
    assert put(room, "a/b/c.bin", content) == 0  # there already
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_cut_transfer_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    content = secrets.token_bytes(3 * CHUNK_BYTES)
    room = Room(tmp_path / "exchange", tmp_path / "incoming")
    room.open()
    (tmp_path / "exchange" / "f").write_text("old")
    assert room.put(order("f", content), content[:CHUNK_BYTES]).received == CHUNK_BYTES
    # sent twice, or from the wrong place: nothing is written, and the reply says what is wanted
    assert room.put(order("f", content), content[:CHUNK_BYTES]).received == CHUNK_BYTES
    assert room.put(order("f", content, 7), b"x").received == CHUNK_BYTES
    assert (tmp_path / "exchange" / "f").read_text() == "old"
    again = Room(tmp_path / "exchange", tmp_path / "incoming")
    again.open()
    assert put(again, "f", content) == 2
    assert (tmp_path / "exchange" / "f").read_bytes() == content


def test_the_last_chunk_told_again_is_known(room: Room, tmp_path: Path) -> None:
    content = secrets.token_bytes(CHUNK_BYTES + 1)
    put(room, "f", content)
    assert room.put(order("f", content, CHUNK_BYTES), content[CHUNK_BYTES:]).done
    assert list((tmp_path / "incoming").iterdir()) == []


def test_another_content_than_promised_is_thrown_away(room: Room, tmp_path: Path) -> None:
    with pytest.raises(FileTrouble, match="SHA-256"):
        room.put(order("f", b"promised"), b"tampered")
    assert list((tmp_path / "incoming").iterdir()) == []
    assert not (tmp_path / "exchange" / "f").exists()
    assert put(room, "f", b"promised") == 1


def test_more_than_promised_is_not_taken(room: Room) -> None:
    assert room.put(order("f", b"four"), b"fives").received == 0


def test_lists_are_paged_and_ordered(room: Room) -> None:
    names = [f"d/{number:04}" for number in range(1003)]
    for name in names:
        put(room, name, b"")
    first, rest = room.list("d", 0), room.list(".", 1000)
    assert first.more and not rest.more
    assert [fact.name for fact in (*first.files, *rest.files)] == names


def test_depth_is_bounded(room: Room) -> None:
    assert len(parts_of("/".join("a" * MAX_DEPTH))) == MAX_DEPTH


def test_chunks_are_deflated_where_it_helps() -> None:
    text, noise = b"the same line\n" * 10_000, secrets.token_bytes(100_000)
    packed, zipped = deflate(text)
    assert zipped and len(packed) < len(text) // 20 and inflate(packed, True) == text
    assert deflate(noise) == (noise, False)


def test_a_chunk_that_unpacks_too_far_is_refused() -> None:
    packed, _ = deflate(b"\0" * (CHUNK_BYTES + 1))
    for data in (packed, b"no zlib", packed[:20]):
        with pytest.raises(FileTrouble):
            inflate(data, True)


def test_a_chunk_is_as_small_as_is_asked_for(room: Room) -> None:
    content = bytes(range(256)) * 100
    put(room, "f", content)
    reply, data = room.read("f", 10, 1000)
    assert (inflate(data, reply.zipped), reply.received, reply.done) == (content[10:1010], 1010, False)
    reply, data = room.read("f", 10, 10**9)
    assert (inflate(data, reply.zipped), reply.done) == (content[10:], True)
