"""Errors as the API answers them: problem details, RFC 9457."""

from __future__ import annotations

from manyeyes.api.model import Answer


class Problem(Answer):
    """Why a request failed."""

    type: str
    """As `urn:manyeyes:problem:person-not-found`."""
    title: str
    """What kind of failure it is, in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What failed: seen against allowed; what to do."""
    code: str
    """Stable, for programs."""
    retryable: bool
    """Whether the same request may succeed later; the header `Retry-After` says when."""
    trace_id: str = ""
    """Of the picture that it is about; left out where there is none."""
