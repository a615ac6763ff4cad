"""Makes the predicted picture from an original and its result, with the code that nodes use."""

from __future__ import annotations

from manyeyes.errors import BadRequest
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.draw import draw as draw_faces
from manyeyes.recognition.pictures.encode import Encoded, encode
from manyeyes.results import Result


def draw(original: bytes, result: Result) -> Encoded:
    """Draw the boxes and names of a result onto the picture that was sent.

    With the same versions of OpenCV, Pillow, simplejpeg, HarfBuzz and fonts, the bytes equal those that a node makes from this
    original and this result. Several threads may call this function at once.

    Returns:
        The predicted picture and its media type, in the format of `formats.predicted_format`.

    Raises:
        BadRequest: the result is of a picture of another size; nothing was drawn.
        PictureError: the original cannot be decoded here (for example a HEIC without `pillow-heif`), or needs
            more memory than there is.
    """
    picture = decode(original)
    seen, told = (picture.info.width_px, picture.info.height_px), (result.width_px, result.height_px)
    if seen != told:
        raise BadRequest(
            f"the result is of a picture of {told[0]}×{told[1]} px, this one has {seen[0]}×{seen[1]}; "
            "give the original that was sent"
        )
    draw_faces(picture.image_hwc_u8, result.faces, picture.alpha_hw_u8)
    return encode(picture, release=True)
