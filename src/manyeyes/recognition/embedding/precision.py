"""Which of a pack's embedders suits this processor: whole numbers or floating point."""

from __future__ import annotations

from typing import Literal

import cv2

from manyeyes.results import Precision

PrecisionSetting = Literal["auto", "int8", "fp32"]
INT8_FEATURES = frozenset({"AVX2", "NEON_DOTPROD"})
"""What makes whole numbers faster. AVX-512 and VNNI come with AVX2, and `packs.quantize` makes weights that
cannot saturate without VNNI; ARM before dot products would only lose."""
_FEATURE_IDS = 512


def processor_features() -> frozenset[str]:
    """The instruction sets of this processor by OpenCV's names, as `AVX2`, `NEON_DOTPROD`."""
    return frozenset(
        cv2.getHardwareFeatureName(number)
        for number in range(_FEATURE_IDS)
        if cv2.checkHardwareSupport(number)
    )


def choose(setting: PrecisionSetting, features: frozenset[str], offered: frozenset[Precision]) -> Precision:
    """The precision to load: the setting, or with `auto` int8 where pack and processor have it.

    A setting that the pack does not offer is given back as it is: opening its file then names what is missing.
    """
    if setting != "auto":
        return setting
    return "int8" if "int8" in offered and features & INT8_FEATURES else "fp32"
