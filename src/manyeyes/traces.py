"""The ids that follow one picture, as W3C Trace Context has them. Pure.

Source: https://www.w3.org/TR/trace-context/, "traceparent Header".
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

_FORM = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<rest>-.*)?",
    re.ASCII,
)
TRACE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True)
class Trace:
    """Where a picture belongs: its trace, its own span in it, and the span that it comes from, if any."""

    trace_id: str
    span_id: str
    parent_id: str = ""

    @property
    def traceparent(self) -> str:
        """What is passed on."""
        return f"00-{self.trace_id}-{self.span_id}-01"


def new_trace(trace_id: str = "") -> Trace:
    """A span in a trace of its own, or in the one given."""
    return Trace(trace_id or os.urandom(16).hex(), os.urandom(8).hex())


def read_traceparent(header: str) -> tuple[str, str] | None:
    """(trace id, parent id) of a `traceparent`; None where it is malformed, which counts as none at all."""
    found = _FORM.fullmatch(header)
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"]):
        return None
    trace_id, parent_id = found["trace"], found["parent"]
    return (trace_id, parent_id) if trace_id.strip("0") and parent_id.strip("0") else None


def trace_of(header: str | None) -> Trace:
    """A span of its own below what the header names, or in a fresh trace."""
    found = read_traceparent(header) if header else None
    if found is None:
        return new_trace()
    return Trace(found[0], os.urandom(8).hex(), found[1])


def trace_id_for(idempotency_key: str) -> str:
    """The trace of a picture that is sent again under one key; it does not tell the key."""
    return hashlib.sha256(b"manyeyes trace " + idempotency_key.encode()).hexdigest()[:32]
