"""The elements of these pages that the browser draws itself, from plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nicegui import ui

_HERE = Path(__file__).parent


class Shown(ui.element):
    """An element that shows data; it is sent only when it has changed."""

    def __init__(self, **data: Any) -> None:
        super().__init__()
        self.show(**data)

    def show(self, **data: Any) -> None:
        """Show this from now on."""
        for name, value in data.items():
            if self.props.get(name) != value:
                self.props[name] = value


class FaceGrid(Shown, component=_HERE / "face_grid.js"):
    """`people`: `facts.cards`."""


class FaceEnrolment(Shown, component=_HERE / "face_enrolment.js", dependencies=[_HERE / "enrolling.js"]):
    """The dialog that adds photos; photos dropped or pasted on the page open it.

    Shows `to`, the person on the photos, or asks for the name; and `known`, how many photos somebody of the typed
    name has. Emits `named` with what is typed, and `changed` with the name of the person who has other photos now.
    """

    def start(self) -> None:
        """Open it."""
        self.run_method("start")


class FacePhotos(Shown, component=_HERE / "face_photos.js", dependencies=[_HERE / "moments.js"]):
    """`photos`: `facts.photo_cards`. Emits `remove` with the id of a photo."""


class FaceGroups(Shown, component=_HERE / "face_groups.js", dependencies=[_HERE / "moments.js"]):
    """`groups`: `facts.group_cards`; `names`: those to choose from.

    Emits `name` with `group`, `name` and `faces`, none of them where the whole group is meant, and `dismiss` with `group`
    and `count`.
    """

    def settled(self, group: int) -> None:
        """What was asked for a group is done, or was refused."""
        self.run_method("settled", group)


def heading(text: str) -> ui.label:
    """A heading below the page's own."""
    return ui.label(text).props('role="heading" aria-level="2"').classes("section-title")


def link(text: str, address: str) -> ui.element:
    """A link whose text and address are data."""
    anchor = ui.element("a").classes("link")
    anchor.props["href"] = address
    with anchor:
        ui.label(text)
    return anchor
