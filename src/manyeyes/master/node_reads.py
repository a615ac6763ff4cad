"""Answers nodes that fetch the gallery or files of the pack. The disk is read in threads, off the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import GalleryQuery, PackQuery
from manyeyes.errors import ManyeyesError, Unavailable
from manyeyes.faces.gallery_sync import Galleries
from manyeyes.master.background import Spawn
from manyeyes.packs.served import ServedPack
from manyeyes.telemetry import log

_MOST_READS = 4
"""How many such answers one node may wait for at once."""

Read = Callable[[], tuple[bytes, int, dict[str, str]]]
"""Returns a chunk, the size of the whole, and headers."""


class NodeReads:
    """Answers requests of nodes for the gallery and for files of the pack."""

    def __init__(
        self, link: MasterLink, gateway: str, served: ServedPack, galleries: Galleries, spawn: Spawn
    ) -> None:
        self._link = link
        self._gateway = gateway
        self._served = served
        self._galleries = galleries
        self._spawn = spawn
        self._readers = ThreadPoolExecutor(4, "read")
        self._reads: Counter[str] = Counter()

    def close(self) -> None:
        """Stop reading from the disk for nodes."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def gallery(self, node: str, message: Incoming, now: float) -> None:
        """A node asks for a piece of the gallery."""
        query = GalleryQuery.model_validate_json(message.data)

        def read() -> tuple[bytes, int, dict[str, str]]:
            piece = self._galleries.piece(query, self._served.embedder)
            if piece.newest < query.least:
                raise Unavailable(
                    f"this master has version {piece.newest} of the gallery, asked for is {query.least}"
                )
            headers = {
                contract.HEADER_VERSION: str(piece.newest),
                contract.HEADER_CONTENT: piece.content,
                contract.HEADER_OFFSET: str(piece.offset),
            }
            return piece.chunk, piece.size_bytes, headers

        self._read(node, message.reply, read)

    def pack(self, node: str, message: Incoming, now: float) -> None:
        """A node asks for a piece of the pack."""
        query = PackQuery.model_validate_json(message.data)
        self._read(node, message.reply, lambda: self._served.read(query.sha256, query.offset))

    def _read(self, node: str, reply: str, read: Read) -> None:
        if self._reads[node] >= _MOST_READS:
            raise Unavailable(f"this node waits for {_MOST_READS} answers already")
        self._reads[node] += 1
        self._spawn(self._answer(node, reply, read), f"read-{node}")

    async def _answer(self, node: str, reply: str, read: Read) -> None:
        try:
            chunk, size, headers = await asyncio.get_running_loop().run_in_executor(self._readers, read)
            self._link.answer_chunk(reply, chunk, size, {contract.HEADER_GATEWAY: self._gateway, **headers})
        except ManyeyesError as error:
            self._link.answer_error(reply, error)
        except (OSError, sqlite3.Error, ValueError, OverflowError) as error:
            log().error("what a node asks for cannot be read", node=node, error=str(error))
            self._link.answer_error(reply, Unavailable(f"the master cannot read what was asked for: {error}"))
        finally:
            self._reads[node] -= 1
            if not self._reads[node]:
                del self._reads[node]
