"""The latest predicted pictures."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from nicegui.element import Element

from manyeyes.api.recent import Latest, RecentPicture
from manyeyes.console.address import api, link
from manyeyes.console.wording import ago, exact
from manyeyes.results import TOO_SMALL, UNKNOWN
from manyeyes.wording import several

SHOWN = 12
_NAMES_SHOWN = 4
_NONE_YET = "No picture has been answered since the master started."
_NONE_KEPT = "This master is set to keep no recent pictures."


def names(picture: RecentPicture) -> str:
    """Who is on it: `Ada, Grace, 2 unknown and 30 too small to name`."""
    named = list(dict.fromkeys(picture.names))
    told = named[:_NAMES_SHOWN]
    if len(named) > _NAMES_SHOWN:
        told.append(f"{len(named) - _NAMES_SHOWN} more")
    unknown = picture.faces - len(picture.names) - picture.too_small
    if not picture.faces:
        return "no face"
    if unknown > 0:
        told.append(f"{unknown} {UNKNOWN}" if named else several(unknown, "unknown face"))
    if picture.too_small:
        told.append(f"{picture.too_small if told else several(picture.too_small, 'face')} {TOO_SMALL}")
    return ", ".join(told[:-1]) + " and " + told[-1] if len(told) > 1 else told[0]


class Pictures(Element, component="pictures.js", esm={"manyeyes-large": "../../static/recognise"}):
    """Shows the latest of them; each opens large, with its faces.

    Args:
        may_enrol: whether it is worth offering to say who a face is.
    """

    def __init__(self, *, may_enrol: bool) -> None:
        super().__init__()
        self._props.update(pictures=[], empty=_NONE_YET, mayEnrol=may_enrol)

    def show(self, latest: Latest, now: datetime) -> None:
        """Show these, newest first; nothing is sent where they are as they were."""
        shown = [
            {
                "key": picture.id,
                "src": f"{api()}/v1/recent/{quote(picture.id, safe='')}/image" if picture.has_image else "",
                "alt": f"Predicted picture: {names(picture)}",
                "names": names(picture),
                "when": ago(picture.at, now),
                "title": exact(picture.at),
                "trace": link("/logs", trace=picture.trace_id) if picture.trace_id else "",
            }
            for picture in latest.pictures[:SHOWN]
        ]
        empty = _NONE_YET if latest.most else _NONE_KEPT
        if shown != self._props["pictures"] or empty != self._props["empty"]:
            self._props.update(pictures=shown, empty=empty)
            self.update()
