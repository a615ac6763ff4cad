"""Lays out a table for a width: fewer columns where it is narrow, and no broken words. No I/O."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

GAP = 2
MOST_UNBROKEN = 40
"""A text column is at least as wide as its longest word, but not wider than this: longer ones are no words."""
_LEAST_TEXT = 20


@dataclass(frozen=True)
class Layout:
    """Which columns are shown, in order, and how wide each is."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]


def plain(cell: object) -> str:
    """A cell on one line: without line ends, and without characters that a terminal obeys or cannot show."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in _one_line(str(cell)))


def lay_out(
    cells: Sequence[Sequence[str]], width: int | None, text: Sequence[int] = (), drop: Sequence[int] = ()
) -> Layout:
    """Choose the columns that fit into a width.

    Args:
        cells: the rows, the header among them.
        width: of the terminal, in characters; None: as wide as needed.
        text: the columns of sentences, which may go over several lines. All others stay on one line.
        drop: the columns that are left out first, in this order; then the last ones. The first column always stays.
    """
    number = len(cells[0])
    natural = [max(cell_len(row[index]) for row in cells) for index in range(number)]
    if width is None:
        return Layout(tuple(range(number)), tuple(natural))
    least = [
        min(natural[index], max(_LEAST_TEXT, _longest_word(cells, index)))
        if index in text
        else natural[index]
        for index in range(number)
    ]
    order = [*drop, *(index for index in reversed(range(1, number)) if index not in drop)]
    kept = list(range(number))
    while len(kept) > 1 and _total(least, kept) > width:
        kept.remove(order.pop(0))
    wide = list(least)
    spare = width - _total(least, kept)
    growing = [index for index in kept if index in text]
    while spare > 0 and (growing := [index for index in growing if wide[index] < natural[index]]):
        for index in growing[:spare]:
            wide[index] += 1
        spare -= len(growing[:spare])
    return Layout(tuple(kept), tuple(wide[index] for index in kept))


def lines_of(row: Sequence[str], layout: Layout) -> list[str]:
    """The lines of one row, without spaces at their ends."""
    parts = [_wrapped(row[index], width) for index, width in zip(layout.columns, layout.widths, strict=True)]
    return [
        (" " * GAP)
        .join(
            _padded(part[number] if number < len(part) else "", width)
            for part, width in zip(parts, layout.widths, strict=True)
        )
        .rstrip()
        for number in range(max(len(part) for part in parts))
    ]


def indented(text: str, width: int) -> list[str]:
    """A sentence below a row, in lines of at most `width` characters."""
    begins = " " * 4
    return textwrap.wrap(
        text,
        max(width, _LEAST_TEXT),
        initial_indent=begins,
        subsequent_indent=begins,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _wrapped(cell: str, width: int) -> list[str]:
    if cell_len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, width, break_on_hyphens=False) or [""]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def _one_line(text: str) -> Iterable[str]:
    return text.replace("\r", "").replace("\n", " ").replace("\t", " ")


def _longest_word(cells: Sequence[Sequence[str]], index: int) -> int:
    longest = max((cell_len(word) for row in cells for word in row[index].split()), default=0)
    return min(longest, MOST_UNBROKEN)


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[index] for index in kept) + GAP * (len(kept) - 1)
