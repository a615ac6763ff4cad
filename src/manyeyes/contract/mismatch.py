"""Whether a node and its master understand each other, and what each of them says where they do not. Pure."""

from __future__ import annotations

from manyeyes.contract.introduction import Introduction
from manyeyes.contract.version import NEWEST, OLDEST, agreed
from manyeyes.errors import VersionMismatch
from manyeyes.version import VERSION

UPDATE_MASTER = (
    "update the master: 'pip install --upgrade manyeyes' on its machine, then start it and the node again"
)
UPDATE_NODE = (
    "update manyeyes on the node: 'manyeyes nodes add USER@HOST' does it over SSH, or 'pip install --upgrade manyeyes' "
    "there; then start it again"
)
SAME_ON_BOTH = "install the same manyeyes on both, then start the node again"


def check_versions(said: Introduction) -> None:
    """Check that a node and this master have a version in common.

    Raises:
        VersionMismatch: they have none; says both versions and what to update.
    """
    if agreed(said.oldest, said.newest) is not None:
        return
    mend = UPDATE_NODE if said.newest < OLDEST else UPDATE_MASTER
    raise VersionMismatch(f"{_both(said)}; {mend}")


def unreadable_node(said: Introduction) -> VersionMismatch:
    """What is said to a node whose message cannot be read: by its versions if these tell why."""
    try:
        check_versions(said)
    except VersionMismatch as error:
        return error
    return VersionMismatch(f"the master cannot read what this node says: {_both(said)}; {SAME_ON_BOTH}")


def unreadable_master(said: Introduction) -> VersionMismatch:
    """What a node says of a master whose messages it cannot read."""
    mend = "update the master" if said.newest < NEWEST else "update manyeyes here"
    theirs = f"version {said.newest}" if said.newest else "an unknown version"
    return VersionMismatch(
        f"the master speaks {theirs} of the wire contract, this node version {NEWEST} (manyeyes {VERSION}); "
        f"{mend}: 'pip install --upgrade manyeyes', then start it again"
    )


def _both(said: Introduction) -> str:
    here = _named(OLDEST, NEWEST)
    return f"the node speaks {_spoken(said)}, the master {here} (manyeyes {VERSION})"


def _spoken(said: Introduction) -> str:
    versions = _named(said.oldest, said.newest) if said.newest else "an unknown version"
    release = f" (manyeyes {said.release})" if said.release else ""
    return f"{versions} of the wire contract{release}"


def _named(oldest: int, newest: int) -> str:
    return f"version {newest}" if oldest == newest else f"versions {oldest} to {newest}"
