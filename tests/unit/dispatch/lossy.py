"""Gateways and nodes without processes, clocks or sockets, and a network between them that loses and delays.

The gateways decide with a real `TaskTable`, the nodes grant with real `Grants`; around both stands what their shells
do with messages. What must hold at every moment is checked where it happens.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from manyeyes.contract import CHUNK_BYTES, Credit, Dispatch, Grant, Outcome, Status, Task
from manyeyes.dispatch.instructions import Answer, Instruction, Lost, Send, Settle, Sync
from manyeyes.dispatch.placement import Pace
from manyeyes.dispatch.task_table import TaskTable, task_of
from manyeyes.errors import PictureKillsWorkers
from manyeyes.node.tasks.grants import Grants

MAX_ATTEMPTS = 2
WINDOW_BYTES = 5 * CHUNK_BYTES // 2
"""What may be under way to a node: fewer than three whole pictures."""
LOST_S = 7.0
AGAIN_S = 3.0


@dataclass(frozen=True)
class Beat:
    """As much of a heartbeat as dispatch needs."""

    session: str
    holding: frozenset[str]
    grants: dict[str, Grant]


@dataclass(frozen=True)
class Absent:
    """The engine's word that nobody took a dispatch."""

    node: str
    number: int


@dataclass
class Held:
    """A task that a node was sent and that is not settled."""

    gateway: str
    number: int
    """Of the dispatch that brought it."""
    status: Status | None = None
    """Its outcome, which is in the outbox; None while a worker has it."""
    wanted: bool = True
    sent_at: float | None = None


class Network:
    """Messages under way: in order between each two, in any order between different pairs."""

    def __init__(self) -> None:
        self.under_way: defaultdict[tuple[str, str], deque[Any]] = defaultdict(deque)

    def send(self, sender: str, receiver: str, message: Any) -> None:
        self.under_way[sender, receiver].append(message)

    def lose(self, sender: str, receiver: str, first: int, count: int) -> None:
        """A connection breaks: what it carried is lost from the `first` message on, so many at most."""
        line = self.under_way[sender, receiver]
        kept = [message for at, message in enumerate(line) if not first <= at < first + count]
        self.under_way[sender, receiver] = deque(kept)


