"""Whatever happens, every task ends in exactly one answer, and no node is sent more than it granted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyeyes.contract import CHUNK_BYTES, LARGEST_CHUNK_BYTES, Grant
from manyeyes.dispatch.instructions import Answer, Instruction, Lost, Send, Settle, Sync
from manyeyes.dispatch.placement import OVERDUE_FACTOR, OVERDUE_S, STUCK_S, Pace
from manyeyes.dispatch.task_table import RETURNED_FOR_S, TRANSIT_S, TaskTable, task_of
from manyeyes.errors import DamagedPicture, PictureKillsWorkers, TaskLost

PACES = {name: Pace(1, 0.1, taking=True) for name in "abc"}


def table(*nodes: str, allowed: int = 9, attempts: int = 3) -> TaskTable:
    """A table with nodes that have granted credit."""
    made = TaskTable(attempts)
    for node in nodes:
        made.session(node, f"{node}-1")
        made.grant(node, f"{node}-1", Grant(allowed=allowed, allowed_bytes=1000))
    return made


def sent(made: TaskTable, task_id: str = "t", now: float = 0.0, size_bytes: int = 10) -> Send:
    """A task that was added and sent to the one node with credit."""
    made.add(task_id, size_bytes)
    (send,) = made.place(now, PACES)
    return send


def held_twice() -> TaskTable:
    """`t` is with a, and with b too."""
    made = table("a")
    sent(made)
    made.issue_again(["t"])
    made.session("b", "b-1")
    made.grant("b", "b-1", Grant(allowed=9))
    (send,) = made.place(1.0, PACES)
    assert (send.node, send.attempt_id) == ("b", "t.2")
    return made


def done(made: TaskTable, node: str, attempt_id: str = "t") -> list[Instruction]:
    assert made.counts(node, attempt_id, "done")
    return made.ended(node, attempt_id, "done", None, "", 2.0)


def answer(node: str = "a") -> Answer:
    return Answer("t", node, None)


def test_a_picture_goes_to_a_node_with_credit_and_its_outcome_ends_it() -> None:
    made = table("a")
    assert sent(made) == Send("t", "t", "a", "a-1", 1, 10, 10)
    assert (len(made), made.running, made.waiting, made.held("a"), made.free("a")) == (1, 1, 0, 1, 8)
    assert done(made, "a") == [answer()]
    assert (len(made), made.running, made.held("a")) == (0, 0, 0)


def test_a_node_is_sent_no_more_than_it_granted() -> None:
    made = table("a", allowed=2)
    for number in range(5):
        made.add(f"t{number}", 10)
    sends = made.place(0.0, PACES)
    assert [(send.task_id, send.number) for send in sends] == [("t0", 1), ("t1", 2)]
    assert made.place(0.0, PACES) == [] and made.waiting == 3 and made.first_waiting == "t2"
    assert made.grant("a", "a-1", Grant(received=2, allowed=3))
    assert [send.number for send in made.place(0.0, PACES)] == [3]
    assert not made.grant("a", "a-1", Grant(received=3, allowed=2)), "a grant may be lowered"
    assert made.free("a") == -1
    assert made.place(0.0, PACES) == []
    assert made.probe("p", "a", 10, 0.0) == []


def test_bytes_beyond_the_grant_or_a_chunk_are_left_to_be_asked_for() -> None:
    made = table("a")
    made.grant("a", "a-1", Grant(allowed=9, allowed_bytes=CHUNK_BYTES + 50))
    for name in ("large", "small", "late"):
        made.add(name, 3 * CHUNK_BYTES if name == "large" else 80)
    sends = made.place(0.0, PACES)
    assert [(send.piece_bytes, send.sent_bytes) for send in sends] == [
        (CHUNK_BYTES, CHUNK_BYTES),
        (50, CHUNK_BYTES + 50),
        (0, CHUNK_BYTES + 50),
    ]


@pytest.mark.parametrize(
    ("line_bytes_per_s", "piece"),
    [(0.0, CHUNK_BYTES), (250_000.0, CHUNK_BYTES), (2e6, 500_000), (1e9, LARGEST_CHUNK_BYTES)],
)
def test_on_a_faster_line_more_of_a_picture_travels_at_once(line_bytes_per_s: float, piece: int) -> None:
    made = table("a")
    made.grant("a", "a-1", Grant(allowed=9, allowed_bytes=2**30, line_bytes_per_s=line_bytes_per_s))
    assert sent(made, "t", size_bytes=2**20).piece_bytes == piece


def test_a_grant_of_another_session_or_of_an_unknown_node_is_none() -> None:
    made = table("a")
    assert not made.grant("a", "a-0", Grant(allowed=99))
    assert not made.grant("x", "x-1", Grant(allowed=99))
    assert made.free("a") == 9 and made.free("x") == 0


def test_a_node_that_takes_no_pictures_gets_none_whatever_it_granted() -> None:
    made = table("a")
    made.add("t", 10)
    assert made.place(0.0, {}) == []
    assert made.place(0.0, {"a": Pace(1, 0.1, taking=False)}) == []
    assert len(made.place(0.0, PACES)) == 1


def test_a_node_that_grants_without_end_holds_only_what_its_workers_may_need() -> None:
    made = table("a", allowed=10**6)
    for number in range(50):
        made.add(f"t{number}", 1)
    assert len(made.place(0.0, PACES)) == made.held("a") == 12


def test_a_result_counts_only_from_the_node_that_holds_the_picture() -> None:
    made = table("a")
    sent(made)
    assert not made.holds("b", "t") and not made.counts("b", "t", "done")
    assert not made.counts("a", "unknown", "done")
    done(made, "a")
    assert not made.counts("a", "t", "done")


def test_of_two_nodes_with_one_picture_the_first_answer_counts_and_the_other_is_told() -> None:
    made = held_twice()
    assert (made.held("a"), made.held("b"), made.running, made.waiting) == (1, 1, 1, 0)
    assert done(made, "a") == [answer(), Settle("b", "t.2")]
    assert not made.counts("b", "t.2", "done")
    assert (made.held("a"), made.held("b"), made.running) == (0, 0, 0)


@pytest.mark.parametrize(
    "give_up",
    [
        lambda made: made.ended("a", "t", "returned", None, "", 1.0),
        lambda made: made.ended("a", "t", "crashed", None, "", 1.0),
        lambda made: [one for one in made.node_gone("a") if not isinstance(one, Lost)],
    ],
)
def test_a_picture_that_one_of_two_nodes_gives_up_stays_with_the_other(
    give_up: Callable[[TaskTable], list[Instruction]],
) -> None:
    made = held_twice()
    assert give_up(made) == []
    assert (made.waiting, made.held("a"), made.held("b")) == (0, 0, 1)
    assert done(made, "b", "t.2") == [answer("b")]


def test_a_picture_that_is_lost_while_it_waits_to_be_sent_again_is_sent_once() -> None:
    made = table("a")
    sent(made)
    made.issue_again(["t", "unknown"])
    made.issue_again(["t"])
    assert (made.waiting, made.running, made.first_waiting) == (0, 1, None), "its node still has it"
    made.node_gone("a")
    assert (made.waiting, made.running, made.first_waiting) == (1, 0, "t")
    made.session("b", "b-1")
    made.grant("b", "b-1", Grant(allowed=9))
    assert [send.node for send in made.place(1.0, PACES)] == ["b"]
    assert made.place(1.0, PACES) == []


def test_a_node_that_is_doubted_again_and_again_has_its_picture_sent_to_one_other_node() -> None:
    made = table("a", "b", "c")
    sent(made)
    (holder,) = [name for name in "abc" if made.held(name)]
    for _ in range(5):
        made.doubt(holder)
        made.place(1.0, PACES)
    assert sorted(made.held(name) for name in "abc") == [0, 1, 1]


def test_a_picture_that_only_a_doubted_node_is_left_with_is_sent_again() -> None:
    made = table("a", "b", "c")
    sent(made)
    (holder,) = [name for name in "abc" if made.held(name)]
    made.doubt(holder)
    (second,) = made.place(1.0, PACES)
    made.node_gone(second.node)
    (third,) = made.place(1.0, PACES)
    assert third.node not in (holder, second.node)


def test_a_picture_that_is_sent_again_goes_to_another_node_than_its_holder() -> None:
    made = table("a")
    sent(made)
    made.issue_again(["t"])
    assert made.place(0.0, PACES) == []
    assert done(made, "a") == [answer()]
    assert made.place(0.0, PACES) == [] and made.waiting == 0


def test_a_lost_nodes_pictures_go_to_others_before_all_that_waits() -> None:
    made = table("a", allowed=1)
    sent(made)
    made.add("u", 10)
    assert made.node_gone("a") == [Lost("a", "t", "lost in transit")]
    assert made.node_gone("a") == []
    made.session("b", "b-1")
    made.grant("b", "b-1", Grant(allowed=9))
    assert [send.task_id for send in made.place(0.0, PACES)] == ["t", "u"]


def test_a_lost_node_is_sent_nothing_until_it_grants_anew() -> None:
    made = table("a")
    made.node_gone("a")
    made.add("t", 10)
    assert made.place(0.0, PACES) == []
    made.grant("a", "a-1", Grant(allowed=1))
    assert len(made.place(0.0, PACES)) == 1


def test_a_picture_that_kills_workers_becomes_an_error() -> None:
    made = table("a", attempts=3)
    made.add("t", 10)
    for attempt in range(3):
        (send,) = made.place(float(attempt), PACES)
        instructions = made.ended("a", send.attempt_id, "crashed", None, "SIGSEGV", float(attempt))
        assert bool(instructions) == (attempt == 2)
    (told,) = instructions
    assert isinstance(told, Answer) and isinstance(told.error, PictureKillsWorkers)
    assert "3 attempts" in told.error.detail and "SIGSEGV" in told.error.detail
    assert len(made) == 0


def test_a_node_that_dies_with_a_picture_that_has_arrived_counts_against_it() -> None:
    made = table("a", attempts=1)
    sent(made)
    made.reported("a", "a-1", 1, frozenset({"t"}), 0.5)
    lost, told = made.session("a", "a-2")
    assert lost == Lost("a", "t", "node lost")
    assert isinstance(told, Answer) and isinstance(told.error, PictureKillsWorkers)


def test_returning_and_loss_in_transit_do_not_count_against_a_picture() -> None:
    made = table("a", allowed=99, attempts=1)
    made.add("t", 10)
    ends: list[Callable[[Send], list[Instruction]]] = [
        lambda send: made.ended("a", send.attempt_id, "returned", None, "", 0.0),
        lambda send: made.undelivered("a", send.number),
        lambda send: made.reported("a", "a-1", send.number, frozenset(), now),
        lambda send: made.reported("a", "a-1", send.number - 1, frozenset(), now + TRANSIT_S + 0.1),
    ]
    for turn, end in enumerate(ends):
        now = 10.0 * turn
        made.grant("a", "a-1", Grant(allowed=99))
        (send,) = made.place(now, PACES)
        assert not any(isinstance(one, Answer) for one in end(send)), turn
        assert made.waiting == 1, turn


def test_a_node_that_returned_a_picture_is_not_sent_it_at_once() -> None:
    made = table("a")
    sent(made)
    made.ended("a", "t", "returned", None, "", 5.0)
    assert made.place(5.0, PACES) == []
    assert len(made.place(5.0 + RETURNED_FOR_S + 0.01, PACES)) == 1


def test_a_returned_picture_does_not_hold_up_those_behind_it() -> None:
    made = table("a")
    sent(made)
    made.ended("a", "t", "returned", None, "", 5.0)
    made.add("u", 10)
    assert [send.task_id for send in made.place(5.0, PACES)] == ["u"]


def test_what_arrived_and_is_not_held_is_forgotten_and_what_is_under_way_is_waited_for() -> None:
    made = table("a")
    sent(made)
    assert made.reported("a", "a-1", 0, frozenset(), TRANSIT_S) == []
    assert made.reported("a", "a-1", 1, frozenset({"t"}), 50.0) == []
    (lost,) = made.reported("a", "a-1", 1, frozenset(), 51.0)
    assert lost == Lost("a", "t", "forgotten")


def test_a_dispatch_that_a_later_one_overtook_is_lost_at_once() -> None:
    made = table("a")
    sent(made)
    sent(made, "u")
    assert made.reported("a", "a-1", 2, frozenset({"u"}), 0.1) == [Lost("a", "t", "lost in transit")]
    assert made.waiting == 1 and made.held("a") == 1


def test_a_node_is_told_the_last_number_where_its_last_dispatches_were_lost() -> None:
    made = table("a")
    sent(made)
    assert made.reported("a", "a-1", 0, frozenset(), 1.0) == [], "it may still arrive"
    lost, sync = made.reported("a", "a-1", 0, frozenset(), TRANSIT_S + 0.1)
    assert (lost, sync) == (Lost("a", "t", "lost in transit"), Sync("a", "a-1", 1, 10))
    assert made.reported("a", "a-1", 1, frozenset(), 5.0) == []


def test_a_node_that_has_forgotten_its_numbers_is_told_them_again() -> None:
    made = table("a")
    sent(made)
    made.reported("a", "a-1", 1, frozenset({"t"}), 0.1)
    done(made, "a")
    assert made.reported("a", "a-1", 1, frozenset(), 1.0) == []
    assert made.reported("a", "a-1", 0, frozenset(), 99.0) == [Sync("a", "a-1", 1, 10)]


def test_what_another_session_says_is_passed_over() -> None:
    made = table("a")
    sent(made)
    assert made.reported("a", "a-0", 1, frozenset(), 9.0) == []
    assert made.reported("x", "x-1", 1, frozenset(), 9.0) == []
    assert made.session("a", "a-1") == [] and made.held("a") == 1


def test_a_new_session_is_numbered_from_the_beginning_and_grants_anew() -> None:
    made = table("a")
    sent(made)
    made.session("a", "a-2")
    assert made.place(0.0, PACES) == []
    made.grant("a", "a-2", Grant(allowed=1))
    (send,) = made.place(0.0, PACES)
    assert (send.session, send.number, send.attempt_id) == ("a-2", 1, "t.2")


def test_a_dispatch_that_nobody_took_goes_elsewhere_and_the_node_is_absent_until_it_grants() -> None:
    made = table("a")
    sent(made)
    sent(made, "u")
    assert made.undelivered("a", 1) == [Lost("a", "t", "lost in transit")]
    assert made.held("a") == 1 and made.waiting == 1
    assert made.place(0.0, PACES) == []
    assert made.undelivered("a", 1) == [] and made.undelivered("unknown", 1) == []


def test_what_could_not_be_handed_to_the_engine_waits_again() -> None:
    made = table("a")
    send = sent(made)
    made.unsent(send)
    assert (made.waiting, made.held("a")) == (1, 0)
    assert made.place(0.0, PACES) == [], "the engine is away"
    made.unsent(send)
    assert made.waiting == 1


def test_without_an_engine_nothing_is_sent_until_nodes_grant_anew() -> None:
    made = table("a", "b")
    made.add("t", 10)
    made.close_all()
    assert made.place(0.0, PACES) == []
    made.grant("b", "b-1", Grant(allowed=1))
    assert [send.node for send in made.place(0.0, PACES)] == ["b"]


def test_a_node_that_leaves_is_told_its_last_dispatch_and_sent_no_more() -> None:
    made = table("a")
    sent(made)
    assert made.close("a") == 1 and made.close("unknown") == 0
    made.add("u", 10)
    assert made.place(0.0, PACES) == []
    assert made.counts("a", "t", "done"), "it still answers what it has"


def test_an_outcome_that_comes_again_says_nothing_of_the_next_attempt() -> None:
    made = table("a", attempts=2)
    sent(made)
    assert made.ended("a", "t", "crashed", None, "", 0.0) == []
    assert made.place(0.0, PACES) == [], "others may have it first"
    (again,) = made.place(1.0, PACES)
    assert (again.task_id, again.attempt_id) == ("t", "t.2") and task_of("t.2") == "t"
    assert not made.counts("a", "t", "crashed") and not made.counts("a", "t", "returned")
    assert made.counts("a", "t.2", "crashed")


def test_an_earlier_attempts_answer_ends_a_picture_that_its_node_has_again() -> None:
    made = table("a")
    sent(made)
    made.node_gone("a")
    made.grant("a", "a-1", Grant(allowed=9))
    made.place(0.0, PACES)
    assert done(made, "a", "t") == [answer(), Settle("a", "t.2")]
    assert made.held("a") == 0


def test_an_earlier_attempt_that_is_held_is_not_taken_for_the_next_one() -> None:
    made = table("a")
    sent(made)
    made.node_gone("a")
    made.grant("a", "a-1", Grant(allowed=9))
    made.place(0.0, PACES)
    assert made.reported("a", "a-1", 2, frozenset({"t"}), 0.1) == [Lost("a", "t", "lost in transit")]


def test_tasks_of_other_gateways_count_as_the_nodes_queue() -> None:
    made = table("a", "b")
    for node, others in (("a", {"x", "y"}), ("b", {"z"})):
        made.reported(node, f"{node}-1", 0, frozenset(others), 0.0)
    made.add("t", 10)
    assert [send.node for send in made.place(0.0, PACES)] == ["b"]


def test_a_late_picture_is_hedged_where_a_worker_is_free() -> None:
    made = table("a")
    sent(made)
    assert made.hedge(0.05, PACES, 10.0) == []
    made.session("b", "b-1")
    made.grant("b", "b-1", Grant(allowed=9))
    late = OVERDUE_FACTOR * 0.1 + OVERDUE_S + 0.5
    (send,) = made.hedge(late, PACES, 10.0)
    assert (send.node, send.attempt_id) == ("b", "t.2")
    assert made.hedge(late + 60, PACES, 10.0) == [], "two nodes have it"


def test_a_picture_that_hangs_is_sent_again_first_though_others_wait() -> None:
    made = table("a", "b", allowed=1)
    made.add("t", 10)
    made.place(0.0, {"a": PACES["a"]})
    made.grant("b", "b-1", Grant(allowed=0))
    made.add("u", 10)
    stuck = OVERDUE_FACTOR * 0.1 + OVERDUE_S + STUCK_S + 0.1
    assert made.hedge(stuck, PACES, 10.0) == []
    made.grant("b", "b-1", Grant(allowed=1))
    assert [send.task_id for send in made.place(stuck, PACES)] == ["t"]


def test_a_probe_is_its_nodes_alone_and_nobody_is_answered() -> None:
    made = table("a", "b")
    (send,) = made.probe("p", "a", 10, 0.0)
    assert isinstance(send, Send) and (send.task_id, send.node) == ("p", "a")
    assert (len(made), made.waiting, made.running, made.held("a")) == (0, 0, 0, 1)
    made.issue_again(["p"])
    assert made.hedge(99.0, PACES, 10.0) == [] and made.place(99.0, PACES) == []
    assert made.ended("a", "p", "crashed", None, "", 1.0) == []
    assert made.held("a") == 0 and not made.holds("a", "p")
    made.probe("q", "a", 10, 0.0)
    assert made.node_gone("a") == [Lost("a", "q", "lost in transit")]
    assert made.probe("r", "a", 10, 0.0) == [], "its credit went with it"


def test_the_pictures_own_error_ends_it() -> None:
    made = table("a")
    sent(made)
    error = DamagedPicture("it ends early")
    assert made.ended("a", "t", "error", error, "", 1.0) == [Answer("t", "a", error)]


def test_a_gateway_that_stops_ends_all_that_is_open() -> None:
    made = table("a", allowed=1)
    sent(made)
    made.add("u", 10)
    error = TaskLost("stop")
    assert set(map(repr, made.fail_all(error))) == {
        repr(one) for one in (Answer("t", "a", error), Settle("a", "t"), Answer("u", "", error))
    }
    assert (len(made), made.held("a")) == (0, 0)


def test_a_forgotten_node_has_no_credit() -> None:
    made = table("a")
    made.forget("a")
    made.forget("a")
    made.add("t", 10)
    assert made.place(0.0, PACES) == [] and made.free("a") == 0 and made.held_by("a") == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "place",
                    "again",
                    "done",
                    "error",
                    "crashed",
                    "returned",
                    "heartbeat",
                    "forgot",
                    "gone",
                    "anew",
                ]
            ),
            st.sampled_from("abc"),
            st.integers(0, 4),
        ),
        max_size=60,
    )
)
def test_never_two_answers_and_never_none(steps: list[tuple[str, str, int]]) -> None:
    made = table("a", "b", "c")
    answers: dict[str, int] = {}
    for number in range(5):
        made.add(f"t{number}", 10)

    def count(instructions: list[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, Answer):
                answers[instruction.task_id] = answers.get(instruction.task_id, 0) + 1

    for now, (what, node, number) in enumerate(steps):
        held = made.held_by(node)
        match what:
            case "place":
                made.grant(node, f"{node}-1", Grant(allowed=now + 9))
                made.place(now, PACES)
            case "again":
                made.issue_again([f"t{number}"])
            case "heartbeat":
                count(made.reported(node, f"{node}-1", 10**6, frozenset(held), now))
            case "forgot":
                count(made.reported(node, f"{node}-1", 10**6, frozenset(), now + 100.0))
            case "gone":
                count(made.node_gone(node))
            case "anew":
                count(made.session(node, f"{node}-1"))
            case status:
                if held:
                    task_id = held[number % len(held)]
                    attempt_id = made._entries[task_id].attempts[node].id
                    count(made.ended(node, attempt_id, status, None, "", now))  # type: ignore[arg-type]
        assert sum(made.held(name) for name in "abc") >= made.running >= 0
        assert made.waiting + made.running == len(made)
    count(made.fail_all(TaskLost("stop")))
    assert [made.held(name) for name in "abc"] == [0, 0, 0] and made.running == 0
    assert answers == {f"t{number}": 1 for number in range(5)}


def test_how_long_a_line_needs_counts_what_other_gateways_sent_and_both_ways() -> None:
    made = table("a")
    made.grant("a", "a-1", Grant(allowed=9, allowed_bytes=2**30, line_bytes_per_s=2e6))
    assert made.line_s("a") == made.line_s("x") == 0.0
    first = sent(made, "t", size_bytes=500_000)
    assert made.line_s("a") == pytest.approx(0.5)
    made.reported("a", "a-1", 1, frozenset({first.attempt_id, "of", "another", "gateway"}), 0.0)
    assert made.line_s("a") == pytest.approx(2.0)
    made.grant("a", "a-1", Grant(allowed=9, allowed_bytes=2**30))
    assert made.line_s("a") == 0.0, "nothing is known of its line"
