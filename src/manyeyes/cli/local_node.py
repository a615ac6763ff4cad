"""The node that `manyeyes up` runs beside its master, as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from manyeyes import identity, telemetry
from manyeyes.addresses import from_here, with_port
from manyeyes.cli import notify
from manyeyes.config import MasterSettings
from manyeyes.datafolder import down_command, holder
from manyeyes.errors import NodeRemoved
from manyeyes.node.membership.membership import Membership, merged
from manyeyes.parent_death import ending_with_this_process

_LOOK_S, _PATIENCE_S = 0.25, 15.0
"""Seconds between two looks at who holds the node's folder, and until a person is told what to do."""
_REFUSALS = 3
"""After so many refusals in a row the local node is considered removed."""


def _forget_removed_identity(master: Any, folder: Path) -> None:
    """Have the local node join anew if it was removed: who starts `up` wants it."""
    key = folder / "node.nk"
    if key.exists() and master.node_service.was_removed(identity.load_or_make_nkey(key).public):
        telemetry.log().info("the local node was removed; it joins anew")
        (folder / "membership.json").unlink(missing_ok=True)
        key.unlink()


def _know_the_master(settings: MasterSettings, folder: Path) -> None:
    """Tell the local node where its master listens now, which may be another address or port than at its first start."""
    path = folder / "membership.json"
    if not path.exists():
        return
    known = Membership.load(path)
    if (here := _here(settings)) != known.addresses[0]:
        replace(known, addresses=merged((here,), known.addresses)).save(path)


def _here(settings: MasterSettings) -> str:
    return with_port(from_here(settings.listen), settings.nats_port)


def _token(master: Any, settings: MasterSettings) -> str:
    """A join token that leads to where the master listens: what it advertises is for other machines."""
    token = identity.JoinToken.decode(master.admission.create_token(300)[0])
    return replace(token, addresses=(_here(settings),)).encode()


async def _freed(folder: Path, stop: asyncio.Event) -> None:
    """Wait until no other process is the local node: the one of an `up` that was killed ends within seconds."""
    waited_s = 0.0
    while (process := holder(folder)) is not None and not stop.is_set():
        if waited_s in (0.0, _PATIENCE_S):
            end = f"'{down_command(folder)}' ends it" if waited_s else "it ends by itself"
            telemetry.log().warning("another process is the local node", process=process, what_to_do=end)
        waited_s += _LOOK_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_S)


async def keep_local_node(
    master: Any, settings: MasterSettings, flags: list[str], stop: asyncio.Event
) -> None:
    """Run the node beside the master, as a process of its own; restart it if it fails."""
    folder = settings.data / "node"
    _forget_removed_identity(master, folder)
    _know_the_master(settings, folder)
    pause_s = 0.5
    refusals = 0
    while not stop.is_set():
        await _freed(folder, stop)
        if stop.is_set():
            return
        token = "" if (folder / "membership.json").exists() else _token(master, settings)
        arguments = [sys.executable, "-m", "manyeyes.cli.app", "node", "--data", str(folder), *flags]
        environment = {name: value for name, value in os.environ.items() if name != notify.VARIABLE}
        environment["MANYEYES_NODE_JOIN"] = token
        child = await asyncio.create_subprocess_exec(
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=ending_with_this_process(signal.SIGTERM),
        )
        ended, stopped = asyncio.ensure_future(child.wait()), asyncio.ensure_future(stop.wait())
        await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        refusals = refusals + 1 if child.returncode == NodeRemoved.exit_code else 0
        if not stop.is_set() and (child.returncode == 0 or refusals == _REFUSALS):
            why = "it was shut down" if child.returncode == 0 else "it was removed"
            telemetry.log().warning(
                "the local node stays stopped until the next start",
                why=why,
                what_to_do="'manyeyes down', then 'manyeyes up', brings it back",
            )
            await stop.wait()
            return
        if not stop.is_set():
            telemetry.log().warning("the local node ended", status=child.returncode, again_in_s=pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
            pause_s = min(pause_s * 2, 30)
            continue
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(ended, 40)
        except TimeoutError:
            child.kill()
