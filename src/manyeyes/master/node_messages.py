"""What nodes say, by verb: each message goes to the one place that deals with it. Nothing here waits."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import ValidationError

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import ChunkQuery, Credit, DrainQuery, GalleryQuery, Heartbeat, Hello, Leave, PackQuery
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.results import plain
from manyeyes.errors import ManyeyesError, Unavailable
from manyeyes.faces.gallery_sync import Galleries
from manyeyes.fleet.admission import Admission
from manyeyes.fleet.commands import Orders
from manyeyes.fleet.node_facts import plain_heartbeat
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Change, Fleet
from manyeyes.monitoring.logs.service import LogService
from manyeyes.monitoring.monitor import Monitor
from manyeyes.packs.served import ServedPack
from manyeyes.store.timestamps import now_iso
from manyeyes.telemetry import log

_UNREADABLE_S = 10.0
"""Between two lines of the log about what a node says that cannot be read."""
_GATEWAYS, _JOINS = (
    pattern.removesuffix(">") for pattern in (contract.GATEWAYS_SUBJECT, contract.JOINS_SUBJECT)
)
_MOST_READS = 4
"""Answers with the gallery, or with files of the pack, that one node may wait for at once."""

Spawn = Callable[[Coroutine[Any, Any, None], str], object]


class NodeMessages:
    """Of one master.

    Args:
        spawn: starts a named task that ends with the master.
        changed: told of each change of a node's state.
        last_seen: when each node was heard last; kept up to date here.
    """

    def __init__(
        self,
        link: MasterLink,
        gateway: str,
        nodes: NodeService,
        admission: Admission,
        fleet: Fleet,
        dispatcher: Dispatcher,
        orders: Orders,
        logs: LogService,
        monitor: Monitor,
        served: ServedPack,
        galleries: Galleries,
        spawn: Spawn,
        changed: Callable[[Change], None],
        last_seen: dict[str, str],
    ) -> None:
        self._link = link
        self._gateway = gateway
        self._nodes = nodes
        self._admission = admission
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._orders = orders
        self._logs = logs
        self._monitor = monitor
        self._served = served
        self._galleries = galleries
        self._spawn = spawn
        self._changed = changed
        self._last_seen = last_seen
        self._readers = ThreadPoolExecutor(4, "read")
        self._reads: Counter[str] = Counter()
        self._unreadable: dict[str, float] = {}
        self._handlers: dict[str, Callable[[str, Incoming, float], None]] = {
            "result": dispatcher.on_result,
            "credit": self._credit,
            "chunk": self._chunk,
            "heartbeat": self._heartbeat,
            "hello": self._hello,
            "drain": self._drain,
            "leave": self._leave,
            "gallery": self._gallery,
            "pack": self._pack,
            "fetch": lambda node, message, now: orders.heard(node, "fetch", message),
            "answer": lambda node, message, now: orders.heard(node, "answer", message),
            "log": lambda node, message, now: logs.heard(node, message),
        }

    def close(self) -> None:
        """Read nothing more from the disk for nodes."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def on_message(self, message: Incoming) -> None:
        """A node, or the holder of a join token, says something."""
        if message.subject.startswith(_JOINS):
            self._admission.on_join(message)
            return
        if not message.subject.startswith(_GATEWAYS):
            self._nodes.refuse_old(contract.speaker(message.subject), message.reply)
            return
        (node, verb), now = contract.parse_node_subject(message.subject), time.monotonic()
        handler = self._handlers.get(verb)
        if handler is None or not self._nodes.admits(node, verb):
            return
        try:
            handler(node, message, now)
        except (ValidationError, ValueError) as error:
            if now - self._unreadable.get(node, -_UNREADABLE_S) >= _UNREADABLE_S:
                self._unreadable[node] = now
                log().warning("a node said what cannot be read", node=node, verb=verb, error=str(error)[:200])
        except ManyeyesError as error:
            self._link.answer_error(message.reply, error)

    # pictures

    def _credit(self, node: str, message: Incoming, now: float) -> None:
        self._dispatcher.on_credit(node, Credit.model_validate_json(message.data), now)

    def _chunk(self, node: str, message: Incoming, now: float) -> None:
        self._dispatcher.on_chunk(node, ChunkQuery.model_validate_json(message.data), message.reply)

    # membership

    def _hello(self, node: str, message: Incoming, now: float) -> None:
        hello = Hello.model_validate_json(message.data)
        self._spawn(self._nodes.hello(node, hello, message.reply), f"hello-{node}")

    def _heartbeat(self, node: str, message: Incoming, now: float) -> None:
        said = plain_heartbeat(Heartbeat.model_validate_json(message.data))
        heartbeat = self._nodes.heartbeat(node, said, now)
        if heartbeat is None:
            return
        self._last_seen[node] = now_iso()
        self._monitor.heard(node, heartbeat, now)
        if change := self._fleet.heard(node, heartbeat, now):
            self._changed(change)
        self._dispatcher.on_heartbeat(node, heartbeat, now)

    def _drain(self, node: str, message: Incoming, now: float) -> None:
        query = DrainQuery.model_validate_json(message.data)
        self._link.answer(message.reply, self._dispatcher.on_drain(node, query.session).wire())

    def _leave(self, node: str, message: Incoming, now: float) -> None:
        leave = Leave.model_validate_json(message.data)
        if self._nodes.leave(node, leave) and (change := self._fleet.left(node, plain(leave.reason))):
            self._changed(change)

    # what nodes read

    def _gallery(self, node: str, message: Incoming, now: float) -> None:
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

    def _pack(self, node: str, message: Incoming, now: float) -> None:
        query = PackQuery.model_validate_json(message.data)
        self._read(node, message.reply, lambda: self._served.read(query.sha256, query.offset))

    def _read(self, node: str, reply: str, read: Callable[[], tuple[bytes, int, dict[str, str]]]) -> None:
        """Answer with what is read from the disk, off the loop that hears all nodes."""
        if self._reads[node] >= _MOST_READS:
            raise Unavailable(f"this node waits for {_MOST_READS} answers already")
        self._reads[node] += 1
        self._spawn(self._answer_read(node, reply, read), f"read-{node}")

    async def _answer_read(
        self, node: str, reply: str, read: Callable[[], tuple[bytes, int, dict[str, str]]]
    ) -> None:
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
