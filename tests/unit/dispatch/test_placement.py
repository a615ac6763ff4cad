"""Where a picture is done soonest, and what is sent once more while its node goes on."""

from __future__ import annotations

from manyeyes.dispatch.placement import (
    MOST_HELD,
    OVERDUE_FACTOR,
    OVERDUE_S,
    STUCK_S,
    UNKNOWN_S,
    Held,
    Node,
    Pace,
    hedges,
    most_held,
    soonest,
)

FAST = Pace(workers=1, picture_s=0.1, taking=True)
SLOW = Pace(workers=1, picture_s=1.0, taking=True)
PACES = {"fast": FAST, "slow": SLOW}


def held(task_id: str, node: str, since: float = 0.0, size_bytes: int = 100) -> Held:
    return Held(task_id, node, since, size_bytes)


def sent_twice(
    running: list[Held], paces: dict[str, Pace], now: float, waiting: int = 0, usual_bytes: float = 100.0
) -> tuple[list[tuple[str, str]], list[str]]:
    """With credit at every node whose workers are not all busy."""
    queues = {name: sum(picture.node == name for picture in running) for name in paces}
    idle = [
        Node(name, pace, queues[name])
        for name, pace in paces.items()
        if pace.taking and queues[name] < pace.workers
    ]
    return hedges(running, paces, idle, now, waiting=waiting, usual_bytes=usual_bytes)


def hedged(
    running: list[Held], paces: dict[str, Pace], now: float, waiting: int = 0, usual_bytes: float = 100.0
) -> list[tuple[str, str]]:
    return sent_twice(running, paces, now, waiting, usual_bytes)[0]


def test_a_picture_goes_to_the_node_that_ends_it_soonest() -> None:
    assert soonest([Node("slow", SLOW, 0), Node("fast", FAST, 0)], 100) == "fast"
    assert soonest([Node("slow", SLOW, 0), Node("fast", FAST, 8)], 100) == "fast"
    assert soonest([Node("slow", SLOW, 0), Node("fast", FAST, 11)], 100) == "slow"


def test_a_queue_is_shared_by_a_nodes_workers() -> None:
    many = Pace(workers=4, picture_s=0.5, taking=True)
    assert soonest([Node("one", FAST, 3), Node("many", many, 3)], 100) == "one"
    assert soonest([Node("one", FAST, 5), Node("many", many, 3)], 100) == "many"


def test_a_slow_line_counts_for_a_large_picture() -> None:
    far = Node("far", FAST, 0, line_bytes_per_s=10_000)
    assert soonest([far, Node("slow", SLOW, 0)], 1_000) == "far"
    assert soonest([far, Node("slow", SLOW, 0)], 100_000) == "slow"


def test_equal_nodes_take_turns_and_the_least_loaded_comes_first() -> None:
    two = Pace(workers=2, picture_s=0.1, taking=True)
    assert soonest([Node("a", FAST, 0, used=2), Node("b", FAST, 0, used=1)], 1) == "b"
    assert soonest([Node("a", two, 1, used=0), Node("b", two, 0, used=9)], 1) == "b"
    assert soonest([Node("b", FAST, 0), Node("a", FAST, 0)], 1) == "a"


def test_a_node_that_has_not_told_its_pace_is_taken_for_slow() -> None:
    new = Node("new", Pace(1, 0.0, taking=True), 0)
    assert new.ends_in_s(1) == UNKNOWN_S
    assert soonest([new, Node("slow", SLOW, 0)], 1) == "slow"
    assert soonest([new], 1) == "new"


def test_a_node_without_workers_is_counted_as_having_one() -> None:
    assert Node("a", Pace(0, 0.5, taking=True), 2).ends_in_s(0) == 1.5


def test_the_last_picture_of_a_slow_node_is_hedged_when_a_fast_one_is_free() -> None:
    assert hedged([held("t", "slow")], PACES, now=0.2) == [("t", "fast")]
    assert hedged([held("t", "slow")], PACES, now=0.2, waiting=1) == [], (
        "there is other work for the free one"
    )
    assert hedged([held("t", "slow"), held("u", "fast")], PACES, now=0.05) == [], "nobody is free"
    assert hedged([held("t", "slow")], PACES, now=0.9) == [], "it is almost done"


def test_a_hedge_must_save_more_than_it_costs() -> None:
    quick = {"a": Pace(1, 0.02, taking=True), "b": Pace(1, 0.005, taking=True)}
    assert hedged([held("t", "a")], quick, now=0.0) == [], "a few milliseconds are not worth a round trip"
    alike = {"a": SLOW, "b": SLOW}
    assert hedged([held("t", "a")], alike, now=0.0) == []
    assert hedged([held("t", "a"), held("u", "a")], alike, now=0.0) == [("u", "b")], "it waits behind another"


def test_a_free_worker_is_promised_once_and_to_the_longest() -> None:
    running = [held("first", "slow", 0.0), held("second", "slow", 0.1)]
    paces = {**PACES, "slow": Pace(2, 1.0, taking=True)}
    assert hedged(running, paces, now=0.2) == [("second", "fast")]
    two = {**paces, "fast": Pace(2, 0.1, taking=True)}
    assert hedged(running, two, now=0.2) == [("second", "fast"), ("first", "fast")]


def test_a_node_is_no_help_to_itself() -> None:
    assert hedged([held("t", "slow")], {"slow": Pace(4, 1.0, taking=True)}, now=50.0) == []


def test_a_large_picture_may_take_longer() -> None:
    alike = {"a": FAST, "b": FAST}
    late = OVERDUE_FACTOR * 0.1 + OVERDUE_S + 0.5
    assert hedged([held("t", "a")], alike, now=late) == [("t", "b")]
    assert hedged([held("t", "a", size_bytes=2000)], alike, now=late) == []


def test_a_picture_that_hangs_goes_before_all_that_waits() -> None:
    alike = {"a": FAST, "b": FAST}
    stuck = OVERDUE_FACTOR * 0.1 + OVERDUE_S + STUCK_S + 0.1
    running = [held("t", "a"), held("u", "b", stuck - 0.05)]
    assert sent_twice(running, alike, now=stuck - 0.2, waiting=9) == ([], [])
    assert sent_twice(running, alike, now=stuck, waiting=9) == ([], ["t"])
    resting = {**alike, "b": Pace(1, 0.1, taking=False)}
    assert sent_twice(running, resting, now=stuck, waiting=9) == ([], []), "nobody else takes it"


def test_a_picture_that_hangs_is_not_hedged_too() -> None:
    assert sent_twice([held("t", "a")], {"a": FAST, "b": FAST}, now=60.0) == ([], ["t"])


def test_a_node_that_has_not_told_its_pace_is_given_time() -> None:
    paces = {"new": Pace(1, 0.0, taking=True), "fast": FAST}
    late = (OVERDUE_FACTOR - 1) * UNKNOWN_S
    assert sent_twice([held("t", "new")], paces, now=late) == ([], [])
    assert hedged([held("t", "new")], paces, now=OVERDUE_FACTOR * UNKNOWN_S + OVERDUE_S + 1) == [
        ("t", "fast")
    ]


def test_no_hedge_goes_to_a_node_that_has_not_told_its_pace() -> None:
    assert hedged([held("t", "slow")], {"slow": SLOW, "new": Pace(1, 0.0, taking=True)}, now=0.0) == []


def test_a_node_may_hold_what_its_workers_need_and_no_more() -> None:
    assert (most_held(0), most_held(2), most_held(64)) == (8, 16, 264)
    assert most_held(1_000_000) == MOST_HELD
