"""Reads a model's input format from its file, and converts pictures to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from manyeyes.errors import ModelRefused
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.models.manifest_parts import Channels, PerChannel

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True)
class PictureInput:
    """The one input of a model; a size is None if the file leaves it open."""

    name: str
    channels_first: bool
    dtype: Any
    batch: int | None
    height_px: int | None
    width_px: int | None

    def tensor(self, images_nhwc_u8: Bytes, mean: PerChannel, std: PerChannel, channels: Channels) -> Any:
        """Convert BGR pictures, uint8 (n, h, w, 3), to the model's input.

        Args:
            mean, std: per channel, in the order of `channels`; not used if the model takes uint8.
            channels: the order that the model takes.
        """
        ordered = images_nhwc_u8 if channels == "bgr" else images_nhwc_u8[..., ::-1]
        if self.dtype != np.uint8:
            ordered = ordered.astype(np.float32)
            if any(mean):
                ordered -= np.asarray(mean, np.float32)
            if any(value != 1.0 for value in std):
                ordered *= 1.0 / np.asarray(std, np.float32)
        if self.channels_first:
            ordered = ordered.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(ordered, self.dtype)


def describe(session: Any) -> str:
    """The inputs and outputs of a model in one line, for error messages."""

    def said(values: Any) -> str:
        return ", ".join(
            f"{v.name} {v.type.removeprefix('tensor(').rstrip(')')} {list(v.shape)}" for v in values
        )

    return f"inputs: {said(session.get_inputs())}; outputs: {said(session.get_outputs())}"


def read_input(session: Any) -> PictureInput:
    """Read the input format of a model.

    Raises:
        ModelRefused: the model has several inputs, or its input is not float32, float16 or uint8 with four
            axes and three channels.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelRefused(f"the model has {len(inputs)} inputs, 1 picture is supported; {describe(session)}")
    (seen,) = inputs
    shape = [axis if isinstance(axis, int) and axis > 0 else None for axis in seen.shape]
    if seen.type not in _TYPES or len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise ModelRefused(
            "the model takes no pictures as float32, float16 or uint8 with axes n, 3, h, w or n, h, w, 3; "
            f"{describe(session)}"
        )
    first = shape[1] == 3
    height, width = (shape[2], shape[3]) if first else (shape[1], shape[2])
    return PictureInput(seen.name, first, _TYPES[seen.type], shape[0], height, width)
