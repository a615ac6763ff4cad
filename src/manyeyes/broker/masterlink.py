"""What a master sends to nats-server and receives from it: dispatches, answers to nodes, how much each connection is used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from manyeyes import contract
from manyeyes.broker.connection import TROUBLE, Bytes, EngineClient, Incoming, Link, connect_client
from manyeyes.broker.topology import CONNECTIONS_SUBJECT
from manyeyes.errors import Unavailable

_MOST_CONNECTIONS = 65_536
_OLD_STREAM = "TASKS"
_NOBODY = "503"
"""The engine's status for a message without a receiver."""


class MasterLink(Link):
    """A master's connection, in account M: sends dispatches and answers to nodes."""

    def __init__(self, client: EngineClient, gateway: str, on_lost: list[Callable[[], None]]) -> None:
        super().__init__(client)
        self._on_lost = on_lost
        self._absent = f"{contract.inbox_prefix(f'master-{gateway}')}.absent."

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str, gateway: str) -> MasterLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        on_lost: list[Callable[[], None]] = []

        async def lost() -> None:
            for listener in on_lost:
                listener()

        try:
            client = await connect_client([address], ca_pem, seed, f"master-{gateway}", disconnected_cb=lost)
        except TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error
        return cls(client, gateway, on_lost)

    def listen_for_loss(self, lost: Callable[[], None]) -> None:
        """Call `lost` each time that the connection breaks."""
        self._on_lost.append(lost)

    async def listen_for_absent(self, absent: Callable[[str, int], None]) -> None:
        """Call `absent` with node and number of each dispatch that has no receiver."""

        def told(message: Incoming) -> None:
            node, number = message.subject.removeprefix(self._absent).rsplit(".", 1)
            if message.headers.get("Status") == _NOBODY:
                absent(node, int(number))

        await self.receive(f"{self._absent}*.*", told)

    def dispatch(self, node: str, *parts: Bytes, number: int | None = None) -> bool:
        """Send a dispatch at once. Returns False if the engine cannot be reached.

        Args:
            number: what `absent` gets if there is no receiver; None: `absent` is not called.
        """
        reply = "" if number is None else f"{self._absent}{node}.{number}"
        return self.send(contract.dispatch_subject(node), *parts, reply=reply)

    async def remove_old_stream(self) -> None:
        """Take away the queue that masters of before version 5 of the contract kept tasks in."""
        with contextlib.suppress(*TROUBLE):
            await self._client.jsm().delete_stream(_OLD_STREAM)


@dataclass(frozen=True)
class Counted:
    """What the engine has counted of one connection since it was made."""

    connection: int
    public_nkey: str
    messages: int
    size_bytes: int


class ConnectionUsageLink(Link):
    """A connection that asks nats-server for the connection usage: who is connected, and how much each has sent; it may do nothing else."""

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str) -> ConnectionUsageLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            return cls(await connect_client([address], ca_pem, seed, "usage"))
        except TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error

    async def count(self) -> list[Counted] | None:
        """Every connection of a node or of a token's holder; None if the engine does not answer."""
        question = json.dumps({"auth": True, "acc": "N", "limit": _MOST_CONNECTIONS}).encode()
        try:
            answer = await self._client.request(CONNECTIONS_SUBJECT, question, timeout=3)
            rows = json.loads(answer.data)["data"].get("connections") or []
        except (*TROUBLE, ValueError, KeyError):
            return None
        return [
            Counted(row["cid"], row.get("authorized_user", ""), row.get("in_msgs", 0), row.get("in_bytes", 0))
            for row in rows
        ]
