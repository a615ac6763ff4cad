"""`manyeyes doctor`: look for what a master needs and does not find."""

from __future__ import annotations

import platform
import shutil
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import typer

from manyeyes.addresses import ANY, is_loopback, with_port
from manyeyes.cgroups import read_machine
from manyeyes.cli.engine import engine_line
from manyeyes.cli.output import JsonOption, print_json, tell
from manyeyes.cli.role_options import DataOption, folder_of
from manyeyes.config import MasterSettings
from manyeyes.datafolder import holder
from manyeyes.errors import FileTrouble, ManyeyesError
from manyeyes.wording import cores_and_memory

_NODE_ONLY = "a node needs no open port: it connects to its master"


def doctor(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Check what manyeyes needs on this machine, and say what to do if something is missing.

    Example: manyeyes doctor
    """
    folder = folder_of(data)
    url = _running_master(folder)
    is_for_a_node = not _has_master() or (folder / "membership.json").exists()
    looks: dict[str, Callable[[], str]] = {
        "Python": platform.python_version,
        "machine": _machine,
        "engine": _engine,
        "data folder": lambda: _space(folder),
        "packs": lambda: _packs(folder),
        "master": lambda: f"runs here, {url}" if url else "none runs from this data folder",
        "ports": lambda: "in use by that master" if url else _ports(is_for_a_node),
        "network": lambda: _NODE_ONLY if is_for_a_node and not url else _reach(url),
        "plain HTTP": lambda: _plain_http(folder, url),
    }
    rows = [(name, *_checked(look)) for name, look in looks.items()]
    if as_json:
        print_json({"checks": [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in rows]})
    else:
        for name, ok, detail in rows:
            tell(f"{'ok ' if ok else 'BAD'}  {name}: {detail}")
    if not all(ok for _, ok, _ in rows):
        raise typer.Exit(8)


def _checked(look: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, look()
    except (ManyeyesError, OSError) as error:
        return False, str(error)


def _machine() -> str:
    """What there is, and what a container or an affinity leaves of it."""
    found = read_machine()
    machine = cores_and_memory(found.cores, found.memory_bytes, found.cores_limit, found.memory_limit_bytes)
    return f"{machine}; as many workers as cores: {found.workers}"


def _engine() -> str:
    if not _has_master():
        return "none is needed: this installation, without [master], runs nodes and commands"
    from manyeyes.broker.engine import find_engine

    return engine_line(find_engine())


def _space(folder: Path) -> str:
    from manyeyes.identity import make_data_folder

    make_data_folder(folder)
    free = shutil.disk_usage(folder).free
    if free < 2e9:
        raise FileTrouble(f"{folder} has {free / 1e9:.1f} GB free, 2 are needed; free some or use --data")
    return f"{folder}, {free / 1e9:.0f} GB free"


def _has_master() -> bool:
    """Whether what a master needs is installed, and not only what a node and commands need."""
    return find_spec("fastapi") is not None


def _packs(folder: Path) -> str:
    if not _has_master():
        return "none is needed: a node gets its pack from the master"
    from manyeyes.packs.store import installed

    return ", ".join(pack.label for pack in installed(folder)) or "none yet; 'manyeyes up' builds it"


def _running_master(folder: Path) -> str | None:
    """The address of the master that runs from this data folder; None if none does."""
    from manyeyes.sdk.context import load_context

    if holder(folder) is None:
        return None
    try:
        return load_context(folder / "context.json").url
    except FileTrouble:
        return None


def _ports(is_for_a_node: bool) -> str:
    return _NODE_ONLY if is_for_a_node else _free_ports()


def _free_ports() -> str:
    """Both ports are free.

    Raises:
        PortTaken: one is not.
    """
    from manyeyes.listening import check_port

    settings = MasterSettings()
    check_port(settings.listen, settings.https_port, "users", "--https-port")
    check_port(settings.listen, settings.nats_port, "nodes", "--nats-port")
    return f"{settings.https_port} (users) and {settings.nats_port} (nodes) are free"


def _reach(url: str | None) -> str:
    """Which addresses of this machine take connections from other machines, as tried from here."""
    from manyeyes.lan.announce import places_here
    from manyeyes.lan.service import places_to_announce

    if url is None:
        return "'manyeyes up' is for this machine only; with --listen 0.0.0.0 others reach it"
    port = urlsplit(url).port or 443
    addresses = sorted({place.address for place in places_to_announce(ANY, places_here())})
    open_at = [address for address in addresses if _answers(address, port)]
    if not open_at:
        return "other machines do not reach it; 'manyeyes up --listen 0.0.0.0' opens it to your networks"
    at = ", ".join(with_port(one, port) for one in open_at)
    return f"other machines reach the master at {at}, unless a firewall is between"


def _plain_http(folder: Path, url: str | None) -> str:
    """Whether the API is served without TLS."""
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.context import load_context
    from manyeyes.sdk.patience import Patience

    address = MasterSettings().plain_http
    if url is not None:
        with Client(load_context(folder / "context.json"), patience=Patience(total_s=5)) as client:
            found = [one.value for one in client.settings() if one.name == "MANYEYES_MASTER_PLAIN_HTTP"]
            address = str(found[0] if found else "")
    if not address:
        return "off"
    where = "programs on this machine" if is_loopback(address.rpartition(":")[0]) else "networks"
    return f"on at {address}, for {where}: keys and pictures are not encrypted there"


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False
