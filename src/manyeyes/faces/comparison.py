"""Compares faces with all enrolled people, block by block. The functions are slow; call them in threads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.enrolment.likeness import Limits, Near, Photos, check, nearest_people, new_photo
from manyeyes.results import Caution
from manyeyes.store.gallery import GalleryReader


def likenesses(
    gallery: GalleryReader, embedder: str, name: str, faces: Floats, files: Sequence[str], limits: Limits
) -> list[list[Caution]]:
    """Warnings for each of the new faces (m, d), from `files`, that will be enrolled as `name`."""
    best: list[dict[str, Near]] = [{} for _ in files]
    own = np.full(len(files), np.inf)
    for block in gallery.blocks(embedder):
        photos = Photos(block.names, block.embeddings, block.photo_ids, block.file_names)
        for found, near in zip(best, nearest_people(faces, photos, limits.same_face), strict=True):
            for one in near:
                if one.name != name and (one.name not in found or one.distance < found[one.name].distance):
                    found[one.name] = one
        mine = block.embeddings[[other == name for other in block.names]]
        if len(mine):
            own = np.minimum(own, np.linalg.norm(faces[:, None] - mine[None], axis=2).min(axis=1))
    among = np.linalg.norm(faces[:, None] - faces[None], axis=2) + np.diag(np.full(len(files), np.inf))
    own = np.minimum(own, among.min(axis=1))
    return [
        new_photo(
            file,
            sorted(found.values(), key=lambda near: near.distance),
            float(distance) if np.isfinite(distance) else None,
            limits,
        )
        for file, found, distance in zip(files, best, own, strict=True)
    ]


def check_everybody(gallery: GalleryReader, embedder: str, limits: Limits) -> list[Caution]:
    """Warnings about all enrolled people."""
    blocks = list(gallery.blocks(embedder))
    if not blocks:
        return []
    photos = Photos(
        [name for block in blocks for name in block.names],
        np.concatenate([block.embeddings for block in blocks]),
        [photo for block in blocks for photo in block.photo_ids],
        [file for block in blocks for file in block.file_names],
    )
    return check(photos, limits)


def nearest_person(gallery: GalleryReader, embedder: str, faces: Floats) -> list[tuple[str, float] | None]:
    """(name, distance) of the nearest photo to each of faces (m, d), None if there is none."""
    best: list[tuple[str, float] | None] = [None] * len(faces)
    for block in gallery.blocks(embedder):
        if block.embeddings.shape[1] != faces.shape[1]:
            continue
        squared = (block.embeddings**2).sum(axis=1)[None] - 2.0 * (faces @ block.embeddings.T)
        for row, place in enumerate(squared.argmin(axis=1).tolist()):
            distance = float(np.linalg.norm(faces[row] - block.embeddings[place]))
            known = best[row]
            if known is None or distance < known[1]:
                best[row] = (block.names[place], distance)
    return best


def nearest_between(gallery: GalleryReader, embedder: str, name: str, other: str) -> float | None:
    """The distance between the two nearest photos of two people; None if one of them has none of this embedder."""
    with gallery.opened(embedder) as view:
        mine, theirs = view.photos_of(name), view.photos_of(other)
    if not mine or not theirs:
        return None
    columns = np.stack(theirs)
    return min(float(np.linalg.norm(columns - face, axis=1).min()) for face in mine)
