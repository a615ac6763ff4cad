"""One command on this node: a session of its own, nothing of the agent's environment, all of it gone at the
end, or with the agent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from manyeyes.contract import Ended, ExecOrder
from manyeyes.node.commands import exec_guard

READ_BYTES = 64 * 1024
GRACE_S = 2.0
"""Seconds between SIGTERM and SIGKILL at the time limit."""
STRAY_S = 1.0
"""How long to wait for output of processes that outlived the command's group."""
_LOOK_S = 0.02

Tell = Callable[[Literal["stdout", "stderr"], bytes], Awaitable[None]]


def clean_environment(folder: Path, node: str) -> dict[str, str]:
    """All that a command sees of its environment."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MANYEYES_NODE_IS": node,
    }


async def run_command(order: ExecOrder, folder: Path, node: str, max_output_bytes: int, tell: Tell) -> Ended:
    """Run a command to its end; cancelling kills it and all that it started.

    Args:
        folder: where it runs.
        max_output_bytes: the limit for both streams together; the rest is dropped.
        tell: called with the output as it arrives; while it waits, the command's pipes fill and the command waits.
    """
    began_s = time.monotonic()
    argv = ["/bin/sh", "-c", " ".join(order.args)] if order.shell else list(order.args)
    guard, line = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", exec_guard.__file__, str(guard), *argv),
            cwd=folder,
            env=clean_environment(folder, node),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=(guard,),
        )
    except BaseException:
        os.close(line)
        raise
    finally:
        os.close(guard)
    output = _Output(max_output_bytes, tell)
    assert process.stdout is not None and process.stderr is not None
    pumps = [
        asyncio.create_task(output.pump("stdout", process.stdout), name="exec-stdout"),
        asyncio.create_task(output.pump("stderr", process.stderr), name="exec-stderr"),
    ]
    try:
        how = await _limited(process, pumps, order.timeout_s)
        _signal_group(process.pid, signal.SIGKILL)
        output.over.set()
        await asyncio.gather(*pumps)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        os.close(line)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
    status = process.returncode or 0
    return Ended(
        how=how,
        status=124 if how == "timed-out" else 128 - status if status < 0 else status,
        cut=output.cut,
        elapsed_s=round(time.monotonic() - began_s, 3),
    )


async def _limited(
    process: asyncio.subprocess.Process, pumps: list[asyncio.Task[None]], timeout_s: float
) -> Literal["exited", "timed-out"]:
    """Wait until the command ended, by itself or at its limit; an error of a reader ends the wait."""
    waiting = asyncio.create_task(_exit_of(process), name="exec-wait")
    try:
        end_s = time.monotonic() + timeout_s
        pending: set[asyncio.Task[None]] = set(pumps)
        while not waiting.done():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                _signal_group(process.pid, signal.SIGTERM)
                await asyncio.wait([waiting], timeout=GRACE_S)
                _signal_group(process.pid, signal.SIGKILL)
                await waiting
                return "timed-out"
            done, _ = await asyncio.wait(
                [waiting, *pending], timeout=left_s, return_when=asyncio.FIRST_COMPLETED
            )
            for pump in pending & done:
                pump.result()
            pending -= done
        return "exited"
    finally:
        waiting.cancel()


async def _exit_of(process: asyncio.subprocess.Process) -> None:
    """Wait until the process ended. `Process.wait` would also wait for every process that still holds its pipes."""
    while process.returncode is None:
        await asyncio.sleep(_LOOK_S)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


class _Output:
    def __init__(self, max_bytes: int, tell: Tell) -> None:
        self._left = max_bytes
        self._tell = tell
        self.over = asyncio.Event()
        self.cut = False

    async def pump(self, name: Literal["stdout", "stderr"], stream: asyncio.StreamReader) -> None:
        over = asyncio.create_task(self.over.wait(), name=f"exec-over-{name}")
        try:
            while data := await self._read(stream, over):
                kept = data[: self._left]
                self._left -= len(kept)
                self.cut = self.cut or len(kept) < len(data)
                if kept:
                    await self._tell(name, kept)
        finally:
            over.cancel()

    async def _read(self, stream: asyncio.StreamReader, over: asyncio.Task[bool]) -> bytes:
        """The next output; empty if the command has ended and nobody writes any more."""
        reading = asyncio.create_task(stream.read(READ_BYTES), name="exec-read")
        try:
            await asyncio.wait([reading, over], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([reading], timeout=STRAY_S)
            return reading.result() if reading.done() else b""
        finally:
            reading.cancel()
