"""The latest videos: who is seen in them, from when to when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.videos import LatestVideos, RecentVideo, Seen
from manyeyes.console.wording import ago, exact
from manyeyes.results import UNKNOWN
from manyeyes.spans import clock, span_text
from manyeyes.wording import listed, several

SHOWN = 6
_PEOPLE_SHOWN = 12
_SPANS_WORDED, _SPANS_DRAWN = 6, 300


def facts(video: RecentVideo, now: datetime) -> str:
    """`31 stills, one every 2 s, from 0:00 to 1:00 · 3 min ago`."""
    times = (
        f"from {clock(video.from_s)} to {clock(video.to_s)}"
        if video.stills > 1
        else f"at {clock(video.from_s)}"
    )
    return f"{several(video.stills, 'still')}, one every {video.every_s:g} s, {times} · {ago(video.at, now)}"


def row(video: RecentVideo, seen: Seen) -> dict[str, Any]:
    """One person's row: the words, and the bars in percent of the video's time."""
    length_s = video.to_s - video.from_s + video.every_s
    return {
        "name": seen.name or UNKNOWN,
        "isUnknown": seen.name is None,
        "stills": f"{seen.stills:,}",
        "seen": listed([span_text(span, exact=video.every_s % 1 != 0) for span in seen.spans], _SPANS_WORDED),
        "bars": [
            {
                "left": round(100 * (span.from_s - video.from_s) / length_s, 2),
                "width": round(100 * (span.to_s - span.from_s + video.every_s) / length_s, 2),
            }
            for span in seen.spans[:_SPANS_DRAWN]
        ],
    }


class Videos(Element, component="videos.js"):
    """Shows the latest videos, each with a bar for each time at which somebody is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(videos=[])

    def show(self, latest: LatestVideos, now: datetime) -> None:
        """Show these, newest first; nothing is sent where they are as they were."""
        shown = [
            {
                "key": video.id,
                "name": video.video,
                "facts": facts(video, now),
                "title": exact(video.at),
                "first": clock(video.from_s),
                "last": clock(video.to_s),
                "rows": [row(video, seen) for seen in video.people[:_PEOPLE_SHOWN]],
                "more": more_text(len(video.people) - _PEOPLE_SHOWN),
            }
            for video in latest.videos[:SHOWN]
        ]
        if shown != self._props["videos"]:
            self._props.update(videos=shown)
            self.update()


class VideosCard:
    """The part of the page that shows them; it is there only if there are any."""

    def __init__(self) -> None:
        self._card = ui.element("section").classes("card wide").props('aria-label="Latest videos"')
        with self._card:
            TextElement(tag="h2", text="Latest videos").classes("card-title")
            self._videos = Videos()
        self._card.set_visibility(False)

    def show(self, latest: LatestVideos, now: datetime) -> None:
        """Show these."""
        self._videos.show(latest, now)
        self._card.set_visibility(bool(latest.videos))


def more_text(more: int) -> str:
    """What is said of people without a row; empty if each has one."""
    return f"and {several(more, 'more person', 'more people')}" if more > 0 else ""
