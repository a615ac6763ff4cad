"""What the tests of the page Recognise share."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page

from tests.e2e.pictures import astronaut

BROKEN: FilePayload = {
    "name": "broken.jpg",
    "mimeType": "image/jpeg",
    "buffer": b"\xff\xd8\xff\xe0 nothing" * 20,
}


def photo(name: str = "astronaut.jpg", *, left: int = 0, kind: str = "JPEG", **how: Any) -> FilePayload:
    """A picture of one face as a file of the browser; another `left` gives other bytes."""
    out = io.BytesIO()
    astronaut().crop((left, 0, left + 440, 440)).save(out, kind, **how)
    return {"name": name, "mimeType": "application/octet-stream", "buffer": out.getvalue()}


def choose(page: Page, files: Sequence[FilePayload]) -> None:
    """Choose files as the button's dialog would."""
    page.locator("#rec-files").set_input_files(list(files))


def row(page: Page, name: str) -> Locator:
    """The line of a picture in the list."""
    return page.get_by_role("option").filter(has_text=re.compile(f"^{re.escape(name)}"))


def wait_over(page: Page, count: int, timeout_s: float = 60) -> str:
    """Wait until so many pictures are done or failed; what stands above the list then."""
    page.wait_for_function(
        """count => [...document.querySelectorAll('[role=option]')].filter(
            row => ['done', 'failed'].includes(row.dataset.state)).length === count""",
        arg=count,
        timeout=timeout_s * 1000,
    )
    return page.locator("#rec-progress-words").inner_text()
