"""What is worth knowing about people's names: who looks like whom in writing, and what no font has."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from manyeyes.person_names import name_key, objection
from manyeyes.plain_text import JOINERS
from manyeyes.results import UNKNOWN, Caution
from manyeyes.wording import listed

SAME_NAME, LOOK_ALIKE, NO_FONT, BAD_NAME = "same-name", "look-alike", "no-font", "bad-name"
_MOST_LETTERS = 5
_KEPT_NAMES = 20_000
_POINTS = frozenset(
    map(
        chr,
        (
            0x640,
            *range(0x64B, 0x656),
            0x670,
            *range(0x591, 0x5BE),
            0x5BF,
            0x5C1,
            0x5C2,
            *range(0x5C4, 0x5C6),
            0x5C7,
        ),
    )
)
"""Of Arabic the hamza and the vowels, of Hebrew the points, as many leave out; and what stretches an Arabic word."""
_NEARLY_ALIKE = str.maketrans(
    "髙﨑𠮷濵濱槗栁德瀨淸靑增橫黑眞曾冨戶吳內溫惠緖步邊齋桒槇晉ةکی",
    "高崎吉浜浜橋柳徳瀬清青増横黒真曽富戸呉内温恵緒歩邉斎桑槙晋هكي",
)
"""Forms of one character that differ by a stroke or a point, and that Unicode does not count as confusable."""
_LEFT_TO_RIGHT_MARK = "\N{LEFT-TO-RIGHT MARK}"


def about_name(name: str, others: Iterable[str]) -> list[Caution]:
    """Warnings about a name that is new.

    Args:
        others: the names of everybody else.
    """
    return [*_look_alikes(name, others), *_without_font(name)]


def added_to(name: str, person: str) -> list[Caution]:
    """The warning that a person who is known by a name that is written otherwise got the photos."""
    if name == person:
        return []
    sentence = (
        f"the name {name} is that of {person}, who is enrolled already: names are compared without case"
    )
    return [Caution(kind=SAME_NAME, sentence=sentence, people=(person,))]


def check_names(names: Sequence[str], of_one_name: Sequence[Sequence[str]]) -> list[Caution]:
    """Warnings about the names of everybody.

    Args:
        of_one_name: those that are one, as an earlier version let them be several.
    """
    found = [
        Caution(
            kind=SAME_NAME,
            people=tuple(group),
            sentence=f"the names {' and '.join(group)} are one, compared without case: merge them with "
            "'manyeyes people merge', or rename all but one",
        )
        for group in of_one_name
    ]
    by_look: dict[str, list[str]] = defaultdict(list)
    for name in names:
        for look in set(_looks(name)):
            by_look[look].append(name)
    for alike in dict.fromkeys(
        tuple(group) for group in by_look.values() if len(set(map(name_key, group))) > 1
    ):
        found.append(
            Caution(
                kind=LOOK_ALIKE,
                people=alike,
                sentence=f"the names {' and '.join(alike)} look the same: rename all but one",
            )
        )
    for name in names:
        if why := objection(name):
            sentence = f"{why}: 'manyeyes people rename'"
            found.append(Caution(kind=BAD_NAME, people=(name,), sentence=sentence))
        found += _without_font(name)
    return found


def _look_alikes(name: str, others: Iterable[str]) -> list[Caution]:
    looks = set(_looks(name))
    alike = [
        other
        for other in (UNKNOWN, *others)
        if not looks.isdisjoint(_looks(other)) and name_key(other) != name_key(name)
    ]
    return [
        Caution(
            kind=LOOK_ALIKE,
            people=(other,),
            sentence=f"the name {name} looks like {_who(other)} and is another: {_difference(name, other)}; "
            "rename one of both if they are one person, or if labels must tell them apart",
        )
        for other in alike[:1]
    ]


def _who(other: str) -> str:
    return f"'{UNKNOWN}', the word for strangers," if other == UNKNOWN else other


def _difference(name: str, other: str) -> str:
    """The first character of a name that the other does not have there, in any case if there is one."""
    pairs = [pair for pair in zip(name, other, strict=False) if pair[0] != pair[1]]
    for mine, theirs in sorted(pairs, key=lambda pair: pair[0].casefold() == pair[1].casefold()):
        return f"it has {_code(mine)} for {_code(theirs)}"
    longer = max(name, other, key=len)
    return f"one of both has {_code(longer[min(len(name), len(other))])} more"


def _code(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


def _without_font(name: str) -> list[Caution]:
    # imported here: it opens the fonts
    from manyeyes.recognition.pictures.labels import missing_letters

    letters = missing_letters(name)
    if not letters:
        return []
    shown = listed([_code(letter) for letter in letters], _MOST_LETTERS)
    sentence = (
        f"no font of manyeyes has {shown} of {name}: nodes draw the code of each, unless they have a font "
        "for it in /usr/share/fonts; install one there, or rename the person"
    )
    return [Caution(kind=NO_FONT, value=len(letters), limit=0, people=(name,), sentence=sentence)]


@lru_cache(_KEPT_NAMES)
def _looks(name: str) -> frozenset[str]:
    """What a name looks like as it is, in lower case and in capitals: skeletons of Unicode's confusables (UTS 39)."""
    bare = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name).translate(_NEARLY_ALIKE))
    plain = unicodedata.normalize("NFC", "".join(one for one in bare if one not in _POINTS))
    capitals = "".join(one.upper() if len(one.upper()) == 1 else one for one in plain)
    forms = [_skeleton(plain), _skeleton(plain.casefold()), _skeleton(capitals)]
    return frozenset((*forms[:2], *(_skeleton(form.casefold()) for form in forms)))


def _skeleton(name: str) -> str:
    look = unicodedata.normalize("NFD", name).translate(_prototypes())
    return unicodedata.normalize("NFD", look.translate(_prototypes()))


@cache
def _prototypes() -> dict[int, str]:
    """Of each character that looks like others, the one that stands for all of them; joiners look like nothing.

    The library lists neighbours: what many look like has many, and each of the many has that one.
    """
    # imported here: it reads its table
    from confusable_homoglyphs.confusables import confusables_data

    def bare(text: str) -> str:
        return text.replace(_LEFT_TO_RIGHT_MARK, "")

    found = dict.fromkeys(map(ord, JOINERS), "")
    for text, neighbours in confusables_data.items():
        one, nearest = bare(text), neighbours[0]["c"]
        if len(one) != 1 or len(neighbours) > 1:
            continue
        is_prototype = len(bare(nearest)) > 1 or len(confusables_data[nearest]) > 1
        found[ord(one)] = bare(nearest) if is_prototype else min(one, bare(nearest))
    return found
