"""The embedder against dlib's own numbers, and the digests of the weights it is built from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from manyeyes.recognition.recognizer import load

HERE = Path(__file__).parent


def _chips_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_embeddings", HERE / "golden_embeddings.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return np.load(HERE / "golden_embeddings.npz", allow_pickle=False)["embeddings"]


def test_embeddings_are_dlibs_own(default_pack: Path, expected: np.ndarray) -> None:
    chips = _chips_module().chips_nhwc_bgr()
    seen = load(default_pack, "fp32").embedder.embed(chips)
    assert seen.shape == expected.shape == (6, 128)
    assert float(np.abs(seen - expected).max()) < 1e-5


def test_the_comparison_can_fail(default_pack: Path, expected: np.ndarray) -> None:
    swapped = np.ascontiguousarray(_chips_module().chips_nhwc_bgr()[:, :, :, ::-1])
    assert float(np.abs(load(default_pack, "fp32").embedder.embed(swapped) - expected).max()) > 1e-3
