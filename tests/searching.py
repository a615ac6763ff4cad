"""Searches the logs of a run for what no log may contain: pictures, embeddings, secrets."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import nats

from manyeyes import contract
from manyeyes.broker.connection import trust
from manyeyes.identity import MASTER_HOSTNAME
from manyeyes.telemetry.batches import unpacked

WINDOW_BYTES = 16


class Searcher:
    """Searches texts for windows of 16 bytes of secrets, and of pictures raw and in all usual encodings."""

    def __init__(self) -> None:
        self._needles: dict[bytes, str] = {}

    def secret(self, name: str, text: str) -> None:
        """Add a secret text: none of its windows may be found."""
        raw = text.encode()
        for at in range(0, max(1, len(raw) - WINDOW_BYTES + 1), 4):
            self._needles[raw[at : at + WINDOW_BYTES]] = name

    def picture(self, name: str, data: bytes) -> None:
        """Add an encoded picture: windows from all parts of it."""
        step = max(1, len(data) // 200)
        for at in range(0, len(data) - WINDOW_BYTES, step):
            window = data[at : at + WINDOW_BYTES]
            if len(set(window)) < 6:  # such as a run of zeros, which any file may contain
                continue
            self._needles[window] = f"{name}, raw"
            self._needles[window.hex().encode()] = f"{name}, hex"
            self._needles[repr(window)[2:-1].encode()] = f"{name}, as Python writes it"
            self._needles[window.decode("latin-1").encode()] = f"{name}, as text"
            for ascii_only in (True, False):
                escaped = json.dumps(window.decode("latin-1"), ensure_ascii=ascii_only)[1:-1]
                self._needles[escaped.encode()] = f"{name}, as JSON"
            self._needles[", ".join(map(str, window)).encode()] = f"{name}, as numbers"
            for shift in range(3):
                piece = data[at + shift : at + shift + WINDOW_BYTES - 1]
                self._needles[base64.b64encode(piece)] = f"{name}, base64"

    def embedding(self, name: str, values: Sequence[float]) -> None:
        """Add an embedding: each of its numbers with seven decimal places."""
        for value in values:
            if abs(value) > 1e-3:
                self._needles[f"{abs(value):.7f}".encode()] = name

    def found(self, text: bytes) -> set[str]:
        """The names of the searched items that a text contains."""
        return {name for needle, name in self._needles.items() if needle in text}


def stream_lines(data: Path, nats_port: int) -> Iterator[bytes]:
    """Every batch of a running master's log stream, read with the master's own key."""

    async def read() -> list[bytes]:
        client = await nats.connect(
            f"tls://127.0.0.1:{nats_port}",
            tls=trust((data / "identity" / "ca.pem").read_text()),
            tls_hostname=MASTER_HOSTNAME,
            nkeys_seed_str=(data / "identity" / "master.nk").read_text().strip(),
            inbox_prefix="_INBOX_look",
        )
        stream = client.jsm()
        state = (await stream.stream_info(contract.LOGS_STREAM)).state
        batches = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg(contract.LOGS_STREAM, sequence)
            batches.append(b"\n".join(unpacked(message.data or b"")))
        await client.close()
        return batches

    yield from asyncio.run(read())


def index_lines(data: Path) -> bytes:
    """All rows of a master's log index."""
    with closing(sqlite3.connect(f"file:{data / 'logs.db'}?mode=ro", uri=True)) as db:
        return "\n".join(str(row) for row in db.execute("SELECT * FROM lines")).encode()


def left_behind(folders: Sequence[Path]) -> dict[str, bytes]:
    """The raw content of the log files and of the log index in data folders, by path."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in (*folder.glob("logs/*"), *folder.glob("logs.db*"))
    }
