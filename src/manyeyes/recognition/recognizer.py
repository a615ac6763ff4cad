"""The recogniser that a worker runs: detects, embeds, matches and draws faces with a pack's models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from manyeyes.errors import EmbedderMismatch, FaceTooSmall, NoFaceFound, SeveralFacesFound
from manyeyes.face_results import ALIGN, DECODE, DETECT, DRAW, EMBED, ENCODE, MATCH
from manyeyes.recognition.arrays import Bools, Bytes, Floats
from manyeyes.recognition.detection.detections import Detections
from manyeyes.recognition.embedding.align import cut_chip, cut_chips
from manyeyes.recognition.embedding.arcface import to_unit_length
from manyeyes.recognition.embedding.precision import PrecisionSetting
from manyeyes.recognition.enrolment.cutouts import cut_unknown, thumbnail
from manyeyes.recognition.enrolment.portrait import cut_portrait, open_portrait
from manyeyes.recognition.enrolment.quality import assess
from manyeyes.recognition.extras import Cut, Extras, WantedExtras
from manyeyes.recognition.face_size import GOOD_PX, KEPT_PX, LEAST_PX, large_enough, sides_px
from manyeyes.recognition.matching.gallery import Gallery, Match
from manyeyes.recognition.models.sessions import RUNTIME
from manyeyes.recognition.open_pack import Parts, open_parts
from manyeyes.recognition.pictures.decode import Picture, decode
from manyeyes.recognition.pictures.draw import draw as draw_faces
from manyeyes.recognition.pictures.encode import encode
from manyeyes.recognition.pictures.noise import noise
from manyeyes.recognition.pictures.probe import PictureInfo
from manyeyes.results import Caution, Face, Provenance, Result, TooSmall

ENOUGH_PX = 2880
"""The long side at which recognition has all the detail that it needs: a face 40 px wide at 1280 is then 90 px wide,
as wide as a face in a chip of 150 px."""
BENCHMARK_SIDE_PX = 512
BYSTANDER_AREA = 0.25
"""At enrolment, a face with less than this part of the largest face's area is a bystander."""


