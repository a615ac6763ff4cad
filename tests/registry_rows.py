"""What a registry holds, read past its own methods."""

from __future__ import annotations

from manyeyes.master.registry import Registry


def embeddings(registry: Registry, embedder: str) -> list[tuple[str, bytes]]:
    """(name, embedding) of every photo that an embedder has, oldest first."""
    return registry.read(
        "SELECT p.name, f.embedding FROM photos f JOIN people p ON p.id = f.person_id "
        "WHERE f.embedder = ? ORDER BY f.id",
        embedder,
    )
