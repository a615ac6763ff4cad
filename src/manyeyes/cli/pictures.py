"""Writes small pictures from the master to files."""

from __future__ import annotations

from pathlib import Path

from manyeyes.errors import BadRequest, FileTrouble
from manyeyes.sdk.portraits import SmallPicture

_ENDINGS = {"image/jpeg": (".jpg", ".jpeg"), "image/webp": (".webp",), "image/png": (".png",)}


def check_ending(path: Path, media_type: str) -> None:
    """Refuse a file whose name promises another format.

    Raises:
        BadRequest: the message has a name that fits.
    """
    endings = _ENDINGS.get(media_type, ())
    if endings and path.suffix.lower() not in endings:
        kind = media_type.removeprefix("image/").upper().replace("WEBP", "WebP")
        raise BadRequest(
            f"the picture is {kind}, and {path} is a name of another kind; name it {path.with_suffix(endings[0])}"
        )


def write_picture(path: Path, picture: SmallPicture) -> Path:
    """Write a picture to a file, readable by its owner only if it is new. Creates the folder if it is missing.

    Raises:
        FileTrouble: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(picture.content)
    except OSError as error:
        raise FileTrouble(f"{path} cannot be written: {error.strerror or error}") from error
    return path
