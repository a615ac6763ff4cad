"""The thumbnails that other programs leave beside pictures, known by the names of files and folders."""

from __future__ import annotations

from collections.abc import Sequence

_FOLDERS = frozenset(
    (
        "@eadir",  # Synology
        ".@__thumb",  # QNAP
        ".thumbnails",  # Linux desktops, Android
        ".thumbs",
        ".xvpics",
        "__macosx",  # archives made by macOS: only AppleDouble files
    )
)
_APPLE_DOUBLE = "._"
"""Begins the name of a file in which macOS keeps what another file system cannot hold of the file of that name."""
_LIBRARIES = {"derivatives": ".photoslibrary", "thumbnails": ".photolibrary"}
"""Folders of thumbnails in the photo libraries of macOS, and the suffix of the library."""


def is_thumbnail(name: str, parents: Sequence[str] = ()) -> bool:
    """Whether a file or folder of this name holds another program's thumbnails or notes, and no picture of its own.

    Args:
        parents: the names of the folders that it is in, as far as they are known.
    """
    lower = name.lower()
    if lower in _FOLDERS or name.startswith(_APPLE_DOUBLE) or lower.endswith(".lrdata"):
        return True
    library = _LIBRARIES.get(lower)
    return library is not None and any(parent.lower().endswith(library) for parent in parents)
