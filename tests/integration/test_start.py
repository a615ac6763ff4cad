"""A master that cannot start says why and what to do."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.integration.conftest import MANYEYES, Network, Role, free_port, picture, role


def _start(
    tmp_path: Path, pack: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    ports = ["--https-port", str(free_port())] + (
        [] if "--nats-port" in arguments else ["--nats-port", str(free_port())]
    )
    command = [*MANYEYES, "master", "--pack", str(pack), "--listen", "127.0.0.1", *ports, *arguments]
    if "--data" not in arguments:
        command += ["--data", str(tmp_path / "data")]
    env = {**os.environ, "MANYEYES_CONTEXT": str(tmp_path / "c.json"), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)


def _fake_engine(tmp_path: Path, version: str) -> str:
    path = tmp_path / "nats-server"
    path.write_text(f"#!/bin/sh\necho 'nats-server: v{version}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_engine_that_is_not_there(tmp_path: Path, faulty_pack: Path) -> None:
    ended = _start(tmp_path, faulty_pack, MANYEYES_NATS_SERVER="/nowhere/nats-server")
    assert ended.returncode == 8
    assert "error: MANYEYES_NATS_SERVER names /nowhere/nats-server" in ended.stderr


def test_an_engine_that_is_too_old(tmp_path: Path, faulty_pack: Path) -> None:
    ended = _start(tmp_path, faulty_pack, MANYEYES_NATS_SERVER=_fake_engine(tmp_path, "2.8.4"))
    assert ended.returncode == 8
    assert "is nats-server 2.8.4, at least 2.9.0 is needed" in ended.stderr


def test_an_engine_that_ends_at_once(tmp_path: Path, faulty_pack: Path) -> None:
    ended = _start(tmp_path, faulty_pack, MANYEYES_NATS_SERVER=_fake_engine(tmp_path, "2.11.0"))
    assert ended.returncode == 8
    assert "nats-server did not start" in ended.stderr


@pytest.mark.parametrize("flag", ["--nats-port", "--https-port"])
def test_a_taken_port(tmp_path: Path, faulty_pack: Path, flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = _start(tmp_path, faulty_pack, flag, str(taken.getsockname()[1]))
    assert ended.returncode == 8
    assert "Address already in use" in ended.stderr and f"choose another with {flag}" in ended.stderr


def test_an_unwritable_data_folder(tmp_path: Path, faulty_pack: Path) -> None:
    ended = _start(tmp_path, faulty_pack, "--data", "/proc/manyeyes")
    assert ended.returncode == 8
    assert "cannot write to the data folder /proc/manyeyes" in ended.stderr


def test_a_data_folder_in_use(network: Network, tmp_path: Path, faulty_pack: Path) -> None:
    ended = _start(tmp_path, faulty_pack, "--data", str(network.data))
    assert ended.returncode == 8
    assert f"in use by process {network.master.process.pid}" in ended.stderr


def test_up_lets_its_own_node_in_again_after_it_was_removed(tmp_path: Path, faulty_pack: Path) -> None:
    data = tmp_path / "up"
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    arguments = ["up", "--data", str(data), "--pack", str(faulty_pack), "--workers", "1", *ports]
    with role(tmp_path / "logs", *arguments, MANYEYES_MASTER_CONSOLE="0") as up:
        up.wait_for("ready:", 60)
        with Client(load_context(data / "context.json")) as client:
            (node,) = client.nodes()
            client.remove_node(node.name)
            up.wait_for("the local node stays stopped until the next start", 60)
            assert client.nodes() == []
    with role(tmp_path / "logs", *arguments, MANYEYES_MASTER_CONSOLE="0") as up:
        up.wait_for("ready:", 60)
        with Client(load_context(data / "context.json")) as client:
            assert [again.name for again in client.nodes()] == [node.name]
            assert client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_taken_port_is_found_before_the_pack_is_built(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [*MANYEYES, "master", "--listen", "127.0.0.1", "--data", str(tmp_path / "data")]
        ports = ["--nats-port", str(free_port()), "--https-port", str(taken.getsockname()[1])]
        env = {**os.environ, "MANYEYES_CACHE": "/dev/null/nowhere"}
        ended = subprocess.run([*command, *ports], capture_output=True, text=True, timeout=60, env=env)
    assert (ended.returncode, "choose another with --https-port" in ended.stderr) == (8, True), ended.stderr


def test_a_second_master_does_not_take_over_the_users_commands(tmp_path: Path, faulty_pack: Path) -> None:
    env = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "MANYEYES_CONTEXT": "",
        "MANYEYES_MASTER_CONSOLE": "0",
    }
    https = {name: free_port() for name in ("first", "second")}

    def start(name: str) -> AbstractContextManager[Role]:
        ports = ["--https-port", str(https[name]), "--nats-port", str(free_port()), "--listen", "127.0.0.1"]
        arguments = ["--data", str(tmp_path / name), "--pack", str(faulty_pack), *ports]
        return role(tmp_path / "logs", "master", *arguments, **env)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*MANYEYES, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **env}
        )
        return done.stdout + done.stderr

    with start("first") as first:
        first.wait_for("ready:")
        with start("second") as second:
            second.wait_for("ready:")
            said = second.log.read_text()
            assert f"commands still go to https://127.0.0.1:{https['first']}" in said
            assert "'manyeyes contexts use second' sends them to this master" in said
            listed = run("contexts", "list").splitlines()
            assert [line.split() for line in listed[1:]] == [
                ["*", "first", f"https://127.0.0.1:{https['first']}"],
                ["second", f"https://127.0.0.1:{https['second']}"],
            ]
            assert f"commands use second now, https://127.0.0.1:{https['second']}" in run(
                "contexts", "use", "second"
            )
            assert json.loads(run("status", "--json"))["version"]
        assert f"no answer from the master at https://127.0.0.1:{https['second']}" in run("status")
        run("contexts", "use", "first")
        assert json.loads(run("status", "--json"))["version"]
        looked = run("doctor", "--data", str(tmp_path / "first"))
        assert f"ok   master: runs here, https://127.0.0.1:{https['first']}" in looked
        assert "network: other machines do not reach it" in looked
    assert "ok   master: none runs from this data folder" in run("doctor", "--data", str(tmp_path / "first"))