@dataclass(frozen=True)
class Enrolment:
    """The result of enrolling a photo; `embedding`, float32 (d,), averages the face and its mirror image."""

    faces: int
    embedding: Floats
    box_xyxy_px: tuple[int, int, int, int]
    warnings: tuple[Caution, ...] = ()
    portrait: bytes = b""
    """The face as `portrait.cut_portrait` cuts it; another embedder can embed it again."""
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

    def __init__(self, parts: Parts) -> None:
        self.detector = parts.detector
        self.embedder = parts.embedder
        self.calibration = parts.calibration
        self.pack = parts.pack
        self.embedder_id = parts.embedder_id
        self._counted: tuple[Gallery, float] | None = None

    def recognize(self, data: bytes, gallery: Gallery, *, draw: bool = True) -> tuple[Result, bytes | None]:
        """Recognise the faces of one encoded picture.

        Returns:
            The result, with milliseconds per stage, and the encoded predicted picture (None without `draw`).
            The picture has the original's size with its orientation applied; the result names its format.
            Without `draw`, a large JPEG is shrunk while it is decoded; boxes are still in the original's
            pixels.

        Raises:
            PictureError: the bytes are not a whole picture of a format in `formats.FORMATS`, or need more
                memory than there is.
            EmbedderMismatch: the gallery is of another embedder; nothing was compared.
        """
        result, predicted, _ = self.recognize_with(data, gallery, draw=draw, wish=WantedExtras())
        return result, predicted

    def recognize_with(
        self, data: bytes, gallery: Gallery, *, draw: bool, wish: WantedExtras
    ) -> tuple[Result, bytes | None, Extras]:
        """As `recognize`, with the extras that a master requests; a thumbnail only with `draw`."""
        self._check(gallery)
        clock = _Clock()
        with clock.stage(DECODE):
            picture = decode(data, least_long_side_px=None if draw else ENOUGH_PX)
        with clock.stage(DETECT):
            found = self.detector.detect(
                picture.image_hwc_u8, original_px=picture.info.width_px * picture.info.height_px
            )
        with clock.stage(ALIGN):
            large = large_enough(sides_px(found.boxes_xyxy_px * picture.shrink))
            chips = self._chips(data, picture, found.pick(large))
        with clock.stage(EMBED):
            embeddings = self.embedder.embed(chips)
        with clock.stage(MATCH):
            faces = self._faces(picture, found, large, embeddings, gallery)
        cuts: tuple[Cut, ...] = ()
        if wish.unknown:
            with clock.stage("keep"):
                cuts = cut_unknown(picture.image_hwc_u8, found, faces)
        predicted, small = None, b""
        if draw:
            with clock.stage(DRAW):
                draw_faces(picture.image_hwc_u8, faces, picture.alpha_hw_u8)
            if wish.thumbnail:
                with clock.stage("thumbnail"):
                    small = thumbnail(picture.image_hwc_u8)
            with clock.stage(ENCODE):
                predicted = encode(picture, release=True)
        info = picture.info
        result = Result(
            width_px=info.width_px,
            height_px=info.height_px,
            media_type=info.media_type,
            predicted_media_type=predicted.media_type if predicted else None,
            faces=faces,
            pack=self.pack,
            provenance=Provenance(
                precision=self.embedder.precision,
                runtime=RUNTIME,
                calibrated=self.calibration is not None,
            ),
            timings_ms=clock.timings_ms,
            warnings=picture.cautions,
        )
        return result, predicted.content if predicted else None, Extras(cuts, small)

    def enrol(self, data: bytes) -> Enrolment:
        """The embedding of the one person in a photo.

        Raises:
            NoFaceFound, SeveralFacesFound: the photo does not show one person; faces below `BYSTANDER_AREA`
                do not count.
            FaceTooSmall: the person's face is smaller than `face_size.LEAST_PX`.
            PictureError: as `recognize`.
        """
        picture = decode(data)
        found = self.detector.detect(picture.image_hwc_u8)
        if not len(found):
            raise NoFaceFound(
                f"no face found in {picture.info.width_px}×{picture.info.height_px} px; "
                f"take a sharper photo with the face at least {GOOD_PX} px wide, seen from the front"
            )
        sides = found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]
        areas = sides.prod(axis=1)
        chosen = int(np.argmax(areas))
        size_px = int(sides_px(found.boxes_xyxy_px)[chosen])
        if size_px < LEAST_PX:
            raise FaceTooSmall(
                f"the face is {size_px} px wide, {LEAST_PX} or more are needed and {GOOD_PX} or more are better; "
                "take it from nearer, or add the original instead of a copy made smaller"
            )
        large = int((areas >= BYSTANDER_AREA * areas[chosen]).sum())
        if large > 1:
            raise SeveralFacesFound(
                f"{large} faces found, 1 is allowed; crop the photo to the person to enrol"
            )
        both = self._embed_both_ways(picture.image_hwc_u8, found.landmarks_px[chosen])
        warnings = assess(picture.image_hwc_u8, found.landmarks_px[chosen], found.boxes_xyxy_px[chosen])
        warnings += picture.cautions
        if len(found) > 1:
            warnings += (_passed_over(len(found) - 1),)
        portrait, points = cut_portrait(picture.image_hwc_u8, found.landmarks_px[chosen])
        return Enrolment(
            faces=len(found),
            embedding=self.average(both),
            box_xyxy_px=_box(found.boxes_xyxy_px[chosen], picture.info),
            warnings=warnings,
            portrait=portrait,
            portrait_landmarks_px=_points(points),
        )

    def embed_portrait(self, portrait: bytes, landmarks_px: Sequence[tuple[float, float]]) -> Enrolment:
        """Embed a portrait that an enrolment stored, for a pack with another embedder.

        Args:
            landmarks_px: (5, 2), of the face in the portrait, as the enrolment returned them.

        Raises:
            DamagedPicture: the portrait cannot be decoded.
        """
        image, points = open_portrait(portrait), np.asarray(landmarks_px, np.float32)
        return Enrolment(
            faces=1,
            embedding=self.average(self._embed_both_ways(image, points)),
            box_xyxy_px=(0, 0, image.shape[1], image.shape[0]),
        )

    def _embed_both_ways(self, image: Bytes, landmarks_px: Floats) -> Floats:
        """Embeddings (2, d) of a face and of its mirror image."""
        chip = cut_chip(image, landmarks_px, self.embedder.layout)
        return self.embedder.embed(np.stack([chip, np.ascontiguousarray(chip[:, ::-1])]))

    def average(self, embeddings: Floats) -> Floats:
        """The average (d,) of embeddings (n, d) of a person; of length 1 if the embedder's embeddings are."""
        mean = embeddings.mean(axis=0, keepdims=True).astype(np.float32)
        average: Floats = (to_unit_length(mean) if self.embedder.unit_length else mean)[0]
        return average

    def _check(self, gallery: Gallery) -> None:
        if gallery.photos and gallery.embedder and gallery.embedder != self.embedder_id:
            raise EmbedderMismatch(
                f"the gallery holds embeddings of {gallery.embedder}, {self.pack} makes those of "
                f"{self.embedder_id}; restart this node so that it fetches the master's pack"
            )

    def _chips(self, data: bytes, picture: Picture, found: Detections) -> Bytes:
        """The chips of faces. If the picture was shrunk and one of them is small in it, the whole picture is decoded.

        So a face gets the same name whether or not the picture is drawn.
        """
        image, points = picture.image_hwc_u8, found.landmarks_px
        if picture.shrink > 1 and (sides_px(found.boxes_xyxy_px) < KEPT_PX).any():
            image, points = decode(data).image_hwc_u8, (points + 0.5) * picture.shrink - 0.5
        return cut_chips(image, points, self.embedder.layout)

    def _faces(
        self, picture: Picture, found: Detections, large: Bools, embeddings: Floats, gallery: Gallery
    ) -> tuple[Face, ...]:
        """The faces of a result; those that are `large` enough, in this order, have embeddings (n, d)."""
        compared = iter(self._compared(embeddings, gallery))
        boxes, landmarks = found.boxes_xyxy_px * picture.shrink, found.landmarks_px * picture.shrink
        sizes = sides_px(boxes).tolist()
        return tuple(
            Face(
                box_xyxy_px=_box(boxes[place], picture.info),
                landmarks_px=_points(landmarks[place]),
                score=float(found.scores[place]),
                threshold=gallery.threshold,
                **(next(compared) if large[place] else _not_compared(sizes[place])),
            )
            for place in range(len(found))
        )

    def _compared(self, embeddings: Floats, gallery: Gallery) -> Iterator[dict[str, Any]]:
        """What the comparison gives of each of embeddings (n, d), as fields of `Face`."""
        lengths = np.linalg.norm(embeddings, axis=1)
        lacks = np.maximum(0.0, self.embedder.usual_length - lengths).tolist()
        for place, match in enumerate(gallery.match(embeddings)):
            yield {
                "name": match.name if _is_near(match, lacks[place], gallery) else None,
                "distance": match.distance,
                "confidence": self._confidence(match, lacks[place], gallery),
                "embedding": tuple(embeddings[place].tolist()),
            }

    def _confidence(self, match: Match, lack: float, gallery: Gallery) -> float:
        if match.distance is None:
            return match.confidence
        if self.calibration is None:
            return gallery.confidence(match.distance + lack)
        if self._counted is None or self._counted[0] is not gallery:
            self._counted = gallery, self.calibration.comparisons(gallery.photo_counts())
        return self.calibration.confidence(match.distance + lack, self._counted[1])

    def warm_up(self) -> None:
        """Run every model and load the font, so that the first picture does not take longer."""
        side = self.embedder.layout.side_px
        self.embedder.embed(np.zeros((1, side, side, 3), np.uint8))
        self.detector.warm_up()
        face = Face(
            box_xyxy_px=(20, 40, 60, 80),
            landmarks_px=(),
            score=1.0,
            name=None,
            distance=None,
            threshold=0.0,
            confidence=0.0,
        )
        draw_faces(np.zeros((100, 100, 3), np.uint8), [face])

    def benchmark(self) -> None:
        """Do the work of a usual picture, 512×512 pixels with one face, except matching and drawing."""
        picture = decode(_benchmark_jpeg())
        self.detector.detect(picture.image_hwc_u8)
        side = self.embedder.layout.side_px
        self.embedder.embed(noise(side, side)[None])
        encode(picture)


