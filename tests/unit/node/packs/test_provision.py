"""What of a pack is fetched, what is refused, and what a kill or a full disk leaves."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.made_manifests import made_manifest

from manyeyes import identity
from manyeyes.broker.transfer import ResumedFile, expand
from manyeyes.contract import CHUNK_BYTES, HEADER_ENCODING, HEADER_SIGNATURE, PackQuery
from manyeyes.errors import PackDamaged, PackError, Unavailable
from manyeyes.node import retry
from manyeyes.node.packs import cache
from manyeyes.node.packs.cache import missing_bytes
from manyeyes.node.packs.launch import Launch
from manyeyes.node.packs.provision import Provisioner
from manyeyes.node.worker.main import load_recognizer
from manyeyes.packs.manifest import MANIFEST_NAME, PackFile
from manyeyes.packs.served import ServedPack

CODE = b"def load(folder):\n    return folder\n" * 40
WEIGHTS = hashlib.sha256(b"weights").digest() * (3 * CHUNK_BYTES // 32)


def make_pack(folder: Path, version: str, **contents: bytes) -> Path:
    folder.mkdir()
    files = []
    for name, content in contents.items():
        path = name.replace("_", ".")
        (folder / path).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(PackFile(path=path, sha256=digest, size_bytes=len(content)))
    manifest = made_manifest(name="tiny", version=version, entry_point="tinycode:load", files=tuple(files))
    (folder / MANIFEST_NAME).write_text(manifest.to_toml())
    return folder


class Line:
    """A master behind a line that can be cut, or lie."""

    def __init__(self, folder: Path, key: object = None) -> None:
        self.key = key or identity.load_or_make_signing_key(folder.parent / "key")
        self.serve(folder)
        self.sent: Counter[str] = Counter()
        self.cut_after: int | None = None
        self.alter: Callable[[bytes], bytes] = lambda chunk: chunk
        self.alter_manifest: Callable[[bytes], bytes] = lambda content: content

    def serve(self, folder: Path) -> None:
        self.served = ServedPack(folder, self.key)  # type: ignore[arg-type]

    async def fetch(self, _verb: str, _query: PackQuery) -> tuple[bytes, dict[str, str]]:
        chunk, _, headers = self.served.read("", 0)
        content = expand(chunk, headers[HEADER_ENCODING])
        return self.alter_manifest(content), {HEADER_SIGNATURE: headers[HEADER_SIGNATURE]}

    async def fetch_file(self, sha256: str, part: ResumedFile, progress: Callable[[int, int], None]) -> None:
        whole = False
        while not whole:
            if self.cut_after is not None and part.received >= self.cut_after:
                raise Unavailable("the line is cut")
            chunk, size, headers = self.served.read(sha256, part.received)
            chunk = self.alter(expand(chunk, headers.get(HEADER_ENCODING, "")))
            self.sent[sha256] += len(chunk)
            whole = part.add(chunk, size)
            progress(part.received, size)


async def never(launch: Launch) -> None:
    raise AssertionError("no worker is tried here")


def provisioner(line: Line, data: Path) -> Provisioner:
    public = identity.public_hex(line.key)  # type: ignore[arg-type]
    return Provisioner(line, data, public, lambda: None, never)  # type: ignore[arg-type]


def obtain(line: Line, data: Path) -> Path:
    """One attempt's folder, without the pauses of an agent."""
    return asyncio.run(provisioner(line, data)._stage()).folder


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_only_what_is_missing_is_fetched_and_shared_files_are_linked(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE, big_bin=WEIGHTS))
    first = obtain(line, tmp_path / "data")
    assert line.sent == {sha(CODE): len(CODE), sha(WEIGHTS): len(WEIGHTS)}
    line.sent.clear()
    line.serve(make_pack(tmp_path / "two", "2", tinycode_py=CODE + b"# 2\n", big_bin=WEIGHTS))
    second = obtain(line, tmp_path / "data")
    assert set(line.sent) == {sha(CODE + b"# 2\n")}
    assert (first / "big.bin").samefile(second / "big.bin")
    assert (first / "tinycode.py").read_bytes() == CODE
    line.sent.clear()
    assert obtain(line, tmp_path / "data") == second and not line.sent


