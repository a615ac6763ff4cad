"""Knows which node holds which task. Pure decisions about credits, dispatches, outcomes and loss; no I/O, no clock.

Every method takes what happened and returns instructions. The invariants: every task that was added ends in
exactly one `Answer`; no node is sent more than it granted.

Dispatches are numbered for each pair of node session and gateway. A node reports the highest number that arrived,
then what it holds. A number that arrived but is not held is lost.

Each attempt has its own id, so a late or repeated message is never applied to the wrong attempt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from manyeyes.contract import Grant, Status, chunk_bytes
from manyeyes.dispatch.instructions import Answer, Instruction, Lost, Send, Settle, Sync
from manyeyes.dispatch.placement import Held, Node, Pace, hedges, most_held, soonest
from manyeyes.errors import ManyeyesError, PictureKillsWorkers

TRANSIT_S = 3.0
"""A dispatch is lost in transit if it has not arrived after this time although its node reports."""
RETURNED_FOR_S = 0.5
"""Seconds that a node does not get a task again after it returned it or crashed on it."""
MOST_REST_S = 30.0
"""The longest pause for a node that returns or loses one task after the other."""


def task_of(attempt_id: str) -> str:
    """The id of the task that an attempt belongs to."""
    return attempt_id.partition(".")[0]


@dataclass
class _Attempt:
    """One dispatch of a task to a node."""

    id: str
    session: str
    number: int
    sent_at: float
    arrived: bool = False
    """Whether the node has reported that it holds it."""
    doubted: bool = False
    """Whether the node may be gone, and the task was queued again for that."""


@dataclass
class _Entry:
    size_bytes: int
    probe: str = ""
    """The node that this task probes; empty for a picture of a caller."""
    attempts: dict[str, _Attempt] = field(default_factory=dict)
    """The attempts, by the node that holds each."""
    avoid: dict[str, float] = field(default_factory=dict)
    """By node that returned it or crashed on it: until when that node does not get it again."""
    dispatches: int = 0
    lost_attempts: int = 0


@dataclass
class _Account:
    """What one node granted, and what it was sent."""

    session: str = ""
    allowed: int = 0
    allowed_bytes: int = 0
    sent: int = 0
    sent_bytes: int = 0
    line_bytes_per_s: float = 0.0
    others: int = 0
    """Tasks of other gateways that it holds, as it last reported."""
    used: int = 0
    """The count of all dispatches when it last got one: a higher count is later."""
    held: set[str] = field(default_factory=set)
    in_vain: int = 0
    """How many times in a row it returned or lost what it was sent, without an answer in between."""
    rests_until: float = 0.0

    @property
    def free(self) -> int:
        return self.allowed - self.sent


class TaskTable:
    """The open tasks of one gateway, and the credits that nodes granted it.

    A task may be held by several nodes, since one that takes too long is hedged; the first outcome counts.

    Args:
        max_attempts: attempts that ended with a dead worker or node, after which the picture is at fault.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._entries: dict[str, _Entry] = {}
        self._waiting: OrderedDict[str, None] = OrderedDict()
        """Tasks to be sent, the next one first; those of `_again` are held by a node meanwhile."""
        self._again: set[str] = set()
        self._accounts: dict[str, _Account] = {}
        self._free: set[str] = set()
        """Nodes with credit left."""
        self._dispatches = 0
        self._probes = 0

    def __len__(self) -> int:
        return len(self._entries) - self._probes

    @property
    def waiting(self) -> int:
        """Pictures that nobody works on."""
        return len(self._waiting) - len(self._again)

    @property
    def to_send(self) -> bool:
        """Whether something must be sent: a picture that nobody works on, or one that a node holds for too long."""
        return bool(self._waiting)

    @property
    def running(self) -> int:
        """Pictures that a node holds."""
        return len(self) - self.waiting

    @property
    def first_waiting(self) -> str | None:
        """The picture that has waited longest of those that nobody works on."""
        return next((task_id for task_id in self._waiting if task_id not in self._again), None)

    def held(self, node: str) -> int:
        """How many tasks a node holds."""
        account = self._accounts.get(node)
        return len(account.held) if account else 0

    def holds(self, node: str, attempt_id: str) -> bool:
        """Whether the node was sent the task, in this or in another attempt, and may answer it."""
        entry = self._entries.get(task_of(attempt_id))
        return entry is not None and node in entry.attempts

    def counts(self, node: str, attempt_id: str, status: Status) -> bool:
        """Whether an outcome counts. One of an earlier attempt counts if it is an answer and the node has the task again."""
        if not self.holds(node, attempt_id):
            return False
        current = self._entries[task_of(attempt_id)].attempts[node].id == attempt_id
        return current or status in ("done", "error")

    def line_s(self, node: str) -> float:
        """Seconds that a node's line needs to carry all that the node holds, there and back; 0 if not known.

        Pictures of other gateways count as if they had the average size of this gateway's pictures.
        """
        account = self._accounts.get(node)
        if account is None or not account.held or not account.line_bytes_per_s:
            return 0.0
        own_bytes = sum(self._entries[task_id].size_bytes for task_id in account.held)
        all_bytes = own_bytes * (1 + account.others / len(account.held))
        return 2 * all_bytes / account.line_bytes_per_s

    def held_by(self, node: str) -> list[str]:
        """The tasks that a node holds."""
        account = self._accounts.get(node)
        return list(account.held) if account else []

    def free(self, node: str) -> int:
        """How many more dispatches a node's grant allows; below 0 if the grant was lowered below what was sent."""
        account = self._accounts.get(node)
        return account.free if account else 0

    # tasks

    def add(self, task_id: str, size_bytes: int) -> None:
        """Add a picture."""
        self._entries[task_id] = _Entry(size_bytes)
        self._waiting[task_id] = None

    def probe(self, task_id: str, node: str, size_bytes: int, now: float) -> list[Instruction]:
        """Send a node a probe, which only that node may answer. Without room in its grant nothing is sent."""
        if self.free(node) <= 0:
            return []
        self._entries[task_id] = _Entry(size_bytes, probe=node)
        self._probes += 1
        return [self._sent(task_id, node, now)]

    def fail_all(self, error: ManyeyesError) -> list[Instruction]:
        """The gateway stops: end every open task with `error`."""
        instructions: list[Instruction] = []
        for task_id, entry in list(self._entries.items()):
            instructions += self._end(task_id, next(iter(entry.attempts), ""), error)
        return instructions

    def place(self, now: float, paces: Mapping[str, Pace]) -> list[Send]:
        """Send waiting pictures to the nodes that finish them first, until there is no credit left."""
        sends: list[Send] = []
        takers = self._takers(now, paces)
        if not takers:
            return sends
        for task_id in list(self._waiting):
            entry = self._entries[task_id]
            open_nodes = [
                node
                for node in takers
                if node not in entry.attempts and not (entry.avoid and entry.avoid.get(node, 0.0) > now)
            ]
            if not open_nodes:
                continue
            nodes = [self._node(name, paces[name]) for name in open_nodes]
            sends.append(self._sent(task_id, soonest(nodes, entry.size_bytes), now))
            takers = self._takers(now, paces)
            if not takers:
                break
        return sends

    def hedge(self, now: float, paces: Mapping[str, Pace], usual_bytes: float) -> list[Send]:
        """If a node takes too long, also send the picture to another node with a free worker."""
        held = [
            Held(task_id, node, attempt.sent_at, entry.size_bytes)
            for task_id, entry in self._entries.items()
            if len(entry.attempts) == 1 and not entry.probe and task_id not in self._again
            for node, attempt in entry.attempts.items()
        ]
        if not held:
            return []
        free = [self._node(name, paces[name]) for name in self._takers(now, paces)]
        idle = [node for node in free if node.queue < node.pace.workers]
        pairs, stuck = hedges(held, paces, idle, now, waiting=self.waiting, usual_bytes=usual_bytes)
        self.issue_again(stuck)
        return [self._sent(task_id, node, now) for task_id, node in pairs if self.free(node) > 0]

    def issue_again(self, task_ids: Iterable[str]) -> None:
        """Send tasks to another node too, before all other tasks; the nodes that hold them go on."""
        for task_id in task_ids:
            entry = self._entries.get(task_id)
            if entry is not None and not entry.probe and task_id not in self._waiting:
                self._again.add(task_id)
                self._wait_first(task_id)

    def doubt(self, node: str) -> None:
        """A node may be gone, or answers nothing: send what it holds to another node too, once for each attempt."""
        doubted = []
        for task_id in self.held_by(node):
            attempt = self._entries[task_id].attempts[node]
            if not attempt.doubted:
                attempt.doubted = True
                doubted.append(task_id)
        self.issue_again(doubted)

    # what nodes say

    def grant(self, node: str, session: str, grant: Grant) -> bool:
        """A node grants credit.

        Returns:
            Whether some of the credit is left.
        """
        account = self._accounts.get(node)
        if account is None or account.session != session:
            return False
        account.allowed, account.allowed_bytes = grant.allowed, grant.allowed_bytes
        account.line_bytes_per_s = grant.line_bytes_per_s
        return self._count(node, account)

    def session(self, node: str, session: str) -> list[Instruction]:
        """A node reports its session. What an earlier session of it held is lost."""
        account = self._accounts.get(node)
        if account is not None and account.session == session:
            return []
        instructions = self.node_gone(node, f"node {node} was started anew") if account else []
        self._accounts[node] = _Account(session)
        self._free.discard(node)
        return instructions

    def reported(
        self, node: str, session: str, received: int, holding: frozenset[str], now: float
    ) -> list[Instruction]:
        """A node reports what it holds and the highest dispatch number that arrived."""
        account = self._accounts.get(node)
        if account is None or account.session != session:
            return []
        received = min(received, account.sent)
        held = {self._entries[task_id].attempts[node].id for task_id in account.held}
        account.others = len(holding - held)
        instructions: list[Instruction] = []
        for task_id in list(account.held):
            attempt = self._entries[task_id].attempts[node]
            if attempt.id in holding:
                attempt.arrived = True
            elif attempt.number <= received:
                why = f"node {node} forgot the picture (was it restarted?)" if attempt.arrived else ""
                instructions += self._lost(task_id, node, "forgotten", why)
            elif now - attempt.sent_at > TRANSIT_S:
                instructions += self._lost(task_id, node)
        if any(isinstance(instruction, Lost) for instruction in instructions):
            self._in_vain(account, now)
        if account.sent > received and not any(
            self._entries[task_id].attempts[node].number > received for task_id in account.held
        ):
            instructions.append(Sync(node, session, account.sent, account.sent_bytes))
        return instructions

    def ended(
        self, node: str, attempt_id: str, status: Status, error: ManyeyesError | None, detail: str, now: float
    ) -> list[Instruction]:
        """A node ended an attempt, with an outcome that counts."""
        task_id = task_of(attempt_id)
        entry = self._entries[task_id]
        if entry.probe:
            return self._end(task_id, node, None, attempt_id)
        account = self._accounts[node]
        if status == "returned":
            entry.avoid[node] = now + RETURNED_FOR_S
            self._in_vain(account, now)
            return self._given_up(task_id, node)
        if status == "crashed":
            entry.avoid[node] = now + RETURNED_FOR_S
            return self._counted(task_id, node, detail, attempt_id)
        account.in_vain = 0
        return self._end(task_id, node, error, attempt_id)

    def undelivered(self, node: str, number: int) -> list[Instruction]:
        """The engine found no receiver for a dispatch. The node gets nothing more until it grants again."""
        self.close(node)
        return [
            instruction
            for task_id in self.held_by(node)
            if self._entries[task_id].attempts[node].number == number
            for instruction in self._lost(task_id, node)
        ]

    def unsent(self, send: Send) -> None:
        """A dispatch could not be sent to the engine."""
        if self.holds(send.node, send.task_id):
            self._lost(send.task_id, send.node)
            self.close(send.node)

    def close(self, node: str) -> int:
        """Send nothing more until the node grants again. Returns the number of the last dispatch."""
        account = self._accounts.get(node)
        if account is None:
            return 0
        account.allowed = account.sent
        self._free.discard(node)
        return account.sent

    def close_all(self) -> None:
        """The engine cannot be reached: send nothing until nodes grant again."""
        for node in list(self._free):
            self.close(node)

    def node_gone(self, node: str, why: str = "") -> list[Instruction]:
        """A node is lost: what it held goes to other nodes."""
        self.close(node)
        instructions: list[Instruction] = []
        for task_id in self.held_by(node):
            arrived = self._entries[task_id].attempts[node].arrived
            told = (why or f"node {node} was lost") if arrived else ""
            instructions += self._lost(task_id, node, "node lost", told)
        return instructions

    def forget(self, node: str) -> None:
        """Remove a node, which holds nothing any more."""
        self._accounts.pop(node, None)
        self._free.discard(node)

    # how

    def _takers(self, now: float, paces: Mapping[str, Pace]) -> list[str]:
        """The nodes that can get a task now."""
        names = []
        for name in self._free:
            pace, account = paces.get(name), self._accounts[name]
            if pace is None or not pace.taking or account.rests_until > now:
                continue
            if len(account.held) < most_held(pace.workers):
                names.append(name)
        return names

    def _in_vain(self, account: _Account, now: float) -> None:
        """A node returned or lost what it was sent.

        The first time is allowed. After that the node gets nothing for a while, longer each time. Otherwise a node that
        takes everything and returns it keeps pictures away from others, and keeps the gateway busy.
        """
        if account.rests_until > now:
            return
        account.in_vain += 1
        if account.in_vain > 1:
            account.rests_until = now + min(RETURNED_FOR_S * 2.0 ** min(account.in_vain - 2, 16), MOST_REST_S)

    def _node(self, name: str, pace: Pace) -> Node:
        account = self._accounts[name]
        queue = len(account.held) + account.others
        return Node(name, pace, queue, account.line_bytes_per_s, account.used)

    def _sent(self, task_id: str, node: str, now: float) -> Send:
        entry, account = self._entries[task_id], self._accounts[node]
        most = min(chunk_bytes(account.line_bytes_per_s), account.allowed_bytes - account.sent_bytes)
        piece = max(0, min(entry.size_bytes, most))
        account.sent += 1
        account.sent_bytes += piece
        self._dispatches += 1
        account.used = self._dispatches
        account.held.add(task_id)
        self._count(node, account)
        entry.dispatches += 1
        attempt_id = task_id if entry.dispatches == 1 else f"{task_id}.{entry.dispatches}"
        entry.attempts[node] = _Attempt(attempt_id, account.session, account.sent, now)
        self._waiting.pop(task_id, None)
        self._again.discard(task_id)
        return Send(task_id, attempt_id, node, account.session, account.sent, piece, account.sent_bytes)

    def _count(self, node: str, account: _Account) -> bool:
        if account.free > 0:
            self._free.add(node)
            return True
        self._free.discard(node)
        return False

    def _release(self, task_id: str, node: str) -> _Entry:
        entry = self._entries[task_id]
        del entry.attempts[node]
        self._accounts[node].held.discard(task_id)
        return entry

    def _wait_first(self, task_id: str) -> None:
        self._waiting[task_id] = None
        self._waiting.move_to_end(task_id, last=False)

    def _given_up(self, task_id: str, node: str) -> list[Instruction]:
        entry = self._release(task_id, node)
        if entry.attempts:
            if all(attempt.doubted for attempt in entry.attempts.values()):
                self.issue_again([task_id])
            return []
        if task_id in self._again:
            self._again.discard(task_id)
        else:
            self._wait_first(task_id)
        return []

    def _lost(self, task_id: str, node: str, how: str = "", why: str = "") -> list[Instruction]:
        """An attempt is lost. `why` is empty if it was lost in transit, which does not count against the picture."""
        entry = self._entries[task_id]
        told: list[Instruction] = [Lost(node, task_id, how if why else "lost in transit")]
        if entry.probe:
            self._release(task_id, node)
            self._remove(task_id)
            return told
        if not why:
            return told + self._given_up(task_id, node)
        return told + self._counted(task_id, node, why, entry.attempts[node].id)

    def _counted(self, task_id: str, node: str, why: str, ended: str) -> list[Instruction]:
        entry = self._entries[task_id]
        entry.lost_attempts += 1
        if entry.lost_attempts < self._max_attempts:
            return self._given_up(task_id, node)
        error = PictureKillsWorkers(
            f"{entry.lost_attempts} attempts ended without an answer, the limit is {self._max_attempts}; "
            f"last: {why}; the picture was given up, look at it and at the node's log"
        )
        return self._end(task_id, node, error, ended)

    def _end(
        self, task_id: str, node: str, error: ManyeyesError | None, ended: str = ""
    ) -> list[Instruction]:
        """End a task. Tell all holders to stop, except the holder of attempt `ended`."""
        entry = self._entries[task_id]
        others = [
            Settle(holder, attempt.id) for holder, attempt in entry.attempts.items() if attempt.id != ended
        ]
        for holder in list(entry.attempts):
            self._release(task_id, holder)
        self._remove(task_id)
        answer: list[Instruction] = [] if entry.probe else [Answer(task_id, node, error)]
        return [*answer, *others]

    def _remove(self, task_id: str) -> None:
        entry = self._entries.pop(task_id)
        self._probes -= bool(entry.probe)
        self._waiting.pop(task_id, None)
        self._again.discard(task_id)
