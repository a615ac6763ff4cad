"""Compaction: merges a base and its deltas into a new base with an index. Reads and writes files only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from manyeyes.durable import flush_to_disk
from manyeyes.recognition.matching.gallery_changes import Changes, pack_names
from manyeyes.recognition.matching.layered_gallery import Layers
from manyeyes.recognition.matching.nearest import SCAN_FROM, build_codes

_BLOCK_ROWS = 65_536


def fold(base: Path, deltas: Sequence[Path], made: Path) -> None:
    """Write `made`: the whole gallery after all deltas, without the removed photos.

    The file gets its name only when it is complete and flushed to disk.

    Raises:
        PackDamaged: a file is missing or damaged.
    """
    first = Changes.open(base)
    changes = [Changes.open(path) for path in deltas]
    layers = Layers.over(first).with_changes(changes)
    photos, rows = layers.everything()
    newest = changes[-1] if changes else first
    people = _people(layers, newest)
    ids, ends, names = pack_names(people)
    head = replace(newest, since=0, people=ids, name_ends=ends, names=names, removed=np.zeros(0, np.int64))
    dimensions = first.embeddings.shape[1] or layers.added.embeddings.shape[1]
    size = len(photos)
    partial = made.with_suffix(".part")
    whole = Changes.create(
        partial, head, {"photos": (size,), "owners": (size,), "embeddings": (size, dimensions)}
    )
    whole.photos[:] = photos
    for start in range(0, size, _BLOCK_ROWS):
        part = rows[start : start + _BLOCK_ROWS]
        old = part < len(first.photos)
        into = slice(start, start + len(part))
        if old.any():
            whole.owners[into][old] = first.owners[part[old]]
            whole.embeddings[into][old] = first.embeddings[part[old]]
        if not old.all():
            new = part[~old] - len(first.photos)
            whole.owners[into][~old] = layers.owners[new]
            whole.embeddings[into][~old] = layers.added.embeddings[new]
    del whole
    flush_to_disk(partial)
    partial.replace(made)


def make_index(base: Path, index: Path) -> bool:
    """Write the index of a base; returns False if it is below `SCAN_FROM` or faiss is not installed.

    Raises:
        PackDamaged: the base is missing or damaged.
    """
    embeddings = Changes.open(base).embeddings
    if len(embeddings) < SCAN_FROM or find_spec("faiss") is None:
        return False
    partial = index.with_suffix(".part")
    build_codes(partial, embeddings)
    flush_to_disk(partial)
    partial.replace(index)
    return True


def _people(layers: Layers, newest: Changes) -> dict[int, str]:
    """Person id → name, of all people who have a photo or a veto."""
    kept = np.ones(len(layers.base.photos), bool)
    kept[layers.codes.without] = False
    owners = np.unique(np.concatenate([layers.base.owners[kept], layers.owners, newest.veto_owners]))
    known = {**layers.base.named(), **layers.renamed}
    return {person: known[person] for person in owners.tolist() if person in known}
