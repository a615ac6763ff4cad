"""Manages nodes: which may join, which process each one is, its desired state, and removal.

A thin shell over `NodeRepository` (what is stored) and `AgentSessions` (which process holds a name). A desired state is
stored first, then sent, and sent again until heartbeats show it: a kill at any point loses nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping

from manyeyes import contract
from manyeyes.access.audit import Audit
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import (
    Desired,
    Directive,
    Heartbeat,
    Hello,
    Introduction,
    JoinRequest,
    Leave,
    Welcome,
)
from manyeyes.contract.mismatch import check_versions, unreadable_node
from manyeyes.errors import (
    IdentityCopied,
    IdentityInUse,
    NodeAway,
    NodeRemoved,
    Unavailable,
    VersionMismatch,
)
from manyeyes.fleet.agent_sessions import AgentSessions
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_events import Greeted, Listed, NodeEvents, Removed
from manyeyes.fleet.node_state import Fleet
from manyeyes.fleet.refusals import Refusals
from manyeyes.store.nodes import NodeRepository, NodeRow
from manyeyes.telemetry import log
from manyeyes.wording import in_utc

UNAPPROVED_SAY = ("hello", "heartbeat", "leave")
RELOAD_S = 0.2
"""After this time the engine has reloaded its configuration and closed the connections of removed keys."""
PROOF_OF_LIFE_S = 2.0
THE_MASTER = "the master"
"""Who forgets ephemeral nodes, for the audit log."""
ANSWER_S = 3.0


class NodeService:
    """Decides which nodes may join and send, and carries out what operators want of them.

    Args:
        reload_engine: writes the engine's configuration anew and has it read.
        silent_s: silence after which another process may take a node's identity over.
    """

    def __init__(
        self,
        nodes: NodeRepository,
        audit: Audit,
        fleet: Fleet,
        link: MasterLink,
        gateway: str,
        reload_engine: Callable[[], None],
        events: NodeEvents,
        activity: NodeActivity,
        silent_s: float,
    ) -> None:
        self._nodes = nodes
        self._audit = audit
        self._fleet = fleet
        self._link = link
        self._gateway = gateway
        self._reload_engine = reload_engine
        self._events = events
        self._activity = activity
        self._sessions = AgentSessions(silent_s)
        self._rows: dict[str, NodeRow] = {}
        self._greeted: set[str] = set()
        self._refusals = Refusals(fleet, link, events)
        self.refresh()

    def refresh(self) -> None:
        """Read the rows of nodes again, because they changed."""
        self._rows = {row.name: row for row in self._nodes.all()}
        self._events.publish(Listed())

    def node(self, name: str) -> NodeRow:
        """One node; raises NodeNotFound."""
        return self._nodes.node(name)

    @property
    def rows(self) -> Mapping[str, NodeRow]:
        """All nodes by name, as they were when `refresh` was last called: their counts are older."""
        return self._rows

    def same_host(self, row: NodeRow) -> tuple[str, ...]:
        """Other nodes, removed ones included, on the machine of this one."""
        return self._nodes.same_host(row)

    # what nodes say

    def was_removed(self, public_nkey: str) -> bool:
        """Whether this was the key of a node that was removed."""
        return self._nodes.removed_key(public_nkey) is not None

    def check_join(self, request: JoinRequest) -> None:
        """Check that the key may join.

        Raises:
            NodeRemoved: the key belonged to a node that was removed.
        """
        gone = self._nodes.removed_key(request.public_nkey)
        if gone is not None:
            raise NodeRemoved(
                f"this key was node {gone.name!r}, removed from the master at {in_utc(gone.removed_at)}; to come back, join "
                "with a new token and a new data folder (--data)"
            )

    def admits(self, node: str, verb: str) -> bool:
        """Whether this kind of message of the node is accepted."""
        row = self._rows.get(node)
        return row is not None and (row.approved or verb in UNAPPROVED_SAY)

    async def hello(self, node: str, hello: Hello, said: Introduction, reply: str) -> None:
        """A process sends the hello of `node`: it gets a welcome or a refusal. May take `PROOF_OF_LIFE_S`.

        One at a time for each node; a hello that comes meanwhile is not answered, and an honest node sends it again.
        """
        if node in self._greeted or not reply:
            return
        self._greeted.add(node)
        same = self._sessions.holds(node, hello.session)
        try:
            check_versions(said)
            await self._let_in(node, hello, said.release)
            self._events.publish(Greeted(node, new_process=not same))
            if row := self._rows.get(node):
                self._link.answer(reply, self._welcome(row, said).wire())
        except (VersionMismatch, IdentityInUse) as error:
            self._refusals.refuse(node, reply, error)
        except sqlite3.Error as error:
            log().error("the registry cannot be written", error=str(error))
            self._link.answer_error(reply, Unavailable(f"the master cannot write its registry: {error}"))
        finally:
            self._greeted.discard(node)

    def unreadable(self, node: str, said: Introduction, reply: str) -> None:
        """A node sent a hello or a heartbeat that cannot be read, or that is of before version 5 of the contract."""
        self._refusals.refuse(node, reply, unreadable_node(said))

    def _welcome(self, row: NodeRow, said: Introduction) -> Welcome:
        speak = contract.agreed(said.oldest, said.newest)
        assert speak is not None
        return Welcome(speak=speak, gateway=self._gateway, approved=row.approved, desired=row.desired)

    async def _let_in(self, node: str, hello: Hello, release: str) -> None:
        row = self._rows.get(node)
        known = row.fingerprint if row else ""
        if known and hello.fingerprint != known:
            here = hello.fingerprint[:12] or "no machine id"
            raise IdentityCopied(
                f"node {node!r} joined from another machine (fingerprint {known[:12]}, here {here}): "
                "its data folder was copied; start with a token and a data folder of its own: "
                "'manyeyes node --join TOKEN --data FOLDER'"
            )
        asked_at = time.monotonic()
        if not self._sessions.heard(node, hello.session, asked_at):
            self._direct(node, Directive(kind="heartbeat"))
            await asyncio.sleep(PROOF_OF_LIFE_S)
            if self._sessions.alive_since(node, asked_at):
                raise IdentityInUse(
                    f"another process is node {node!r} already and answers: is this a copied data folder? "
                    "stop the other one, or start this one with a token and a data folder of its own: "
                    "'manyeyes node --join TOKEN --data FOLDER'"
                )
            self._sessions.forget(node)
            self._sessions.heard(node, hello.session, time.monotonic())
        if hello.fingerprint and not known:
            self._nodes.set_fingerprint(node, hello.fingerprint)
            self.refresh()
        if row and release and row.release != release:
            self._nodes.set_release(node, release)
            self.refresh()

    def heartbeat(self, node: str, heartbeat: Heartbeat, now: float) -> Heartbeat | None:
        """Check a heartbeat and return what may be believed of it; None if it is not from the node's process."""
        if not self._sessions.heard(node, heartbeat.session, now):
            detail = f"another process took over as node {node!r} while this one was not heard of"
            self._direct(node, Directive(kind="refused", session=heartbeat.session, detail=detail))
            return None
        row = self._rows[node]
        if not row.approved:
            return heartbeat.model_copy(update={"state": "waiting for approval"})
        if heartbeat.state == "waiting for approval":
            self._direct(node, Directive(kind="approved"))
        if heartbeat.desired != row.desired:
            self._direct(node, Directive(kind="desired", desired=row.desired))
        return heartbeat

    def leave(self, node: str, leave: Leave) -> bool:
        """A process leaves. Returns whether it was the node's."""
        return self._sessions.ended(node, leave.session)

    # what operators want, each with its entry in the audit log; `who` is the name of the operator's key

    async def approve(self, who: str, name: str) -> None:
        """Approve a waiting node; nothing changes if it is approved already. Raises NodeNotFound."""
        if self._nodes.node(name).approved:
            return
        with self._audit.change(who, "approve", node=name, outcome="asked"):
            self._nodes.approve(name)
        self.refresh()
        self._reload_engine()
        log().info("node approved", node=name)
        await asyncio.sleep(RELOAD_S)
        self._direct(name, Directive(kind="approved"))
        await self._until(lambda: self._state(name) != "waiting for approval")

    async def remove(self, who: str, name: str) -> None:
        """Remove a node: its key never works again, what it holds goes to others at once. Raises NodeNotFound."""
        self._activity.record()
        self._nodes.node(name)
        with self._audit.change(who, "remove", node=name, outcome="asked"):
            self._nodes.remove(name)
        self._drop(name)
        log().info("node removed", node=name)
        await asyncio.sleep(RELOAD_S)
        self._events.publish(Removed(name))

    def forget(self, name: str, why: str) -> None:
        """Forget an ephemeral node: its key is refused from now on, its name is free, the audit log says why."""
        with self._audit.change(THE_MASTER, "forget", node=name, outcome="done", detail=why):
            self._nodes.forget(name)
        self._drop(name)
        log().info("ephemeral node forgotten", node=name, why=why)
        self._events.publish(Removed(name))

    def _drop(self, name: str) -> None:
        """Have nothing left of a node that is stored no more, and the engine refuse its key."""
        self.refresh()
        self._fleet.removed(name)
        self._sessions.forget(name)
        self._refusals.forget(name)
        self._reload_engine()

    def ephemeral_states(self) -> dict[str, str]:
        """The states of all ephemeral nodes."""
        return {name: self._state(name) for name, row in self._rows.items() if row.ephemeral}

    async def desire(self, who: str, name: str, desired: Desired) -> None:
        """Tell a node to pause or drain; an empty text: to work. Stored for a node that is away.

        Raises:
            NodeNotFound: none of that name.
        """
        self._nodes.node(name)
        with self._audit.change(who, desired or "resume", node=name, outcome="asked"):
            self._nodes.desire(name, desired)
        self.refresh()
        self._direct(name, Directive(kind="desired", desired=desired))
        if self._state(name) not in ("joining", "suspect", "lost", "left"):
            await self._until(lambda: self._follows(name, desired))

    async def shutdown(self, who: str, name: str) -> None:
        """Tell a node to finish its running pictures and end. The master cannot start it again.

        Raises:
            NodeNotFound: none of that name.
            NodeAway: it is not connected, or does not answer; nothing is kept for later.
        """
        self._nodes.node(name)
        self._audit.record(who, "shutdown", node=name, outcome="asked")
        state = self._state(name)
        if state in ("joining", "lost", "left"):
            raise NodeAway(f"node {name!r} is {state}: it cannot be shut down now; nothing was done")
        self._direct(name, Directive(kind="shutdown"))
        if not await self._until(lambda: self._state(name) in ("draining", "left")):
            raise NodeAway(
                f"node {name!r} did not answer in {ANSWER_S:.0f} s; look at it with 'manyeyes nodes show {name}'"
            )

    def _state(self, name: str) -> str:
        view = self._fleet.nodes.get(name)
        return view.state if view else "removed"

    def _follows(self, name: str, desired: Desired) -> bool:
        view = self._fleet.nodes.get(name)
        return view is None or (view.heartbeat is not None and view.heartbeat.desired == desired)

    async def _until(self, met: Callable[[], bool]) -> bool:
        end = time.monotonic() + ANSWER_S
        while not met():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        return True

    def _direct(self, name: str, directive: Directive) -> None:
        self._link.send(contract.directive_subject(name), directive.wire())
