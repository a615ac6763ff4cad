"""`traceparent` as W3C Trace Context has it."""

from __future__ import annotations

import pytest

from manyeyes.traces import TRACE_ID, new_trace, read_traceparent, trace_id_for, trace_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header",
    [
        f"00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-00",
        f"01-{TRACE}-{PARENT}-01-more",
        f"fe-{TRACE}-{PARENT}-ff",
    ],
)
def test_well_formed(header: str) -> None:
    assert read_traceparent(header) == (TRACE, PARENT)
    trace = trace_of(header)
    assert (trace.trace_id, trace.parent_id) == (TRACE, PARENT)
    assert trace.span_id != PARENT
    assert read_traceparent(trace.traceparent) == (TRACE, trace.span_id)


@pytest.mark.parametrize(
    "header",
    [
        "", "00", f"00-{TRACE}-{PARENT}", f"00-{TRACE}-{PARENT}-01-more", f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01", f"00-{TRACE}-{PARENT}-0", f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n", f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01", f"00-{TRACE[:-1]}\u0664-{PARENT}-01",
    ],
)  # fmt: skip
def test_malformed_ones_count_as_none(header: str) -> None:
    assert read_traceparent(header) is None
    trace = trace_of(header)
    assert TRACE_ID.fullmatch(trace.trace_id) and trace.trace_id != TRACE
    assert trace.parent_id == ""


def test_fresh_ones_differ_and_a_key_always_gives_the_same() -> None:
    assert new_trace().trace_id != new_trace().trace_id
    assert trace_id_for("k") == trace_id_for("k") != trace_id_for("l")
    assert TRACE_ID.fullmatch(trace_id_for("k"))
