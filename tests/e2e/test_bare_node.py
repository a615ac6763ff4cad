"""On four hosts: a node with only the agent gets all that it needs, though it is killed again and again meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from manyeyes.broker.transfer import chunks, squeeze
from manyeyes.contract import CHUNK_BYTES
from manyeyes.packs.served import WORTH_SQUEEZING
from manyeyes.packs.verify import verify
from tests.e2e.bare import bare_environment
from tests.e2e.conftest import StartFleet
from tests.e2e.fleet import Fleet, wait_for
from tests.integration import wheels
from tests.integration.test_provisioning import make_pack

BALLAST = 20_000_000
NOT_THE_AGENTS = ("cv2", "onnxruntime", "onnx", "faiss", "fastapi", "PIL", "tiny_thing")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    return bare_environment(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("provision")
    wheels.packed_again(folder / "house")
    wheels.tiny(folder / "house")
    pack = make_pack(folder / "pack", folder / "house", "1.0", carried=True, ballast=BALLAST)
    return start_fleet(folder / "fleet", ["one", "two"], pack=pack)


def travels(file: Path) -> int:
    """How many bytes are sent for the file, after compression."""
    content = file.read_bytes()
    if len(squeeze(content[:CHUNK_BYTES])) >= WORTH_SQUEEZING * len(content[:CHUNK_BYTES]):
        return len(content)
    return sum(len(squeeze(chunk)) for _, chunk in chunks(content))


def test_a_bare_environment_holds_only_the_agent(bare: str) -> None:
    python = str(Path(bare).with_name("python"))
    script = f"from importlib.util import find_spec; print([n for n in {NOT_THE_AGENTS} if find_spec(n)])"
    assert subprocess.run([python, "-c", script], capture_output=True, text=True).stdout == "[]\n"
    refused = subprocess.run([bare, "master"], capture_output=True, text=True)
    assert refused.returncode == 8
    assert "install 'manyeyes[master]'" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.chaos
def test_killed_at_any_point_it_goes_on_where_it_stopped(fleet: Fleet, bare: str) -> None:
    manifest = verify(fleet.pack)
    files = [fleet.pack / file.path for file in (*manifest.files, *manifest.wheels)]
    needed = sum(file.stat().st_size for file in files)
    expected = sum(map(travels, files))
    blobs, envs = fleet.data("one") / "packs" / ".blobs", fleet.data("one") / "envs"

    def here() -> int:
        return sum(path.stat().st_size for path in blobs.glob("*")) if blobs.exists() else 0

    def being_made() -> int:
        return len([path for made in envs.glob(".making-*") for path in made.rglob("*.py")])

    fleet.hosts["one"].slow(200)
    before = fleet.received_bytes("one")
    node = fleet.start_node("one", program=bare, wait=False)
    for share in (0.2, 0.7):
        wait_for(lambda share=share: here() > share * needed, f"{share} of the files do not arrive")  # type: ignore[misc]
        if share == 0.2:
            reason = fleet.listed()["one"]["reason"]
            assert reason.startswith("fetching ") and f" of {needed / 1e6:.1f}" not in reason, reason
        node.kill()
        node = fleet.start_node("one", program=bare, wait=False)
    wait_for(lambda: being_made() > 50, "nothing is installed")
    node.kill()
    node = fleet.start_node("one", program=bare, wait=False)
    node.wait_ready(60)
    received = fleet.received_bytes("one") - before
    assert 0.97 * expected < received < 1.03 * expected + 1_000_000, (received, expected)
    listed = fleet.listed()["one"]
    assert (listed["state"], listed["pack"]) == ("ready", "needy@1.0")
    assert not list(envs.glob(".making-*"))
    assert node.stop() == 0


def test_altered_files_and_foreign_signatures_are_never_run(fleet: Fleet, bare: str) -> None:
    """The file is altered on the master's disk, as by an attacker on the way: what is sent is not what was signed."""
    code = fleet.pack / "needy.py"
    good, marker = code.read_bytes(), fleet.folder / "evil"
    evil = f"open({str(marker)!r}, 'w')\n".encode()
    code.write_bytes(evil + good[len(evil) :])
    two = fleet.start_node("two", program=bare, wait=False)

    def reason(name: str) -> str:
        return str(fleet.listed()[name]["reason"])

    wait_for(lambda: "pack not complete" in two.output, "the altered file was taken")
    assert f"{wheels.digest_of(code)} received" in two.output
    wait_for(lambda: "failed, the next in" in reason("two"), "nothing is said of the altered file")
    code.write_bytes(good)
    two.wait_ready(60)
    assert two.stop() == 0

    fleet.master.stop()
    (fleet.data("master") / "identity" / "pack-signing.key").unlink()
    other = make_pack(fleet.folder / "other", fleet.pack.parent / "house", "1.0")
    (other / "needy.py").write_bytes(good)
    fleet.start_master(other)
    two = fleet.start_node("two", program=bare, wait=False)
    wait_for(
        lambda: "not signed by the master that this node joined" in two.output, "another key's pack was taken"
    )
    assert "not signed" in reason("two")
    assert not marker.exists()
