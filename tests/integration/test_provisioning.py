"""A node gets what it needs: files, requirements, a new pack. After a kill at any point, the next start continues."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from manyeyes import Client, PackError
from manyeyes.api.nodes import Node
from manyeyes.node.packs.environment import version_here
from manyeyes.packs.manifest import MANIFEST_NAME, PackFile
from manyeyes.packs.verify import verify
from manyeyes.packs.wheels import add_wheels
from manyeyes.sdk.context import load_context
from tests.integration import wheels
from tests.integration.conftest import Network, Role, free_port, picture, role
from tests.made_manifests import made_manifest

CODE = """\
import sys
from manyeyes.results import Result
import tiny_thing

class Needy:
    def __init__(self):
        self.pack = f"tiny {tiny_thing.VERSION} in {sys.prefix}"
    def warm_up(self):
        pass
    def recognize(self, data, gallery, *, draw=True):
        found = Result(width_px=1, height_px=1, media_type="image/png", faces=(), pack=self.pack, timings_ms={})
        return found, data if draw else None

def load(folder):
    return Needy()
"""
NO_INDEX = {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all wheels that a worker of these packs needs."""
    folder = tmp_path_factory.mktemp("house")
    wheels.packed_again(folder)
    for version in ("1.0", "2.0"):
        wheels.tiny(folder, version)
    return folder


def make_pack(folder: Path, house: Path, tiny: str, *, carried: bool = False, ballast: int = 0) -> Path:
    """A pack that imports `tiny_thing` of this version; `carried`: the pack contains the wheels."""
    wanted = [w for w in sorted(house.iterdir()) if "tiny_thing" not in w.name or f"-{tiny}-" in w.name]
    folder.mkdir()

    def file(path: str, content: bytes) -> PackFile:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        return PackFile(path=path, sha256=wheels.digest_of(folder / path), size_bytes=len(content))

    manifest = made_manifest(
        name="needy",
        version=tiny,
        entry_point="needy:load",
        requirements=tuple(wheels.pin_of(wheel) for wheel in wanted),
        hashes={wheels.pin_of(w).partition("==")[0]: (wheels.digest_of(w),) for w in wanted},
        memory_mb=50,
        files=(file("needy.py", CODE.encode()), file("ballast", os.urandom(ballast))),
        wheels=tuple(file(f"wheels/{w.name}", w.read_bytes()) for w in wanted) if carried else (),
    )
    (folder / MANIFEST_NAME).write_text(manifest.to_toml())
    return folder


