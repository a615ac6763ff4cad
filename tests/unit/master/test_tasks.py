"""Whatever happens, every task ends in exactly one answer."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from manyeyes.master.placement import Held
from manyeyes.master.tasks import (
    CLAIM_GRACE_S,
    REFUSED_FOR_S,
    Ack,
    Answer,
    Drop,
    InProgress,
    Nak,
    Remove,
    RemoveOrphan,
    TaskBook,
)

from manyeyes.contract import Claim, Outcome, Task
from manyeyes.errors import PictureKillsWorkers, TaskLost


def task(task_id: str = "t1") -> Task:
    return Task(
        id=task_id,
        operation="recognize",
        gateway="g",
        pack="faces@1.0.0",
        size_bytes=3,
        sha256="0" * 64,
        draw=True,
        gallery_version=0,
    )


def ack(sequence: int, delivered: int = 1) -> str:
    return f"$JS.ACK.TASKS.workers.{delivered}.{sequence}.{sequence}.1700000000000000000.0"


def claim(task_id: str = "t1", sequence: int = 7, delivered: int = 1) -> Claim:
    return Claim(task_id=task_id, gateway="g", ack=ack(sequence, delivered))


def book_with(task_id: str = "t1", sequence: int = 7, attempts: int = 3) -> TaskBook:
    book = TaskBook(max_attempts=attempts)
    book.add(task(task_id))
    assert book.queued(task_id, sequence) == []
    return book


def done(task_id: str = "t1") -> Outcome:
    return Outcome(task_id=task_id, kind="done")


def test_a_claimed_picture_is_answered_and_acked_by_the_gateway() -> None:
    book = book_with()
    assert book.claim("a", claim(), 0.0) == ("granted", [])
    taken, instructions = book.finish("a", done())
    assert taken
    assert instructions == [Answer("t1", "a", done(), None), Ack(ack(7))]
    assert len(book) == 0


def test_a_foreign_ack_subject_is_never_published_on() -> None:
    book = book_with()
    for subject in ("me.tasks", "$JS.ACK.OTHER.workers.1.7.7.1.0", ack(8), "$JS.API.STREAM.DELETE.TASKS", ""):
        assert book.claim("a", Claim(task_id="t1", gateway="g", ack=subject), 0.0) == ("gone", [])


def test_a_result_counts_only_from_the_node_that_holds_the_picture() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    assert book.finish("b", done()) == (False, [])
    assert book.finish("a", done())[0]
    assert book.finish("a", done()) == (False, [])


def test_of_two_nodes_with_one_picture_the_first_answer_counts_and_the_other_is_told() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    assert book.issue_again(["t1", "unknown"]) == [Nak(ack(7))]
    assert book.issue_again(["t1"]) == [], "it is on its way already"
    assert book.claim("b", claim(delivered=2), 1.0)[0] == "granted"
    assert (book.held, book.running, book.waiting) == ({"a": 1, "b": 1}, 1, 0)
    taken, instructions = book.finish("a", done())
    assert taken
    assert instructions == [Answer("t1", "a", done(), None), Ack(ack(7, delivered=2)), Drop("b", "t1")]
    assert book.finish("b", done()) == (False, [])
    assert (book.held, book.running, book.waiting) == ({}, 0, 0)


def test_a_picture_that_one_of_two_nodes_gives_up_stays_with_the_other() -> None:
    for end in (
        lambda book: book.finish("a", Outcome(task_id="t1", kind="given-back"))[1],
        lambda book: book.finish("a", Outcome(task_id="t1", kind="crashed"))[1],
        lambda book: book.node_gone("a"),
    ):
        book = book_with()
        book.claim("a", claim(), 0.0)
        book.issue_again(["t1"])
        book.claim("b", claim(delivered=2), 1.0)
        assert end(book) == []
        assert book.held == {"b": 1}
        assert book.finish("b", done())[0]


def test_a_picture_that_its_only_holder_loses_while_it_is_issued_again_is_not_queued_twice() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    assert book.issue_again(["t1"]) == [Nak(ack(7))]
    assert book.node_gone("a") == []
    assert book.claim("b", claim(delivered=2), 1.0)[0] == "granted"


def test_a_node_that_is_handed_its_own_picture_again_passes_it_on() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    book.issue_again(["t1"])
    again = Claim(task_id="t1", gateway="g", ack=ack(7, 2), held=True)
    assert book.claim("a", again, 0.1) == ("wait", [Nak(ack(7, 2))])
    assert book.finish("a", done())[0]


def test_a_picture_is_kept_for_somebody_better_for_a_moment_only() -> None:
    book = book_with()
    assert book.claim("slow", claim(), 5.0, better_elsewhere=True) == ("wait", [Nak(ack(7))])
    late = 5.0 + REFUSED_FOR_S
    assert book.claim("slow", claim(delivered=2), late, better_elsewhere=True)[0] == "granted"


def test_a_picture_that_cannot_be_given_back_yet_is_not_kept_for_somebody_better() -> None:
    book = TaskBook(3)
    book.add(task())
    assert book.claim("slow", claim(), 5.0, better_elsewhere=True) == ("granted", [])


def test_only_pictures_that_one_node_holds_are_issued_again() -> None:
    book = book_with()
    assert book.held_once() == []
    book.claim("a", claim(), 2.0)
    assert book.held_once() == [Held("t1", "a", 2.0, 3)]
    book.issue_again(["t1"])
    assert book.held_once() == []
    book.claim("b", claim(delivered=2), 3.0)
    assert book.held_once() == []


def test_a_lost_nodes_picture_goes_to_another_at_once() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    assert book.node_gone("a") == [Nak(ack(7))]
    assert book.node_gone("a") == []
    assert len(book) == 1


def test_a_picture_that_kills_workers_becomes_an_error() -> None:
    book = book_with(attempts=3)
    for attempt in range(3):
        book.claim("a", claim(delivered=attempt + 1), 0.0)
        _, instructions = book.finish("a", Outcome(task_id="t1", kind="crashed", detail="SIGSEGV"))
        if attempt < 2:
            assert instructions == [Nak(ack(7, attempt + 1))]
    answer = instructions[0]
    assert isinstance(answer, Answer) and isinstance(answer.error, PictureKillsWorkers)
    assert "3 attempts" in answer.error.detail and "SIGSEGV" in answer.error.detail


def test_giving_back_does_not_count_as_a_lost_attempt() -> None:
    book = book_with(attempts=1)
    for attempt in range(5):
        book.claim("a", claim(delivered=attempt + 1), 0.0)
        assert book.finish("a", Outcome(task_id="t1", kind="given-back"))[1] == [Nak(ack(7, attempt + 1))]


def test_heartbeats_keep_a_picture_and_forgetting_it_gives_it_away() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    assert book.beat("a", frozenset({"t1"}), 1.0) == [InProgress(ack(7))]
    assert book.beat("a", frozenset(), CLAIM_GRACE_S - 0.1) == []
    assert book.beat("a", frozenset(), CLAIM_GRACE_S + 0.1) == [Nak(ack(7))]


def test_an_ack_that_a_node_made_up_is_not_used_before_the_engine_has_said_whose_it_is() -> None:
    for end in ("given-back", "crashed", "done"):
        book = TaskBook(max_attempts=9)
        book.add(task())
        book.claim("a", claim(sequence=99), 0.0)
        assert book.beat("a", frozenset({"t1"}), 1.0) == []
        _, instructions = book.finish("a", Outcome(task_id="t1", kind=end))  # type: ignore[arg-type]
        assert [i for i in instructions if not isinstance(i, Answer)] == []
        assert book.queued("t1", 7) == ([Remove(7)] if end == "done" else [])


def test_a_claim_with_anothers_ack_holds_the_picture_but_never_touches_the_other() -> None:
    book = TaskBook(max_attempts=9)
    book.add(task())
    book.claim("a", claim(sequence=99), 0.0)
    book.queued("t1", 7)
    assert book.beat("a", frozenset({"t1"}), 1.0) == []
    assert book.finish("a", done())[1] == [Answer("t1", "a", done(), None), Remove(7)]


def test_who_may_have_nothing_gives_back_its_own_delivery_only() -> None:
    book = book_with()
    assert book.turn_away(claim()) == [Nak(ack(7))]
    assert book.turn_away(claim(sequence=8)) == []
    assert book.turn_away(claim("unknown")) == []
    book.claim("a", claim(), 0.0)
    assert book.turn_away(claim(delivered=2)) == []
    waiting = TaskBook(3)
    waiting.add(task())
    assert waiting.turn_away(claim(sequence=99)) == []


def test_a_node_that_does_not_hold_a_picture_cannot_have_it_given_away() -> None:
    book = book_with()
    book.claim("a", claim(), 0.0)
    held = claim(delivered=2).model_copy(update={"held": True})
    assert book.claim("b", held, 1.0) == ("wait", [])
    assert book.claim("a", held, 1.0) == ("wait", [Nak(ack(7, 2))])


def test_an_ack_subject_carries_nothing_but_an_ack_subject() -> None:
    book = book_with()
    for hostile in ("x 0\r\n\r\nPUB me", "*", ">", "é"):
        for subject in (
            f"$JS.ACK.{hostile}.y.TASKS.workers.1.7.7.1.0",
            f"$JS.ACK.TASKS.workers.1.7.7.1.0.{hostile}",
        ):
            assert book.claim("a", Claim(task_id="t1", gateway="g", ack=subject), 0.0) == ("gone", [])


def test_a_claim_for_an_unknown_picture_clears_it_from_the_queue() -> None:
    book = TaskBook(3)
    assert book.claim("a", claim(), 0.0) == ("gone", [RemoveOrphan(7, "t1")])


def test_a_task_that_ended_while_it_was_queued_leaves_the_stream() -> None:
    book = TaskBook(3)
    book.add(task())
    error = TaskLost("stop")
    assert book.fail_all(error) == [Answer("t1", "", None, error)]
    assert book.queued("t1", 9) == [Remove(9)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["claim", "again", "done", "crashed", "given-back", "beat", "forgot", "gone"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 4),
        ),
        max_size=60,
    )
)
def test_never_two_answers_and_never_none(steps: list[tuple[str, str, int]]) -> None:
    book = TaskBook(max_attempts=3)
    answers: dict[str, int] = {}
    for number in range(5):
        book.add(task(f"t{number}"))
        book.queued(f"t{number}", number + 1)

    def count(instructions: list[object]) -> None:
        for instruction in instructions:
            if isinstance(instruction, Answer):
                answers[instruction.task_id] = answers.get(instruction.task_id, 0) + 1

    for now, (what, node, number) in enumerate(steps):
        task_id = f"t{number}"
        match what:
            case "claim":
                count(list(book.claim(node, claim(task_id, number + 1), now)[1]))
            case "again":
                count(list(book.issue_again([task_id])))
            case "beat":
                count(list(book.beat(node, frozenset({task_id}), now)))
            case "forgot":
                count(list(book.beat(node, frozenset(), now + 100.0)))
            case "gone":
                count(list(book.node_gone(node)))
            case kind:
                count(list(book.finish(node, Outcome(task_id=task_id, kind=kind))[1]))  # type: ignore[arg-type]
        assert sum(book.held.values()) >= book.running >= 0
        assert book.waiting + book.running == len(book)
    count(list(book.fail_all(TaskLost("stop"))))
    assert (book.held, book.running) == ({}, 0)
    assert answers == {f"t{number}": 1 for number in range(5)}
