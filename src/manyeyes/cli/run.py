"""Starts and stops the roles: `up`, `master`, `node`, `down`."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import shlex
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyeyes import identity, telemetry
from manyeyes.addresses import ANY, ANY_IPV4
from manyeyes.cli.local_node import keep_local_node
from manyeyes.cli.notify import notify
from manyeyes.cli.output import VerboseOption, say, tell
from manyeyes.cli.role_lines import (
    RoleLines,
    StateLines,
    addresses_text,
    local_name,
    nodes_text,
    starts,
    warn_of_kept_out,
)
from manyeyes.cli.role_options import (
    AdvertiseOption,
    AnnounceOption,
    DataOption,
    ExecOption,
    HttpsOption,
    ListenOption,
    NatsOption,
    PackOption,
    PlainHttpOption,
    RootPathOption,
    TlsCertOption,
    TlsKeyOption,
    TrustedProxyOption,
    WorkersOption,
)
from manyeyes.cli.signals import Stop, until_signal
from manyeyes.cli.streams import has_folder
from manyeyes.config import Limits, MasterSettings, NodeSettings, default_data_folder
from manyeyes.datafolder import only_one
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.lan.advertised import advertised
from manyeyes.lan.announce import places_here
from manyeyes.lan.service import places_to_announce
from manyeyes.wording import several

if TYPE_CHECKING:
    from manyeyes.node.agent import Agent
    from manyeyes.node.membership.membership import Membership

_STARTED_S, _COLLECT_AFTER = 8.0, 20_000
"""Seconds until a role has loaded what it needs; from then on so many new objects start a collection (default 700)."""

_OWN_NODE_S = 20.0
"""Seconds that `up` waits for its own node when another one is ready."""

_CLOSING_S = 30.0
"""Seconds after its drain in which a node has closed."""


def _given(**values: Any) -> dict[str, Any]:
    """The values that are not None; the rest comes from the environment or the defaults."""
    return {name: value for name, value in values.items() if value is not None}


def _master_settings(
    data: Path | None,
    listen: str | None,
    advertise: list[str] | None,
    *,
    open_to_networks: bool,
    **others: Any,
) -> MasterSettings:
    if listen is None and open_to_networks and not os.environ.get("MANYEYES_MASTER_LISTEN"):
        listen = ANY_IPV4
    given = _given(
        data=data.absolute() if data else None,
        listen=listen,
        advertise=tuple(advertise) if advertise is not None else None,
        **others,
    )
    settings = MasterSettings(**given)
    named = tuple(dict.fromkeys(map(advertised, settings.advertise)))
    settings = settings.model_copy(update={"advertise": named})
    if settings.advertise or settings.listen == "127.0.0.1":
        return settings
    if settings.listen not in (ANY, ANY_IPV4):
        return settings.model_copy(update={"advertise": (settings.listen,)})
    places = places_to_announce(settings.listen, places_here())
    here = sorted(places, key=lambda place: (place.is_ipv6, place.address))
    return settings.model_copy(update={"advertise": (*_own_name(), *(place.address for place in here))})


def _own_name() -> tuple[str, ...]:
    """This machine's name, if other machines can dial it."""
    try:
        return (advertised(platform.node()),)
    except BadRequest:
        return ()


