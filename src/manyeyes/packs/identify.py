"""Finds the kind of an operator's ONNX file and its input: from the file, by a test run, or from options."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from manyeyes.errors import BadRequest, ModelRefused, PackDamaged
from manyeyes.packs.onnx_check import is_quantised, loosen_size, normalises_its_input, read_model
from manyeyes.recognition.detection import scrfd, yunet
from manyeyes.recognition.detection.one_stage import PROBE_HW_PX, Probe, probe
from manyeyes.recognition.embedding.arcface import ARCFACE_CHIP, ArcFaceEmbedder
from manyeyes.recognition.models.manifest_parts import (
    Channels,
    DetectorKind,
    DetectorPart,
    EmbedderKind,
    EmbedderPart,
    PerChannel,
)
from manyeyes.recognition.models.sessions import open_session, quiet
from manyeyes.recognition.models.tensors import describe, read_input
from manyeyes.recognition.pictures.noise import noise

DETECTOR_FILE, EMBEDDER_FILE = "detector.onnx", "embedder.onnx"
SECOND_PROBE_HW_PX = (128, 64)
PIXEL_MIDDLE: PerChannel = (127.5, 127.5, 127.5)
RAW: tuple[PerChannel, PerChannel] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
ALIKE = 1e-3


@dataclass(frozen=True)
class Feed:
    """The operator's settings for a model's input; None: as the file or the kind of the model suggests."""

    mean: PerChannel | None = None
    std: PerChannel | None = None
    channels: Channels | None = None

    def given(self) -> dict[str, Any]:
        """The settings that the operator gave, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def read_detector(
    path: Path,
    *,
    kind: str | None = None,
    feed: Feed | None = None,
    size_px: tuple[int, int] | None = None,
    score: float | None = None,
) -> tuple[DetectorPart, bytes]:
    """Read a detector's ONNX file; returns its part of the manifest, and the bytes to store in the pack.

    Args:
        kind: "yunet" or "scrfd" if the file must be of that kind.
        size_px: (width, height) of the largest canvas.
        score: lowest score of a face, 0 to 1; None: the default of the kind.

    Raises:
        BadRequest: the file takes one size only, and `size_px` is another.
        FileTrouble, ModelRefused: the file cannot be read, or is no detector of a known kind; the message
            says what it is.
    """
    model, source = read_model(path)
    with tempfile.TemporaryDirectory(prefix="manyeyes-model-") as folder:
        trial = Path(folder) / DETECTOR_FILE
        content = _of_any_size(model, source, trial)
        trial.write_bytes(content)
        probed = probe(trial)
    found = _detector_kind(probed, kind)
    size = size_px or DetectorPart().size_px
    if probed.fixed_hw_px:
        fixed = (probed.fixed_hw_px[1], probed.fixed_hw_px[0])
        if size_px not in (None, fixed):
            raise BadRequest(f"--size is {size[0]}x{size[1]}, but the file takes only {fixed[0]}x{fixed[1]}")
        size = fixed
    defaults = scrfd.DEFAULTS if found == "scrfd" else yunet.DEFAULTS
    if probed.input.dtype == np.uint8:
        defaults = defaults | {"mean": RAW[0], "std": RAW[1]}
    given = (feed or Feed()).given() | ({"score": score} if score is not None else {})
    return DetectorPart(kind=found, file=DETECTOR_FILE, size_px=size, **(defaults | given)), content


def _open(path: Path) -> Any:
    try:
        return open_session(path)
    except PackDamaged as error:
        raise ModelRefused(
            f"ONNX Runtime does not take {path.name}: {error.__cause__}; export it again"
        ) from error


def _of_any_size(model: onnx.ModelProto, source: bytes, path: Path) -> bytes:
    """The bytes of a copy that takes any picture size, if it gives the same numbers; else `source`.

    `path` is a scratch file for the test runs.
    """
    path.write_bytes(source)
    session = _open(path)
    given = read_input(session)
    if given.height_px is None or given.width_px is None:
        return source
    images = noise(given.height_px, given.width_px)[None]
    tensor = given.tensor(images, *RAW, "bgr")
    try:
        expected = session.run(None, {given.name: tensor}, quiet())
        path.write_bytes(loosen_size(model).SerializeToString(deterministic=True))
        loose = open_session(path)
        seen = loose.run(None, {given.name: tensor}, quiet())
        counts = []
        for hw in (PROBE_HW_PX, SECOND_PROBE_HW_PX):
            probed = probe(path, hw)
            counts.append(_read_heads(probed) is not None)
    except Exception:  # whatever ONNX Runtime raises: the graph works at its own size only
        return source
    same = all(
        a.shape == b.shape and np.allclose(a, b, atol=1e-5) for a, b in zip(expected, seen, strict=True)
    )
    return path.read_bytes() if same and all(counts) else source


