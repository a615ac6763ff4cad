"""Real masters and nodes as subprocesses, with a recogniser that fails on demand."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PIL import Image

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.one_file_packs import write_pack

HERE = Path(__file__).resolve().parent
MANYEYES = [sys.executable, "-m", "manyeyes.cli.app"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def picture(ending: bytes = b"", shade: int = 0) -> bytes:
    """A small PNG whose last bytes tell the faulty recogniser what to do."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade % 256, shade // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue() + ending


@dataclass
class Role:
    """A running `manyeyes` command."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, text: str, timeout_s: float = 40) -> None:
        end = time.monotonic() + timeout_s
        while text not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{text!r} not said; log: {self.log.read_text()[-3000:]}")
            time.sleep(0.05)


def until(condition: Callable[[], bool], timeout_s: float = 10, seen: Callable[[], object] = str) -> None:
    """Wait until a condition holds.

    Args:
        seen: what a failure shows.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not so within {timeout_s:g} s: {seen()}"
        time.sleep(0.05)


def manyeyes(*arguments: str, timeout_s: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*MANYEYES, *arguments],
        capture_output=True, text=True, timeout=timeout_s, env={**os.environ, **environment},
    )  # fmt: skip


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that may have ended already: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def role(folder: Path, *arguments: str, **environment: str) -> Iterator[Role]:
    """Run a command in the background; it is stopped when the context ends."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
    env = {**os.environ, "MANYEYES_CONTEXT": str(folder / "user-context.json"), **environment}
    with log.open("wb") as output:
        process = subprocess.Popen([*MANYEYES, *arguments], stdout=output, stderr=output, env=env)
    try:
        yield Role(process, log)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def faulty_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faulty_pack(tmp_path_factory.mktemp("faulty"))


def make_faulty_pack(folder: Path) -> Path:
    """A pack whose recogniser does what a picture's last bytes say; see `faulty.py`."""
    return write_pack(folder, HERE / "faulty.py")


@dataclass
class Network:
    """A running master without nodes; `node` adds one.

    Args:
        folder: the folder of this test, for its nodes' data and its logs.
        data: the master's data folder.
        ended_before: how many pictures had ended before this test, for `done` and `failed`.
    """

    folder: Path
    data: Path
    master: Role
    client: Client
    nats_port: int
    ended_before: Mapping[str, int] = field(default_factory=dict)

    def ended(self, how: str) -> int:
        """How many pictures of this test are `done`, or `failed`."""
        return self.client.status().tasks[how] - self.ended_before.get(how, 0)

    @contextmanager
    def node(self, name: str, *, workers: int = 1, wait: bool = True, **environment: str) -> Iterator[Role]:
        data = self.folder / name
        joins = (data / "membership.json").exists() or "MANYEYES_NODE_JOIN" in environment
        token = [] if joins else ["--join", self.client.create_token(60).token]
        arguments = ["node", "--data", str(data), "--name", name, "--workers", str(workers), *token]
        with role(self.folder / "logs", *arguments, **environment) as running:
            if wait:
                running.wait_for("ready:")
            yield running

    def state(self, name: str) -> str:
        return next((node.state for node in self.client.nodes() if node.name == name), "unknown")

    def wait_state(self, name: str, state: str, timeout_s: float = 15) -> float:
        start = time.monotonic()
        while self.state(name) != state:
            assert time.monotonic() - start < timeout_s, f"{name} is {self.state(name)}, not {state}"
            time.sleep(0.1)
        return time.monotonic() - start


@contextmanager
def running_network(folder: Path, pack: Path) -> Iterator[Network]:
    """A master on ports of its own."""
    nats_port = free_port()
    data = folder / "master"
    arguments = ["--data", str(data), "--pack", str(pack), "--nats-port", str(nats_port)]
    arguments += ["--https-port", str(free_port()), "--listen", "127.0.0.1"]
    with role(folder / "logs", "master", *arguments) as master:
        master.wait_for("ready:")
        with Client(load_context(data / "context.json")) as client:
            yield Network(folder, data, master, client, nats_port)


@pytest.fixture
def network(tmp_path: Path, faulty_pack: Path) -> Iterator[Network]:
    with running_network(tmp_path, faulty_pack) as running:
        yield running


@pytest.fixture(scope="module")
def master_of_the_file(tmp_path_factory: pytest.TempPathFactory, faulty_pack: Path) -> Iterator[Network]:
    with running_network(tmp_path_factory.mktemp("shared"), faulty_pack) as running:
        yield running


@pytest.fixture
def shared(master_of_the_file: Network, tmp_path: Path) -> Iterator[Network]:
    """The master that the tests of a file share. Each test begins without nodes, and must leave the master running."""
    before = master_of_the_file.client.status().tasks
    yield replace(master_of_the_file, folder=tmp_path, ended_before=before)
    for node in master_of_the_file.client.nodes():
        master_of_the_file.client.remove_node(node.name)
