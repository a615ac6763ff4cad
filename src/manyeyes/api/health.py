"""Whether a master lives, and whether it is ready."""

from __future__ import annotations

from manyeyes.api.model import Answer


class Wrong(Answer):
    """One thing that is wrong."""

    what: str
    """Stable, for programs: `clock`, `engine`, `stopping`, `engine-silent`, `nodes`, `disk`."""
    detail: str
    """What was seen, against what should be."""


class Health(Answer):
    """The state of a master, with everything that is wrong."""

    status: str
    """`alive` or `unwell` of /healthz, `ready` or `not ready` of /readyz."""
    detail: str
    """All that is wrong, in one line; empty where nothing is."""
    wrong: tuple[Wrong, ...]
    """Each of them; empty where nothing is."""
