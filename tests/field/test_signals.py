"""SIGINT, SIGTERM and SIGHUP at every stage of a start, and a master that is killed: nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from manyeyes.cli import down
from manyeyes.cli.first_signals import role_in, stopping
from manyeyes.cli.signals import Stop, until_signal
from tests.integration.conftest import MANYEYES, Role, free_port, until

SPOKEN = {"MANYEYES_MASTER_CONSOLE": "0"}


def running(folder: Path) -> list[str]:
    """The command lines of the processes that work in a folder."""
    lines = map(_words, psutil.process_iter())
    return [" ".join(words) for words in lines if any(str(folder) in word for word in words)]


def nothing_left(folder: Path) -> None:
    until(lambda: not running(folder), seen=lambda: running(folder))


class Up:
    """A running `manyeyes up` in a folder of its own."""

    def __init__(self, folder: Path, pack: Path | None, *python: str) -> None:
        self.data, log = folder / "data", folder / f"up-{time.monotonic_ns()}.log"
        arguments = ["up", "-v", "--data", str(self.data), "--workers", "1"]
        arguments += ["--https-port", str(free_port()), "--nats-port", str(free_port())]
        arguments += ["--pack", str(pack)] if pack else []
        places = {
            "XDG_CONFIG_HOME": folder,
            "XDG_CACHE_HOME": folder,
            "MANYEYES_CONTEXT": folder / "context.json",
        }
        env = {**os.environ, **SPOKEN, **{name: str(place) for name, place in places.items()}}
        with log.open("wb") as output:
            command = [sys.executable, *python, *MANYEYES[1:], *arguments]
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
        self.role = Role(self.process, log)

    def wait_for_child(self, module: str) -> None:
        def is_there() -> bool:
            assert self.process.poll() is None, self.role.log.read_text()
            return any(module in one for one in running(self.data))

        until(is_there, 40, self.role.log.read_text)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in psutil.process_iter():
        if any(str(tmp_path) in word for word in _words(process)):
            process.kill()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        ("import manyeyes.cli.loading", signal.SIGINT),
        ("import manyeyes.gateway.master_role", signal.SIGHUP),
        ("child manyeyes.packs.apart", signal.SIGTERM),
        ("engine started", signal.SIGHUP),
        ('"joined"', signal.SIGTERM),
        ("worker said", signal.SIGHUP),
        ("ready:", signal.SIGINT),
    ],
)
def test_a_signal_ends_a_start_at_every_stage(
    folder: Path, faulty_pack: Path, stage: str, number: signal.Signals
) -> None:
    how, _, what = stage.partition(" ")
    python = ("-X", "importtime") if how == "import" else ()
    up = Up(folder, None if how == "child" else faulty_pack, *python)
    if how == "child":
        up.wait_for_child(what)
    else:
        up.role.wait_for(what if how == "import" else stage)
    up.process.send_signal(number)
    assert up.process.wait(20) == 0
    nothing_left(up.data)
    assert "Traceback" not in up.role.log.read_text()


def test_a_killed_master_leaves_nothing_and_down_ends_all(folder: Path, faulty_pack: Path) -> None:
    first = Up(folder, faulty_pack)
    first.role.wait_for("takes pictures")
    assert len(running(first.data)) == 4, "master, engine, node and worker"
    first.process.kill()
    first.process.wait()
    second = Up(folder, faulty_pack)
    second.role.wait_for("takes pictures")
    said = second.role.log.read_text()
    assert "is in use" not in said and "the local node ended" not in said
    assert len(running(second.data)) == 4, "nothing of the first one"
    stopped = subprocess.run(
        [*MANYEYES, "down", "--data", str(second.data)], capture_output=True, text=True, timeout=60
    )
    told = re.fullmatch(r"stopped: the master \(process (\d+)\), the node \(process \d+\)\n", stopped.stderr)
    assert told and int(told[1]) == second.process.pid, stopped
    assert running(second.data) == [], "it has waited for all of them"
    assert second.process.wait(1) == 0


def test_down_ends_what_a_killed_master_has_left(folder: Path) -> None:
    """A process that does not end with its parent, as a worker on a system without that signal."""
    data = folder / "data"
    data.mkdir()
    code = "import time; time.sleep(60)"
    left = subprocess.Popen(
        [sys.executable, "-c", code, "-m", "manyeyes.node.worker.main", str(data / "node/p")]
    )
    try:
        stopped = subprocess.run(
            [*MANYEYES, "down", "--data", str(data)], capture_output=True, text=True, timeout=60
        )
        assert left.wait(1) == -signal.SIGKILL
        assert (stopped.returncode, stopped.stderr) == (0, f"stopped: a worker (process {left.pid})\n")
    finally:
        left.kill()


def test_down_ends_what_has_only_begun_to_start(tmp_path: Path) -> None:
    """A process with the command line of 'manyeyes up' that does not hold its folder yet."""
    begun = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "manyeyes", "up", "--data", tmp_path / "data"]
    )
    try:
        command = [*MANYEYES, "down", "--data"]
        other = subprocess.run([*command, tmp_path / "dat"], capture_output=True, text=True, timeout=60)
        assert other.returncode == 6 and begun.poll() is None
        stopped = subprocess.run([*command, tmp_path / "data"], capture_output=True, text=True, timeout=60)
        assert (stopped.returncode, stopped.stderr) == (0, f"stopped: the master (process {begun.pid})\n")
        assert begun.wait(1) == -signal.SIGTERM
    finally:
        begun.kill()


def test_what_belongs_to_a_data_folder() -> None:
    def role_in(*command: str) -> str:
        return down.work_of(Path("/d"), command)

    worker = ("/v/python", "-P", "-m", "manyeyes.node.worker.main")
    assert role_in(*worker, "/d/node/packs/p", "ab") == "a worker"
    assert role_in("/usr/bin/nats-server", "-c", "/d/nats/nats.conf") == "nats-server"
    assert (
        role_in(*worker, "/other/packs/p") == role_in(*worker, "/d/../e/p") == role_in(*worker, "/dd/p") == ""
    )
    assert role_in("vim", "/d/nats/nats.conf") == role_in("python", "-m", "pdb", "/d/x") == role_in() == ""


def test_a_process_that_waits_for_its_parent_to_see_its_end_has_ended() -> None:
    ended = subprocess.Popen(["true"])
    until(lambda: not down.is_running(ended.pid))
    assert ended.wait() == 0 and down.is_running(os.getpid())


def test_nohup_is_heeded() -> None:
    assert set(stopping()) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert set(stopping()) == {signal.SIGINT, signal.SIGTERM}
    finally:
        signal.signal(signal.SIGHUP, before)


INTERRUPTED_AT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *more):
        if name == stage:
            os.kill(os.getpid(), signal.SIGINT)

stage = sys.argv.pop()
sys.meta_path.insert(0, Interrupt())
sys.argv[0] = "/usr/bin/manyeyes"
from manyeyes.cli.app import main
main()
"""


