"""A second gateway on a running master's engine, in a process of its own: it dispatches, and does nothing else.

`python -m tests.integration.second_gateway MASTER_DATA NATS_PORT PICTURES`: says `ready` once every node grants it
credit, sends when a line comes in, and prints what became of each picture as a JSON line.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.config import Limits
from manyeyes.contract import Credit, Heartbeat, Outcome, StateBroadcast, Task
from manyeyes.dispatch.dispatcher import Dispatcher, Order
from manyeyes.dispatch.results import Arrived
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError
from manyeyes.master.fleet import Fleet
from tests.integration.conftest import picture


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


class SecondGateway:
    """The least that a gateway is: it is heard of, hears heartbeats, credits and results, and dispatches."""

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
            beat = Heartbeat.model_validate_json(message.data)
            self.fleet.heard(node, beat, now)
            self.dispatcher.on_heartbeat(node, beat, now)
        elif verb == "credit":
            self.dispatcher.on_credit(node, Credit.model_validate_json(message.data), now)
        elif verb == "result":
            self.dispatcher.on_result(node, message, now)

    def _follow(self, message: Incoming) -> None:
        """Say after each of the first gateway's broadcasts that this one is there too."""
        state = StateBroadcast.model_validate_json(message.data)
        if state.gateway != self.gateway:
            own = state.model_copy(update={"gateway": self.gateway, "sent_s": time.monotonic()})
            self._link.send(contract.STATE_SUBJECT, own.wire())

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.dispatcher.rebalance(time.monotonic())

    async def send(self, number: int) -> dict[str, Any]:
        answered = await self.dispatcher.submit(
            picture(b"second", number), Order(kind="recognize", pack="faulty@1.0.0")
        )
        return {"number": number, "task_id": answered.task_id, "said": answered.content}


async def main(data: Path, port: int, count: int) -> None:
    key = identity.load_or_make_nkey(data / "identity" / "master.nk")
    ca_pem = (data / "identity" / "ca.pem").read_text()
    gateway = secrets.token_hex(8)
    link = await MasterLink.connect(f"127.0.0.1:{port}", ca_pem, key.seed, gateway)
    async with asyncio.TaskGroup() as group:
        second = SecondGateway(link, gateway, group)
        await second.listen()
        ticking = group.create_task(second.tick(), name="tick")
        while sum(second.dispatcher.grants(node) for node in ("a", "b", "c", "d")) < 4:
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for told in await asyncio.gather(*(second.send(number) for number in range(count))):
            print(json.dumps(told), flush=True)
        ticking.cancel()
    await link.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
