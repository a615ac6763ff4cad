"""Texts that cannot be sent: a name with a byte that is not UTF-8, as an argument or a file name may have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from manyeyes.errors import BadRequest
from manyeyes.plain_text import harmless

_AROUND = 20


@contextmanager
def refusing_what_is_not_utf8() -> Iterator[None]:
    """Turn the error of a text that cannot be encoded into one that shows where.

    Raises:
        BadRequest: the text is not UTF-8.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        found = str(error.object)  # the text, or the JSON document with it
        before = found[: error.start].rpartition('"')[2][-_AROUND:]
        near = harmless(before + found[error.start :].partition('"')[0][:_AROUND])
        raise BadRequest(
            f"'{near}' is not UTF-8, as names and other texts must be; write it in UTF-8"
        ) from error
