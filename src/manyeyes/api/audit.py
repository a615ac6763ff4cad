"""The audit log: who did what, on which node, with what outcome."""

from __future__ import annotations

from manyeyes.api.model import Answer, Moment


class AuditEntry(Answer):
    """One entry; each carries the digest of the one before it."""

    number: int
    """Entries are numbered from 1 on."""
    at: Moment
    """When it was written."""
    who: str
    """The API key's name; empty for those who showed no valid key."""
    what: str
    """As `exec`, `token`, `people merge`."""
    node: str
    """Empty where it is not about a node."""
    outcome: str
    """As `asked`, `made`, `refused`."""
    detail: str
    """What else is worth knowing, in words; people are named by id, as `person 3`."""
    before: str
    """`sha256` of the entry before it; of the first one 64 zeros."""
    sha256: str
    """Of everything else in the entry, as compact JSON with sorted keys."""


class AuditEntries(Answer):
    """Entries, oldest first."""

    entries: tuple[AuditEntry, ...]
    """At most 1000."""


class AuditVerdict(Answer):
    """Whether the audit log is as it was written."""

    entries: int
    """How many entries are as they were written, from the first on."""
    head: str
    """`sha256` of the last of them; note it elsewhere to see later that no entry before it was replaced."""
    broken: int | None = None
    """The number of the first entry that is not as it was written."""
    reason: str = ""
    """What is wrong with that entry."""