def _keep_what_is_loaded() -> None:
    """Make the garbage collector skip the objects loaded at the start: they stay, and scanning them takes 50 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def _run(main: Callable[[Stop], Awaitable[None]], lines: RoleLines) -> None:
    """Run a role."""
    import uvloop

    if not has_folder():
        os.chdir("/")  # else nothing that it starts can work, as pip

    async def run() -> None:
        asyncio.get_running_loop().call_later(_STARTED_S, _keep_what_is_loaded)
        if await until_signal(main, lambda: notify(STOPPING=1)):
            lines.stopped()
            # not `return`: a thread may build a pack for a minute; its processes end with this one
            os._exit(0)

    uvloop.run(run())


def _prepare_master(verbose: bool) -> None:
    """Look for everything that a master needs before it starts: first its packages, then the engine."""
    import manyeyes.gateway.master_role  # noqa: F401
    from manyeyes.cli.engine import engine_at_hand

    telemetry.set_up("master", verbose=verbose)
    engine_at_hand()


@asynccontextmanager
async def _master_running(
    settings: MasterSettings, lines: RoleLines, *, advertise: list[str] | None
) -> AsyncIterator[tuple[Any, Any, tuple[str, ...]]]:
    from manyeyes.cli.build_bar import BuildBar
    from manyeyes.gateway.master_role import running_master

    bar = BuildBar()
    named = advertise is not None or bool(os.environ.get("MANYEYES_MASTER_ADVERTISE"))
    tried = settings.advertise if named else ()

    def step(name: str, text: str) -> None:
        bar.stop()
        lines.step(name, text)

    try:
        async with running_master(settings, Limits(), bar, step, tried) as running:
            bar.stop()
            notify(READY=1, STATUS=f"serves {running[1].url}")
            yield running
    finally:
        bar.stop()


async def _first_of(*waits: Awaitable[Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


def up(
    data: DataOption = None,
    workers: WorkersOption = None,
    listen: ListenOption = None,
    https_port: HttpsOption = None,
    nats_port: NatsOption = None,
    advertise: AdvertiseOption = None,
    pack: PackOption = None,
    announce: AnnounceOption = None,
    tls_cert: TlsCertOption = None,
    tls_key: TlsKeyOption = None,
    plain_http: PlainHttpOption = None,
    root_path: RootPathOption = None,
    trusted_proxy: TrustedProxyOption = None,
    allow_exec: ExecOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run a master and a node on this machine, until Ctrl-C or 'manyeyes down'.

    At a terminal it says in a few lines how far it is; the rest is in the folder 'logs' of the data folder, or shown with -v.
    It ends with its terminal; 'nohup manyeyes up &' goes on without one, 'manyeyes service install up' over restarts too.

    Example: manyeyes up
    """
    _prepare_master(verbose)
    settings = _master_settings(
        data, listen, advertise, open_to_networks=False,
        https_port=https_port, nats_port=nats_port, pack=pack, announce=announce,
        tls_cert=tls_cert, tls_key=tls_key, plain_http=plain_http,
        root_path=root_path, trusted_proxies=tuple(trusted_proxy) if trusted_proxy else None,
    )  # fmt: skip
    lines = RoleLines()

    async def main(stop: Stop) -> None:
        async with _master_running(settings, lines, advertise=advertise) as (master, context, names):
            stop.started = True
            first = _store_user_context(context, settings)
            flags = ["--workers", str(workers)] if workers else []
            flags += ["--allow-exec"] if allow_exec else []
            flags += ["--verbose"] if verbose else []
            flags += ["--beside-master"]
            node = asyncio.create_task(keep_local_node(master, settings, flags, stop), name="local-node")
            failed = master.engine.failed_for_good
            try:
                await _first_of(_ready(master, settings), stop.wait(), failed())
                if not stop.is_set():
                    lines.step("node", nodes_text(master))
                    lines.ready(f"{addresses_text(settings, context.url, names)} takes pictures")
                    lines.hint(f"in another terminal, {first}'manyeyes console' or 'manyeyes send PICTURE'")
                    warn_of_kept_out(master, settings)
                    await _first_of(stop.wait(), failed(), asyncio.shield(node))
            finally:
                stop.set()
                await node

    _run(main, lines)
    lines.stopped()


async def _ready(master: Any, settings: MasterSettings) -> None:
    """Wait until the master takes pictures and, for some seconds more, until its own node does."""
    while not master.monitor.ready:
        await asyncio.sleep(0.1)
    until_s = time.monotonic() + _OWN_NODE_S
    while starts(master, local_name(settings)) and time.monotonic() < until_s:
        await asyncio.sleep(0.1)


def _store_user_context(context: Any, settings: MasterSettings) -> str:
    """Store this master's context where commands of this user find it. The default stays what it is, and that is said.

    Returns:
        What to do first so that commands go to this master, to be put before it; empty if they do.
    """
    from manyeyes.sdk.context import find_context
    from manyeyes.sdk.contexts import keep_for_this_user

    name = settings.data.name if settings.data != default_data_folder() else "local"
    try:
        kept = keep_for_this_user(context, name)
        used = find_context()
        if used.url != context.url:
            way = (
                f"'manyeyes contexts use {kept.name}' sends them to this master"
                if kept
                else "the environment names it"
            )
            say(f"commands still go to {used.url}; {way}")
            file = shlex.quote(str(settings.data / "context.json"))
            chosen = f"manyeyes contexts use {kept.name}" if kept else f"export MANYEYES_CONTEXT={file}"
            return f"'{chosen}', then "
    except ManyeyesError as error:
        say(f"commands of this user do not find this master by themselves: {error.detail}")
    return ""


