"""Pictures in, predicted pictures out.

The browser sends the pictures to `/v1/recognize` itself (`static/recognise`): neither they nor the results pass through
the console.
"""

from __future__ import annotations

from nicegui import ui

from manyeyes.console.visitor import Visitor


class Recogniser(ui.element, component="recognise.js", esm={"manyeyes-recognise": "../static/recognise"}):
    """Where pictures are dropped, sent and shown.

    Args:
        may_enrol: whether it is worth offering to say who a face is.
    """

    def __init__(self, *, may_enrol: bool) -> None:
        super().__init__()
        self._props["mayEnrol"] = may_enrol


async def build(visitor: Visitor) -> None:
    """Fill the page."""
    request = ui.context.client.request
    assert request is not None
    base = request.scope["root_path"]
    ui.add_head_html(f'<link rel="stylesheet" href="{base}/static/recognise.css">')
    Recogniser(may_enrol=visitor.may("operator"))
