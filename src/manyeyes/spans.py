"""Who is seen from when to when: the stills of a video, or the pictures of a burst, made into spans for each person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from manyeyes.api.videos import Seen, TimeSpan

GAP_STILLS = 2
"""A person who is missing on so many stills in a row, and is then seen again, was there all the time: people turn
their heads, and somebody walks past. With more, a new span begins."""
_ROUNDING = 1e-3

Who = tuple[str | None, str | None]
"""The id and the name of a person; (None, None) stands for a face without a name."""
Sighting = tuple[float, Sequence[Who]]
"""A time in seconds, and everybody seen then."""


def spans(times_s: Iterable[float], every_s: float, gap_stills: int = GAP_STILLS) -> tuple[TimeSpan, ...]:
    """The times of one person's stills, in any order, made into spans.

    Args:
        every_s: the time from one still to the next.
        gap_stills: up to so many missing stills in a row do not end a span.
    """
    longest_s = (gap_stills + 1) * every_s + _ROUNDING
    found: list[list[float]] = []
    for time_s in sorted(set(times_s)):
        if found and time_s - found[-1][1] <= longest_s:
            found[-1][1] = time_s
        else:
            found.append([time_s, time_s])
    return tuple(TimeSpan(from_s=first, to_s=last) for first, last in found)


def timeline(sightings: Iterable[Sighting], every_s: float, gap_stills: int = GAP_STILLS) -> tuple[Seen, ...]:
    """Everybody's spans: by the time at which they are first seen, faces without a name last.

    A person with an id is one person under all names, and has the name of the last sighting.
    """
    times: dict[str | None, list[float]] = {}
    named: dict[str | None, tuple[float, Who]] = {}
    for time_s, people in sightings:
        for key, who in {(who[0] or who[1]): who for who in people}.items():
            times.setdefault(key, []).append(time_s)
            if key not in named or named[key][0] <= time_s:
                named[key] = time_s, who
    seen = [
        Seen(
            name=who[1],
            person_id=who[0],
            stills=len(set(times[key])),
            spans=spans(times[key], every_s, gap_stills),
        )
        for key, (_, who) in named.items()
    ]
    return tuple(sorted(seen, key=lambda one: (one.name is None, one.spans[0].from_s, one.name or "")))


def clock(time_s: float, *, exact: bool = False) -> str:
    """A time as a player shows it: `0:07`, `12:30`, `1:02:03`; to a tenth of a second if `exact`: `0:07.5`."""
    tenths = round(time_s * 10) if exact else int(time_s + _ROUNDING) * 10
    minutes, rest = divmod(tenths, 600)
    seconds = f"{rest // 10:02d}" + (f".{rest % 10}" if exact and rest % 10 else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"


def span_text(span: TimeSpan, *, exact: bool = False) -> str:
    """`0:10–0:24`; `0:10` for one still."""
    first, last = clock(span.from_s, exact=exact), clock(span.to_s, exact=exact)
    return first if first == last else f"{first}–{last}"
