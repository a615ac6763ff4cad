"""What a master says to the engine and hears from it: tasks, answers to nodes, the census of connections."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import nats
import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from manyeyes import contract
from manyeyes.broker.connection import TROUBLE, Link, connect_client
from manyeyes.broker.topology import CENSUS_SUBJECT
from manyeyes.errors import Unavailable

_MESSAGE_ID = "Nats-Msg-Id"
_MOST_CONNECTIONS = 65_536


@dataclass
class _TasksConsumer(ConsumerConfig):
    """With the limits of one request for work: no node keeps a place in the queue for long, or several by one."""

    max_batch: int = 1
    max_expires_s: float = 10.0

    def as_dict(self) -> dict[str, object]:
        """As the engine reads it: nanoseconds."""
        fields = super().as_dict()
        del fields["max_expires_s"]
        return {**fields, "max_expires": int(self.max_expires_s * 1e9)}


class MasterLink(Link):
    """A master's connection, in account M."""

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str, gateway: str) -> MasterLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            return cls(await connect_client([address], ca_pem, seed, f"master-{gateway}"))
        except TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error

    async def prepare(self, *, ack_wait_s: float, max_waiting: int) -> None:
        """Make the task stream and its consumer, or bring them to these settings."""
        manager = self._client.jsm()
        stream = StreamConfig(
            name=contract.STREAM,
            subjects=[contract.TASKS_SUBJECT],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_bytes=64 * 1024**2,
            duplicate_window=120,
            num_replicas=1,
        )
        try:
            await manager.add_stream(stream)
        except nats.js.errors.BadRequestError:
            await manager.update_stream(stream)
        consumer = _TasksConsumer(
            durable_name=contract.CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait_s,
            max_deliver=-1,
            max_ack_pending=max(max_waiting, 1000),
            max_waiting=4096,
        )
        await manager.add_consumer(contract.STREAM, consumer)

    async def publish_task(self, task: contract.Task) -> int:
        """Queue a task; the same id twice is queued once.

        Returns:
            The stream sequence.

        Raises:
            Unavailable: the engine did not take it.
        """
        try:
            ack = await self._client.jetstream().publish(
                contract.TASKS_SUBJECT, task.wire(), timeout=5, headers={_MESSAGE_ID: task.id}
            )
        except TROUBLE as error:
            raise Unavailable(f"the engine did not take the picture: {error!r}; send it again") from error
        return ack.seq

    async def remove_task(self, sequence: int) -> None:
        """Take a task out of the stream, delivered or not."""
        with contextlib.suppress(*TROUBLE):
            await self._client.jsm().delete_msg(contract.STREAM, sequence)

    async def remove_orphan(self, sequence: int, task_id: str) -> None:
        """Take a message out of the stream if it is the task of that id; a node named both."""
        with contextlib.suppress(*TROUBLE):
            found = await self._client.jsm().get_msg(contract.STREAM, sequence)
            if (found.headers or {}).get(_MESSAGE_ID) == task_id:
                await self._client.jsm().delete_msg(contract.STREAM, sequence)

    async def ack(self, ack_subject: str) -> None:
        """The task is done: the engine forgets it."""
        await self.publish(ack_subject, b"+ACK")

    async def nak(self, ack_subject: str) -> None:
        """The task must go to another worker at once."""
        await self.publish(ack_subject, b"-NAK")

    async def in_progress(self, ack_subject: str) -> None:
        """The task is being worked on: the engine waits longer."""
        await self.publish(ack_subject, b"+WPI")


@dataclass(frozen=True)
class Counted:
    """What the engine has counted of one connection since it was made."""

    connection: int
    public_nkey: str
    messages: int
    size_bytes: int


class CensusLink(Link):
    """A connection that asks the engine who is connected, and how much each has sent; it may do nothing else."""

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str) -> CensusLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            return cls(await connect_client([address], ca_pem, seed, "census"))
        except TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error

    async def count(self) -> list[Counted] | None:
        """Every connection of a node or of a token's holder; None where the engine does not answer."""
        question = json.dumps({"auth": True, "acc": "N", "limit": _MOST_CONNECTIONS}).encode()
        try:
            answer = await self._client.request(CENSUS_SUBJECT, question, timeout=3)
            rows = json.loads(answer.data)["data"].get("connections") or []
        except (*TROUBLE, ValueError, KeyError):
            return None
        return [
            Counted(row["cid"], row.get("authorized_user", ""), row.get("in_msgs", 0), row.get("in_bytes", 0))
            for row in rows
        ]
