"""The chips of the golden test, and the packing of dlib's numbers for them (see golden_embeddings.cpp)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from skimage import data

CHIP_PX = 150


def chips_nhwc_bgr() -> np.ndarray:
    """Chips that every machine makes alike: integer arithmetic and crops only; uint8 (6, 150, 150, 3) BGR."""
    rows, columns, channels = np.meshgrid(
        np.arange(CHIP_PX, dtype=np.uint64),
        np.arange(CHIP_PX, dtype=np.uint64),
        np.arange(3, dtype=np.uint64),
        indexing="ij",
    )
    chips = []
    for seed in (1, 2):  # noise by a fixed integer mix
        mixed = (rows * 73856093 + columns * 19349663 + channels * 83492791 + seed * 2654435761) & 0xFFFFFFFF
        mixed = (mixed ^ (mixed >> 15)) * 2246822519 & 0xFFFFFFFF
        chips.append(((mixed ^ (mixed >> 13)) & 255).astype(np.uint8))
    chips.append(((rows * 255 // 149 + columns * (channels + 1)) % 256).astype(np.uint8))  # ramps
    astronaut = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    chips.append(astronaut[35:185, 150:300])
    chips.append(astronaut[35:185, 150:300][:, ::-1])
    chips.append(astronaut[60:210, 160:310])
    return np.ascontiguousarray(np.stack(chips))


def main() -> None:
    chips_file = Path(sys.argv[1])
    if len(sys.argv) == 2:
        chips_file.write_bytes(np.ascontiguousarray(chips_nhwc_bgr()[:, :, :, ::-1]).tobytes())
        return
    embeddings = np.frombuffer(Path(sys.argv[2]).read_bytes(), np.float32).reshape(-1, 128)
    np.savez_compressed(Path(__file__).with_name("golden_embeddings.npz"), embeddings=embeddings)


if __name__ == "__main__":
    main()
