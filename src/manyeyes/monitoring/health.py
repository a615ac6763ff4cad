"""Whether this master lives, and whether it can take a picture and have it worked on: pure decisions."""

from __future__ import annotations

from dataclasses import dataclass

STOOD_STILL_S = 5.0
"""The master's timer ticks twice a second."""


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong; `what` is stable, for programs."""

    what: str
    detail: str


@dataclass(frozen=True)
class Signs:
    """What is seen of a master at one moment."""

    ticked_ago_s: float
    """Since its timer last ticked."""
    engine_runs: bool
    engine_answers: bool
    engine_words: str
    """The last lines of the engine's log."""
    ready_nodes: int
    nodes: int
    stopping: bool
    disk_free_bytes: int
    disk_least_bytes: int


def unwell(signs: Signs) -> list[Wrong]:
    """Why the process should be checked or restarted; empty if it is alive."""
    wrong = []
    if signs.ticked_ago_s > STOOD_STILL_S:
        wrong.append(
            Wrong(
                "clock", f"the master's timer ticked {signs.ticked_ago_s:.1f} s ago, it should twice a second"
            )
        )
    if not signs.engine_runs:
        wrong.append(Wrong("engine", f"nats-server does not run; its last log lines: {signs.engine_words}"))
    return wrong


def not_ready(signs: Signs) -> list[Wrong]:
    """Why a picture sent now would be refused or would wait; empty if it would be worked on."""
    wrong = unwell(signs)
    if signs.stopping:
        wrong.append(Wrong("stopping", "this master is stopping; it takes no more pictures"))
    if signs.engine_runs and not signs.engine_answers:
        wrong.append(Wrong("engine-silent", "nats-server runs and does not answer within 1 s"))
    if not signs.ready_nodes:
        joined = f"{signs.nodes} have joined" if signs.nodes else "none has joined"
        wrong.append(Wrong("nodes", f"no node takes pictures, {joined}; 'manyeyes nodes list' shows why"))
    if signs.disk_free_bytes < signs.disk_least_bytes:
        wrong.append(
            Wrong(
                "disk",
                f"the disk of the data folder has {signs.disk_free_bytes >> 20} MiB free, at least "
                f"{signs.disk_least_bytes >> 20} are needed; free some space",
            )
        )
    return wrong
