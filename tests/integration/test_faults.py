"""Workers crash and hang, nodes are killed, frozen and drained: every picture still ends exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from manyeyes import ManyeyesError, PictureKillsWorkers
from tests.integration.conftest import Network, picture


def _kill_tree(pid: int) -> None:
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.kill()


def test_a_crashing_worker_is_replaced_and_its_picture_goes_to_another(shared: Network) -> None:
    with shared.node("a"), shared.node("b"):
        assert shared.client.recognize(picture(b"ONCE")).result.pack == "faulty@1.0.0"
        with pytest.raises(PictureKillsWorkers, match="4 attempts"):
            shared.client.recognize(picture(b"CRASH"))
        with pytest.raises(PictureKillsWorkers):
            shared.client.recognize(picture(b"RAISE"))
        assert shared.client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_hung_worker_is_killed_by_its_deadline(shared: Network) -> None:
    with shared.node("a", MANYEYES_NODE_TASK_DEADLINE_S="1"):
        start = time.monotonic()
        with pytest.raises(PictureKillsWorkers, match="busy with one picture for over 1 s"):
            shared.client.recognize(picture(b"HANG"))
        assert time.monotonic() - start < 30
        assert shared.client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_killed_nodes_pictures_are_taken_up_elsewhere(shared: Network) -> None:
    with shared.node("a") as a, shared.node("b"), ThreadPoolExecutor(24) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(24)]
        time.sleep(1.0)
        _kill_tree(a.process.pid)
        killed = time.monotonic()
        for answer in sent:
            assert answer.result(timeout=60).result.pack == "faulty@1.0.0"
        assert time.monotonic() - killed < 20
        shared.wait_state("a", "lost")
        nodes = {node.name: node for node in shared.client.nodes()}
        assert nodes["a"].done + nodes["b"].done == 24


def test_a_frozen_node_loses_its_pictures_and_its_late_answers_do_not_count(shared: Network) -> None:
    with shared.node("a") as a, shared.node("b"), ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(12)]
        time.sleep(0.7)
        os.kill(a.process.pid, signal.SIGSTOP)
        try:
            for answer in sent:
                assert answer.result(timeout=60).result.pack == "faulty@1.0.0"
            shared.wait_state("a", "lost")
        finally:
            os.kill(a.process.pid, signal.SIGCONT)
        shared.wait_state("a", "ready")
        assert sum(node.done for node in shared.client.nodes()) == 12
        assert shared.client.recognize(picture(shade=500)).result.pack == "faulty@1.0.0"


def test_sigterm_drains_and_leaves(shared: Network) -> None:
    with shared.node("a") as a, shared.node("b") as b, ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(16)]
        time.sleep(1.0)
        a.process.terminate()
        assert a.process.wait(15) == 0
        assert shared.state("a") == "left"
        for answer in sent:
            answer.result(timeout=60)
        assert sum(node.done for node in shared.client.nodes()) == 16
        b.process.terminate()
        assert b.process.wait(15) == 0


def test_a_second_signal_forces_the_exit(network: Network) -> None:
    with network.node("a", MANYEYES_NODE_TASK_DEADLINE_S="300") as a:
        threading.Thread(target=network.client.recognize, args=(picture(b"HANG"),), daemon=True).start()
        network.wait_state("a", "working")
        a.process.terminate()
        time.sleep(0.5)
        assert a.process.poll() is None
        a.process.terminate()
        assert a.process.wait(3) == 130


def test_the_same_key_is_worked_on_once(shared: Network) -> None:
    with shared.node("a"):
        for _ in range(2):
            answers = [shared.client.recognize(picture(b"SLOW"), idempotency_key="k1") for _ in range(2)]
        assert len({answer.result.task_id for answer in answers}) == 1
        assert shared.ended("done") == 1
        with pytest.raises(ManyeyesError, match="another picture"):
            shared.client.recognize(picture(shade=9), idempotency_key="k1")


def test_a_master_killed_and_started_again_goes_on(network: Network, faulty_pack: Path) -> None:
    with network.node("a"):
        engine = [c for c in psutil.Process(network.master.process.pid).children() if "nats" in c.name()]
        network.master.process.kill()
        network.master.process.wait()
        for _ in range(50):
            if not engine[0].is_running() or engine[0].status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.1)
        arguments = [part for part in network.master.process.args if isinstance(part, str)]  # type: ignore[union-attr]
        with (network.folder / "again.log").open("wb") as output:
            again = subprocess.Popen(
                arguments,
                stdout=output,
                stderr=output,
                env={**os.environ, "MANYEYES_CONTEXT": str(network.folder / "c.json")},
            )
        try:
            assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"
        finally:
            again.terminate()
            again.wait(20)
