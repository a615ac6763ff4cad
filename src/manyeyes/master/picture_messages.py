"""Passes the messages of nodes about pictures to the dispatcher."""

from __future__ import annotations

from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import ChunkQuery, Credit, DrainQuery
from manyeyes.dispatch.dispatcher import Dispatcher


class PictureMessages:
    """Reads the messages of nodes about pictures and passes them to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, link: MasterLink) -> None:
        self._dispatcher = dispatcher
        self._link = link

    def result(self, node: str, message: Incoming, now: float) -> None:
        """An outcome, or a chunk of one."""
        self._dispatcher.on_result(node, message, now)

    def credit(self, node: str, message: Incoming, now: float) -> None:
        """A node changes its grant."""
        self._dispatcher.on_credit(node, Credit.model_validate_json(message.data), now)

    def chunk(self, node: str, message: Incoming, now: float) -> None:
        """A node asks for more of a picture."""
        self._dispatcher.on_chunk(node, ChunkQuery.model_validate_json(message.data), message.reply)

    def drain(self, node: str, message: Incoming, now: float) -> None:
        """A node takes nothing more."""
        query = DrainQuery.model_validate_json(message.data)
        self._link.answer(message.reply, self._dispatcher.on_drain(node, query.session).wire())
