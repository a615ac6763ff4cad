"""Pictures in, predicted pictures out.

The browser sends the pictures to `/v1/recognize` itself (`static/recognise`): neither they nor the results pass through
the console.
"""

from __future__ import annotations

from nicegui import ui

from manyeyes.console.address import use_style
from manyeyes.console.visitor import Visitor


class Recogniser(ui.element, component="recognise.js", esm={"manyeyes-recognise": "../static/recognise"}):
    """Where pictures are dropped, sent and shown.

    Args:
        may_enrol: whether it is worth offering to say who a face is.
        owner: whose results the browser keeps.
    """

    def __init__(self, *, may_enrol: bool, owner: str) -> None:
        super().__init__()
        self._props.update(mayEnrol=may_enrol, owner=owner)


async def build(visitor: Visitor) -> None:
    """Fill the page."""
    use_style("recognise.css")
    Recogniser(may_enrol=visitor.may("operator"), owner=visitor.name)