class ModelNode:
    """A node: it takes what is sent to it, ends it when it is told to, and sends outcomes until they are settled."""

    def __init__(self, world: World, name: str, capacity: int) -> None:
        self.world, self.name, self.capacity = world, name, capacity
        self.connected = True
        self.starts = 0
        self.start()

    def start(self) -> None:
        """A new process: it remembers nothing."""
        self.starts += 1
        self.session = f"{self.name}-{self.starts}"
        self.held: dict[str, Held] = {}
        self.grants = Grants()
        self.grants.capacity, self.grants.window_bytes = self.capacity, WINDOW_BYTES
        self.allowed: Counter[str] = Counter()
        """The highest dispatch number that each gateway was ever allowed."""
        self.allowed_bytes: Counter[str] = Counter()
        self.most_held = max(1, self.capacity)
        """What no gateway may ever exceed."""
        self.heartbeat()

    def crash(self) -> None:
        """The process ends, and another one takes its place."""
        for task_id, held in self.held.items():
            self.world.at_fault(task_id, self.session, held.number)
        for gateway in self.world.gateways:
            self.world.network.lose(gateway, self.name, 0, 10**9)
        self.start()

    def resize(self, capacity: int) -> None:
        """Workers come or go."""
        self.capacity = self.grants.capacity = capacity
        self.most_held = max(self.most_held, capacity)
        self.credit()

    def unended(self, gateway: str) -> int:
        """Tasks of a gateway that a worker has or is to have."""
        return sum(held.gateway == gateway and held.status is None for held in self.held.values())

    # what gateways say

    def heard(self, gateway: str) -> None:
        if self.grants.heard(gateway, self.world.now):
            self.heartbeat()

    def on_dispatch(self, dispatch: Dispatch) -> None:
        if dispatch.session != self.session:
            return
        for task_id in dispatch.settled:
            self._settle(task_id)
        if not dispatch.number:
            return
        task, gateway = dispatch.task, dispatch.gateway
        gap = self.grants.arrived(
            gateway, dispatch.number, dispatch.sent_bytes, self.world.now, task=task is not None
        )
        if task is not None:
            self._take(task.id, gateway, dispatch.number)
        if gap:
            self.heartbeat()
        elif task is None:
            self.credit()

    def _take(self, task_id: str, gateway: str, number: int) -> None:
        assert task_id not in self.held, "an attempt is sent twice"
        self.held[task_id] = Held(gateway, number)
        self.grants.taken(gateway)
        assert self.unended(gateway) <= self.most_held, "a node holds more than it ever granted"
        if self.grants.closed or not self.capacity:
            self.end(task_id, "returned")

    def _settle(self, task_id: str) -> None:
        held = self.held.get(task_id)
        if held is None:
            return
        if held.status is not None:
            del self.held[task_id]
        elif self.world.begun(task_id):
            held.wanted = False
        else:
            del self.held[task_id]
            self.grants.ended(held.gateway)
            self.credit()

    # what it says

    def end(self, task_id: str, status: Status) -> None:
        """A worker has ended a task, or the node returns it."""
        held = self.held[task_id]
        self.grants.ended(held.gateway)
        if not held.wanted:
            del self.held[task_id]
            self.credit()
            return
        if status == "crashed":
            self.world.at_fault(task_id, self.session, held.number)
        held.status = status
        self.send_outcome(task_id)
        self.credit()

    def send_outcome(self, task_id: str) -> None:
        """Send an outcome, the first time or again."""
        held = self.held[task_id]
        if not self.connected or held.status is None:
            return
        grant = self._grant(held.gateway)
        outcome = Outcome(session=self.session, task_id=task_id, status=held.status, grant=grant)
        held.sent_at = self.world.now
        self.world.network.send(self.name, held.gateway, outcome)

    def heartbeat(self) -> None:
        """Tell every gateway how it is."""
        if not self.connected:
            return
        grants = {gateway: self._grant(gateway) for gateway in self.grants.gateways}
        for gateway in self.world.gateways:
            self.world.network.send(self.name, gateway, Beat(self.session, frozenset(self.held), grants))

    def credit(self) -> None:
        """Tell the gateways that may send more."""
        for gateway in self.grants.rose(self.world.now):
            word = Credit(session=self.session, grants={gateway: self._grant(gateway)})
            if self.connected:
                self.world.network.send(self.name, gateway, word)

    def look(self) -> None:
        """Time passed."""
        self.grants.gone(self.world.now)
        for task_id, held in list(self.held.items()):
            if held.status is None:
                continue
            if held.gateway not in self.grants:
                del self.held[task_id]
            elif held.sent_at is None or self.world.now - held.sent_at > AGAIN_S:
                self.send_outcome(task_id)
        self.credit()

    def _grant(self, gateway: str) -> Grant:
        grant = self.grants.grant(gateway, self.world.now)
        self.allowed[gateway] = max(self.allowed[gateway], grant.allowed)
        self.allowed_bytes[gateway] = max(self.allowed_bytes[gateway], grant.allowed_bytes)
        return grant


