"""Outcomes with unknown faces, as nodes send them, and a service that keeps them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from manyeyes.access.audit import Audit
from manyeyes.face_results import FaceOutcome, UnknownFace
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.references import FaceReferences
from manyeyes.faces.unknown_faces import Among
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.packs.build import CALIBRATION
from manyeyes.recognition.arrays import half_precision
from manyeyes.results import Face, Result
from manyeyes.store.repositories import Store

PACK, EMBEDDER, THRESHOLD = "faces@1", "dlib-1", 0.58
POINTS = ((10.0, 10.0), (30.0, 10.0), (20.0, 20.0), (12.0, 30.0), (28.0, 30.0))


def at(*places: float) -> tuple[float, ...]:
    return (*places, *(0.0 for _ in range(8 - len(places))))


def jpeg(shade: int = 0, side: int = 40, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (shade % 256, 0, 9)).save(out, kind, comment=str(shade).encode())
    return out.getvalue()


def face(name: str | None = None) -> Face:
    return Face(
        box_xyxy_px=(0, 0, 90, 90),
        landmarks_px=(),
        score=1,
        name=name,
        distance=None,
        threshold=THRESHOLD,
        confidence=0,
    )


def cut(place: int = 0, **changes: Any) -> UnknownFace:
    said = {
        "face": place,
        "jpeg": base64.b64encode(changes.pop("picture", jpeg())).decode(),
        "landmarks_px": POINTS,
        "width_px": 90,
        "sharpness": 5.0,
    }
    return UnknownFace(**{**said, **changes})


_made = iter(range(1, 1_000_000))


def outcome(
    *embeddings: Sequence[float], unknown: Sequence[UnknownFace] | None = None, pack: str = PACK
) -> FaceOutcome:
    """Of one picture with these faces, none of which got a name."""
    result = Result(
        width_px=100,
        height_px=100,
        media_type="image/png",
        faces=(face(),) * len(embeddings),
        pack=pack,
        timings_ms={},
    )
    number = next(_made)
    if unknown is None:
        unknown = [
            cut(place, picture=jpeg(number * 16 + place), sharpness=5.0 + number / 1000)
            for place in range(len(embeddings))
        ]
    return FaceOutcome(
        task_id=f"t{number}",
        result=result,
        result_json=result.model_dump_json().encode(),
        embeddings=half_precision([list(map(float, embedding)) for embedding in embeddings]),
        unknown=tuple(unknown),
    )


@dataclass
class Scene:
    """A store with its services, and a clock that is set by hand."""

    store: Store
    folder: Path
    now: float = 1_000_000.0
    most: int = 2000
    people: PeopleService = field(init=False)
    faces: UnknownFacesService = field(init=False)

    def __post_init__(self) -> None:
        self.audit = Audit(self.store.audit)
        self.begin()

    def people_with(self, growth: PersonGrowth) -> PeopleService:
        """The service for people, beside whoever listens."""

        async def changed() -> None:
            pass

        served: Any = SimpleNamespace(
            pack=PACK, embedder=EMBEDDER, threshold=THRESHOLD, calibration=CALIBRATION
        )
        return PeopleService(
            self.store.people,
            self.store.photos,
            self.store.feedback,
            self.store.gallery,
            self.store.settings,
            self.audit,
            FaceReferences(self.folder / "references.key"),
            served,
            changed,
            growth,
        )

    def begin(self) -> None:
        """As a master does that starts; call `faces.start` then."""
        growth = PersonGrowth()
        self.people = self.people_with(growth)
        self.among = Among(self.store.gallery.reader, PACK, EMBEDDER, THRESHOLD, self.people.threshold_at)
        self.faces = UnknownFacesService(
            self.folder,
            self.store.settings,
            self.store.photos,
            self.store.gallery,
            self.people,
            self.among,
            self.audit,
            growth,
            clock=lambda: self.now,
            most=self.most,
        )

    async def on(self, for_s: float = 3600.0) -> UnknownFacesService:
        await self.faces.start()
        await self.faces.keep("boss", for_s)
        return self.faces

    async def members(self) -> list[list[int]]:
        """The ids of the faces of each group, oldest group first."""
        return sorted(sorted(face.id for face in group.faces) for group in await self.faces.groups())


def near(*places: float, by: float, seed: int) -> tuple[float, ...]:
    """An embedding so far from a place."""
    direction = np.random.default_rng(seed).normal(size=8)
    direction *= by / np.linalg.norm(direction)
    return tuple(float(v) for v in np.array(at(*places)) + direction)
