"""How much each gateway may send: absolute, shared among those that send, and never more than the node takes."""

from __future__ import annotations

import pytest

from manyeyes.contract import Grant
from manyeyes.node.tasks.grants import ACTIVE_S, GONE_S, LIVE_S, Grants


def grants(*gateways: str, capacity: int = 4) -> Grants:
    made = Grants()
    made.capacity, made.window_bytes, made.line_bytes_per_s = capacity, 1000, 123.4
    for gateway in gateways:
        assert made.heard(gateway, 0.0)
    return made


def take(made: Grants, gateway: str, number: int, sent_bytes: int = 0, now: float = 0.0) -> bool:
    """A task arrives and is held."""
    gap = made.arrived(gateway, number, sent_bytes, now, task=True)
    made.taken(gateway)
    return gap


def allowed(made: Grants, gateway: str, now: float = 0.0) -> int:
    return made.grant(gateway, now).allowed


def test_a_gateway_alone_may_send_what_the_node_takes() -> None:
    assert grants("g").grant("g", 0.0) == Grant(
        received=0, allowed=4, allowed_bytes=1000, line_bytes_per_s=123.0
    )


def test_what_is_held_is_granted_again_when_it_ends() -> None:
    made = grants("g")
    for number in (1, 2, 3):
        take(made, "g", number, 100 * number)
        assert allowed(made, "g") == 4
    made.ended("g")
    assert allowed(made, "g") == 5
    assert made.grant("g", 0.0).allowed_bytes == 300 + 1000


def test_gateways_that_send_share_and_each_may_always_send_one() -> None:
    made = grants("g", "h", "i")
    take(made, "g", 1)
    assert allowed(made, "g") == 4, "one that sends alone has all"
    take(made, "h", 1)
    assert (allowed(made, "g"), allowed(made, "h")) == (1 + 1, 1 + 1)
    take(made, "i", 1)
    assert [allowed(made, name) for name in "ghi"] == [1, 1, 1], "what they hold is their share"
    small = grants("g", "h", capacity=1)
    take(small, "g", 1)
    assert allowed(small, "h") == 1
    assert made.grant("g", 0.0).allowed_bytes == 1000 // 3


def test_one_that_does_not_send_may_begin_with_what_is_left() -> None:
    made = grants("g", "h")
    assert allowed(made, "h") == 4
    for number in (1, 2, 3, 4):
        take(made, "g", number)
    assert allowed(made, "h") == 1


def test_a_gateway_that_stops_sending_leaves_its_share_to_others() -> None:
    made = grants("g", "h")
    take(made, "g", 1)
    take(made, "h", 1)
    made.ended("h")
    assert (allowed(made, "g"), allowed(made, "h")) == (1 + 1, 1 + 2)
    assert made.rose(ACTIVE_S - 0.01) == []
    assert made.rose(ACTIVE_S + 0.01) == ["g", "h"]
    assert allowed(made, "g", ACTIVE_S + 0.01) == 1 + 3


@pytest.mark.parametrize("reason", ["closed", "no worker"])
def test_a_node_that_takes_nothing_grants_nothing(reason: str) -> None:
    made = grants("g")
    take(made, "g", 1)
    made.closed, made.capacity = reason == "closed", 4 if reason == "closed" else 0
    assert allowed(made, "g") == 1
    assert made.rose(0.0) == []


def test_an_unknown_gateway_is_granted_nothing() -> None:
    assert grants("g").grant("x", 0.0) == Grant()
    assert grants("g").received("x") == 0


def test_a_missing_dispatch_is_noticed() -> None:
    made = grants("g")
    assert not take(made, "g", 1)
    assert take(made, "g", 3)
    assert not take(made, "g", 4)
    assert made.received("g") == 4


def test_a_word_of_the_last_dispatch_tells_of_the_lost_ones_before_it() -> None:
    made = grants("g")
    take(made, "g", 1, 10)
    assert not made.arrived("g", 1, 10, 0.0, task=False)
    assert made.arrived("g", 3, 30, 0.0, task=False)
    assert made.received("g") == 3
    assert made.grant("g", 0.0).allowed == 3 + 3


def test_bytes_of_lost_dispatches_are_granted_again() -> None:
    made = grants("g")
    take(made, "g", 1, 100)
    take(made, "g", 3, 700)
    assert made.grant("g", 0.0).allowed_bytes == 700 + 1000
    made.arrived("g", 2, 400, 0.0, task=True)
    assert made.grant("g", 0.0).allowed_bytes == 700 + 1000, "a late one takes nothing back"


def test_a_word_that_is_no_task_does_not_make_a_gateway_one_that_sends() -> None:
    made = grants("g", "h")
    take(made, "g", 1)
    made.arrived("h", 1, 0, 0.0, task=False)
    assert allowed(made, "g") == 4


def test_who_was_told_less_than_they_may_send_is_known() -> None:
    made = grants("g", "h")
    assert made.rose(0.0) == ["g", "h"]
    made.all(0.0)
    assert made.rose(0.0) == []
    take(made, "g", 1)
    made.ended("g")
    assert made.rose(0.0) == ["g"]
    made.grant("g", 0.0)
    made.capacity = 5
    assert set(made.rose(0.0)) == {"g", "h"}


def test_gateways_come_live_and_go() -> None:
    made = grants("g", "h")
    assert not made.heard("g", GONE_S)
    assert made.live(GONE_S) == ["g"] and made.live(GONE_S + LIVE_S) == []
    assert made.gone(GONE_S + 0.1) == ["h"]
    assert made.gateways == ["g"] and "h" not in made and "g" in made


def test_a_gateway_is_not_forgotten_while_its_tasks_are_in_hand() -> None:
    made = grants("g")
    take(made, "g", 1)
    assert made.gone(GONE_S + 0.1) == []
    made.ended("g")
    assert made.gone(GONE_S + 0.1) == ["g"]
    made.ended("g")
    assert made.heard("g", 100.0) and allowed(made, "g", 100.0) == 4
