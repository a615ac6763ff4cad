"""What is said of a node that is not called what was asked for."""

from __future__ import annotations

import pytest

from manyeyes.node.membership.membership import name_note


@pytest.mark.parametrize(
    ("wanted", "name", "had_joined", "said"),
    [
        ("", "vm", False, ""),
        ("lab-4", "lab-4", True, ""),
        ("lab 4", "lab-4", False, "the name 'lab 4' became lab-4: names of nodes have the letters a to z"),
        ("Lab-4", "lab-4-2", False, "the name 'lab-4' is taken by another node; this one is called lab-4-2"),
        ("attic", "lab-4", True, "is node lab-4 already, and keeps this name: 'attic' is not used"),
    ],
)
def test_a_name_that_it_does_not_get(wanted: str, name: str, had_joined: bool, said: str) -> None:
    note = name_note(wanted, name, had_joined=had_joined)
    assert said in note and bool(note) == bool(said)
