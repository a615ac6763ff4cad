"""The error that a code names: in a problem document, or in a message between master and node."""

from __future__ import annotations

from manyeyes.errors import ManyeyesError


def _tree(root: type[ManyeyesError]) -> dict[str, type[ManyeyesError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


_BY_CODE: dict[str, type[ManyeyesError]] = {}


def is_code(code: str) -> bool:
    """Whether it names an error."""
    if code not in _BY_CODE:  # classes of other modules come later
        _BY_CODE.update(_tree(ManyeyesError))
    return code in _BY_CODE


def from_code(code: str, detail: str, *, retry_after_s: float | None = None) -> ManyeyesError:
    """The error that a problem document or a message names; an unknown code gives the root class."""
    found = _BY_CODE[code] if is_code(code) else ManyeyesError
    return found(detail, retry_after_s=retry_after_s)
