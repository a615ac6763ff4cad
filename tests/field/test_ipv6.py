"""IPv6: addresses are in brackets wherever a port follows, and a fleet works on hosts that have nothing else."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from manyeyes.addresses import (
    bare,
    bracketed,
    from_here,
    host_and_port,
    is_link_local,
    is_loopback,
    with_port,
)
from manyeyes.broker.connection import server_url
from manyeyes.broker.engine import Engine, find_engine
from manyeyes.broker.engine_syntax import written
from manyeyes.cli.role_lines import addresses_text
from manyeyes.config import MasterSettings
from manyeyes.errors import PortTaken, StartError
from manyeyes.gateway.serve import _where
from manyeyes.identity import _alternative_names
from manyeyes.lan.service import CA_KEY, Heard
from manyeyes.listening import check_port
from manyeyes.sdk.context import find_context
from tests.e2e.conftest import why_not
from tests.e2e.fleet import wait_for
from tests.e2e.hosts import Host, lab
from tests.field.test_data_folders import ODD
from tests.integration.conftest import MANYEYES, free_port, picture
from tests.needs import needed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("10.0.0.1", "10.0.0.1"),
        (" lab.example ", "lab.example"),
        ("[FD00:0::1]", "fd00::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("[fe80::1%25eth0]", "fe80::1%eth0"),
        ("::", "::"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_host_is_kept_bare_and_short(typed: str, kept: str) -> None:
    settings = MasterSettings(listen=typed, advertise=(typed,))
    assert (bare(typed), settings.listen, settings.advertise) == (kept, kept, (kept,))


@pytest.mark.parametrize(
    ("host", "text"),
    [("10.0.0.1", "10.0.0.1:1"), ("lab", "lab:1"), ("::1", "[::1]:1"), ("fe80::1%eth0", "[fe80::1%eth0]:1")],
)
def test_an_ipv6_address_is_in_brackets_before_its_port(host: str, text: str) -> None:
    assert with_port(host, 1) == text
    assert host_and_port(text) == (host, 1)
    assert server_url(text) == f"tls://{text}"


def test_an_address_that_an_earlier_version_kept_is_read() -> None:
    assert server_url("fd00::1:4222") == "tls://[fd00::1]:4222"
    for unusable in ("", "lab", "lab:", "lab:x", ":4222"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            host_and_port(unusable)


def test_what_an_address_means() -> None:
    assert [is_loopback(host) for host in ("::1", "[::1]", "::ffff:127.0.0.1", "localhost", "fd00::1")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert [is_link_local(host) for host in ("fe80::1%eth0", "169.254.0.1", "fd00::1", "lab")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert [from_here(listen) for listen in ("0.0.0.0", "::", "fd00::1")] == ["127.0.0.1", "::1", "fd00::1"]
    assert bracketed("lab") == "lab"


def test_people_and_clients_get_urls_with_brackets() -> None:
    settings = MasterSettings(listen="::", advertise=("lab", "10.0.0.1", "fd00::1"), https_port=1)
    assert addresses_text(settings, "https://[::1]:1") == (
        "https://[::1]:1 (for other machines: https://lab:1, https://10.0.0.1:1, https://[fd00::1]:1)"
    )
    assert find_context("fd00::1", api_key="k", ca_pem="c", environ={}).url == "https://[fd00::1]"


def test_what_is_heard_on_the_network_is_in_brackets() -> None:
    heard = Heard("ca")
    heard.text("i", {CA_KEY: b"ca"})
    heard.service("i", "host", 4222)
    heard.address("host", "fd00::1")
    assert heard.candidates() == {"[fd00::1]:4222"}


def test_a_certificate_names_ipv6_addresses() -> None:
    values = {str(name.value) for name in _alternative_names(("fd00::1", "fe80::2%eth0"))}
    assert {"::1", "fd00::1", "fe80::2", "127.0.0.1"} <= values


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


def test_listening_on_all_takes_both_kinds(tmp_path: Path) -> None:
    async def scene() -> None:
        ports = [free_port(), free_port()]
        config = tmp_path / "nats.conf"
        config.write_text(written({"host": "::", "port": ports[0]}))
        engine = Engine(find_engine(), config, ("::1", ports[0]))
        served = await asyncio.get_running_loop().create_server(asyncio.Protocol, **_where("::", ports[1]))
        try:
            await engine.start()
            for host in ("127.0.0.1", "::1"):
                for port in ports:
                    assert await asyncio.to_thread(_connects, host, port), (host, port)
        finally:
            served.close()
            await engine.stop()

    asyncio.run(scene())


def test_a_port_that_is_taken_at_an_ipv4_address_is_not_free_for_all() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(PortTaken, match=r"listen on \[::\]:"),
    ):
        check_port("::", other.getsockname()[1], "users", "--https-port")


@pytest.mark.parametrize(
    "host", ["fe80::1", "fd77:dead::1", "192.0.2.77", "no-such-host.invalid", "\udcff", "long" * 20]
)
def test_an_address_that_is_not_of_this_machine_is_named(host: str) -> None:
    with pytest.raises(StartError, match="name an address of this machine") as refused:
        check_port(host, 1, "nodes", "--nats-port")
    assert with_port(host, 1) in refused.value.detail and not isinstance(refused.value, PortTaken)


FIND = """
import asyncio, sys
from manyeyes.node.membership.discovery import find_master
print(asyncio.run(find_master(sys.stdin.read())))
"""


@contextmanager
def hosts() -> Iterator[tuple[Host, Host]]:
    needed(why_not())
    with lab(["m", "n"], ipv6_alone=True) as both:
        yield both["m"], both["n"]


def test_a_fleet_on_hosts_with_ipv6_alone_in_folders_with_any_letters(
    tmp_path: Path, faulty_pack: Path
) -> None:
    (tmp_path / "p.png").write_bytes(picture())
    with hosts() as (one, two), ExitStack() as stack:
        data, node = tmp_path / ODD / "master", tmp_path / ODD / "node"
        env = {"MANYEYES_CONTEXT": str(data / "context.json")}
        up = one.popen(
            [*MANYEYES, "up", "--data", str(data), "--pack", str(faulty_pack), "--workers", "1",
             "--listen", one.address],
            tmp_path / "up.log",
            {"MANYEYES_CONTEXT": str(tmp_path / "user.json")},
        )  # fmt: skip
        stack.callback(up.stop)
        ready = f"for other machines: https://[{one.address}]:8443) takes pictures"
        wait_for(lambda: ready in up.output, f"not ready: {up.output[-1000:]}")
        token = json.loads(one.run([*MANYEYES, "token", "--json"], env).stdout)["token"]
        joining = [*MANYEYES, "node", "--data", str(node), "--join", token, "--join-only"]
        assert two.run(joining).stdout != ""
        kept = json.loads((node / "membership.json").read_text())
        assert kept["addresses"] == [f"[{one.address}]:4222"]
        found = two.run(
            ["sh", "-c", f"{sys.executable} -c '{FIND}' < {shlex.quote(str(data / 'identity' / 'ca.pem'))}"]
        )
        assert found.stdout.strip() == f"[{one.address}]:4222", found.stderr
        sent = two.run([*MANYEYES, "send", str(tmp_path / "p.png"), "-o", str(tmp_path / "out")], env)
        assert sent.returncode == 0, sent.stderr
