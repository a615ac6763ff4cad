"""Rows of a master's database, read without its repositories."""

from __future__ import annotations

import numpy as np

from manyeyes.store.database import Database


def embeddings(database: Database, embedder: str) -> list[tuple[str, bytes]]:
    """(name, embedding) of every photo that an embedder has, oldest first."""
    return database.read(
        "SELECT p.name, f.embedding FROM photos f JOIN people p ON p.id = f.person_id "
        "WHERE f.embedder = ? ORDER BY f.id",
        embedder,
    )


def vetoes(database: Database, embedder: str) -> list[tuple[str, list[float]]]:
    """(name, embedding) of every face that feedback took a name from, oldest first."""
    rows = database.read(
        "SELECT p.name, v.embedding FROM vetoes v JOIN people p ON p.id = v.person_id "
        "WHERE v.embedder = ? ORDER BY v.id",
        embedder,
    )
    return [(name, np.frombuffer(raw, "<f4").tolist()) for name, raw in rows]
