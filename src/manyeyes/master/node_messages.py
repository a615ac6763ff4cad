"""Routes the messages of nodes: a table from verb to handler, and the router. Nothing here waits."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import Verb
from manyeyes.errors import ManyeyesError, Unavailable
from manyeyes.fleet.admission import Admission
from manyeyes.fleet.commands import Commands
from manyeyes.fleet.node_service import NodeService
from manyeyes.master.membership_messages import MembershipMessages
from manyeyes.master.node_reads import NodeReads
from manyeyes.master.picture_messages import PictureMessages
from manyeyes.monitoring.logs.service import LogService
from manyeyes.telemetry import log

_UNREADABLE_S = 10.0
"""Least seconds between two log lines about unreadable messages of a node."""
_GATEWAYS, _JOINS = (
    pattern.removesuffix(">") for pattern in (contract.GATEWAYS_SUBJECT, contract.JOINS_SUBJECT)
)

_INTRODUCTIONS: tuple[Verb, ...] = ("hello", "heartbeat")
"""What every node says, whatever its version: if it cannot be read, a person is told which versions there are."""

NodeHandler = Callable[[str, Incoming, float], None]
"""Takes a node's name, its message, and the time by the monotonic clock."""
NodeHandlers = Mapping[Verb, NodeHandler]


def handlers(
    pictures: PictureMessages,
    membership: MembershipMessages,
    reads: NodeReads,
    commands: Commands,
    logs: LogService,
) -> NodeHandlers:
    """The handler for each verb."""
    return {
        "result": pictures.result,
        "credit": pictures.credit,
        "chunk": pictures.chunk,
        "drain": pictures.drain,
        "heartbeat": membership.heartbeat,
        "hello": membership.hello,
        "leave": membership.leave,
        "gallery": reads.gallery,
        "pack": reads.pack,
        "fetch": lambda node, message, now: commands.heard(node, "fetch", message),
        "answer": lambda node, message, now: commands.heard(node, "answer", message),
        "log": lambda node, message, now: logs.heard(node, message),
    }


class NodeMessages:
    """Passes each message of a node to the handler of its verb, if the node may send it."""

    def __init__(
        self, link: MasterLink, nodes: NodeService, admission: Admission, table: NodeHandlers
    ) -> None:
        self._link = link
        self._nodes = nodes
        self._admission = admission
        self._table: dict[str, NodeHandler] = dict(table.items())
        self._unreadable: dict[str, float] = {}

    def on_message(self, message: Incoming) -> None:
        """A message of a node or of the holder of a join token arrived."""
        if message.subject.startswith(_JOINS):
            self._admission.on_join(message)
            return
        if not message.subject.startswith(_GATEWAYS):
            said = contract.introduced(message.data, message.headers)
            self._nodes.unreadable(contract.speaker(message.subject), said, message.reply)
            return
        (node, verb), now = contract.parse_node_subject(message.subject), time.monotonic()
        handler = self._table.get(verb)
        if handler is None or not self._nodes.admits(node, verb):
            return
        try:
            handler(node, message, now)
        except (ValidationError, ValueError) as error:
            if verb in _INTRODUCTIONS:
                said = contract.introduced(message.data, message.headers)
                self._nodes.unreadable(node, said, message.reply)
            elif now - self._unreadable.get(node, -_UNREADABLE_S) >= _UNREADABLE_S:
                self._unreadable[node] = now
                log().warning("a node said what cannot be read", node=node, verb=verb, error=str(error)[:200])
        except (sqlite3.OperationalError, OSError) as error:
            log().error("the registry cannot be written", node=node, verb=verb, error=str(error))
            self._link.answer_error(
                message.reply, Unavailable(f"the master cannot write its registry: {error}")
            )
        except ManyeyesError as error:
            self._link.answer_error(message.reply, error)
