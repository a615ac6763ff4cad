"""The embedder ids of photos that manyeyes 0.1 stored, before embedders had ids."""

from __future__ import annotations

from manyeyes.packs import weights
from manyeyes.recognition.models.manifest_parts import EmbedderPart, embedder_id

DEFAULT_EMBEDDER = embedder_id(EmbedderPart(), weights.RESNET.sha256)
"""The `embedder_id` of the default pack, the same in every version of the pack."""
LEGACY_KEYS = {"faces@1.0.0": DEFAULT_EMBEDDER}
"""Pack label → embedder id: manyeyes 0.1 stored the pack's label instead of an embedder id."""
