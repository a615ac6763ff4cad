"""Nodes that are asked to stop while there is no master, or before they have joined: they end soon, with status 0."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from manyeyes import ManyeyesError
from tests.integration.conftest import MANYEYES, Network, free_port, picture, role

STATED_S = 12.0
"""Seconds in which a node without a master ends, even if it works on pictures."""


def _kill_master(network: Network) -> None:
    for process in [network.master.process.pid, *_children(network.master.process.pid)]:
        os.kill(process, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _end_of(process: subprocess.Popen[bytes], within_s: float) -> float:
    began = time.monotonic()
    assert process.wait(within_s) == 0
    return time.monotonic() - began


def _send_in_vain(network: Network) -> None:
    with contextlib.suppress(ManyeyesError):
        network.client.recognize(picture(b"HANG"))


@pytest.mark.parametrize("busy", [False, True])
def test_down_with_the_master_killed(network: Network, busy: bool) -> None:
    with network.node("a") as a:
        if busy:
            threading.Thread(target=_send_in_vain, args=(network,), daemon=True).start()
            network.wait_state("a", "working")
        _kill_master(network)
        began = time.monotonic()
        down = subprocess.run(
            [*MANYEYES, "down", "--data", str(network.folder / "a")], capture_output=True, timeout=60
        )
        assert down.returncode == 0, down.stderr
        assert time.monotonic() - began < STATED_S
        assert a.process.wait(1) == 0
        assert "Traceback" not in a.log.read_text()


def test_sigterm_while_the_master_is_looked_for(network: Network) -> None:
    with network.node("a"):
        pass
    _kill_master(network)
    with network.node("a", wait=False) as a:
        a.wait_for("waiting for the master")
        a.process.terminate()
        assert _end_of(a.process, 5) < 3


def _catches_sigterm(pid: int) -> bool:
    """Whether a process has come so far that it handles SIGTERM itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) & 1 << (signal.SIGTERM - 1))


def test_sigterm_while_joining(network: Network) -> None:
    silent = free_port()
    token = network.client.create_token(60).token
    os.kill(network.master.process.pid, signal.SIGSTOP)
    for child in _children(network.master.process.pid):
        os.kill(child, signal.SIGSTOP)
    try:
        with role(
            network.folder / "logs", "node", "--data", str(network.folder / f"b{silent}"), "--join", token
        ) as b:
            while not _catches_sigterm(b.process.pid):
                time.sleep(0.05)
            time.sleep(1)
            b.process.terminate()
            assert _end_of(b.process, 5) < 3
    finally:
        for child in [*_children(network.master.process.pid), network.master.process.pid]:
            os.kill(child, signal.SIGCONT)


def test_a_master_that_stood_still_takes_nobody_for_lost(network: Network) -> None:
    with network.node("a"), ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(network.client.recognize, picture(b"SLOW", n)) for n in range(4)]
        time.sleep(0.5)
        family = [network.master.process.pid, *_children(network.master.process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(9)
        for pid in reversed(family):
            os.kill(pid, signal.SIGCONT)
        for answer in sent:
            assert answer.result(timeout=60).result.pack == "faulty@1.0.0"
        log = network.master.log.read_text()
        assert "stood still" in log
        assert '"lost"' not in log
