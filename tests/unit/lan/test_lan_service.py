from __future__ import annotations

import pytest

from manyeyes.addresses import is_loopback
from manyeyes.lan.service import MAX_HEARD, Heard, Place, places_to_announce, properties

HERE = [
    Place(1, "127.0.0.1"),
    Place(1, "::1"),
    Place(2, "10.0.0.4"),
    Place(2, "fd00::4"),
    Place(3, "192.168.1.9"),
    Place(3, "fe80::1%eth0"),
]


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [
        ("0.0.0.0", {"10.0.0.4", "192.168.1.9"}),
        ("::", {"10.0.0.4", "192.168.1.9", "fd00::4"}),
        ("fd00::4", {"fd00::4"}),
        ("10.0.0.4", {"10.0.0.4"}),
        ("10.0.0.5", set()),
        ("127.0.0.1", set()),
    ],
)
def test_a_master_is_announced_where_it_listens(listen: str, addresses: set[str]) -> None:
    assert {place.address for place in places_to_announce(listen, HERE)} == addresses


def test_the_loopback() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("127.9.9.9") and is_loopback("localhost")
    assert not is_loopback("10.0.0.4") and not is_loopback("lab-2")


def test_nothing_but_the_ca_is_said() -> None:
    assert properties("ab12") == {b"ca": b"ab12"}


def master(heard: Heard, instance: str = "a._x", server: str = "a.local.", address: str = "10.0.0.4") -> None:
    heard.text(instance, properties("ours"))
    heard.service(instance, server, 4222)
    heard.address(server, address)


def test_records_come_in_any_order_and_any_case() -> None:
    heard = Heard("ours")
    heard.address("A.local.", "10.0.0.4")
    heard.service("a._X", "a.LOCAL.", 4222)
    assert heard.candidates() == set(), "it has not said whose master it is"
    heard.text("A._x", properties("ours"))
    assert heard.candidates() == {"10.0.0.4:4222"}


def test_masters_of_others_are_not_dialled() -> None:
    heard = Heard("ours")
    master(heard)
    heard.text("b._x", properties("another's"))
    heard.service("b._x", "b.local.", 4222)
    heard.address("b.local.", "10.0.0.66")
    heard.text("c._x", {})
    heard.service("c._x", "b.local.", 4223)
    assert heard.candidates() == {"10.0.0.4:4222"}


def test_a_liar_adds_and_takes_nothing_away() -> None:
    heard = Heard("ours")
    master(heard)
    heard.text("a._x", properties("another's"))
    heard.service("a._x", "liar.local.", 666)
    heard.address("liar.local.", "10.0.0.66")
    heard.address("a.local.", "10.0.0.67")
    assert "10.0.0.4:4222" in heard.candidates()
    assert heard.candidates() <= {f"10.0.0.{end}:{port}" for end in (4, 66, 67) for port in (4222, 666)}


def test_a_flood_costs_no_memory() -> None:
    heard = Heard("ours")
    master(heard)
    for number in range(2 * MAX_HEARD):
        heard.address("a.local.", f"10.1.{number // 250}.{number % 250}")
    assert len(heard.candidates()) < MAX_HEARD
    assert "10.0.0.4:4222" in heard.candidates()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    heard = Heard("ours")
    heard.text("a._x", properties("ours"))
    heard.service("a._x", "a.local.", port)
    heard.address("a.local.", "10.0.0.4")
    assert heard.candidates() == set()
