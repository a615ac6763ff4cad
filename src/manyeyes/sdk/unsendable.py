"""What cannot be sent: a name with a byte that is not UTF-8, as an argument or a file name may have; a number that JSON lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from manyeyes.errors import BadRequest
from manyeyes.plain_text import harmless

_AROUND = 20
_NO_JSON = "Out of range float values"
"""How Python's encoder of JSON begins to say it."""


@contextmanager
def refusing_the_unsendable() -> Iterator[None]:
    """Turn the error of a text or a number that cannot be encoded into one that says what is wrong.

    Raises:
        BadRequest: the text is not UTF-8, or the number is infinite or none.
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
    except ValueError as error:
        if not str(error).startswith(_NO_JSON):
            raise
        raise BadRequest("a number is infinite or not a number; give a finite one") from error
