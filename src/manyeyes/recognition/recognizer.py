"""The recogniser: a pack's models put together; what a worker runs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from manyeyes.errors import NoFaceFound, PackDamaged, SeveralFacesFound
from manyeyes.recognition.align import cut_chip, cut_chips
from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.decode import Picture, decode
from manyeyes.recognition.detect import Detections, Detector
from manyeyes.recognition.draw import draw as draw_faces
from manyeyes.recognition.embed import Embedder
from manyeyes.recognition.encode import encode
from manyeyes.recognition.gallery import Gallery
from manyeyes.recognition.probe import PictureInfo
from manyeyes.recognition.sessions import RUNTIME
from manyeyes.results import Face, Provenance, Result

SMALL_FACE_PX = 80
"""An enrolled face below this is accepted with a warning."""
ENOUGH_PX = 2880
"""A long side with all the detail that recognising wants: the smallest face found, 40 px at 1280, is 90 px
then, as many as a chip of 150 px gives to a face."""
BYSTANDER_AREA = 0.25
"""At enrolment, faces below this part of the largest one's area are passers-by."""


@dataclass(frozen=True)
class Enrolment:
    """What an enrolled photo gave: embedding float32 (d,), averaged with the mirrored chip's."""

    faces: int
    embedding: Floats
    box_xyxy_px: tuple[int, int, int, int]
    warnings: tuple[str, ...] = ()


@dataclass
class _Clock:
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.timings_ms[name] = round((perf_counter() - start) * 1000.0, 3)


class Recognizer:
    """Detects, aligns, embeds, matches and draws, on one thread; not to be shared between threads."""

    def __init__(self, detector: Detector, embedder: Embedder, pack: str) -> None:
        self.detector = detector
        self.embedder = embedder
        self.pack = pack
        """Name and version of the pack, as `faces@1.0.0`."""

    def recognize(self, data: bytes, gallery: Gallery, *, draw: bool = True) -> tuple[Result, bytes | None]:
        """Recognise the faces of one encoded picture.

        Returns:
            The result, with milliseconds per stage, and the predicted picture in the pixel size of the
            original as a person sees it, its format named by the result (None without `draw`). Without
            `draw`, a large JPEG is shrunk while it is decoded; boxes are in the original's pixels all the same.

        Raises:
            PictureError: the bytes are not a whole picture of a format in `formats.FORMATS`, or need more
                memory than there is.
        """
        clock = _Clock()
        with clock.stage("decode"):
            picture = decode(data, least_long_side_px=None if draw else ENOUGH_PX)
        with clock.stage("detect"):
            found = self.detector.detect(picture.image_hwc_u8)
        with clock.stage("align"):
            chips = cut_chips(picture.image_hwc_u8, found.landmarks_px, self.embedder.layout)
        with clock.stage("embed"):
            embeddings = self.embedder.embed(chips)
        with clock.stage("match"):
            faces = _faces(picture, found, embeddings, gallery)
        predicted = None
        if draw:
            with clock.stage("draw"):
                draw_faces(picture.image_hwc_u8, faces, picture.alpha_hw_u8)
            with clock.stage("encode"):
                predicted = encode(picture, release=True)
        info = picture.info
        result = Result(
            width_px=info.width_px,
            height_px=info.height_px,
            media_type=info.media_type,
            predicted_media_type=predicted.media_type if predicted else None,
            faces=faces,
            pack=self.pack,
            provenance=Provenance(precision=self.embedder.precision, runtime=RUNTIME),
            timings_ms=clock.timings_ms,
        )
        return result, predicted.content if predicted else None

    def enrol(self, data: bytes) -> Enrolment:
        """The embedding of the one person in a photo.

        Raises:
            NoFaceFound, SeveralFacesFound: the photo does not show one person; small faces beside a
                large one do not count.
            PictureError: as `recognize`.
        """
        picture = decode(data)
        found = self.detector.detect(picture.image_hwc_u8)
        if not len(found):
            raise NoFaceFound(
                f"no face found in {picture.info.width_px}×{picture.info.height_px} px; "
                "take a sharper photo with the face at least 40 px wide, seen from the front"
            )
        sides = found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]
        areas = sides.prod(axis=1)
        chosen = int(np.argmax(areas))
        large = int((areas >= BYSTANDER_AREA * areas[chosen]).sum())
        if large > 1:
            raise SeveralFacesFound(
                f"{large} faces found, 1 is allowed; crop the photo to the person to enrol"
            )
        chip = cut_chip(picture.image_hwc_u8, found.landmarks_px[chosen], self.embedder.layout)
        both = self.embedder.embed(np.stack([chip, np.ascontiguousarray(chip[:, ::-1])]))
        warnings = []
        if sides[chosen].min() < SMALL_FACE_PX:
            warnings.append(
                f"the face is {sides[chosen].min():.0f} px wide; {SMALL_FACE_PX} or more is better"
            )
        if len(found) > 1:
            warnings.append(f"{len(found) - 1} much smaller face(s) were passed over")
        return Enrolment(
            faces=len(found),
            embedding=both.mean(axis=0).astype(np.float32),
            box_xyxy_px=_box(found.boxes_xyxy_px[chosen], picture.info),
            warnings=tuple(warnings),
        )

    def warm_up(self) -> None:
        """Run every model once, so that the first picture does not pay for their first run."""
        side = self.embedder.layout.side_px
        self.embedder.embed(np.zeros((1, side, side, 3), np.uint8))
        self.detector.warm_up()


def load(folder: Path) -> Recognizer:
    """Open the pack in a folder; the entry point that the pack's manifest names.

    Raises:
        PackDamaged: a file is missing or cannot be read. Digests are checked by `manyeyes.packs.verify`.
    """
    cv2.setNumThreads(1)
    try:
        manifest: dict[str, Any] = tomllib.loads((folder / "pack.toml").read_text("utf-8"))
        pack = f"{manifest['name']}@{manifest['version']}"
    except (OSError, KeyError, ValueError) as error:
        raise PackDamaged(
            f"{folder / 'pack.toml'} cannot be read: {error}; build or fetch the pack again"
        ) from error
    return Recognizer(Detector(folder), Embedder(folder / "embed.onnx"), pack)


def _faces(picture: Picture, found: Detections, embeddings: Floats, gallery: Gallery) -> tuple[Face, ...]:
    matches = gallery.match(embeddings)
    boxes, landmarks = found.boxes_xyxy_px * picture.shrink, found.landmarks_px * picture.shrink
    return tuple(
        Face(
            box_xyxy_px=_box(boxes[place], picture.info),
            landmarks_px=tuple((round(float(x), 2), round(float(y), 2)) for x, y in landmarks[place]),
            score=float(found.scores[place]),
            name=match.name,
            distance=match.distance,
            threshold=gallery.threshold,
            confidence=match.confidence,
        )
        for place, match in enumerate(matches)
    )


def _box(box: Floats, info: PictureInfo) -> tuple[int, int, int, int]:
    height, width = info.height_px, info.width_px
    x1, y1 = (
        int(np.clip(round(float(v)), 0, limit - 1)) for v, limit in zip(box[:2], (width, height), strict=True)
    )
    x2, y2 = (
        int(np.clip(round(float(v)), 1, limit)) for v, limit in zip(box[2:], (width, height), strict=True)
    )
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)
