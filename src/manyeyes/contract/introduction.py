"""What a node of any version says of itself, read without understanding the rest of its message. Never fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyeyes.contract.message import HEADER_RELEASE
from manyeyes.plain_text import plain

_MOST_VERSION = 1_000_000
_MOST_RELEASE = 40


@dataclass(frozen=True)
class Introduction:
    """Which versions of the contract a sender speaks; 0: it does not say."""

    oldest: int
    newest: int
    release: str = ""
    """Of manyeyes, as `0.1.0`, fit to be shown; empty: not known."""


def introduced(content: bytes, headers: Mapping[str, str] | None = None) -> Introduction:
    """Read the versions out of a message of whatever version. Who does not say what it speaks speaks `v` alone."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    spoken = _version(fields.get("v"))
    release = (headers or {}).get(HEADER_RELEASE) or fields.get("version")
    return Introduction(
        _version(fields.get("oldest")) or spoken,
        _version(fields.get("newest")) or spoken,
        plain(release, _MOST_RELEASE) if isinstance(release, str) else "",
    )


def _version(said: object) -> int:
    known = isinstance(said, int) and not isinstance(said, bool) and 0 < said <= _MOST_VERSION
    return said if known and isinstance(said, int) else 0
