"""Which nodes a list shows."""

from __future__ import annotations

import pytest

from manyeyes.fleet.node_list import SORTS, Chosen, Entry, Wanted, choose

NODE = Entry("a", "ready", "", 2, 4.0, 10, 1, "2026-01-01T00:00:00+00:00", "faces 1", "attic.example")


def _names(chosen: Chosen) -> list[str]:
    return list(chosen.names)


def test_numbers_in_names_count_as_numbers() -> None:
    nodes = [NODE._replace(name=name) for name in ("lab-10", "lab-2", "9", "lab", "a1b2", "a1b10")]
    assert _names(choose(nodes, Wanted())) == ["9", "a1b2", "a1b10", "lab", "lab-2", "lab-10"]


def test_numbers_in_host_names_count_as_numbers_too() -> None:
    nodes = [NODE._replace(name=name, hostname=name.upper()) for name in ("lab-10", "lab-2")]
    assert _names(choose(nodes, Wanted(sort="hostname"))) == ["lab-2", "lab-10"]


def test_every_word_must_be_somewhere() -> None:
    nodes = [
        NODE,
        NODE._replace(name="b", hostname="Cellar"),
        NODE._replace(name="c", state="lost", reason="not heard of for 7 s"),
    ]
    assert _names(choose(nodes, Wanted(search="CELLAR"))) == ["b"]
    assert _names(choose(nodes, Wanted(search=" heard  lost "))) == ["c"]
    assert _names(choose(nodes, Wanted(search="heard cellar"))) == []
    assert _names(choose(nodes, Wanted(search="  "))) == ["a", "b", "c"]


def test_states_are_counted_over_what_the_search_finds_and_not_by_the_wanted_state() -> None:
    nodes = [NODE._replace(name="a1"), NODE._replace(name="a2", state="lost"), NODE._replace(name="x")]
    chosen = choose(nodes, Wanted(search="a", state="lost"))
    assert (chosen.names, chosen.found) == (("a2",), 1)
    assert choose([NODE], Wanted(search="nowhere")).states == {}
    assert chosen.states == {"ready": 2, "lost": 1}


def test_pages() -> None:
    nodes = [NODE._replace(name=f"n{number}") for number in range(1000)]
    page = choose(nodes, Wanted(offset=990, limit=50))
    assert (page.names[0], page.names[-1], len(page.names), page.found) == ("n990", "n999", 10, 1000)
    assert choose(nodes, Wanted(offset=2000, limit=50)).names == ()


def test_what_needs_a_person_stands_first_and_equals_stand_by_name() -> None:
    nodes = [
        NODE._replace(name="d", state="ready"),
        NODE._replace(name="c", state="ready"),
        NODE._replace(name="b", state="lost"),
        NODE._replace(name="a", state="waiting for approval"),
        NODE._replace(name="e", state="of a newer master"),
    ]
    assert _names(choose(nodes, Wanted(sort="state"))) == ["e", "a", "b", "c", "d"]
    assert _names(choose(nodes, Wanted(sort="state", descending=True)))[:2] == ["c", "d"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order(sort: str) -> None:
    low = NODE._replace(name="low")
    changed = {
        "name": {"name": "z"}, "state": {"state": "working"}, "workers": {"workers": 1},
        "pictures_per_s": {"pictures_per_s": 1.0}, "done": {"done": 2}, "failed": {"failed": 0},
        "last_seen": {"last_seen": "2025-01-01T00:00:00+00:00"}, "pack": {"pack": "dogs 1"},
        "hostname": {"hostname": "a"},
    }  # fmt: skip
    other = NODE._replace(name="other", **changed[sort] if sort != "name" else {})  # type: ignore[arg-type]
    names = _names(choose([low, other], Wanted(sort=sort)))  # type: ignore[arg-type]
    assert names == (["low", "other"] if sort == "name" else ["other", "low"])
    assert _names(choose([low, other], Wanted(sort=sort, descending=True))) == names[::-1]  # type: ignore[arg-type]
