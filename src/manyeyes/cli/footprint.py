"""What manyeyes has put on this machine for this user: data, settings, downloads, services, and the package itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = {
    "master.db": "people, their face crops, nodes, API keys, audit log",
    "unknown-faces.db": "faces without a name",
    "identity": "keys and certificates of the master",
    "context.json": "an admin's access to the master",
    "node.nk": "the key of the node",
    "membership.json": "which master the node belongs to",
    "exchange": "files that were sent to and from the node",
    "logs": "log files",
    "logs.db": "log lines of all machines",
    "jetstream": "log lines on their way",
    "gallery": "copies of the people's embeddings",
    "packs": "packs of recognisers",
    "envs": "environments that packs need",
    "nats": "settings of the message engine",
    "incoming": "files on their way",
    "bin/nats-server": "the message engine",
    "agent": "the agent that 'manyeyes nodes add' installed",
    "node": "the data of the node on this machine",
    "manyeyes.pid": "",
}
"""What is in a data folder, and of whom or what it is. Nothing else in it is touched."""
MARKS = (
    "manyeyes.pid",
    "master.db",
    "membership.json",
    "node.nk",
    "packs",
    "bin/nats-server",
    "agent/manyeyes",
)
"""A data folder has one of these; names like `logs` alone prove nothing."""
OF_PEOPLE = ("master.db", "unknown-faces.db", "gallery", "exchange")
"""Where data about people is."""
SETTINGS = ("context.json", "contexts", "manyeyes.env", "manyeyes-node.env")
_WITH_SQLITE = ("-wal", "-shm")


@dataclass(frozen=True)
class Found:
    """Something on the disk."""

    kind: str
    """`data`, `settings`, `downloads` or `engine`."""
    folder: Path
    entries: tuple[Path, ...]
    """What is removed; then the folder, if nothing else is in it."""
    foreign: tuple[str, ...]
    """Names in the folder that manyeyes does not know; they stay."""
    size_bytes: int


def data_folder(folder: Path) -> Found | None:
    """What of a data folder is manyeyes' own; None where it is none."""
    if not any((folder / mark).exists() for mark in MARKS):
        return None
    found = _found("data", folder, [*DATA, *(f"{name}.removed" for name in ("node.nk", "membership.json"))])
    if found is None:
        return None
    inside = data_folder(folder / "node")
    if inside is None or not inside.foreign:
        return found
    entries = tuple(path for path in found.entries if path != folder / "node")
    return Found(
        "data",
        folder,
        (*entries, *inside.entries),
        (*found.foreign, *(f"node/{name}" for name in inside.foreign)),
        found.size_bytes,
    )


def others(config: Path, cache: Path, engine: Path | None) -> list[Found]:
    """Settings, downloads and the engine that 'manyeyes engine install' fetched.

    Args:
        config: the user's configuration folder for manyeyes.
        cache: the folder `weights` of the cache.
        engine: where the engine is, if it was put beside Python.
    """
    weights = _found("downloads", cache.parent, [cache.name])
    fetched = _found("engine", engine.parent, [engine.name]) if engine else None
    return [one for one in (_found("settings", config, SETTINGS), weights, fetched) if one]


def _found(kind: str, folder: Path, names: Iterable[str]) -> Found | None:
    if not folder.is_dir():
        return None
    known = sorted({name + ending for name in names for ending in ("", *_WITH_SQLITE)})
    entries = tuple(folder / name for name in known if os.path.lexists(folder / name))
    tops = {name.partition("/")[0] for name in known}
    foreign = tuple(sorted(path.name for path in folder.iterdir() if path.name not in tops))
    if not entries:
        return None
    return Found(kind, folder, entries, foreign, sum(map(size_of, entries)))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as themselves."""
    if path.is_symlink() or not path.is_dir():
        try:
            return path.lstat().st_size
        except OSError:
            return 0
    return sum(size_of(one) for one in path.iterdir())


def size_words(size_bytes: int) -> str:
    """A size as people read it."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= length:
            return f"{size_bytes / length:.1f} {unit}"
    return f"{max(1, round(size_bytes / 1e3))} kB"


def how_to_remove_package(
    prefix: Path, base_prefix: Path, installer: str, origin: Mapping[str, object]
) -> str:
    """The command that removes the program itself.

    Args:
        prefix: of the Python that runs.
        base_prefix: of the Python that it was made from.
        installer: what installed the package, as its metadata says.
        origin: its `direct_url.json`.
    """
    parts = prefix.parts
    if "pipx" in parts and "venvs" in parts:
        return f"pipx uninstall {prefix.name}"
    if "uv" in parts and "tools" in parts:
        return f"uv tool uninstall {prefix.name}"
    editable = origin.get("dir_info")
    if isinstance(editable, dict) and editable.get("editable"):
        return f"delete the folder {str(origin.get('url', '')).removeprefix('file://')}, from which it runs"
    if installer == "uv":
        return f"uv pip uninstall --python {prefix} manyeyes"
    if prefix != base_prefix:
        return f"{prefix}/bin/python -m pip uninstall manyeyes, or delete the environment {prefix}"
    return f"{prefix}/bin/python3 -m pip uninstall manyeyes"
