"""The notes about a picture file whose pixels are whole and in which something else is not. Pure."""

from __future__ import annotations

from manyeyes.results import Caution


def bytes_ignored(count: int, where: str) -> Caution:
    many = "1 extra byte was" if count == 1 else f"{count} extra bytes were"
    return Caution(
        kind="extra-bytes", value=count, limit=0, sentence=f"{many} ignored {where}; all pixels are there"
    )


def no_end(what: str = "end marker") -> Caution:
    return fault("no-end-marker", f"the {what} is missing; all pixels are there")


def animation_cut() -> Caution:
    sentence = "the animation is cut short; its first picture, the one that is used, is whole"
    return fault("animation-cut", sentence)


def profile_left_out() -> Caution:
    sentence = "the colour profile is not whole and was left out; colours may look slightly different"
    return fault("colour-profile", sentence)


def fault(kind: str, sentence: str) -> Caution:
    return Caution(kind=kind, sentence=sentence)
