"""What `--advertise` takes: a host name or an IP address alone; everything else is refused where it is given."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.run import _master_settings
from manyeyes.cli.service.passed_options import read_options
from manyeyes.config import MasterSettings
from manyeyes.errors import BadRequest
from manyeyes.gateway import advertised_addresses
from manyeyes.identity import make_certificates
from manyeyes.lan.advertised import advertised
from tests.integration.conftest import MANYEYES, free_port


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("10.0.0.4", "10.0.0.4"),
        ("fd00::0:1", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("Lab-3.example.org.", "lab-3.example.org"),
        ("my_service", "my_service"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜRO", "xn--bro-hoa"),
        ("my_lab.XN--bcher-kva", "my_lab.xn--bcher-kva"),
    ],
)
def test_a_host_name_or_an_ip_address(given: str, dialled: str) -> None:
    assert advertised(given) == dialled


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("https://m.example:8443/x", "is a URL; its host is 'm.example'"),
        ("https://[", "is a URL"),
        ("m.example:4222", "has the port '4222'"),
        ("[fd00::1]:4222", "has the port '4222'"),
        ("host:", "is no host name"),
        ("", "is empty"),
        ("  ", "is empty"),
        (" lab", "has blanks in it"),
        ("a b", "has blanks in it"),
        ("a/b", "is no host name"),
        ("x..y", "is no host name"),
        ("-a", "is no host name"),
        ("☃.example", "is no host name"),
        ("a" * 64, "is no host name"),
        ("300.1.1.1", "is no IP address"),
        ("0x7f.1", "is no IP address"),
        ("lab.0x7f", "is no IP address"),
        ("xn--zzzzzz", "is no host name"),
        ("lab.xn--a.example", "is no host name"),
        ("0.0.0.0", "is no address at which other machines"),
        ("::", "is no address at which other machines"),
        ("fe80::1%eth0", "is no address at which other machines"),
        ("fe80::1", "is no address at which other machines"),
    ],
)
def test_everything_else_is_refused_with_what_is_right(given: str, seen: str) -> None:
    with pytest.raises(BadRequest) as refused:
        advertised(given)
    assert repr(given) in refused.value.detail and seen in refused.value.detail
    assert refused.value.detail.endswith("as 'master.example.org' or '192.168.1.10'")


def test_it_is_refused_before_anything_starts(tmp_path: Path) -> None:
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    command = [*MANYEYES, "master", "--data", str(tmp_path / "d"), *ports, "--advertise", "https://m.example"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: --advertise 'https://m.example' is a URL") and "\n" in ended.stderr
    assert not (tmp_path / "d").exists()


def test_a_name_that_is_no_name_of_the_dns_makes_no_certificate_fail(tmp_path: Path) -> None:
    assert make_certificates(tmp_path, ("bücher", "xn--bcher-kva")).certificate.exists()


def test_an_address_that_leads_elsewhere_is_named_in_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[dict[str, Any]] = []

    class Log:
        def warning(self, event: str, **facts: Any) -> None:
            warned.append(facts)

    async def is_here(address: str, ca_pem: str) -> bool:
        return address == "127.0.0.1:4222"

    monkeypatch.setattr(advertised_addresses, "log", Log)
    monkeypatch.setattr(advertised_addresses, "is_master_at", is_here)
    addresses = ["127.0.0.1", "127.0.0.2", "nowhere.invalid"]
    asyncio.run(advertised_addresses.warn_of_unreachable(addresses, 4222, ""))
    assert [one["address"] for one in warned] == ["127.0.0.2", "nowhere.invalid"]
    assert "port 4222" in warned[0]["why"] and "cannot be resolved" in warned[1]["why"]


@pytest.mark.parametrize("name", ["ADVERTISE", "TRUSTED_PROXIES"])
@pytest.mark.parametrize("given", ['["a", "10.0.0.4"]', "a,10.0.0.4", " a , 10.0.0.4"])
def test_the_environment_names_several(monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    monkeypatch.setenv(f"MANYEYES_MASTER_{name}", given)
    assert getattr(MasterSettings(), name.lower()) == ("a", "10.0.0.4")


@pytest.mark.parametrize("given", ["[", '["a"', "{}"])
def test_what_the_environment_says_wrongly_is_refused_as_any_other(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("MANYEYES_MASTER_ADVERTISE", given)
    with pytest.raises(BadRequest, match="--advertise"):
        _master_settings(None, None, None, open_to_networks=False)


def test_a_service_is_not_installed_with_what_no_master_takes() -> None:
    assert read_options("master", ["--advertise", "bücher.example"]).words == (
        "--advertise",
        "xn--bcher-kva.example",
    )
    with pytest.raises(BadRequest, match="is a URL"):
        read_options("up", ["--advertise", "https://m.example"])
