"""Masters and nodes of this user that run now, and masters of this machine whose data folder is not known."""

from __future__ import annotations

import os
import pwd
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from manyeyes.cli.first_signals import role_in
from manyeyes.errors import ManyeyesError
from manyeyes.sdk.context import Context, load_context
from manyeyes.sdk.contexts import Contexts, NamedContext

_PLACES = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share"}


@dataclass(frozen=True)
class Running:
    """A process that runs a master or a node."""

    process: int
    role: str
    data: Path
    shares_settings: bool
    """Whether it has the same settings and downloads as this command."""
    shares_programs: bool
    """Whether it runs from the same environment of Python, with the engine in it."""

    def __str__(self) -> str:
        return f"process {self.process} (manyeyes {self.role}) runs from the data folder {self.data}"


def processes() -> list[Running]:
    """All masters and nodes of this user; a node that belongs to `manyeyes up` counts as part of it."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid():
                continue
            command = process.cmdline()
            if role_of(command) is None:
                continue
            environ, folder = _details(process)
        except (psutil.Error, OSError):
            continue
        if one := described(process.pid, command, environ, folder):
            found.append(one)
    masters = {one.data / "node" for one in found if one.role == "up"}
    return [one for one in found if one.data not in masters]


def _details(process: Any) -> tuple[dict[str, str] | None, Path]:
    """Environment and working folder; None where the environment cannot be read."""
    import psutil

    folder = Path(process.cwd())
    try:
        return dict(process.environ()), folder
    except (psutil.Error, OSError):
        return None, folder


def role_of(command: Sequence[str]) -> tuple[str, list[str]] | None:
    """Which role a command line runs, and its arguments; None where it is not a master or a node of manyeyes."""
    for number, word in enumerate(command[:6]):
        program = Path(word).name == "manyeyes" and (number == 0 or "python" in Path(command[0]).name)
        module = word == "manyeyes.cli.app" and number > 0 and command[number - 1] == "-m"
        if program or module:
            return role_in(command[number + 1 :])
    return None


def described(
    process: int, command: Sequence[str], environ: Mapping[str, str] | None, folder: Path
) -> Running | None:
    """What a process runs.

    Args:
        command: its command line.
        environ: its environment; None: not known, and it counts as one that shares.
        folder: its working folder.
    """
    found = role_of(command)
    if found is None:
        return None
    role, arguments = found
    known = environ if environ is not None else os.environ
    data = _option(arguments, "--data") or known.get(
        "MANYEYES_NODE_DATA" if role == "node" else "MANYEYES_MASTER_DATA"
    )
    if not data:
        data = str(_places(known)["XDG_DATA_HOME"] / "manyeyes" / ("node" if role == "node" else ""))
    return Running(
        process,
        role,
        Path(os.path.normpath(folder / data)),
        shares_settings=environ is None or _places(environ) == _places(os.environ),
        shares_programs=Path(command[0]).is_relative_to(sys.prefix),
    )


def _option(arguments: Sequence[str], name: str) -> str:
    for number, word in enumerate(arguments):
        if word == name:
            return next(iter(arguments[number + 1 :]), "")
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def _places(environ: Mapping[str, str]) -> dict[str, Path]:
    home = Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    return {name: Path(environ.get(name) or home / place) for name, place in _PLACES.items()}


def stored_contexts() -> list[NamedContext]:
    """The contexts of this user; none where one of them cannot be read."""
    try:
        return Contexts().all()
    except ManyeyesError:
        return []


def elsewhere(contexts: Iterable[NamedContext], folders: Iterable[Path]) -> list[NamedContext]:
    """The contexts whose master is on this machine, with a data folder that is not among `folders`."""
    covered = [one for folder in folders if (one := _own_context(folder))]
    here = _own_addresses()
    return [
        one
        for one in contexts
        if urlsplit(one.context.url).hostname in here
        and not any(
            one.context.url == other.url or (one.context.ca_pem and one.context.ca_pem == other.ca_pem)
            for other in covered
        )
    ]


def _own_context(folder: Path) -> Context | None:
    try:
        return load_context(folder / "context.json")
    except (ManyeyesError, OSError):
        return None


def _own_addresses() -> set[str | None]:
    import psutil

    addresses = {
        one.address.partition("%")[0] for several in psutil.net_if_addrs().values() for one in several
    }
    return {"localhost", "127.0.0.1", "::1", socket.gethostname().lower(), *addresses}
