"""Probes nodes on the way that pictures take: directive, claim, worker, result; carries out what `Probes` decides."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable

import numpy as np
from PIL import Image

from manyeyes import contract
from manyeyes.broker.connection import BetterElsewhere, Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import unframe
from manyeyes.contract import Beat, Claim, Directive, Outcome, Task
from manyeyes.errors import TaskLost
from manyeyes.master.desk import Desk
from manyeyes.master.fleet import TAKING, Change, Fleet
from manyeyes.master.probes import BringBack, Instruction, Probes, SendProbe, TakeOut
from manyeyes.telemetry import log

PROBE_SIDE_PX = 96
DEAF_ASKS_AGAIN_S = 2.0


def probe_picture() -> bytes:
    """A PNG of noise, some 27 kB: more than one packet of any network, so a line that loses large ones is found."""
    noise_hwc_u8 = np.random.default_rng(0).integers(0, 256, (PROBE_SIDE_PX, PROBE_SIDE_PX, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise_hwc_u8).save(buffer, "PNG")
    return buffer.getvalue()


def says_it_takes(beat: Beat, holds: int) -> bool:
    """Whether a node says that it works on pictures just now.

    One whose workers all start, or rest after a picture that killed them, asks for none, and is not deaf; but one
    that holds pictures is held to them.
    """
    return beat.state in TAKING and (
        holds > 0 or any(worker.state in ("idle", "busy") for worker in beat.workers)
    )


class Probing:
    """One per master.

    Args:
        pack: the pack in use, as `faces@1.0.0`.
    """

    def __init__(
        self, probes: Probes, fleet: Fleet, desk: Desk, link: MasterLink, pack: Callable[[], str]
    ) -> None:
        self._probes = probes
        self._fleet = fleet
        self._desk = desk
        self._link = link
        self._pack = pack
        self._picture = probe_picture()
        self._sha256 = hashlib.sha256(self._picture).hexdigest()
        self._waiting_since: float | None = None
        self._sent: dict[str, str] = {}
        """The probe that each node is to answer; the same until it does."""

    async def look(self, now: float) -> list[Change]:
        """Look at all nodes; the changes of their states."""
        changes: list[Change] = []
        self._waiting_since = (self._waiting_since or now) if self._desk.waiting else None
        for view in list(self._fleet.nodes.values()):
            alive = view.beat is not None and now - view.heard_at <= self._fleet.suspect_s
            picture_s = view.beat.picture_s if view.beat else 0.0
            holds = self._desk.held.get(view.name, 0)
            takes = alive and view.beat is not None and says_it_takes(view.beat, holds)
            instructions = self._probes.seen(view.name, takes, holds, picture_s, now, self._waiting_since)
            changes += await self._carry_out(instructions, now)
        return changes

    async def answered(self, node: str, now: float) -> list[Change]:
        """A node answered a picture or a probe."""
        return await self._carry_out(self._probes.answered(node, now), now)

    async def asked(self, node: str, now: float) -> list[Change]:
        """A node claims a picture."""
        return await self._carry_out(self._probes.asked(node, now), now)

    def refuses(self, node: str) -> bool:
        """Whether a node is deaf and gets no pictures."""
        return self._probes.refuses(node)

    def is_probe(self, node: str, task_id: str) -> bool:
        """Whether this is the node's own probe."""
        return bool(task_id) and self._sent.get(node) == task_id

    async def refuse(self, claim: Claim, reply: str) -> None:
        """A deaf node claims a picture: another one gets it."""
        await self._desk.turn_away(claim)
        refusal = BetterElsewhere(
            "this node has not answered a probe; it is given no pictures until it does",
            retry_after_s=DEAF_ASKS_AGAIN_S,
        )
        await self._link.reply_error(reply, refusal)

    async def on_claim(self, message: Incoming) -> None:
        """A node fetches its probe."""
        await self._link.reply_chunk(message.reply, self._picture, len(self._picture))

    async def on_result(self, node: str, message: Incoming, now: float) -> list[Change]:
        """A node answers its probe; what it found does not matter."""
        if len(message.data) < int(message.headers.get(contract.HEADER_SIZE, 0)):
            await self._link.reply_error(message.reply, TaskLost("the answer to a probe fits one message"))
            return []
        outcome = Outcome.model_validate_json(unframe(message.data)[0])
        await self._link.reply_empty(message.reply)
        if outcome.kind not in ("done", "error"):
            return []
        del self._sent[node]
        return await self.answered(node, now)

    async def _carry_out(self, instructions: list[Instruction], now: float) -> list[Change]:
        changes: list[Change | None] = []
        for instruction in instructions:
            match instruction:
                case SendProbe(node):
                    await self._direct(node, Directive(kind="probe", task=self._task(node)))
                case TakeOut(node, reason):
                    log().warning("a node is deaf", node=node, reason=reason)
                    changes.append(self._fleet.deaf(node, reason))
                    await self._direct(node, Directive(kind="deaf", detail=reason))
                    await self._desk.node_deaf(node)
                case BringBack(node):
                    log().info("a deaf node answers again", node=node)
                    changes.append(self._fleet.hearing(node, now))
        return [change for change in changes if change is not None]

    def _task(self, node: str) -> Task:
        return Task(
            id=self._sent.setdefault(node, secrets.token_hex(16)),
            operation="recognize",
            gateway=self._desk.gateway,
            pack=self._pack(),
            size_bytes=len(self._picture),
            sha256=self._sha256,
            draw=True,
            gallery_version=0,
        )

    async def _direct(self, node: str, directive: Directive) -> None:
        await self._link.publish(contract.directive_subject(node), directive.wire())
