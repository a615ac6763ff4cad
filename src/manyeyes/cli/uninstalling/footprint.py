"""What manyeyes has put on this machine for this user: data, settings, downloads, services, and the package itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from manyeyes.datafolder import PID_FILE, PID_WIDTH
from manyeyes.store.master_file import is_master_database, is_sqlite

DATA = {
    "master.db": "people, their portraits, nodes, API keys, audit log",
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
PROOFS = ("master.db", "membership.json", "node.nk", PID_FILE)
"""What shows that a folder is manyeyes'. They are removed last, so that a run that was killed can be finished."""
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


def is_data_folder(folder: Path) -> bool:
    """Whether what is in a folder proves that it is a data folder; names like `packs` or `logs` prove nothing."""
    database = folder / "master.db"
    return (
        is_master_database(database)
        or (is_sqlite(database) and _begins(folder / "identity" / "ca.pem", b"-----BEGIN CERTIFICATE"))
        or _is_membership(folder / "membership.json")
        or _is_key(folder / "node.nk")
        or _is_pid_file(folder / PID_FILE)
        or b"-m manyeyes.cli.app" in _beginning(folder / "agent" / "manyeyes")
        or (folder.name != "node" and is_data_folder(folder / "node"))
    )


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _begins(path: Path, text: bytes) -> bool:
    return _beginning(path).startswith(text)


def _is_membership(path: Path) -> bool:
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(fields, dict) and {"name", "ca_pem", "pack_public_key"} <= fields.keys()


def _is_key(path: Path) -> bool:
    seed = _beginning(path).strip()
    return len(seed) == 58 and seed.startswith(b"SU") and seed.isalnum()


def _is_pid_file(path: Path) -> bool:
    text = _beginning(path)
    return len(text) == PID_WIDTH and text.strip().isdigit()


def data_folder(folder: Path, *, default: bool = False) -> Found | None:
    """What of a data folder is manyeyes' own; None where it is none.

    Args:
        default: it is the folder of manyeyes by its place, and packs or the engine in it are enough.
    """
    at_home = default and any((folder / name).exists() for name in ("packs", "bin/nats-server"))
    if not at_home and not is_data_folder(folder):
        return None
    names = [*DATA, *(f"{name}.removed" for name in ("node.nk", "membership.json"))]
    found, node = _found("data", folder, names), folder / "node"
    if found is None or node.is_symlink() or not node.is_dir():
        return found
    inside = _found("data", node, names)
    foreign = inside.foreign if inside else tuple(sorted(path.name for path in node.iterdir()))
    if not foreign:
        return found
    entries = [path for path in found.entries if path != node]
    kept_bytes = sum(size_of(node / name) for name in foreign)
    return Found(
        "data",
        folder,
        _proofs_last((*entries, *(inside.entries if inside else ()))),
        (*found.foreign, *(f"node/{name}" for name in foreign)),
        found.size_bytes - kept_bytes,
    )


def _proofs_last(entries: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(entries, key=lambda path: path.name in PROOFS))


def wholes(found: Found) -> list[str]:
    """The folders that are removed with everything that is in them, whoever put it there."""
    return [
        str(path.relative_to(found.folder))
        for path in found.entries
        if path.is_dir() and not path.is_symlink()
    ]


def shown(path: Path) -> str:
    """A path, and where it leads if it is a symbolic link."""
    return f"{path} -> {path.readlink()}" if path.is_symlink() else str(path)


def others(config: Path, caches: Iterable[Path], engine: Path | None) -> list[Found]:
    """Settings, downloads and the engine that 'manyeyes engine install' fetched.

    Args:
        config: the user's configuration folder for manyeyes.
        caches: the folders `weights` of the caches that were used.
        engine: where the engine is, if it was put beside Python.
    """
    weights = [_found("downloads", cache.parent, [cache.name]) for cache in caches]
    fetched = _found("engine", engine.parent, [engine.name]) if engine else None
    return [one for one in (_found("settings", config, SETTINGS), *weights, fetched) if one]


def _found(kind: str, folder: Path, names: Iterable[str]) -> Found | None:
    if not folder.is_dir():
        return None
    known = sorted({name + ending for name in names for ending in ("", *_WITH_SQLITE)})
    entries = _proofs_last(
        folder / name
        for name in known
        if os.path.lexists(folder / name) and not ("/" in name and (folder / name).parent.is_symlink())
    )
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
