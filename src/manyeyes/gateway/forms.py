"""What is wrong with a form that came with a request (`multipart/form-data`)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Message, Receive

from manyeyes.errors import BadRequest

_AS_CURL = "send it as 'curl -F' does"
_TAIL_BYTES = 128


def unreadable_form(told: str) -> BadRequest:
    """The error for a form that the framework cannot read.

    Args:
        told: its message.
    """
    if "boundary" in told:
        return BadRequest(
            f"the header Content-Type of the form names no boundary between its parts; {_AS_CURL}"
        )
    if told.startswith("Too many files"):
        most = int("".join(filter(str.isdigit, told)) or 1)
        return BadRequest(
            f"the form has more than {most} file{'s' if most > 1 else ''}; send the others in a request of their own"
        )
    return BadRequest(f"the body of the request cannot be read: {told.rstrip('.')}; {_AS_CURL}")


def with_end_seen(receive: Receive) -> tuple[Receive, Callable[[], bool]]:
    """Reads on, and tells afterwards whether the form came to its end: it ends in a boundary with two dashes."""
    tail = b""

    async def remembered() -> Message:
        nonlocal tail
        message = await receive()
        tail = (tail + message.get("body", b"")[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return message

    return remembered, lambda: tail.rstrip().endswith(b"--")


def missing_field(is_whole: bool, otherwise: str) -> BadRequest:
    """The error for a form without the field that it is for.

    Args:
        is_whole: whether it came to its end.
        otherwise: what is missing then, and what to do.
    """
    return BadRequest(
        otherwise if is_whole else f"the form is cut short: its last boundary is missing; {_AS_CURL}"
    )
