"""Clocks that are a day wrong: tokens expire by the master's clock, and nothing else depends on the time of day."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from manyeyes import Client
from manyeyes.broker.engine import find_engine
from manyeyes.sdk.context import load_context
from tests.clocks import clock, why_no_clock
from tests.integration.conftest import MANYEYES, Network, free_port, picture, role
from tests.needs import needed


@pytest.fixture(autouse=True)
def _clocks() -> None:
    needed(why_no_clock())


@pytest.mark.parametrize("offset", ["+1d", "-1d"])
def test_a_node_whose_clock_is_a_day_wrong_joins_and_works(
    network: Network, tmp_path: Path, offset: str
) -> None:
    wrong = clock(tmp_path / "clock", offset)
    with network.node("a", **wrong) as a:
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"
        (tmp_path / "clock").write_text("+0")
        assert network.client.recognize(picture(shade=1)).result.pack == "faulty@1.0.0"
        a.process.terminate()
        assert a.process.wait(15) == 0
    with network.node("a", **wrong):
        network.wait_state("a", "ready")


@pytest.mark.parametrize("offset", ["+1d", "-1d"])
def test_a_token_that_has_run_out_says_by_whose_clock(network: Network, tmp_path: Path, offset: str) -> None:
    token = network.client.create_token(1).token
    time.sleep(2.5)
    ended = subprocess.run(
        [*MANYEYES, "node", "--data", str(tmp_path / "late"), "--join", token],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **clock(tmp_path / "clock", offset)},
    )
    assert ended.returncode == 5, ended.stderr
    assert "by the master's clock; here it is" in ended.stderr


def _engine(folder: Path) -> Path:
    """A script that runs the engine. With `--version`, the process ends before its output is closed.

    So the master need not wait for the process, which would use `time.sleep`: libfaketime breaks that.
    """
    path, engine = folder / "nats-server", find_engine()
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || exec {engine} "$@"\n{engine} --version\nsleep 0.3 &\n'
    )
    path.chmod(0o700)
    return path


@contextmanager
def master(folder: Path, pack: Path, clock_shown: dict[str, str]) -> Iterator[Network]:
    nats_port = free_port()
    arguments = ["--data", str(folder / "master"), "--pack", str(pack), "--nats-port", str(nats_port)]
    arguments += ["--https-port", str(free_port()), "--listen", "127.0.0.1"]
    with role(folder / "logs", "master", *arguments, **clock_shown) as running:
        running.wait_for("ready:")
        with Client(load_context(folder / "master" / "context.json")) as client:
            yield Network(folder, folder / "master", running, client, nats_port)


def test_a_master_whose_clock_jumps_ahead_by_a_day_and_back_loses_nobody(
    tmp_path: Path, faulty_pack: Path
) -> None:
    shown = tmp_path / "clock"
    environment = {**clock(shown), "MANYEYES_NATS_SERVER": str(_engine(tmp_path))}
    with master(tmp_path, faulty_pack, environment) as network, network.node("a") as a:
        for number, offset in enumerate(("+1d", "+0")):
            shown.write_text(offset)
            time.sleep(3)
            assert network.state("a") == "ready"
            assert network.client.recognize(picture(shade=number)).result.pack == "faulty@1.0.0"
            assert "lost" not in network.master.log.read_text()
            with network.node(f"b{number}"):
                network.wait_state(f"b{number}", "ready")
        a.process.terminate()
        assert a.process.wait(15) == 0
