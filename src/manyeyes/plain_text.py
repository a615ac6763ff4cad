"""Texts from nodes, made fit to be shown. Pure."""

from __future__ import annotations

MAX_TEXT_CHARACTERS = 500


def plain(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """The text without control characters that move a terminal's cursor or break a line, cut to `most` characters."""
    text = text[:most]
    return (
        text
        if text.isprintable()
        else "".join(character if character.isprintable() else " " for character in text)
    )