def test_a_cut_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE, big_bin=WEIGHTS))
    line.cut_after = 2 * CHUNK_BYTES
    with pytest.raises(Unavailable):
        obtain(line, tmp_path / "data")
    line.cut_after = None
    folder = obtain(line, tmp_path / "data")
    assert line.sent[sha(WEIGHTS)] == len(WEIGHTS)
    assert (folder / "big.bin").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    "leftover",
    [b"x" * 100, b"x" * len(WEIGHTS), b"x" * (len(WEIGHTS) + 5)],
    ids=["short", "whole", "too-long"],
)
def test_what_an_earlier_attempt_left_is_not_trusted(tmp_path: Path, leftover: bytes) -> None:
    line = Line(make_pack(tmp_path / "one", "1", big_bin=WEIGHTS))
    part = tmp_path / "data" / "packs" / ".blobs" / f"{sha(WEIGHTS)}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(leftover)
    attempts = 0
    while True:
        attempts += 1
        try:
            folder = obtain(line, tmp_path / "data")
            break
        except PackDamaged:
            assert attempts == 1
    assert (folder / "big.bin").read_bytes() == WEIGHTS


def test_an_unsigned_manifest_is_refused(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))
    line.alter_manifest = lambda content: content.replace(b"tinycode:load", b"code:evil")
    with pytest.raises(PackDamaged, match="not signed by the master"):
        obtain(line, tmp_path / "data")
    other = Line(make_pack(tmp_path / "other", "1", tinycode_py=CODE))
    other.key = identity.load_or_make_signing_key(tmp_path / "another")
    other.serve(tmp_path / "other")
    with pytest.raises(PackDamaged, match="not signed by the master"):
        asyncio.run(
            Provisioner(
                other,  # type: ignore[arg-type]
                tmp_path / "data",
                identity.public_hex(line.key),  # type: ignore[arg-type]
                lambda: None,
                never,
            )._stage()
        )
    assert not list((tmp_path / "data").rglob("*.py"))


def test_an_altered_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))
    line.alter = lambda chunk: chunk.replace(b"load", b"evil")
    with pytest.raises(PackDamaged, match=r"tinycode\.py: SHA-256"):
        obtain(line, tmp_path / "data")
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_a_file_altered_on_the_nodes_disk_is_replaced(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))
    folder = obtain(line, tmp_path / "data")
    (folder / "tinycode.py").chmod(0o600)
    (folder / "tinycode.py").write_bytes(b"evil = 1\n")
    (folder / "numpy.py").write_bytes(b"evil = 1\n")
    assert obtain(line, tmp_path / "data") == folder
    assert (folder / "tinycode.py").read_bytes() == CODE and not (folder / "numpy.py").exists()


def test_a_running_nodes_altered_file_is_mended_after_a_worker_refused_it(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))

    async def play() -> None:
        keeper = provisioner(line, tmp_path / "data")
        folder = (await keeper.obtain()).folder

        async def switch(_: object) -> None:
            raise AssertionError("it is the same pack")

        following = asyncio.create_task(keeper.follow(switch))
        (folder / "tinycode.py").chmod(0o600)
        (folder / "tinycode.py").write_bytes(b"evil = 1\n")
        keeper.doubt()
        async with asyncio.timeout(10):
            while not (folder / "tinycode.py").exists() or (folder / "tinycode.py").read_bytes() != CODE:
                await asyncio.sleep(0.01)
        following.cancel()

    asyncio.run(play())


def test_a_worker_runs_nothing_that_is_not_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))
    launch = asyncio.run(provisioner(line, tmp_path / "data")._stage())
    folder = launch.folder
    assert load_recognizer(folder, launch.manifest_sha256) == folder
    smuggled = folder / "__pycache__" / "tinycode.cpython-311.pyc"
    smuggled.parent.mkdir()
    smuggled.write_bytes(b"evil")
    with pytest.raises(PackDamaged, match="is not run"):
        load_recognizer(folder, launch.manifest_sha256)
    shutil.rmtree(smuggled.parent)
    (folder / "tinycode.py").chmod(0o600)
    (folder / "tinycode.py").write_bytes(CODE.replace(b"folder", b"FOLDER"))
    with pytest.raises(PackDamaged, match=r"tinycode\.py has SHA-256"):
        load_recognizer(folder, launch.manifest_sha256)
    text = (folder / MANIFEST_NAME).read_text()
    seen = sha((folder / "tinycode.py").read_bytes())
    (folder / MANIFEST_NAME).write_text(text.replace(sha(CODE), seen))
    with pytest.raises(PackDamaged, match="signed is"):
        load_recognizer(folder, launch.manifest_sha256)


