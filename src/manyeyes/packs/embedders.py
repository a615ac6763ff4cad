"""Whose embeddings a stored photo has, for photos that were enrolled before embedders had names."""

from __future__ import annotations

from manyeyes.packs import weights
from manyeyes.recognition.models.manifest_parts import EmbedderPart, embedder_id

DEFAULT_EMBEDDER = embedder_id(EmbedderPart(), weights.RESNET.sha256)
"""The default pack's, in every version of the pack."""
LEGACY_KEYS = {"faces@1.0.0": DEFAULT_EMBEDDER}
"""Version 0.1 kept the pack's label in the embedder's place."""