@pytest.mark.parametrize(
    "stage",
    ["manyeyes.errors", "typer", "manyeyes.cli.people", "manyeyes.sdk.context", "manyeyes.sdk.blocking"],
)
def test_ctrl_c_ends_a_command_without_a_word_from_the_first_moment(stage: str, tmp_path: Path) -> None:
    """Before its first import, while it loads, and while it works."""
    master = {
        "MANYEYES_MASTER": "https://192.0.2.1",
        "MANYEYES_KEY": "mek_abcdefgh",
        "MANYEYES_CA": str(tmp_path / "ca"),
    }
    (tmp_path / "ca").write_text("-----BEGIN CERTIFICATE-----")
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, "people", "list", stage],
        capture_output=True,
        env={**os.environ, **master},
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_program_that_imports_the_commands_keeps_its_signals() -> None:
    import manyeyes.cli.app  # noqa: F401

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_roles_end_with_status_0_from_the_first_moment() -> None:
    assert role_in(["--master", "https://x", "up", "-v"]) and role_in(["node"])
    assert not role_in(["logs", "node"]) and not role_in([]) and not role_in(["down"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("started", [False, True])
def test_the_first_signal_gives_up_the_start_or_stops_the_role(number: signal.Signals, started: bool) -> None:
    told: list[str] = []

    async def main(stop: Stop) -> None:
        stop.started = started
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        if started:
            await stop.wait()
            told.append("stopped in order")
        else:
            await asyncio.Event().wait()

    assert asyncio.run(until_signal(main, lambda: told.append("noticed"))) is not started
    assert told == (["noticed", "stopped in order"] if started else ["noticed"])


def test_an_error_without_a_signal_is_not_swallowed() -> None:
    async def main(stop: Stop) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(until_signal(main, lambda: None))