class Site:
    """One master's data folder and ports; the master can be started again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = ["--nats-port", str(free_port()), "--https-port", str(free_port())]

    @contextmanager
    def master(self, pack: Path) -> Iterator[Client]:
        arguments = ["--data", str(self.folder / "master"), "--pack", str(pack), "--listen", "127.0.0.1"]
        with role(self.folder / "logs", "master", *arguments, *self.ports) as running:
            running.wait_for("ready:")
            with Client(load_context(self.folder / "master" / "context.json")) as client:
                yield client

    @contextmanager
    def node(self, client: Client, **environment: str) -> Iterator[Role]:
        data = self.folder / "node"
        token = [] if (data / "membership.json").exists() else ["--join", client.create_token(60).token]
        arguments = ["--data", str(data), "--name", "n", "--workers", "1", *token]
        with role(self.folder / "logs", "node", *arguments, **environment) as running:
            yield running


def wait(client: Client, fits: Callable[[Node], bool], timeout_s: float = 60) -> Node:
    end = time.monotonic() + timeout_s
    while True:
        seen = next((node for node in client.nodes() if node.name == "n"), None)
        if seen is not None and fits(seen):
            return seen
        assert time.monotonic() < end, seen
        time.sleep(0.05)


def tiny_of(client: Client) -> str:
    """The version of `tiny_thing`, and the environment, of the pack that answered."""
    return client.recognize(picture()).result.pack


def kill(running: Role) -> None:
    for process in [*psutil.Process(running.process.pid).children(recursive=True), running.process]:
        process.kill()
    running.process.wait()


def test_requirements_are_installed_and_a_new_pack_is_gone_over_to(tmp_path: Path, house: Path) -> None:
    site, shop = Site(tmp_path), tmp_path / "shop"
    shop.mkdir()
    one = make_pack(tmp_path / "one", house, "1.0", ballast=3_000_000)
    two = make_pack(tmp_path / "two", house, "2.0", ballast=10)
    with ExitStack() as stack:
        with site.master(one) as client:
            index = {**NO_INDEX, "PIP_FIND_LINKS": str(shop), "UV_FIND_LINKS": str(shop)}
            node = stack.enter_context(site.node(client, **index))
            seen = wait(client, lambda node: "failed" in (node.reason or ""))
            assert seen.state == "provisioning"
            assert "the requirements cannot be installed: No matching distribution found" in str(seen.reason)
            for wheel in house.iterdir():
                shutil.copyfile(wheel, shop / wheel.name)
            seen = wait(client, lambda node: "installing" in (node.reason or ""))
            assert "requirements for Python" in str(seen.reason) and "from the package index" in str(
                seen.reason
            )
            node.wait_for("ready:", 90)
            assert tiny_of(client).startswith(f"tiny 1.0 in {tmp_path}/node/envs/")
        with site.master(two) as client:
            wait(client, lambda node: node.pack == "needy@2.0", 90)
            assert tiny_of(client).startswith("tiny 2.0 in ")
            assert len(list((tmp_path / "node" / "packs" / "needy").iterdir())) == 2
        made = node.log.read_text().count("environment made")
        with site.master(one) as client:
            wait(client, lambda node: node.pack == "needy@1.0", 30)
            assert tiny_of(client).startswith("tiny 1.0 in ")
        assert (made, node.log.read_text().count("environment made")) == (2, 2)


def test_a_node_killed_while_it_fetches_and_while_it_installs_starts_again(
    tmp_path: Path, house: Path
) -> None:
    site = Site(tmp_path)
    pack = make_pack(tmp_path / "one", house, "1.0", carried=True, ballast=150_000_000)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "UV_INDEX_URL": "http://127.0.0.1:9/"}
    blobs, envs = tmp_path / "node" / "packs" / ".blobs", tmp_path / "node" / "envs"

    def until(there: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not there():
            assert time.monotonic() < end
            time.sleep(0.005)

    with site.master(pack) as client:
        with site.node(client, **nowhere) as node:
            until(lambda: any(part.stat().st_size > 10_000_000 for part in blobs.glob("*.part")))
            kill(node)
        assert not (tmp_path / "node" / "packs" / "needy").exists()
        with site.node(client, **nowhere) as node:
            until(lambda: any((path / "lib").exists() for path in envs.glob(".making-*")))
            kill(node)
        resumed = [line for line in node.log.read_text().splitlines() if "ballast" in line]
        assert resumed and all("from_byte=0" not in line for line in resumed), resumed
        with site.node(client, **nowhere) as node:
            node.wait_for("ready:", 90)
            assert "fetching" not in node.log.read_text()
            assert tiny_of(client).startswith(f"tiny 1.0 in {envs}")
        assert not list(envs.glob(".making-*")) and len(list(blobs.iterdir())) == 2


def test_packs_build_puts_the_wheels_into_the_pack(
    tmp_path: Path, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip takes them from the index that this machine is configured for; here a folder stands for that index."""
    pack = make_pack(tmp_path / "one", house, "1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        PackError, match=r"needy@1\.0 for Python .* cannot be fetched: No matching distribution"
    ):
        add_wheels(pack, [version_here()])
    assert verify(pack).wheels == ()
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    add_wheels(pack, [version_here()])
    found = verify(pack)
    carried = {Path(file.path).name for file in found.wheels}
    assert carried == {wheel.name for wheel in house.iterdir() if "-2.0-" not in wheel.name}
    assert found.pythons == (version_here(),)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_said_and_room_lets_the_node_go_on(tmp_path: Path, house: Path) -> None:
    site, disk = Site(tmp_path), tmp_path / "node"
    pack = make_pack(tmp_path / "one", house, "1.0", carried=True, ballast=20_000_000)
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", str(disk)], check=False).returncode:
        pytest.skip("no disks can be mounted here")
    try:
        with site.master(pack) as client, site.node(client) as node:
            seen = wait(client, lambda node: "failed" in (node.reason or ""))
            assert seen.state == "provisioning"
            assert "No space left" in str(seen.reason) or "free some space" in str(seen.reason), seen
            subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
            node.wait_for("ready:", 60)
            assert tiny_of(client).startswith("tiny 1.0 in ")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_file_altered_under_a_running_node_is_never_run_and_is_mended(network: Network) -> None:
    with network.node("a") as node:
        code = next((network.folder / "a" / "packs" / "faulty").glob("*/faulty.py"))
        marker = network.folder / "evil"
        good = code.read_bytes()
        code.chmod(0o600)
        code.write_bytes(good + f"\nopen({str(marker)!r}, 'w')\n".encode())
        (code.parent / "numpy.py").write_text(f"open({str(marker)!r}, 'w')\n")
        for worker in psutil.Process(node.process.pid).children(recursive=True):
            worker.kill()
        end = time.monotonic() + 30
        while not (code.exists() and code.read_bytes() == good and network.state("a") == "ready"):
            assert time.monotonic() < end, network.client.nodes()
            time.sleep(0.05)
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"
        assert not marker.exists() and not (code.parent / "numpy.py").exists()