class ModelGateway:
    """A gateway: a real task table, and what the dispatcher does around it."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.table = TaskTable(MAX_ATTEMPTS)
        self.connected = True
        self.sessions: dict[str, str] = {}
        self.heard_at: dict[str, float] = {}
        self.settled: defaultdict[str, list[str]] = defaultdict(list)
        self.waits: set[str] = set()
        """Tasks that have no end yet."""
        self.answered: dict[str, Answer] = {}

    @property
    def paces(self) -> dict[str, Pace]:
        return {node: Pace(2, 0.1, taking=True) for node in self.heard_at}

    def submit(self, task_id: str, size_bytes: int) -> None:
        self.waits.add(task_id)
        self.table.add(task_id, size_bytes)
        self.pump()

    def probe(self, task_id: str, node: str) -> None:
        self.carry_out(self.table.probe(task_id, node, 10, self.world.now))

    def pump(self) -> None:
        if self.connected:
            self.carry_out(self.table.place(self.world.now, self.paces))

    def hear(self, node: str, message: Any) -> None:
        now = self.world.now
        match message:
            case Beat(session, holding, grants):
                self.heard_at[node] = now
                if self.sessions.get(node) != session:
                    self.sessions[node] = session
                    self.carry_out(self.table.session(node, session))
                grant = grants.get(self.name, Grant())
                self.carry_out(self.table.reported(node, session, grant.received, holding, now))
                self.table.grant(node, session, grant)
            case Credit(session=session, grants=grants):
                self.table.grant(node, session, grants[self.name])
            case Outcome(session=session, task_id=task_id, status=status, grant=grant):
                if session != self.sessions.get(node):
                    return
                self.settled[node].append(task_id)
                if self.table.counts(node, task_id, status):
                    self.carry_out(self.table.ended(node, task_id, status, None, "", now))
                assert grant is not None
                self.table.grant(node, session, grant)
            case Absent(absent, number):
                self.carry_out(self.table.undelivered(absent, number))
        self.pump()

    def look(self) -> None:
        """Time passed: nodes that are silent are lost."""
        for node, heard_at in list(self.heard_at.items()):
            if self.world.now - heard_at > LOST_S:
                del self.heard_at[node]
                self.lose(node)

    def lose(self, node: str) -> None:
        """The node is taken for lost."""
        for task_id in self.table.held_by(node):
            attempt = self.table._entries[task_id].attempts[node]
            self.world.at_fault(task_id, attempt.session, attempt.number)
        self.settled.pop(node, None)
        self.carry_out(self.table.node_gone(node))
        self.pump()

    def hedge(self) -> None:
        if self.connected:
            self.carry_out(self.table.hedge(self.world.now, self.paces, 50.0))
        self.pump()

    def unresponsive(self, node: str) -> None:
        self.table.doubt(node)
        self.pump()

    def disconnect(self) -> None:
        self.connected = False
        self.table.close_all()

    def flush(self) -> None:
        """Send the confirmations that no dispatch took along."""
        settled, self.settled = self.settled, defaultdict(list)
        for node, task_ids in settled.items():
            word = Dispatch(gateway=self.name, session=self.sessions[node], settled=tuple(task_ids))
            self._send(node, word)

    def carry_out(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Send():
                    self._dispatch(instruction)
                case Answer(task_id, node, error):
                    assert task_id in self.waits, "a picture is answered twice, or was never sent"
                    self.waits.remove(task_id)
                    self.answered[task_id] = instruction
                    if isinstance(error, PictureKillsWorkers):
                        assert len(self.world.faults[task_id]) >= MAX_ATTEMPTS, (
                            "a picture is given up that did not end so many workers"
                        )
                case Settle(node, attempt_id):
                    self.settled[node].append(attempt_id)
                case Lost(node, task_id, how):
                    assert "forgot" not in how, "no node forgets what it holds"
                case Sync(node, session, number, sent_bytes):
                    word = Dispatch(gateway=self.name, session=session, number=number, sent_bytes=sent_bytes)
                    self._send(node, word)

    def _dispatch(self, send: Send) -> None:
        node = self.world.nodes[send.node]
        if send.session == node.session:
            assert send.number <= node.allowed[self.name], "more is sent than was granted"
            assert send.sent_bytes <= node.allowed_bytes[self.name], "more bytes are sent than were granted"
        if not self.connected:
            self.table.unsent(send)
            return
        settled = tuple(self.settled.pop(send.node, ()))
        task = Task(id=send.attempt_id, kind="k", pack="p", size_bytes=0)
        word = Dispatch(
            gateway=self.name,
            session=send.session,
            number=send.number,
            sent_bytes=send.sent_bytes,
            task=task,
            settled=settled,
        )
        if not self._send(send.node, word):
            self.world.network.send("engine", self.name, Absent(send.node, send.number))

    def _send(self, node: str, word: Dispatch) -> bool:
        """Whether somebody takes it."""
        if not self.connected:
            return False
        if self.world.nodes[node].connected:
            self.world.network.send(self.name, node, word)
            return True
        return False


@dataclass
class World:
    """All of it."""

    capacities: tuple[int, ...]
    gateway_count: int
    now: float = 1000.0
    network: Network = field(default_factory=Network)
    faults: defaultdict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    """The attempts at each task that ended with a dead worker or node, or with a node that was taken for lost."""
    tasks: int = 0

    def __post_init__(self) -> None:
        self.gateways: dict[str, ModelGateway] = {}
        for number in range(self.gateway_count):
            self.gateways[f"g{number}"] = ModelGateway(self, f"g{number}")
        self.nodes: dict[str, ModelNode] = {}
        for number, capacity in enumerate(self.capacities):
            self.nodes[f"n{number}"] = ModelNode(self, f"n{number}", capacity)

    def at_fault(self, task_id: str, session: str, number: int) -> None:
        self.faults[task_of(task_id)].add((session, number))

    def begun(self, task_id: str) -> bool:
        """Whether a worker has begun with it by the time that it is wanted no more: every other one."""
        return int(task_of(task_id).rsplit("-", 1)[1]) % 2 == 0

    def new_task(self) -> str:
        self.tasks += 1
        return f"t-{self.tasks}"

    def connect_node(self, name: str) -> None:
        node = self.nodes[name]
        if not node.connected:
            node.connected = True
            node.heartbeat()

    def disconnect_node(self, name: str, carried: int) -> None:
        """A node's connection breaks, after so many messages of each line more."""
        self.nodes[name].connected = False
        for gateway in self.gateways:
            self.network.lose(gateway, name, carried, 10**9)
            self.network.lose(name, gateway, carried, 10**9)

    def disconnect_gateway(self, name: str, carried: int) -> None:
        """A gateway's connection breaks."""
        self.gateways[name].disconnect()
        for node in (*self.nodes, "engine"):
            self.network.lose(node, name, carried, 10**9)
            self.network.lose(name, node, carried, 10**9)

    def deliver(self, sender: str, receiver: str, count: int = 10**9) -> None:
        """So many messages of a line arrive."""
        line = self.network.under_way[sender, receiver]
        for _ in range(min(count, len(line))):
            if not line:
                return
            message = line.popleft()
            if receiver in self.gateways:
                if self.gateways[receiver].connected:
                    self.gateways[receiver].hear(sender, message)
            else:
                node = self.nodes[receiver]
                if message == "state":
                    node.heard(sender)
                elif node.connected:
                    node.on_dispatch(message)

    def broadcast(self, name: str) -> None:
        """A gateway says that it is there."""
        for node in self.nodes.values():
            if self.gateways[name].connected and node.connected:
                self.network.send(name, node.name, "state")

    def lines(self) -> list[tuple[str, str]]:
        """The lines on which messages are under way."""
        return sorted(line for line, messages in self.network.under_way.items() if messages)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for node in self.nodes.values():
            node.look()
        for gateway in self.gateways.values():
            gateway.look()

    def heal(self) -> None:
        """Everybody is there and works, and what is sent arrives; until nothing changes any more."""
        for node in self.nodes.values():
            node.grants.closed = False
            node.resize(max(node.capacity, 1))
            self.connect_node(node.name)
        for gateway in self.gateways.values():
            gateway.connected = True
        open_pictures = sum(len(gateway.waits) for gateway in self.gateways.values())
        for _ in range(20 + open_pictures):  # each round ends one picture a node, or more
            for name in self.gateways:
                self.broadcast(name)
            for node in self.nodes.values():
                node.heartbeat()
            for _ in range(4):
                for line in self.lines():
                    self.deliver(*line)
            for node in self.nodes.values():
                for task_id in [task_id for task_id, held in node.held.items() if held.status is None]:
                    node.end(task_id, "done")
            for line in self.lines():
                self.deliver(*line)
            for gateway in self.gateways.values():
                gateway.hedge()
                gateway.flush()
            self.pass_time(1.0)
