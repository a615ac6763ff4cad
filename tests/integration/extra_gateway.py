"""One more gateway on a running master's engine, in a process of its own: it only dispatches pictures.

`python -m tests.integration.extra_gateway MASTER_DATA ENGINE PICTURES SIZE NODE...` prints `ready` when every node
grants it credit. When a line arrives on standard input, it sends PICTURES pictures of at least SIZE bytes, and prints
the outcome of each as a JSON line.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery, Credit, Heartbeat, Outcome, StateBroadcast, Task
from manyeyes.dispatch.arrived import Arrived
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.order import Order
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError
from manyeyes.fleet.node_state import Fleet
from tests.integration.conftest import picture

ROOT = Path(__file__).resolve().parents[2]
BESIDE = "beside"
"""The prefix of these gateways' names."""


@contextmanager
def extra_gateway(
    data: Path, engine: str, pictures: int, size_bytes: int, nodes: Sequence[str], prefix: Sequence[str] = ()
) -> Iterator[Popen[str]]:
    """The process, ready; killed at the end. `prefix` is put before its command, as `ip netns exec NAME`."""
    command = [*prefix, sys.executable, "-m", "tests.integration.extra_gateway"]
    command += [str(data), engine, str(pictures), str(size_bytes), *nodes]
    process = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


def go(process: Popen[str]) -> None:
    """Make an extra gateway send its pictures."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def answers(process: Popen[str], pictures: int) -> list[dict[str, Any]]:
    """The outcome of each picture; checks that each answer belongs to its picture."""
    assert process.stdout is not None
    told = [json.loads(process.stdout.readline()) for _ in range(pictures)]
    assert {one["number"] for one in told} == set(range(pictures))
    assert all(one["task_id"] == one["said"] for one in told), "an answer to another picture"
    return told


class Reader:
    """Takes every outcome as it is."""

    def content(self, task: Task, arrived: Arrived) -> Any:
        return json.loads(arrived.result_json)["task_id"]

    def error(self, outcome: Outcome) -> ManyeyesError:
        return ManyeyesError(outcome.detail)


class Recorder:
    """Counts nothing."""

    def accepted(self, kind: str) -> None:
        pass

    def refused(self, error: ManyeyesError) -> None:
        pass

    def attempt_ended(self, node: str, status: str, error: ManyeyesError | None) -> None:
        pass

    def answered(
        self, kind: str, node: str, error: ManyeyesError | None, content: Any, trace: PictureTrace, now: float
    ) -> None:
        pass


class ExtraGateway:
    """A minimal gateway: it announces itself, receives what nodes send about its pictures, and dispatches."""

    def __init__(self, link: MasterLink, gateway: str, group: asyncio.TaskGroup) -> None:
        self.gateway = gateway
        self._link = link
        self.fleet = Fleet(4.0, 7.0)
        self.dispatcher = Dispatcher(
            link,
            gateway,
            Limits(),
            self.fleet.paces,
            Reader(),
            Recorder(),
            lambda work, name: group.create_task(work, name=name),
        )

    async def listen(self) -> None:
        await self._link.listen_for_absent(self.dispatcher.on_absent)
        await self._link.receive(contract.gateway_subjects(self.gateway), self._hear)
        await self._link.receive(contract.gateway_subjects(contract.ALL), self._hear)
        await self._link.receive(contract.STATE_SUBJECT, self._follow)

    def _hear(self, message: Incoming) -> None:
        (node, verb), now = contract.parse_node_subject(message.subject), time.monotonic()
        if verb == "heartbeat":
            heartbeat = Heartbeat.model_validate_json(message.data)
            self.fleet.heard(node, heartbeat, now)
            self.dispatcher.on_heartbeat(node, heartbeat, now)
        elif verb == "credit":
            self.dispatcher.on_credit(node, Credit.model_validate_json(message.data), now)
        elif verb == "result":
            self.dispatcher.on_result(node, message, now)
        elif verb == "chunk":
            self.dispatcher.on_chunk(node, ChunkQuery.model_validate_json(message.data), message.reply)

    def _follow(self, message: Incoming) -> None:
        """After each broadcast of the first gateway, send one for this gateway too."""
        state = StateBroadcast.model_validate_json(message.data)
        if not state.gateway.startswith(BESIDE):
            own = state.model_copy(update={"gateway": self.gateway, "sent_s": time.monotonic()})
            self._link.send(contract.STATE_SUBJECT, own.wire())

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.dispatcher.rebalance(time.monotonic())

    async def send(self, number: int, size_bytes: int) -> dict[str, Any]:
        data = picture(bytes(size_bytes) + b"second", number)
        order = Order(kind="recognize", pack="faulty@1.0.0", wants=(contract.PICTURE,))
        answered = await self.dispatcher.submit(data, order)
        return {"number": number, "task_id": answered.task_id, "said": answered.content}


async def main(data: Path, engine: str, count: int, size_bytes: int, nodes: list[str]) -> None:
    key = identity.load_or_make_nkey(data / "identity" / "master.nk")
    ca_pem = (data / "identity" / "ca.pem").read_text()
    gateway = BESIDE + secrets.token_hex(8)
    link = await MasterLink.connect(engine, ca_pem, key.seed, gateway)
    async with asyncio.TaskGroup() as group:
        extra = ExtraGateway(link, gateway, group)
        await extra.listen()
        ticking = group.create_task(extra.tick(), name="tick")
        while not all(extra.dispatcher.grants(node) for node in nodes):
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for told in await asyncio.gather(*(extra.send(number, size_bytes) for number in range(count))):
            print(json.dumps(told), flush=True)
        ticking.cancel()
    await link.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
