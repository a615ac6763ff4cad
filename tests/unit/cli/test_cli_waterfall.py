"""One picture's way, and lines of the log, as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from manyeyes.api.logs import LogLine, Span
from manyeyes.cli.waterfall import BAR_CHARACTERS, bar, line_sentence, line_text, waterfall


def test_bars_share_one_scale() -> None:
    assert bar(0.0, 1.0) == "█" * BAR_CHARACTERS
    assert bar(0.5, 0.25) == " " * 16 + "█" * 8
    assert bar(0.999, 0.0001) == " " * 31 + "·"
    assert len(bar(1.0, 5.0)) == BAR_CHARACTERS


def test_a_waterfall() -> None:
    spans = [
        Span(
            name="picture",
            machine="master",
            start_ms=0,
            duration_ms=80,
            depth=0,
            facts={"who": "me", "by": "k"},
        ),
        Span(name="attempt", machine="lab-1", start_ms=40, duration_ms=40, depth=1, facts={"how": "done"}),
    ]
    assert waterfall(spans) == [
        ("picture", "master", "80.0", "█" * 32, "who=me"),
        ("  attempt", "lab-1", "40.0", " " * 16 + "█" * 16, "how=done"),
    ]
    assert waterfall([]) == []


def test_a_line() -> None:
    line = LogLine(
        number=1, at=datetime(2026, 11, 26, 8, 0, 0, 12345, UTC), machine="lab-1", role="node", level="warning",
        event="worker said", trace_id="a" * 32, fields={"worker_pid": 7, "text": "one\ntwo"},
    )  # fmt: skip
    assert line_text(line, local=False) == [
        f"2026-11-26 08:00:00.012 lab-1 warning worker said worker_pid=7 trace={'a' * 32}", "    one", "    two"
    ]  # fmt: skip
    assert line_sentence(line, local=False) == (
        "2026-11-26 08:00:00 lab-1  warning: worker said: worker pid 7: two"
    )