@cache
def _benchmark_jpeg() -> bytes:
    side = BENCHMARK_SIDE_PX
    smooth = cv2.resize(noise(2, 2), (side, side), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", smooth)[1])


def load(folder: Path, precision: PrecisionSetting | None = None) -> Recognizer:
    """Open the pack in a folder; the entry point that the pack's manifest names.

    Args:
        folder: a built pack.
        precision: of detector and embedder; None: the setting `MANYEYES_RECOGNITION_PRECISION`, by default `auto`:
            int8 if that is faster. Only the files of the chosen precision are opened.

    Raises:
        PackDamaged: a file is missing or cannot be read. Digests are checked by `manyeyes.packs.verify`.
    """
    cv2.setNumThreads(1)
    return Recognizer(open_parts(folder, precision))


def _is_near(match: Match, lack: float, gallery: Gallery) -> bool:
    return match.distance is not None and match.distance + lack <= gallery.threshold


def _not_compared(size_px: float) -> dict[str, Any]:
    """As `Recognizer._compared`, of a face that is too small."""
    too_small = TooSmall(size_px=int(size_px), least_px=LEAST_PX)
    return {"name": None, "distance": None, "confidence": 0.0, "too_small": too_small}


def _passed_over(number: int) -> Caution:
    faces = "1 much smaller face was" if number == 1 else f"{number} much smaller faces were"
    sentence = f"{faces} ignored; crop the photo if the largest face is not the person's"
    return Caution(kind="bystanders", value=number, limit=0, sentence=sentence)


def _points(points_px: Floats) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in points_px)


def _box(box: Floats, info: PictureInfo) -> tuple[int, int, int, int]:
    height, width = info.height_px, info.width_px
    x1, y1 = (
        int(np.clip(round(float(v)), 0, limit - 1)) for v, limit in zip(box[:2], (width, height), strict=True)
    )
    x2, y2 = (
        int(np.clip(round(float(v)), 1, limit)) for v, limit in zip(box[2:], (width, height), strict=True)
    )
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)
