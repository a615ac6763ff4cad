"""Fetching from a node that cheats, and sending to one."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from manyeyes.cli.nodes_files import Moved, _local_files, fetch_file, listed, send_file
from manyeyes.contract import FileFact, FileOrder, FileReply
from manyeyes.errors import FileTrouble
from manyeyes.node.commands.file_exchange import Room


@pytest.mark.parametrize(
    "name", ["../.ssh/authorized_keys", "/etc/passwd", "a/../../x", "other", "asked-not"]
)
def test_names_that_were_not_asked_for_are_refused(name: str) -> None:
    async def step(order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        return FileReply(files=(FileFact(name=name, size_bytes=1),)), b""

    with pytest.raises(FileTrouble):
        asyncio.run(listed(step, "asked"))


@pytest.mark.parametrize("sent", [b"tampered", b"longer than it was said to be", b""])
def test_a_content_that_was_not_promised_is_not_kept(tmp_path: Path, sent: bytes) -> None:
    async def step(order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        digest = hashlib.sha256(b"promised").hexdigest()
        return FileReply(
            size_bytes=8, sha256=digest, received=8, done=True
        ), sent if order.kind == "read" else b""

    room = Room(tmp_path / "out", tmp_path / "parts")
    room.open()
    with pytest.raises(FileTrouble):
        asyncio.run(fetch_file(step, room, "f", "f", Moved()))
    assert not (tmp_path / "out" / "f").exists()


def test_what_is_no_file_and_no_folder_is_not_sent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileTrouble, match="pipe is no regular file and is not sent; nothing was sent"):
        list(_local_files([tmp_path / "pipe"]))


def test_a_node_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    async def step(order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        return FileReply(), b""

    (tmp_path / "f").write_bytes(b"content")
    with pytest.raises(FileTrouble, match="again and again"):
        asyncio.run(send_file(step, tmp_path / "f", "f", Moved()))
