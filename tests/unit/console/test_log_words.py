"""What the page of logs says of lines and of a picture's way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from manyeyes.api.logs import LogLine, Span, Trace
from manyeyes.console.pages.logs.words import bars, finished, glance, row, sums

AT = datetime(2026, 1, 31, 13, 5, tzinfo=UTC)
TRACE = "0123456789abcdef" * 2


def _line(**told: Any) -> LogLine:
    return LogLine(
        **{"number": 7, "at": AT, "machine": "lab", "role": "node", "level": "info", "event": "e", **told}
    )


def _trace(*spans: Span) -> Trace:
    return Trace(trace_id=TRACE, spans=spans, lines=(_line(),))


def _span(name: str, start_ms: float, duration_ms: float, depth: int, **facts: Any) -> Span:
    return Span(
        name=name, machine="lab", start_ms=start_ms, duration_ms=duration_ms, depth=depth, facts=facts
    )


def test_a_row_opens_to_every_fact_but_ids_of_programs() -> None:
    shown = row(
        _line(fields={"node": "lab", "by": "key", "span": "s", "stages_ms": {"decode": 1.5}, "why": ""})
    )
    assert shown["facts"] == [("node", "lab"), ("stages_ms", '{"decode": 1.5}'), ("why", "")]
    assert shown["said"] == "e"  # its own name, a table, and an empty fact say nothing
    assert shown["exact"] == "2026-01-31 13:05:00 UTC"


def test_a_pictures_line_is_a_sentence_that_opens_to_the_rest() -> None:
    fields = {
        "operation": "recognize",
        "who": "olga",
        "outcome": "done",
        "faces": 0,
        "answered_ms": 52.4,
        "attempts": [{"node": "a"}],
    }
    shown = row(_line(event="picture", fields=fields))
    assert shown["said"] == "picture done: no face, a, 52 ms"
    assert (shown["event"], dict(shown["facts"])["who"]) == ("picture", "olga")


def test_long_texts_are_cut_and_an_exception_stands_by_itself() -> None:
    shown = row(_line(level="error", fields={"exception": "Traceback\n  x", "error": "e" * 10_000}))
    assert shown["body"] == "Traceback\n  x" and shown["tone"] == "bad"
    ((name, error),) = shown["facts"]
    assert name == "error" and len(error) == 4000 and error.endswith("…")
    assert len(glance({"error": "e" * 10_000})) == 160


def test_bars_share_one_scale_and_end_with_the_last() -> None:
    shown = bars(
        [_span("picture", 0, 75, 0), _span("deliver", 50, 50, 1), _span("attempt", 0, 1, 1, how="error")]
    )
    assert [(bar["left"], bar["width"]) for bar in shown] == [(0, 75), (50, 50), (0, 1)]
    assert [bar["failed"] for bar in shown] == [False, False, True]
    assert bars([_span("picture", 0, 0, 0)])[0]["width"] == 0
    assert bars([]) == []


def test_sums_tell_the_way_of_a_picture() -> None:
    told = {"outcome": "done", "who": "olga", "size_bytes": 12345, "media_type": "image/png", "faces": 2}
    trace = _trace(
        _span("picture", 0, 1234.5, 0, **told), _span("attempt", 3, 9, 1), _span("attempt", 14, 9, 1)
    )
    facts = sums(trace)
    assert finished(trace)
    assert facts["Outcome"] == "done" and facts["Took"] == "1,234.5 ms" and facts["Attempts"] == "2"
    assert facts["Picture"] == "image/png, 12,345 bytes" and facts["Nodes"] == "lab"


def test_a_failed_picture_says_why() -> None:
    facts = sums(_trace(_span("picture", 0, 1, 0, outcome="too-many-pixels", detail="it has 141 megapixels")))
    assert facts["Outcome"] == "too-many-pixels: it has 141 megapixels"
    assert facts["Nodes"] == "none"


def test_a_picture_on_its_way_has_no_end() -> None:
    trace = _trace(_span("attempt", 0, 9, 1, how="done"))
    assert not finished(trace)
    assert "still being worked on" in sums(trace)["Outcome"] and sums(trace)["Took"] == "–"