def _read_heads(probed: Probe) -> DetectorKind | None:
    shape = (probed.outputs, probed.height_px, probed.width_px)
    found = yunet.read_heads(*shape)
    if found is not None:
        return "yunet" if isinstance(found, yunet.YuNetDecoder) else "yunet-priors"
    return "scrfd" if scrfd.read_heads(*shape) is not None else None


def _detector_kind(probed: Probe, wanted: str | None) -> DetectorKind:
    kind = _read_heads(probed)
    if kind is None or (wanted and not kind.startswith(wanted)):
        seen = f"a {kind}" if kind else "no detector of a known kind (yunet, scrfd)"
        asked = f", --detector-kind says {wanted}" if wanted else ""
        raise ModelRefused(f"the detector's file is {seen}{asked}; {probed.told}")
    return kind


def read_embedder(
    path: Path, *, kind: EmbedderKind | None = None, feed: Feed | None = None
) -> tuple[EmbedderPart, bytes]:
    """Read an embedder's ONNX file; returns its part of the manifest, and the bytes to store in the pack.

    Args:
        kind: the kind that the file must be of; None: found from the file.

    Raises:
        FileTrouble, ModelRefused: the file cannot be read, or is no embedder of a known kind; the message
            says what it is.
    """
    model, source = read_model(path)
    session = _open(path)
    given = read_input(session)
    side = ARCFACE_CHIP.side_px
    told = describe(session)
    if kind == "dlib" or (given.height_px, given.width_px) == (150, 150):
        raise ModelRefused(
            "the embedder's file is of dlib's kind (150×150 px), which the default pack has already: leave out "
            f"--embedder to have it; of other files the kinds arcface and sface are known; {told}"
        )
    if (
        any(seen not in (None, side) for seen in (given.height_px, given.width_px))
        or len(session.get_outputs()) != 1
    ):
        raise ModelRefused(
            f"the embedder's file is of no known kind: arcface and sface take {side}×{side} px and give one "
            f"embedding; {told}"
        )
    chip = noise(side, side)[None]
    try:
        (output,) = session.run(None, {given.name: given.tensor(chip, *RAW, "bgr")}, quiet())
    except Exception as error:  # ONNX Runtime raises classes of its own that share only Exception
        raise ModelRefused(f"the embedder does not run on one chip: {str(error)[:300]}; {told}") from error
    raw = normalises_its_input(model)
    found, fed = _embedder_kind(session, output.size, raw, kind)
    if given.dtype == np.uint8:
        fed |= {"mean": RAW[0], "std": RAW[1]}
    part = EmbedderPart(
        kind=found,
        file=EMBEDDER_FILE,
        side_px=side,
        template="arcface",
        dimensions=output.size,
        unit_length=True,
        precision="int8" if is_quantised(model) else "fp32",
        **(fed | (feed or Feed()).given()),
    )
    return part.model_copy(update={"batch": _working_batch(path, part)}), source


def _embedder_kind(
    session: Any, dimensions: int, raw: bool, wanted: EmbedderKind | None
) -> tuple[EmbedderKind, dict[str, Any]]:
    """The kind and its input settings: raw pixels if the graph itself subtracts the mean."""
    names = (session.get_inputs()[0].name, session.get_outputs()[0].name)
    is_sface = wanted == "sface" or (
        wanted is None and raw and names == ("data", "fc1") and dimensions == 128
    )
    mean, std = RAW if raw or is_sface else (PIXEL_MIDDLE, PIXEL_MIDDLE)
    return "sface" if is_sface else "arcface", {"mean": mean, "std": std, "channels": "rgb"}


def _working_batch(path: Path, part: EmbedderPart) -> int:
    """How many chips the model takes at once; also checks that different chips give different embeddings.

    Raises:
        ModelRefused: different chips give the same embedding, or numbers that are not finite.
    """
    side = part.side_px
    picture = noise(side, side)
    chips = np.stack([picture, 255 - picture, np.ascontiguousarray(picture[::-1])])
    single = ArcFaceEmbedder(path, part.model_copy(update={"batch": 1})).embed(chips)
    if np.linalg.norm(single[:, None] - single[None], axis=2)[np.triu_indices(3, 1)].max() < ALIKE:
        raise ModelRefused("the embedder gives the same embedding for different chips; is the file whole?")
    try:
        together = ArcFaceEmbedder(path, part).embed(chips)
    except Exception:  # whatever ONNX Runtime raises: the model takes one chip at a time
        return 1
    return part.batch if np.allclose(single, together, atol=ALIKE) else 1
