"""How figures and times are worded, in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h`, `2 d`: a time in the largest unit that fits, rounded down; at least 0 s."""
    seconds = max(0.0, seconds)
    for unit, length_s, until_s in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until_s:
            return f"{seconds // length_s:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def in_utc(at: datetime | str) -> str:
    """`2026-11-28 14:09:44 UTC`; of a text in ISO 8601 too."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def several(number: int, one: str, many: str = "") -> str:
    """`1 node`, `2,000 nodes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def in_percent(rate: float) -> str:
    """A rate with two digits: `0.83 %`."""
    return f"{float(f'{100 * rate:.2g}'):g} %"


def listed(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: the first names, and how many there are beside them."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def size(size_bytes: float) -> str:
    """`512 MB`, `8.1 GB`."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def binary_size(size_bytes: float) -> str:
    """`64 MiB`, `1.5 GiB`: in the largest unit of 1024 that fits."""
    number, unit = float(size_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < 1024:
            break
        number, unit = number / 1024, larger
    return f"{number:.3g} {unit}"


def limited(limit: float | None, worded: Callable[[float], str] = "{:.3g}".format) -> str:
    """` (limited to 0.5)`: what follows a number of which a process may use no more than `limit`; empty for None."""
    return "" if limit is None else f" (limited to {worded(limit)})"


def cores_and_memory(
    cores: int, memory_bytes: int, cores_limit: float | None, memory_limit_bytes: int | None
) -> str:
    """`2 cores (limited to 0.5), 25.3 GB (limited to 700 MB)`: a machine, and what a container or an affinity leaves of it."""
    return f"{several(cores, 'core')}{limited(cores_limit)}, {size(memory_bytes)}{limited(memory_limit_bytes, size)}"
