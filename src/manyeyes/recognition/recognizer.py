"""The recogniser: a pack's models put together; what a worker runs."""

from __future__ import annotations

import tomllib
from collections import Counter
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
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.calibration import Calibration
from manyeyes.recognition.decode import Picture, decode, encode
from manyeyes.recognition.detect import Detections, Detector
from manyeyes.recognition.draw import draw as draw_faces
from manyeyes.recognition.embed import Embedder
from manyeyes.recognition.gallery import Gallery, Match
from manyeyes.recognition.portrait import cut_portrait
from manyeyes.recognition.quality import assess
from manyeyes.recognition.sessions import RUNTIME
from manyeyes.results import Caution, Face, Provenance, Result

BYSTANDER_AREA = 0.25
"""At enrolment, faces below this part of the largest one's area are passers-by."""


@dataclass(frozen=True)
class Enrolment:
    """What an enrolled photo gave: embedding float32 (d,), averaged with the mirrored chip's."""

    faces: int
    embedding: Floats
    box_xyxy_px: tuple[int, int, int, int]
    warnings: tuple[Caution, ...] = ()
    portrait: bytes = b""
    """The face as `portrait.cut_portrait` cuts it, for being embedded again."""
    portrait_landmarks_px: tuple[tuple[float, float], ...] = ()


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

    def __init__(
        self, detector: Detector, embedder: Embedder, pack: str, calibration: Calibration | None = None
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self.calibration = calibration
        self._counted: tuple[Gallery, float] | None = None
        self.pack = pack
        """Name and version of the pack, as `faces@1.0.0`."""

    def recognize(self, data: bytes, gallery: Gallery, *, draw: bool = True) -> tuple[Result, bytes | None]:
        """Recognise the faces of one encoded picture.

        Returns:
            The result, with milliseconds per stage, and the predicted picture in the format and pixel
            size of the original as a person sees it (None without `draw`).

        Raises:
            PictureError: the bytes are not a whole JPEG, PNG or WebP.
        """
        clock = _Clock()
        with clock.stage("decode"):
            picture = decode(data)
        with clock.stage("detect"):
            found = self.detector.detect(picture.image_hwc_u8)
        with clock.stage("align"):
            chips = cut_chips(picture.image_hwc_u8, found.landmarks_px, self.embedder.layout)
        with clock.stage("embed"):
            embeddings = self.embedder.embed(chips)
        with clock.stage("match"):
            faces = self._faces(picture, found, embeddings, gallery)
        predicted = None
        if draw:
            with clock.stage("draw"):
                drawn = draw_faces(picture.image_hwc_u8, faces)
            with clock.stage("encode"):
                predicted = encode(picture, drawn)
        info = picture.info
        result = Result(
            width_px=info.width_px,
            height_px=info.height_px,
            media_type=info.media_type,
            faces=faces,
            pack=self.pack,
            provenance=Provenance(
                precision=self.embedder.precision,
                runtime=RUNTIME,
                calibrated=self.calibration is not None,
            ),
            timings_ms=clock.timings_ms,
        )
        return result, predicted

    def enrol(self, data: bytes) -> Enrolment:
        """The embedding of the one person in a photo.

        Raises:
            NoFaceFound, SeveralFacesFound: the photo does not show one person; small faces beside a
                large one do not count.
            PictureError: the bytes are not a whole JPEG, PNG or WebP.
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
        warnings = assess(picture.image_hwc_u8, found.landmarks_px[chosen], found.boxes_xyxy_px[chosen])
        if len(found) > 1:
            warnings += (_passed_over(len(found) - 1),)
        portrait, points = cut_portrait(picture.image_hwc_u8, found.landmarks_px[chosen])
        return Enrolment(
            faces=len(found),
            embedding=both.mean(axis=0).astype(np.float32),
            box_xyxy_px=_box(found.boxes_xyxy_px[chosen], picture.image_hwc_u8),
            warnings=warnings,
            portrait=portrait,
            portrait_landmarks_px=tuple((round(float(x), 2), round(float(y), 2)) for x, y in points),
        )

    def _faces(
        self, picture: Picture, found: Detections, embeddings: Floats, gallery: Gallery
    ) -> tuple[Face, ...]:
        matches = gallery.match(embeddings)
        return tuple(
            Face(
                box_xyxy_px=_box(found.boxes_xyxy_px[place], picture.image_hwc_u8),
                landmarks_px=tuple(
                    (round(float(x), 2), round(float(y), 2)) for x, y in found.landmarks_px[place]
                ),
                score=float(found.scores[place]),
                name=match.name,
                distance=match.distance,
                threshold=gallery.threshold,
                confidence=self._confidence(match, gallery),
                embedding=tuple(embeddings[place].tolist()),
            )
            for place, match in enumerate(matches)
        )

    def _confidence(self, match: Match, gallery: Gallery) -> float:
        if self.calibration is None or match.distance is None:
            return match.confidence
        if self._counted is None or self._counted[0] is not gallery:
            self._counted = gallery, self.calibration.comparisons(Counter(gallery.names).values())
        return self.calibration.confidence(match.distance, self._counted[1])

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
        figures = manifest.get("calibration")
        calibration = None if figures is None else Calibration(**figures)
    except (OSError, KeyError, ValueError) as error:
        raise PackDamaged(
            f"{folder / 'pack.toml'} cannot be read: {error}; build or fetch the pack again"
        ) from error
    return Recognizer(Detector(folder), Embedder(folder / "embed.onnx"), pack, calibration)


def _passed_over(number: int) -> Caution:
    faces = "1 much smaller face was" if number == 1 else f"{number} much smaller faces were"
    sentence = f"{faces} passed over; crop the photo if the largest face is not the person's"
    return Caution(kind="bystanders", value=number, limit=0, sentence=sentence)


def _box(box: Floats, image: Bytes) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    x1, y1 = (
        int(np.clip(round(float(v)), 0, limit - 1)) for v, limit in zip(box[:2], (width, height), strict=True)
    )
    x2, y2 = (
        int(np.clip(round(float(v)), 1, limit)) for v, limit in zip(box[2:], (width, height), strict=True)
    )
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)