def test_a_full_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(make_pack(tmp_path / "one", "1", big_bin=WEIGHTS))
    with monkeypatch.context() as patched:
        patched.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
        with pytest.raises(PackError, match=r"1 MB are free .*; free some space"):
            obtain(line, tmp_path / "data")
    assert not line.sent
    assert (obtain(line, tmp_path / "data") / "big.bin").exists()


def test_a_disk_that_fills_up_on_the_way_leaves_what_has_arrived(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "one", "1", big_bin=WEIGHTS))
    room = 2

    def write_or_fail(chunk: bytes) -> bytes:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return chunk

    line.alter = write_or_fail
    with pytest.raises(OSError, match="No space left"):
        obtain(line, tmp_path / "data")
    assert not (tmp_path / "data" / "packs" / "tiny").exists()
    room = 100
    assert (obtain(line, tmp_path / "data") / "big.bin").read_bytes() == WEIGHTS
    assert line.sent[sha(WEIGHTS)] == len(WEIGHTS)


def test_the_pack_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    line = Line(make_pack(tmp_path / "v1", "1", tinycode_py=CODE, big_bin=WEIGHTS))
    data = tmp_path / "data"
    folders = []
    for version in ("1", "2", "3"):
        if version != "1":
            line.serve(make_pack(tmp_path / f"v{version}", version, tinycode_py=CODE + version.encode()))
        folders.append(asyncio.run(provisioner(line, data).obtain()).folder)
    assert [folder.exists() for folder in folders] == [False, True, True]
    kept = {path.name for path in (data / "packs" / ".blobs").iterdir()}
    assert kept == {sha(CODE + b"2"), sha(CODE + b"3")}


def test_progress_and_failure_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.02)
    line = Line(make_pack(tmp_path / "one", "1", big_bin=WEIGHTS))
    line.cut_after = CHUNK_BYTES
    said: list[str] = []

    async def play() -> None:
        keeper = Provisioner(line, tmp_path / "data", identity.public_hex(line.key), lambda: None, never)  # type: ignore[arg-type]
        keeper._changed = lambda: said.append(keeper.doing)
        obtaining = asyncio.create_task(keeper.obtain())
        while not any("failed" in text for text in said):
            await asyncio.sleep(0.01)
        line.cut_after = None
        await obtaining

    asyncio.run(play())
    assert "fetching 0.3 of 0.8 MB: file 1 of 1, big.bin" in said
    assert "attempt 1 failed, the next in 0 s: the line is cut" in said
    again = said[said.index("attempt 1 failed, the next in 0 s: the line is cut") + 1]
    assert again == "asking for the pack (the last attempt failed: the line is cut)", (
        "the cause stays in sight"
    )
    assert said[-1] == ""
    assert said[-1] == ""


def test_missing_bytes_count_each_content_once() -> None:
    one = PackFile(path="a", sha256="a" * 64, size_bytes=10)
    again = PackFile(path="b", sha256="a" * 64, size_bytes=10)
    other = PackFile(path="c", sha256="c" * 64, size_bytes=7)
    assert missing_bytes((one, again, other), {}) == 17
    assert missing_bytes((one, again, other), {"a" * 64: 4}) == 13
    assert missing_bytes((one, again, other), {"a" * 64: 10, "c" * 64: 9}) == 0


def test_workers_go_over_to_a_new_pack_once_a_worker_has_started_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.0)
    line = Line(make_pack(tmp_path / "one", "1", tinycode_py=CODE))
    steps: list[str] = []

    async def try_out(launch: Launch) -> None:
        steps.append(f"tried {launch.pack}")
        if len(steps) == 1:
            raise PackError("it does not start")

    async def play() -> None:
        switched = asyncio.Event()

        async def switch(launch: Launch) -> None:
            steps.append(f"switched to {launch.pack}")
            switched.set()

        keeper = Provisioner(line, tmp_path / "data", identity.public_hex(line.key), lambda: None, try_out)  # type: ignore[arg-type]
        first = await keeper.obtain()
        line.serve(make_pack(tmp_path / "two", "2", tinycode_py=CODE + b"# 2\n"))
        following = asyncio.create_task(keeper.follow(switch))
        keeper.heard("another digest than " + first.manifest_sha256)
        await switched.wait()
        following.cancel()

    asyncio.run(play())
    assert [step.partition("tiny")[0] for step in steps] == ["tried ", "tried ", "switched to "]
