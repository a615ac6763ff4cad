"""From the command line to the facts of a service: account, folders, program, environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from manyeyes.cli.service.account import STATE, Account
from manyeyes.cli.service.passed_options import PassedOptions
from manyeyes.cli.service.unit import UNITS, Service
from manyeyes.config import MasterSettings, NodeSettings
from manyeyes.errors import BadRequest
from manyeyes.node.availability.decision import parse_bytes

FIRST_FREE_PORT = 1024
ETC = Path("/etc/manyeyes")
_NOT_FOR_ROLES = {"CONTEXT", "MASTER", "KEY", "CA", "NATS_SERVER", "CACHE", "NODE_JOIN", "NODE_JOIN_FILE"}
"""Variables that no role reads from its environment, or that the installation takes care of."""


def planned(
    role: str,
    options: PassedOptions,
    account: Account,
    *,
    system: bool,
    memory_max: str,
    engine: Path | None,
    environ: Mapping[str, str],
) -> Service:
    """The service that was asked for.

    Args:
        account: runs the service.
        engine: the nats-server, where the service does not find it by itself.
        environ: of who installs it.

    Raises:
        BadRequest: the data folder cannot be used so, or a size is none.
    """
    data = data_folder(role, options, account, system=system)
    environment: dict[str, str] = {}
    writable: list[Path] = []
    if account.has_home:
        writable = [account.home / ".config" / "manyeyes"] if role != "node" else []
    else:
        environment["HOME"] = str(data)
    if role != "node":
        cache = environ.get("MANYEYES_CACHE")
        if cache:
            environment["MANYEYES_CACHE"] = str(Path(cache).absolute())
        if cache or account.has_home:
            writable.append(Path(cache).absolute() if cache else account.home / ".cache" / "manyeyes")
    if engine:
        environment["MANYEYES_NATS_SERVER"] = str(engine)
    if memory_max:
        memory_max = str(parse_bytes(memory_max))
    return Service(
        role=role,
        command=(sys.executable, "-m", "manyeyes.cli.app", role, "--data", str(data), *options.words),
        data=data,
        writable=tuple(writable),
        settings_file=settings_file(role, account, system=system),
        user=account.name if system else None,
        environment=tuple(environment.items()),
        memory_max=memory_max,
        low_port=any(
            (options.values.get(name) or FIRST_FREE_PORT) < FIRST_FREE_PORT
            for name in ("https_port", "nats_port")
        ),
        reads=tuple(
            dict.fromkeys((Path(sys.prefix), Path(sys.executable).resolve(), Path(__file__), *options.paths))
        ),
    )


def data_folder(role: str, options: PassedOptions, account: Account, *, system: bool) -> Path:
    """Where the service keeps its data: as the role does when the account starts it by hand.

    Raises:
        BadRequest: the account has no home, and the folder that was named is no absolute path.
    """
    if given := options.values.get("data"):
        return Path(given).absolute()
    if not system:
        return (NodeSettings().data if role == "node" else MasterSettings().data).absolute()
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
            return Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f"the join token in {file} cannot be read: {error}") from error
    return str(given or environ.get("MANYEYES_NODE_JOIN", ""))
