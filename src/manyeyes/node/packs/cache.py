"""The packs on a node's disk: every file once, under its digest; a pack's folder is links to them.

`.blobs/<sha256>` is a whole file, `.blobs/<sha256>.part` one that is still arriving, `NAME/VERSION-DIGEST` a
pack, which appears under that name only when it is complete. A kill at any point leaves nothing that is taken for more than it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import ResumedFile
from manyeyes.errors import PackDamaged, PackError
from manyeyes.identity import write_private
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, PackFile, read
from manyeyes.packs.verify import refuse_strange_code, verify
from manyeyes.telemetry import log

KEPT = 2
"""Packs that stay: the one in use, and the one before it for roll-back."""
SPARE_BYTES = 64 * 1024 * 1024
"""Bytes that stay free on the disk when a pack is fetched."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class StoredPack:
    """A pack that lies whole and verified on this node."""

    folder: Path
    manifest: Manifest
    sha256: str
    """Digest of the manifest, whose signature was checked."""


@dataclass(frozen=True)
class _Place:
    """The place of a file among those that are fetched; sizes in bytes."""

    number: int
    count: int
    before: int
    whole: int

    def told(self, path: str, received: int) -> str:
        """A text for people: how much has arrived, and the short name of the file that is being fetched."""
        name = "-".join(Path(path).name.split("-")[:2]) if path.endswith(".whl") else path
        here = (self.before + received) / 1e6
        return f"fetching {here:.1f} of {self.whole / 1e6:.1f} MB: file {self.number} of {self.count}, {name}"


def missing_bytes(files: Iterable[PackFile], here: dict[str, int]) -> int:
    """What is still to be fetched, given how many bytes of each digest are here."""
    wanted = {file.sha256: file.size_bytes for file in files}
    return sum(max(size - here.get(sha256, 0), 0) for sha256, size in wanted.items())


class PackCache:
    """Fetches what is missing of a pack into `root`, and lays packs out there."""

    def __init__(self, link: NodeLink, root: Path) -> None:
        self._link = link
        self._root = root
        self._blobs = root / ".blobs"

    def kept(self, manifest: Manifest, sha256: str) -> StoredPack | None:
        """The pack, if it is here and undamaged."""
        folder = self._folder(manifest, sha256)
        try:
            if _digest(folder / MANIFEST_NAME) != sha256:
                return None
            verify(folder, wheels=False)
            refuse_strange_code(folder, manifest)
        except (PackDamaged, OSError):
            return None
        return StoredPack(folder, manifest, sha256)

    def _folder(self, manifest: Manifest, sha256: str) -> Path:
        return self._root / manifest.name / f"{manifest.version}-{sha256[:12]}"

    async def fetch(self, files: tuple[PackFile, ...], tell: Tell) -> None:
        """Fetch every file that is missing, whole and verified; files that are here are not sent again.

        Raises:
            PackDamaged: what arrived has another digest; it is deleted.
            PackError: the disk has no room for it.
            Unavailable: the master does not answer; what arrived stays for the next attempt.
            OSError: the disk.
        """
        self._blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        here = {path.name.removesuffix(".part"): path.stat().st_size for path in self._blobs.iterdir()}
        missing, free = missing_bytes(files, here), shutil.disk_usage(self._root).free
        if missing and missing + SPARE_BYTES > free:
            raise PackError(
                f"{missing / 1e6:.0f} MB of the pack are missing and {free / 1e6:.0f} MB are free in {self._root}, "
                f"{SPARE_BYTES / 1e6:.0f} must stay free; free some space"
            )
        whole = sum(file.size_bytes for file in files)
        before = 0
        for number, file in enumerate(files, start=1):
            await self._have(file, _Place(number, len(files), before, whole), tell)
            before += file.size_bytes

    async def _have(self, file: PackFile, place: _Place, tell: Tell) -> None:
        blob = self._blobs / file.sha256
        if blob.exists():
            if await _digest_beside(blob) == file.sha256:
                return
            blob.unlink()
        part = ResumedFile(blob.with_suffix(".part"))
        begun = part.received
        log().info("fetching", file=file.path, size_bytes=file.size_bytes, from_byte=begun)

        def progress(received: int, size: int) -> None:
            tell(place.told(file.path, received))

        try:
            if part.received < file.size_bytes or not file.size_bytes:
                await self._link.fetch_file(file.sha256, part, progress)
        finally:
            part.close()
        arrived = blob.with_suffix(".part")
        seen = await _digest_beside(arrived)
        if seen != file.sha256:
            arrived.unlink()
            how = f", begun at {begun} by an earlier attempt" if begun else ""
            raise PackDamaged(
                f"{file.path}: SHA-256 {file.sha256} expected, {seen} received{how}; it is fetched anew"
            )
        arrived.chmod(0o400)
        arrived.replace(blob)

    def lay_out(self, manifest: Manifest, content: bytes) -> StoredPack:
        """Make the pack's folder from the blobs and this manifest.

        Raises:
            PackDamaged: a blob is not what it should be.
            OSError: the disk.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        folder = self._folder(manifest, sha256)
        staging = self._root / ".staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        for file in manifest.files:
            _place(self._blobs / file.sha256, staging / file.path)
        write_private(staging / MANIFEST_NAME, content)
        verify(staging, wheels=False)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        staging.rename(folder)
        return StoredPack(folder, manifest, sha256)

    def wheels(self, manifest: Manifest, into: Path) -> Path:
        """The pack's wheels under their own names, in a folder that is made anew."""
        shutil.rmtree(into, ignore_errors=True)
        for file in manifest.wheels:
            _place(self._blobs / file.sha256, into / Path(file.path).name)
        return into

    def tidy(self, used: Path) -> list[Manifest]:
        """Delete all but the pack in use and the one used before; returns the manifests of those that stay."""
        os.utime(used)
        folders = [path for path in self._root.glob("[!.]*/*") if path.is_dir()]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        stay = []
        for place, folder in enumerate(folders):
            try:
                manifest = read(folder)
            except PackDamaged:
                manifest = None
            if place < KEPT and manifest is not None:
                stay.append(manifest)
            else:
                shutil.rmtree(folder, ignore_errors=True)
        wanted = {file.sha256 for manifest in stay for file in manifest.files}
        for blob in self._blobs.glob("*"):
            if blob.name not in wanted:
                blob.unlink(missing_ok=True)
        return stay


async def _digest_beside(path: Path) -> str:
    """SHA-256 of a file, computed beside the event loop."""
    return await asyncio.to_thread(_digest, path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(blob: Path, target: Path) -> None:
    """Link, or copy if the disk does not support links."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(blob, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(blob, target)
