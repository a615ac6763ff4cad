"""Lays out a table for a width: fewer columns where it is narrow, and no broken words. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells, split_text

GAP = 2
MOST_UNBROKEN = 40
"""A text column is at least as wide as its longest word, but not wider than this: longer ones are no words."""
MOST_PADDED = 64
"""A longer cell does not pad all rows: in a terminal it loses its middle, in a pipe it is whole and goes beyond its column."""
_LEAST_TEXT = 20
_GAP_MARK = "..."


@dataclass(frozen=True)
class Layout:
    """Which columns are shown, in order, and how wide each is."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    wraps: bool = True
    """Whether a cell that is wider goes on in further lines."""


def shortened(cells: Sequence[Sequence[str]], width: int | None, text: Sequence[int] = ()) -> list[list[str]]:
    """The rows; where they do not fit into the width, long names without their middle: `IMG_2026...final.jpg`.

    Args:
        width: of the terminal, in characters; None: nothing is shortened.
        text: the columns of sentences, which may go over several lines: they stay whole.
    """
    rows = [list(row) for row in cells]
    if width is None or all(
        _total([cell_len(cell) for cell in row], range(len(row))) <= width for row in rows
    ):
        return rows
    most = max(MOST_UNBROKEN, width // 2)
    return [
        [
            cell if index in text or cell_len(cell) <= MOST_PADDED else _without_middle(cell, most)
            for index, cell in enumerate(row)
        ]
        for row in rows
    ]


def lay_out(
    cells: Sequence[Sequence[str]], width: int | None, text: Sequence[int] = (), drop: Sequence[int] = ()
) -> Layout:
    """Choose the columns that fit into a width.

    Args:
        cells: the rows, the header among them.
        width: of the terminal, in characters; None: all columns, each as wide as its usual cells need.
        text: the columns of sentences, which may go over several lines. All others stay on one line.
        drop: the columns that are left out first, in this order; then the last ones. The first column always stays.
    """
    number = len(cells[0])
    natural = [max(cell_len(row[index]) for row in cells) for index in range(number)]
    if width is None:  # one long cell does not pad all rows: it alone goes beyond its column
        padded = [max(cell_len(row[index]) for row in _usual(cells, index)) for index in range(number)]
        return Layout(tuple(range(number)), tuple(padded), wraps=False)
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
    parts = [
        _wrapped(row[index], width) if layout.wraps else [row[index]]
        for index, width in zip(layout.columns, layout.widths, strict=True)
    ]
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
    return [begins + line for line in _wrapped(text, max(width, _LEAST_TEXT) - len(begins), breaks=False)]


def _wrapped(cell: str, width: int, *, breaks: bool = True) -> list[str]:
    """A cell in lines, broken between words, by what characters take on a terminal: Chinese ones take two columns.

    Args:
        breaks: a word that is wider than a line is broken, too.
    """
    if cell_len(cell) <= width:
        return [cell]
    lines = [""]
    for word in cell.split():
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines += chop_cells(word, width) if breaks and cell_len(word) > width else [word]
    return lines[1:] or [""]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def _usual(cells: Sequence[Sequence[str]], index: int) -> list[Sequence[str]]:
    """The header, and the rows whose cell is not too long to pad all others."""
    return [cells[0], *(row for row in cells[1:] if cell_len(row[index]) <= MOST_PADDED)]


def _without_middle(cell: str, most: int) -> str:
    if cell_len(cell) <= most:
        return cell
    end = (most - len(_GAP_MARK)) // 2
    first, last = split_text(cell, most - len(_GAP_MARK) - end)[0], split_text(cell, cell_len(cell) - end)[1]
    return f"{first}{_GAP_MARK}{last}"


def _longest_word(cells: Sequence[Sequence[str]], index: int) -> int:
    longest = max((cell_len(word) for row in cells for word in row[index].split()), default=0)
    return min(longest, MOST_UNBROKEN)


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[index] for index in kept) + GAP * (len(kept) - 1)
