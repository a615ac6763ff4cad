from __future__ import annotations

import pytest

from manyeyes.addresses import is_numbers
from manyeyes.config import MasterSettings
from manyeyes.errors import BadRequest, PortTaken, StartError
from manyeyes.listening import check_port


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("*", "neither an IP address nor a host name"),
        ("a b", "neither an IP address nor a host name"),
        ("0", "no IPv4 address of four numbers"),
        ("127.1", "no IPv4 address of four numbers"),
        ("0x7f.0.0.1", "no IPv4 address of four numbers"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
    ],
)
def test_what_the_engine_and_the_system_read_otherwise_is_refused(host: str, why: str) -> None:
    with pytest.raises(StartError, match=f"{why}.*name an address of this machine") as refused:
        check_port(host, 1, "nodes", "--nats-port")
    assert not isinstance(refused.value, PortTaken)


def test_numbers() -> None:
    assert all(map(is_numbers, ("1", "127.1", "10.0.0.4", "0x7f.1", "0x", "lab.7", "1.2.3.4.")))
    assert not any(map(is_numbers, ("lab", "lab.example", "7.lab", "0xlab", "fd00::1x", "")))


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_that_is_none(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS", "NATS"):
        monkeypatch.setenv(f"MANYEYES_MASTER_{name}_PORT", str(port))
        with pytest.raises(BadRequest, match=f"MANYEYES_MASTER_{name}_PORT is '{port}': input should be"):
            MasterSettings()
        monkeypatch.delenv(f"MANYEYES_MASTER_{name}_PORT")
