"""dlib, twice, to measure against: its wheel, and its source compiled with OpenBLAS for this processor.

Everything lies under `.cache/peer` and comes through pip; nothing of it is part of manyeyes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from manyeyes.errors import ManyeyesError
from manyeyes.packs import weights

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / ".cache" / "peer"
SOURCE = "dlib-20.0.1"
SOURCE_SHA256 = "7cb2a09467de032332c743bc967007f016598c66c9c9ebc54a5b66d3d9e46d54"
_PREDICTOR = "face_recognition_models/models/shape_predictor_5_face_landmarks.dat"
PREDICTOR = weights.WeightFile(
    weights.FACE_MODELS,
    _PREDICTOR,
    f"face_recognition_models-0.3.0/{_PREDICTOR}",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)
COMPILE = [
    "g++",
    "-std=c++17",
    "-O3",
    "-march=native",
    "-DNDEBUG",
    "-DDLIB_NO_GUI_SUPPORT",
    "-DDLIB_USE_BLAS",
]


class NoPeer(RuntimeError):
    """This way of running dlib cannot be had here; says why."""


@dataclass(frozen=True)
class Timing:
    """One picture by dlib: detection, landmarks and chips, embeddings; decoding is not in it."""

    faces: int
    detect_ms: float
    landmarks_ms: float
    embed_ms: float

    def total_ms(self, faces: int | None = None) -> float:
        """All of it; with `faces`, as if so many had been embedded and not as many as were found."""
        share = 1.0 if faces is None or not self.faces else faces / self.faces
        return self.detect_ms + self.landmarks_ms + self.embed_ms * share


class Peer:
    """A dlib in a process of its own, one thread."""

    def __init__(self, label: str, command: list[str], clock: str) -> None:
        self.label = label
        model_files = [_file(PREDICTOR), _file(weights.RESNET)]
        single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [*command, *model_files, clock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **single},
        )
        self._line()

    def run(self, raw: Path, image_bgr: np.ndarray) -> Timing:
        """One picture; `raw` holds its RGB bytes."""
        assert self._process.stdin
        self._process.stdin.write(f"{image_bgr.shape[1]} {image_bgr.shape[0]} {raw}\n")
        self._process.stdin.flush()
        faces, *parts = self._line().split()
        return Timing(int(faces), *(float(part) for part in parts))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            said = self._process.stderr.read().strip().splitlines()
            raise NoPeer(f"it ended: {said[-1] if said else 'without a word'}")
        return line


def raw_file(image_bgr: np.ndarray, name: str) -> Path:
    """The picture's RGB bytes in a file, so that no peer has to decode."""
    path = FOLDER / f"{name}.rgb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB).tobytes())
    return path


def wheel(clock: str) -> Peer:
    """dlib's wheel (dlib-bin), which is built without BLAS."""
    python = _environment()
    return Peer("dlib-bin 20.0.1 (wheel, no BLAS)", [str(python), str(HERE / "dlib_path.py")], clock)


def with_blas(clock: str) -> Peer:
    """dlib's source, compiled once with OpenBLAS and for this processor."""
    return Peer("dlib 20.0.1 -O3 -march=native, OpenBLAS 0.3.34", [str(_compiled())], clock)


def _file(weight: weights.WeightFile) -> str:
    try:
        data = weights.obtain(weight)
    except ManyeyesError as error:
        raise NoPeer(error.detail) from error
    path = FOLDER / Path(weight.member).name
    if not path.is_file() or path.stat().st_size != len(data):
        path.write_bytes(data)
    return str(path)


def _run(command: list[str | Path], what: str) -> None:
    print(f"{what} ...", file=sys.stderr)
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1800)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPeer(f"{what}: {error}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it failed"]
        raise NoPeer(f"{what}: {said[0].strip()[:200]}")


def _environment() -> Path:
    python, ready = FOLDER / "venv" / "bin" / "python", FOLDER / "venv" / "ready"
    if not ready.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", FOLDER / "venv"], "making an environment for dlib")
        _run([python, *_PIP, "install", "-r", HERE / "peers.txt"], "installing dlib's wheel and OpenBLAS")
        ready.touch()
    return python


_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


def _compiled() -> Path:
    program, text = FOLDER / "dlib_path", HERE / "dlib_path.cpp"
    stamp, wanted = FOLDER / "dlib_path.sha256", hashlib.sha256(text.read_bytes()).hexdigest()
    if program.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return program
    if not shutil.which("g++"):
        raise NoPeer("there is no g++ to compile it")
    python = _environment()
    source = _source(python)
    openblas = next((FOLDER / "venv").glob("lib/python*/site-packages/scipy_openblas32")) / "lib"
    headers = "".join(path.read_text("utf-8") for path in (source / "dlib" / "matrix").glob("*.h"))
    # this OpenBLAS has the prefix scipy_ on all its names
    names = sorted(set(re.findall(r"\bcblas_[sdcz][a-z]+(?:_sub)?\b", headers)))
    renamed = [f"-D{name}=scipy_{name}" for name in names]
    files = [f"-I{source}", text, source / "dlib" / "all" / "source.cpp"]
    library = [f"-L{openblas}", "-lscipy_openblas", f"-Wl,-rpath,{openblas}", "-lpthread"]
    _run([*COMPILE, *renamed, *files, *library, "-o", program], "compiling dlib with OpenBLAS (2 minutes)")
    stamp.write_text(wanted)
    return program


def _source(python: Path) -> Path:
    if not (FOLDER / SOURCE / "dlib").is_dir():
        options = ["--no-deps", "--no-binary", "dlib", "--no-build-isolation", "-d", FOLDER]
        _run([python, *_PIP, "download", *options, SOURCE.replace("-", "==")], "fetching dlib's source")
        archive = FOLDER / f"{SOURCE}.tar.gz"
        seen = hashlib.sha256(archive.read_bytes()).hexdigest()
        if seen != SOURCE_SHA256:
            raise NoPeer(f"{archive.name} has SHA-256 {seen}, expected {SOURCE_SHA256}")
        with tarfile.open(archive) as opened:
            opened.extractall(FOLDER, filter="data")
    return FOLDER / SOURCE
