"""Which files of a folder are sent, and how many are passed over and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from manyeyes.cli.thumbnails import is_thumbnail
from manyeyes.errors import BadRequest, ManyeyesError, UnsupportedFormat
from manyeyes.recognition.pictures.first_bytes import format_of, head_of
from manyeyes.recognition.pictures.formats import SUFFIXES
from manyeyes.recognition.pictures.sniff import is_video
from manyeyes.video.decoder import INSTALL
from manyeyes.video.reader import is_installed
from manyeyes.wording import listed

NO_PICTURE = "not pictures"
OTHER_FORMAT = "pictures of other formats"
THUMBNAIL = "thumbnails of other programs"
HIDDEN = "hidden files"
EXCLUDED = "excluded"
UNREADABLE = "not readable"
VIDEO = "videos"
_FOLDERS = {HIDDEN: "hidden folders", EXCLUDED: "excluded folders"}
"""What a reason is called where it is a folder that is passed over, with all that is in it."""
_MOST_NAMED = 5


@dataclass
class PassedOver:
    """What a search through folders has passed over, by reason. A folder that was not opened counts as one folder."""

    reasons: Counter[str] = field(default_factory=Counter)
    own_output: list[Path] = field(default_factory=list)
    """The folders with the results of an earlier run."""

    def leave_out(self, reason: str, *, is_folder: bool) -> None:
        """Count a file or folder that is passed over for its name."""
        self.reasons[_FOLDERS.get(reason, reason) if is_folder else reason] += 1

    def sentence(self) -> str:
        """All of it in one line; empty if nothing was passed over."""
        parts = [f"{reason} ({count})" for reason, count in sorted(self.reasons.items())]
        if own := list(dict.fromkeys(self.own_output)):
            named = listed([str(folder) for folder in own], _MOST_NAMED)
            parts.append(f"results of an earlier 'manyeyes send' in {named}")
        kept = [reason for reason in (HIDDEN, _FOLDERS[HIDDEN], THUMBNAIL) if self.reasons[reason]]
        hint = f"; --all sends {', '.join([*kept[:-2], ' and '.join(kept[-2:])])}, too" if kept else ""
        hint += f"; {INSTALL} lets stills of videos be sent, too" if self.reasons[VIDEO] else ""
        return f"passed over: {', '.join(parts)}{hint}" if parts else ""


@dataclass(frozen=True)
class Choice:
    """What the user wants of folders.

    Args:
        exclude: patterns as of a shell. One without `/` is held against the name of each file and folder, one with `/`
            against the path below the folder that is sent.
        everything: hidden files and other programs' thumbnails, too.
    """

    exclude: Sequence[str] = ()
    everything: bool = False

    def __post_init__(self) -> None:
        if not all(pattern.strip("/") for pattern in self.exclude):
            raise BadRequest("a pattern of --exclude is empty; give one as in: --exclude '*-edited*'")

    def excludes(self, name: str, below: str = "") -> bool:
        """Whether the user excludes a file or folder.

        Args:
            below: its path below the folder that is sent.
        """
        return any(
            fnmatchcase(below if "/" in pattern.strip("/") else name, pattern.strip("/"))
            for pattern in self.exclude
        )

    def by_name(self, name: str, parents: Sequence[str]) -> str | None:
        """Why a file or folder is passed over for its name; None if it is not.

        Args:
            parents: the names of the folders that it is in, that of the folder that is sent first.
        """
        if self.exclude and self.excludes(name, "/".join([*parents[1:], name])):
            return EXCLUDED
        if self.everything:
            return None
        if is_thumbnail(name, parents):
            return THUMBNAIL
        return HIDDEN if name.startswith(".") else None


EVERY_PICTURE = Choice()


def by_content(path: Path, *, is_file: bool) -> str | None:
    """Why what is no folder is passed over for its content; None if it is sent, a video as stills.

    What is named like a picture is sent unseen: if it is none, the user should know why.

    Args:
        is_file: whether it is a regular file; opening others may wait for ever.
    """
    if path.suffix.lower() in SUFFIXES and not path.name.startswith("._"):
        return None
    if not is_file:
        return NO_PICTURE
    try:
        format_of(path)
    except UnsupportedFormat:
        return OTHER_FORMAT
    except ManyeyesError:
        return _of_no_picture(path)
    except OSError:
        return UNREADABLE
    return None


def _of_no_picture(path: Path) -> str | None:
    try:
        if not is_video(head_of(path)):
            return NO_PICTURE
    except OSError:
        return UNREADABLE
    return None if is_installed() else VIDEO
