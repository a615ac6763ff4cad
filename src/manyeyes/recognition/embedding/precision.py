"""Chooses the embedder of a pack that suits this processor: int8 or floating point."""

from __future__ import annotations

from typing import Literal

import cv2

from manyeyes.results import Precision

PrecisionSetting = Literal["auto", "int8", "fp32"]
INT8_FEATURES = frozenset({"AVX2", "NEON_DOTPROD"})
"""Processor features with which int8 is faster. Processors with AVX-512 or VNNI have AVX2 too, and
`packs.quantize` makes weights that cannot saturate without VNNI. ARM without dot products would be slower."""
_FEATURE_IDS = 512


def processor_features() -> frozenset[str]:
    """The instruction sets of this processor by OpenCV's names, as `AVX2`, `NEON_DOTPROD`."""
    return frozenset(
        cv2.getHardwareFeatureName(number)
        for number in range(_FEATURE_IDS)
        if cv2.checkHardwareSupport(number)
    )


def choose(setting: PrecisionSetting, features: frozenset[str], offered: frozenset[Precision]) -> Precision:
    """The precision to load: the setting, or with `auto` int8 if both pack and processor have it.

    A setting that the pack does not offer is returned as it is: opening its file then names the missing file.
    """
    if setting != "auto":
        return setting
    return "int8" if "int8" in offered and features & INT8_FEATURES else "fp32"
