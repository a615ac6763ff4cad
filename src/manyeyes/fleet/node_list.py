"""Which nodes a list shows: a pure choice by words, state, order and page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from manyeyes.api.nodes import NODE_STATES, NodeSort
from manyeyes.natural_order import natural

SORTS: tuple[NodeSort, ...] = get_args(NodeSort)


class Entry(NamedTuple):
    """One node, as far as lists are searched and sorted by it."""

    name: str
    state: str
    reason: str
    workers: int
    pictures_per_s: float
    done: int
    failed: int
    last_seen: str
    pack: str
    hostname: str


@dataclass(frozen=True)
class Wanted:
    """What a list is to show.

    `search` is words of which each must be in a node's name, host, pack, state or reason, whatever their case.
    """

    search: str = ""
    state: str = ""
    """Empty: every state."""
    sort: NodeSort = "name"
    descending: bool = False
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Chosen:
    """A page of a list."""

    names: tuple[str, ...]
    found: int
    """How many there are on all pages."""
    states: dict[str, int]
    """How many of the nodes that the search finds are in each state."""


def choose(entries: Iterable[Entry], wanted: Wanted) -> Chosen:
    """The page that is wanted; nodes that are equal by the wanted order stand by their names."""
    words = wanted.search.casefold().split()
    hits = [entry for entry in entries if not words or _has(entry, words)]
    states: dict[str, int] = {}
    for entry in hits:
        states[entry.state] = states.get(entry.state, 0) + 1
    if wanted.state:
        hits = [entry for entry in hits if entry.state == wanted.state]
    hits.sort(key=lambda entry: natural(entry.name), reverse=wanted.descending and wanted.sort == "name")
    if wanted.sort != "name":
        hits.sort(key=_key(wanted.sort), reverse=wanted.descending)
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return Chosen(tuple(entry.name for entry in hits[wanted.offset : end]), len(hits), states)


def _key(sort: NodeSort) -> Callable[[Entry], Any]:
    if sort == "state":
        return lambda entry: NODE_STATES.index(entry.state) if entry.state in NODE_STATES else -1
    if sort in ("pack", "hostname"):
        return lambda entry: natural(getattr(entry, sort))
    return lambda entry: getattr(entry, sort)


def _has(entry: Entry, words: list[str]) -> bool:
    text = "\n".join((entry.name, entry.hostname, entry.pack, entry.state, entry.reason)).casefold()
    return all(word in text for word in words)
