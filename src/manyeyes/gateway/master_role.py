"""The role of a master: engine, fleet and gateway in one process, until it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.types import ASGIApp

from manyeyes import identity
from manyeyes.addresses import from_here, is_loopback, with_port
from manyeyes.config import Limits, MasterSettings
from manyeyes.datafolder import only_one
from manyeyes.errors import BadRequest
from manyeyes.gateway.advertised_addresses import warn_of_unreachable
from manyeyes.gateway.app import make_app
from manyeyes.gateway.console import serving_console
from manyeyes.gateway.plain_http import WARNING, PlainHttp, parse_address
from manyeyes.gateway.proxies import Proxied, parse_proxies, parse_root_path
from manyeyes.gateway.serve import make_plain_server, make_server, serving
from manyeyes.lan.announce import Announcer
from manyeyes.listening import check_port
from manyeyes.master.composition import Master
from manyeyes.master.engine_access import find_usable_engine
from manyeyes.own_certificate import OwnCertificate
from manyeyes.packs.served import ServedPack
from manyeyes.packs.store import choose
from manyeyes.sdk.context import Context, save_context
from manyeyes.telemetry import kept, log

Progress = Callable[[str, float], None]
Step = Callable[[str, str], None]
"""Told when a step of the start is done: its name, and what there is now."""
CONTEXT_FILE = "context.json"


def local_context(master: Master, settings: MasterSettings) -> Context:
    """The operator's access on this machine: stored in the data folder, created on the first start."""
    path = settings.data / CONTEXT_FILE
    url = _url(settings)
    ca_pem = (settings.data / "identity" / "ca.pem").read_text()
    key_path = settings.data / "identity" / "local.key"
    if key_path.exists() and master.sessions.role_of(kept := key_path.read_text().strip()):
        key = kept
    else:
        key = master.keys.create_local("local admin", "admin")
        identity.write_private(key_path, key.encode())
    context = Context(url=url, ca_pem=ca_pem, api_key=key)
    save_context(context, path)
    return context


def own_certificate(settings: MasterSettings) -> OwnCertificate | None:
    """The operator's own certificate, if one is named.

    Raises:
        BadRequest: one of certificate and key is named alone.
        CertificateUnusable: it cannot be used.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        lacking = "--tls-cert" if settings.tls_cert is None else "--tls-key"
        raise BadRequest(f"an own certificate needs both files; {lacking} is missing")
    return OwnCertificate(settings.tls_cert, settings.tls_key)


def _url(settings: MasterSettings) -> str:
    return f"https://{with_port(from_here(settings.listen), settings.https_port)}"


async def _announce(settings: MasterSettings) -> None:
    """Tell the networks where this master is; a network that cannot be told keeps nobody from working."""
    if not settings.announce or is_loopback(settings.listen):
        return
    ca_pem = (settings.data / "identity" / "ca.pem").read_text()
    try:
        await Announcer(settings.listen, settings.nats_port, identity.ca_fingerprint(ca_pem)).run()
    except Exception:
        log().exception("the announcement on the network ended")


def _warn_of_old_pack(served: ServedPack) -> None:
    if not served.draws_every_script:
        log().warning(
            f"the pack {served.pack} is of an earlier manyeyes: on predicted pictures its nodes write most letters "
            "that are not Latin, Greek, Cyrillic, Chinese, Japanese or Korean as codes, as U+0915; build it again "
            "with 'manyeyes packs build', and choose it with 'manyeyes packs use'"
        )


@asynccontextmanager
async def running_master(
    settings: MasterSettings, limits: Limits, progress: Progress, step: Step, named: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Master, Context, tuple[str, ...]]]:
    """A master that serves users and nodes, the operator's context, and the names of an own certificate; stopped on leaving.

    Args:
        named: the addresses that a person has named for nodes, which are tried.

    Raises:
        StartError: it cannot start; says why and what to do.
        PackError: the pack is not there, or the default pack cannot be built.
        BadRequest: the address for plain HTTP, the sub-path or a proxy cannot be read, or one of certificate and key is named alone.
    """
    plain = parse_address(settings.plain_http)
    root_path, proxies = parse_root_path(settings.root_path), parse_proxies(settings.trusted_proxies)
    own = await asyncio.to_thread(own_certificate, settings)
    identity.make_data_folder(settings.data)
    with only_one(settings.data), kept(settings.data, settings.logs):
        found = await find_usable_engine(settings)
        step("engine", f"nats-server {found.version}, for nodes at port {settings.nats_port}")
        check_port(settings.listen, settings.https_port, "users", "--https-port")
        if plain is not None:
            check_port(plain.host, plain.port, "plain HTTP", "--plain-http")
        key = identity.load_or_make_signing_key(settings.data / "identity" / "pack-signing.key")
        folder = await asyncio.to_thread(choose, settings.data, settings.pack, progress)
        served = await asyncio.to_thread(ServedPack, folder, key)
        step("pack", served.pack)
        _warn_of_old_pack(served)
        async with Master.running(settings, limits, served, found, own) as master, AsyncExitStack() as stack:
            certificates = identity.Certificates(
                settings.data / "identity" / "ca.pem",
                settings.data / "identity" / "server.pem",
                settings.data / "identity" / "server.key",
            )
            app = make_app(master)

            def behind(served: ASGIApp) -> ASGIApp:
                return Proxied(served, root_path, proxies)

            if settings.console:
                await stack.enter_async_context(
                    serving_console(
                        app, lambda token: master.sessions.role_of(token) is not None, _url(settings)
                    )
                )
            servers = [
                make_server(behind(app), settings.listen, settings.https_port, limits, certificates, own)
            ]
            if plain is not None:
                plain_app = behind(PlainHttp(app, settings.https_port))
                servers.append(make_plain_server(plain_app, plain.host, plain.port, limits))
                log().warning(f"plain HTTP is on at {plain.url}: {WARNING}")
            await stack.enter_async_context(serving(servers))
            trying = warn_of_unreachable(named, settings.nats_port, master.admission.ca_pem)
            beside = [
                asyncio.create_task(_announce(settings), name="announce"),
                asyncio.create_task(trying, name="advertised"),
            ]
            if own is not None:
                beside.append(asyncio.create_task(own.watch(), name="own-certificate"))
            try:
                yield master, local_context(master, settings), own.loaded.names if own else ()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside, timeout=3)
                master.events.close()
                await master.dispatcher.close(patience_s=5.0)
                master.logs.stop_following()
