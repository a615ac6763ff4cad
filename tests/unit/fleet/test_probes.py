"""A node that only says that it lives is found, taken out, and brought back when it answers."""

from __future__ import annotations

from itertools import pairwise

from manyeyes.fleet.probes import LONGEST_PAUSE_S, PATIENCE_FACTOR, BringBack, Probes, SendProbe, TakeOut


def probes() -> Probes:
    return Probes(idle_s=60.0, busy_s=5.0, answer_s=5.0)


def seen(
    book: Probes, now: float, holds: int = 0, picture_s: float = 0.1, takes: bool = True, line_s: float = 0.0
) -> list[object]:
    return list(book.seen("a", takes, holds, picture_s, line_s, now))


def test_an_idle_node_is_probed_now_and_then() -> None:
    book = probes()
    assert seen(book, 0.0) == []
    assert seen(book, 59.0) == []
    assert seen(book, 60.0) == [SendProbe("a")]
    assert seen(book, 61.0) == []
    assert book.answered("a", 61.5) == []
    assert seen(book, 121.0) == []
    assert seen(book, 121.5) == [SendProbe("a")]


def test_answers_to_pictures_are_proof_enough() -> None:
    book = probes()
    for second in range(200):
        assert seen(book, float(second), holds=2) == []
        assert book.answered("a", float(second)) == []


def test_a_node_that_holds_pictures_and_ends_none_is_taken_out_and_brought_back() -> None:
    book = probes()
    seen(book, 0.0, holds=1)
    assert seen(book, 5.0, holds=1) == [SendProbe("a")]
    out, again = seen(book, 10.0, holds=1)
    assert isinstance(out, TakeOut) and "has not answered a probe for 5 s" in out.reason
    assert again == SendProbe("a")
    assert book.granted("a", 10.5) == [], "a grant is no answer"
    assert book.answered("a", 11.0) == [BringBack("a")]
    assert book.answered("a", 11.2) == []
    assert seen(book, 11.5, holds=1) == []


def test_an_unresponsive_node_is_probed_less_and_less_often() -> None:
    book = probes()
    times = [second / 2 for second in range(1200) if SendProbe("a") in seen(book, second / 2, holds=1)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == sorted(pauses) and pauses[0] == 5.0 and pauses[-1] == LONGEST_PAUSE_S


def test_a_slow_node_is_given_time() -> None:
    book = probes()
    seen(book, 0.0, holds=1, picture_s=10.0)
    assert seen(book, PATIENCE_FACTOR * 10.0 - 1, holds=1, picture_s=10.0) == []
    assert seen(book, PATIENCE_FACTOR * 10.0, holds=1, picture_s=10.0) == [SendProbe("a")]


def test_a_node_that_takes_no_pictures_is_not_probed() -> None:
    book = probes()
    assert all(seen(book, float(second), takes=False) == [] for second in range(300))
    assert book.answered("a", 300.0) == []


def test_an_unresponsive_node_that_stops_or_falls_silent_is_no_longer_one() -> None:
    book = probes()
    for second in (0.0, 5.0, 10.0):
        seen(book, second, holds=1)
    assert seen(book, 11.0, takes=False) == [BringBack("a")]
    assert seen(book, 12.0, takes=False) == []
    assert seen(book, 13.0) == []


def test_a_node_whose_line_is_full_is_given_time() -> None:
    book = probes()
    seen(book, 0.0, holds=8, line_s=9.0)
    assert seen(book, 18.0, holds=8, line_s=9.0) == []
    assert seen(book, 19.0, holds=8, line_s=9.0) == [SendProbe("a")]
    assert seen(book, 37.0, holds=8, line_s=9.0) == []
    assert isinstance(seen(book, 38.0, holds=8, line_s=9.0)[0], TakeOut)


def test_a_node_that_grants_nothing_while_pictures_wait_is_taken_out_until_it_grants() -> None:
    book = probes()

    def look(now: float, waiting_since: float | None = 1.0, holds: int = 0) -> list[object]:
        return list(book.seen("a", True, holds, 0.1, 0.0, now, waiting_since))

    assert look(0.0, waiting_since=None) == []
    assert look(5.9) == []
    assert look(6.0, holds=1) == [SendProbe("a")], "one that holds some is another matter"
    assert book.answered("a", 6.0) == []
    (out,) = look(6.1)
    assert isinstance(out, TakeOut) and "grants no credit for the pictures that wait" in out.reason
    assert look(6.2) == []
    assert book.answered("a", 6.3) == []
    assert book.granted("a", 6.4) == [BringBack("a")]
    assert look(11.3) == []
    assert isinstance(look(11.4)[0], TakeOut)
