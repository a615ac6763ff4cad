"""Names in the order in which people expect them."""

from __future__ import annotations

import pytest

from manyeyes.natural_order import natural


@pytest.mark.parametrize(
    "names",
    [
        ["p2", "p10"],
        ["lab-2", "lab-10", "lab-10b", "lab-b"],
        ["2", "10", "a"],
        ["ann", "Ann2", "ann10", "Bob"],
        ["IMG_9.jpg", "IMG_10.jpg"],
        ["x²", "x³"],  # digits, but no decimal ones
        ["a" + "1" * 5000, "a" + "2" * 5000],  # longer than Python turns into a number
        ["Ann", "ann"],
    ],
    ids=lambda names: names[0][:10],
)
def test_numbers_in_names_count_by_their_value(names: list[str]) -> None:
    assert sorted(reversed(names), key=natural) == names
