"""The packs on a master's disk: `packs/NAME/VERSION` under its data folder."""

from __future__ import annotations

from pathlib import Path

from manyeyes.errors import PackDamaged
from manyeyes.packs import build
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, read
from manyeyes.packs.verify import self_test, verify
from manyeyes.packs.weights import Progress


def folder_of(data: Path, name: str, version: str) -> Path:
    """Where a pack lies; it need not exist."""
    return data / "packs" / name / version


def ensure_default(data: Path, progress: Progress | None = None) -> Path:
    """The default pack's folder, verified; built first where it is missing or damaged.

    Raises:
        WeightsRefused, PackError: it cannot be built.
    """
    folder = folder_of(data, build.NAME, build.VERSION)
    if (folder / MANIFEST_NAME).is_file():
        try:
            verify(folder)
        except PackDamaged:
            pass
        else:
            return folder
    build.build_default(folder, progress=progress)
    verify(folder)
    self_test(folder)
    return folder


def installed(data: Path) -> list[Manifest]:
    """The manifests of all packs in the store, by name and version; unreadable ones are left out."""
    found = []
    for path in sorted((data / "packs").glob(f"[!.]*/[!.]*/{MANIFEST_NAME}")):
        try:
            found.append(read(path.parent))
        except PackDamaged:
            continue
    return found
