"""Where a picture is done soonest."""

from __future__ import annotations

from manyeyes.master.placement import (
    GAIN_S,
    OVERDUE_FACTOR,
    OVERDUE_S,
    STUCK_S,
    Held,
    Pace,
    better_elsewhere,
    to_issue_again,
)

FAST = Pace(workers=1, picture_s=0.1, taking=True)
SLOW = Pace(workers=1, picture_s=1.0, taking=True)
PACES = {"fast": FAST, "slow": SLOW}


def held(task_id: str, node: str, since: float = 0.0, size_bytes: int = 100) -> Held:
    return Held(task_id, node, since, size_bytes)


def again(
    running: list[Held], paces: dict[str, Pace], now: float, waiting: int = 0, usual_bytes: float = 100.0
) -> list[str]:
    counts: dict[str, int] = {}
    for picture in running:
        counts[picture.node] = counts.get(picture.node, 0) + 1
    return to_issue_again(running, paces, counts, now, waiting=waiting, usual_bytes=usual_bytes)


def test_a_slow_node_is_refused_while_a_faster_one_is_idle() -> None:
    assert better_elsewhere("slow", PACES, {})
    assert not better_elsewhere("fast", PACES, {})
    assert not better_elsewhere("slow", PACES, {"fast": 1})
    assert not better_elsewhere("slow", {**PACES, "fast": Pace(1, 0.1, taking=False)}, {})


def test_a_busy_node_leaves_the_picture_to_an_idle_one_like_it() -> None:
    alike = {"a": SLOW, "b": SLOW}
    assert better_elsewhere("a", alike, {"a": 1})
    assert not better_elsewhere("a", alike, {"a": 1, "b": 1})
    quick = {"a": Pace(1, 0.02, True), "b": Pace(1, 0.02, True)}
    assert not better_elsewhere("a", quick, {"a": 1}), f"less than {GAIN_S} s is not worth a round trip"


def test_nothing_is_refused_while_paces_are_not_known() -> None:
    unknown = Pace(1, 0.0, True)
    assert not better_elsewhere("slow", {"slow": unknown, "fast": FAST}, {})
    assert not better_elsewhere("slow", {"slow": SLOW, "fast": unknown}, {})
    assert not better_elsewhere("stranger", PACES, {})


def test_the_last_picture_of_a_slow_node_is_issued_again_when_a_fast_one_is_free() -> None:
    assert again([held("t", "slow")], PACES, now=0.2) == ["t"]
    assert again([held("t", "slow")], PACES, now=0.2, waiting=1) == [], "there is other work for the free one"
    assert again([held("t", "slow"), held("u", "fast")], PACES, now=0.05) == [], "nobody is free"
    assert again([held("t", "slow")], PACES, now=0.9) == [], "it is almost done"


def test_a_free_worker_is_promised_once_and_to_the_longest() -> None:
    running = [held("first", "slow", 0.0), held("second", "slow", 0.1)]
    paces = {**PACES, "slow": Pace(2, 1.0, True)}
    assert again(running, paces, now=0.2) == ["second"]
    two = {**paces, "fast": Pace(2, 0.1, True)}
    assert again(running, two, now=0.2) == ["second", "first"]


def test_a_node_is_no_help_to_itself() -> None:
    assert again([held("t", "slow")], {"slow": Pace(4, 1.0, True)}, now=50.0) == []


def test_a_large_picture_may_take_longer() -> None:
    alike = {"a": FAST, "b": FAST}
    late = OVERDUE_FACTOR * 0.1 + OVERDUE_S + 0.5
    assert again([held("t", "a")], alike, now=late) == ["t"]
    assert again([held("t", "a", size_bytes=2000)], alike, now=late) == []


def test_a_picture_that_hangs_is_issued_again_though_others_wait() -> None:
    alike = {"a": FAST, "b": FAST}
    stuck = OVERDUE_FACTOR * 0.1 + OVERDUE_S + STUCK_S + 0.1
    running = [held("t", "a"), held("u", "b", stuck - 0.05)]
    assert again(running, alike, now=stuck - 0.2, waiting=9) == []
    assert again(running, alike, now=stuck, waiting=9) == ["t"]
    assert again(running, {**alike, "b": Pace(1, 0.1, taking=False)}, now=stuck, waiting=9) == []


def test_a_node_that_has_not_told_its_pace_is_given_time() -> None:
    paces = {"new": Pace(1, 0.0, True), "fast": FAST}
    assert again([held("t", "new")], paces, now=12.0) == []
    assert again([held("t", "new")], paces, now=32.0) == ["t"]
