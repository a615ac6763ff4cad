"""From the command line to the facts of a service: account, folders, program, environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from manyeyes.cli.service.account import STATE, Account
from manyeyes.cli.service.passed_options import PassedOptions
from manyeyes.cli.service.unit import UNITS, Service, check_is_seen
from manyeyes.config import MasterSettings, NodeSettings
from manyeyes.errors import BadRequest
from manyeyes.local_files import read_text

FIRST_FREE_PORT = 1024
ETC = Path("/etc/manyeyes")
_NOT_FOR_ROLES = {"CONTEXT", "MASTER", "KEY", "CA", "NATS_SERVER", "CACHE", "NODE_JOIN", "NODE_JOIN_FILE"}
"""Variables that no role reads from its environment, or that the installation takes care of."""


def planned(
    role: str,
    data: Path,
    options: PassedOptions,
    account: Account,
    *,
    system: bool,
    memory_bytes: int | None,
    engine: Path | None,
    environ: Mapping[str, str],
) -> Service:
    """The service that was asked for.

    Args:
        data: its folder, as `data_folder` gives it.
        account: runs the service.
        engine: the nats-server, where the service does not find it by itself.
        environ: of who installs it.

    Raises:
        BadRequest: a service would not see one of its files or folders.
    """
    environment: dict[str, str] = {} if account.has_home else {"HOME": str(data)}
    writable: list[Path] = []
    if role != "node":
        places = own_places({} if system else environ)
        if cache := environ.get("MANYEYES_CACHE"):
            places["MANYEYES_CACHE"] = real(Path(cache))
        environment |= {name: str(place) for name, place in places.items()}
        if account.has_home:
            writable.append(places.get("XDG_CONFIG_HOME", account.home / ".config") / "manyeyes")
        if cache or account.has_home:
            kept = places.get("XDG_CACHE_HOME", account.home / ".cache") / "manyeyes"
            writable.append(places.get("MANYEYES_CACHE", kept))
    if engine:
        environment["MANYEYES_NATS_SERVER"] = str(engine)
    return Service(
        role=role,
        command=(sys.executable, "-m", "manyeyes.cli.app", role, "--data", str(data), *options.words),
        data=data,
        writable=tuple(writable),
        settings_file=settings_file(role, account, system=system),
        user=account.name if system else None,
        environment=tuple(environment.items()),
        memory_max="" if memory_bytes is None else str(memory_bytes),
        low_port=any(
            (options.values.get(name) or FIRST_FREE_PORT) < FIRST_FREE_PORT
            for name in ("https_port", "nats_port")
        ),
        reads=tuple(
            place
            for path in (Path(sys.prefix), Path(sys.executable), Path(__file__), *options.paths)
            for place in (path, real(path))
        ),
    )


def real(path: Path) -> Path:
    """Where a path leads, every symbolic link followed.

    Raises:
        BadRequest: a service would not see it.
    """
    found = path.resolve()
    check_is_seen(found, path)
    return found


def own_places(environ: Mapping[str, str]) -> dict[str, Path]:
    """The folders for contexts and downloads that a user has chosen: a service of their own uses the same."""
    return {
        name: real(Path(environ[name])) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME") if environ.get(name)
    }


def data_folder(role: str, options: PassedOptions, account: Account, *, system: bool) -> Path:
    """Where the service keeps its data: as the role does when the account starts it by hand.

    Raises:
        BadRequest: a service would not see that folder.
    """
    if given := options.values.get("data"):
        return real(Path(given))
    if not system:
        return real(NodeSettings().data if role == "node" else MasterSettings().data)
    base = account.home / ".local" / "share" / "manyeyes" if account.has_home else STATE
    return base / "node" if role == "node" else base


def settings_file(role: str, account: Account, *, system: bool) -> Path:
    """The file from which the service takes settings that have no option."""
    folder = ETC if system else account.home / ".config" / "manyeyes"
    return folder / Path(UNITS[role]).with_suffix(".env").name


def left_out(environ: Mapping[str, str], settings: str) -> list[str]:
    """Settings in the environment of who installs the service that the service does not get.

    Args:
        settings: the text of its file of settings.
    """
    there = {line.partition("=")[0].strip() for line in settings.splitlines()}
    names = (name for name in environ if name.startswith("MANYEYES_"))
    return sorted(
        name for name in names if name not in there and name.removeprefix("MANYEYES_") not in _NOT_FOR_ROLES
    )


def engine_to_name() -> Path | None:
    """The nats-server that is used here, if a service does not find it by itself.

    Raises:
        EngineMissing: there is none.
    """
    from manyeyes.broker.engine import find_engine
    from manyeyes.broker.engine_install import installed_places

    found = find_engine().absolute()
    by_environment = "MANYEYES_NATS_SERVER" in os.environ or shutil.which("nats-server") is not None
    return found if by_environment and found not in installed_places() else None


def token_of(options: PassedOptions, environ: Mapping[str, str]) -> str:
    """The join token for a node: from `--join`, a file, or the environment; empty where none was given.

    Raises:
        BadRequest: the file cannot be read.
    """
    if (given := options.values.get("join")) == "-":
        return sys.stdin.readline().strip()
    if file := options.values.get("join_file"):
        try:
            return read_text(Path(file)).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f"the join token in {file} cannot be read: {error}") from error
    return str(given or environ.get("MANYEYES_NODE_JOIN", ""))
