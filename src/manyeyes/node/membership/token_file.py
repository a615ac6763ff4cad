"""A join token that comes as a file: a secret of a container, or what an operator writes there later."""

from __future__ import annotations

import asyncio
from pathlib import Path

from manyeyes.errors import TokenRefused
from manyeyes.identity import JoinToken
from manyeyes.local_files import read_text
from manyeyes.telemetry import log

LOOK_S = 1.0


async def wait_for_token(path: Path) -> JoinToken:
    """The token in a file, as soon as a whole one is in it; until then the log says what is missing."""
    said = ""
    while True:
        found = read_token(path)
        if isinstance(found, JoinToken):
            return found
        if found != said:
            log().warning("waits for a join token", file=str(path), why=found)
            said = found
        await asyncio.sleep(LOOK_S)


def read_token(path: Path) -> JoinToken | str:
    """The token, or why there is none yet."""
    try:
        text = read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        return (error.strerror if isinstance(error, OSError) else None) or "it is no text"
    if not text:
        return "the file is empty"
    try:
        return JoinToken.decode(text)
    except TokenRefused as error:
        return error.detail