def master(
    data: DataOption = None,
    listen: ListenOption = None,
    https_port: HttpsOption = None,
    nats_port: NatsOption = None,
    advertise: AdvertiseOption = None,
    pack: PackOption = None,
    announce: AnnounceOption = None,
    tls_cert: TlsCertOption = None,
    tls_key: TlsKeyOption = None,
    plain_http: PlainHttpOption = None,
    root_path: RootPathOption = None,
    trusted_proxy: TrustedProxyOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run a master alone; machines join it with 'manyeyes node --join TOKEN'.

    It ends with its terminal; 'nohup manyeyes master &' goes on without one, 'manyeyes service install master' over
    restarts too.

    Example: manyeyes master --advertise 192.168.1.10
    """
    _prepare_master(verbose)
    settings = _master_settings(
        data, listen, advertise, open_to_networks=True,
        https_port=https_port, nats_port=nats_port, pack=pack, announce=announce,
        tls_cert=tls_cert, tls_key=tls_key, plain_http=plain_http,
        root_path=root_path, trusted_proxies=tuple(trusted_proxy) if trusted_proxy else None,
    )  # fmt: skip
    lines = RoleLines()

    async def main(stop: Stop) -> None:
        async with _master_running(settings, lines, advertise=advertise) as (running, context, names):
            stop.started = True
            _store_user_context(context, settings)
            lines.ready(
                f"{addresses_text(settings, context.url, names)} waits for nodes; 'manyeyes token' makes a token for one"
            )
            await _first_of(stop.wait(), running.engine.failed_for_good())

    _run(main, lines)
    lines.stopped()


def node(
    data: DataOption = None,
    join: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="The token that 'manyeyes token' printed on the master; - reads it from standard input.",
        ),
    ] = None,
    join_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token; until this machine has joined, the node waits for it."),
    ] = None,
    join_only: Annotated[
        bool, typer.Option("--join-only", help="Join, print the node's name and exit; start the node later.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The node's name; the host's name by default.")
    ] = None,
    workers: WorkersOption = None,
    hours: Annotated[
        str | None,
        typer.Option(metavar="HH:MM-HH:MM", help="Work only in these hours, local time, as 22:00-07:00."),
    ] = None,
    when_idle: Annotated[
        bool | None,
        typer.Option("--when-idle", help="Work only while no other program keeps the machine busy."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most memory of all workers together, as 800M or 4G.")
    ] = None,
    allow_exec: ExecOption = None,
    beside_master: Annotated[bool, typer.Option("--beside-master", hidden=True)] = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a node: join a master once, then work for it until Ctrl-C or 'manyeyes down --data FOLDER'.

    It ends with its terminal; 'nohup manyeyes node &' goes on without one, 'manyeyes service install node' over restarts
    too.

    Example: manyeyes node --join me1_... --hours 22:00-07:00
    """
    from manyeyes.node.agent import Agent
    from manyeyes.node.membership.joining import ensure_membership
    from manyeyes.node.membership.membership import Membership, name_note

    telemetry.set_up("node", verbose=verbose)
    lines = RoleLines()
    given = _given(
        data=data.absolute() if data else None,
        join=sys.stdin.readline().strip() if join == "-" else join,
        join_file=join_file,
        name=name,
        workers=workers,
        hours=hours,
        when_idle=when_idle,
        memory=memory,
        allow_exec=allow_exec,
    )
    settings = NodeSettings(**given)
    if join == "-":
        _check_given(settings)
    identity.make_data_folder(settings.data)

    async def main(stop: Stop) -> None:
        stop.started = True
        kept = settings.data / "membership.json"
        before = Membership.load(kept).name if kept.exists() else ""
        joining = asyncio.ensure_future(ensure_membership(settings))
        await _first_of(joining, stop.wait())
        if stop.is_set():
            say("stopped before the master answered")
            return
        membership, key = joining.result()
        if note := name_note(name or "", membership.name, had_joined=membership.name == before):
            say(f"warning: {note}")
        if join_only:
            tell(membership.name)
            return
        telemetry.bind(node=membership.name)
        if not beside_master:
            lines.step("node", _looks_for(membership))
        notify(READY=1, STATUS=f"node {membership.name} looks for its master")
        agent = Agent(settings, membership, key)
        await _work_until(stop, agent, membership.name, settings.drain_s, None if beside_master else lines)

    with only_one(settings.data), telemetry.kept(settings.data, settings.logs):
        _run(main, lines)
    if not (join_only or beside_master):
        lines.stopped()


def _looks_for(membership: Membership) -> str:
    return f"{membership.name}, looks for its master at {', '.join(membership.addresses)}"


def _check_given(settings: NodeSettings) -> None:
    if not settings.join and not (settings.data / "membership.json").exists():
        raise BadRequest(
            "--join - reads the token from standard input, and nothing came from there; is the file or the command before "
            "the pipe empty? 'manyeyes token' on the master prints a token"
        )


async def _work_until(
    stop: asyncio.Event, agent: Agent, name: str, drain_s: float, lines: RoleLines | None
) -> None:
    """Run a node until it is told to stop and has left; `lines`, if there are any, say when it works."""

    async def drain_on_signal() -> None:
        await stop.wait()
        notify(EXTEND_TIMEOUT_USEC=round((drain_s + _CLOSING_S) * 1e6))
        agent.drain()

    def ready(name: str, count: int, pack: str) -> None:
        said = f"node {name} works with {several(count, 'worker')}"
        if lines is not None:
            lines.step("pack", pack)
            lines.ready(said)
        states.started = True
        notify(STATUS=said)

    states = StateLines(RoleLines(), name)
    watcher = asyncio.create_task(drain_on_signal(), name="signals")
    try:
        await agent.run(ready, states.told)
    finally:
        watcher.cancel()
