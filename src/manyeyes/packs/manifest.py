"""`pack.toml`: what a pack is, which files it has, and how to tell that it works."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from manyeyes.errors import PackDamaged
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.recognition.models.manifest_parts import (
    DetectorPart,
    EmbedderPart,
    InnerPath,
    Matching,
    pack_embedder_id,
)

MANIFEST_NAME = "pack.toml"
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pin = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*$", max_length=128),
]
"""`name==version` and nothing else, because an installer gets this text."""
PythonVersion = Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")]
PlainName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PackFile(_Part):
    """A file of the pack; `path` is relative, with forward slashes, and cannot leave the folder."""

    path: InnerPath
    sha256: Sha256
    size_bytes: int


class Weight(_Part):
    """Where the weights in a file come from: origin, licence, and the SHA-256 of the original file."""

    file: InnerPath
    origin: str
    licence: str
    source_sha256: Sha256


class SelfTest(_Part):
    """Expected numbers of `manyeyes.recognition.selfcheck.numbers`, and how far they may be off."""

    tolerance: float
    expected: dict[str, list[float]]
    tolerances: dict[str, float] = {}
    """Outputs with a tolerance of their own."""

    def tolerance_of(self, output: str) -> float:
        """How far the numbers of one output may be off."""
        return self.tolerances.get(output, self.tolerance)


class Manifest(_Part):
    """The whole of `pack.toml`."""

    name: PlainName
    version: PlainName
    kind: str
    entry_point: str
    requirements: tuple[Pin, ...]
    """All packages that the recogniser imports, and all packages that these need."""
    hashes: dict[PlainName, tuple[Sha256, ...]] = {}
    """Name, as `pins.plain` writes it → SHA-256 of the wheels that the requirement may be installed from."""
    pythons: tuple[PythonVersion, ...] = ()
    """The Python versions (X.Y) that `wheels` fit; empty if there are no wheels."""
    memory_mb: int
    files: tuple[PackFile, ...]
    wheels: tuple[PackFile, ...] = ()
    """The requirements as wheels, for nodes that reach no package index; a node fetches them if needed."""
    weights: tuple[Weight, ...] = ()
    detector: DetectorPart = DetectorPart()
    embedder: EmbedderPart = EmbedderPart()
    matching: Matching = Matching()
    self_test: SelfTest
    calibration: Calibration | None = None
    """None: thresholds are given by distance, not by false-match rate."""

    @property
    def label(self) -> str:
        """Name and version as `faces@1.0.0`."""
        return f"{self.name}@{self.version}"

    @property
    def embedder_id(self) -> str:
        """The id of the pack's embedder; packs with the same id share a gallery."""
        files = {file.path: file.sha256 for file in self.files}
        sources = {weight.file: weight.source_sha256 for weight in self.weights}
        return pack_embedder_id(self.embedder, self.label, files, sources)

    def to_toml(self) -> str:
        """The manifest as TOML; `parse` reads it back equal."""
        lines = [
            f"{key} = {_value(getattr(self, key))}" for key in ("name", "version", "kind", "entry_point")
        ]
        lines += ["requirements = [", *(f"    {_value(item)}," for item in self.requirements), "]"]
        if self.pythons:
            lines.append(f"pythons = {_value(self.pythons)}")
        lines.append(f"memory_mb = {self.memory_mb}")
        if self.hashes:
            lines += ["", "[hashes]", *(f"{name} = {_value(hashes)}" for name, hashes in self.hashes.items())]
        for table, parts in (("files", self.files), ("wheels", self.wheels), ("weights", self.weights)):
            for part in parts:
                lines += ["", f"[[{table}]]", *(f"{k} = {_value(v)}" for k, v in part.model_dump().items())]
        for table in ("detector", "embedder", "matching"):
            given = getattr(self, table).model_dump(exclude_none=True)
            lines += ["", f"[{table}]", *(f"{key} = {_value(value)}" for key, value in given.items())]
        if self.calibration is not None:
            figures = self.calibration.model_dump().items()
            lines += ["", "[calibration]", *(f"{key} = {_value(value)}" for key, value in figures)]
        lines += ["", "[self_test]", f"tolerance = {self.self_test.tolerance!r}", "", "[self_test.expected]"]
        lines += [f"{key} = {_value(values)}" for key, values in self.self_test.expected.items()]
        if self.self_test.tolerances:
            lines += ["", "[self_test.tolerances]"]
            lines += [f"{key} = {value!r}" for key, value in self.self_test.tolerances.items()]
        return "\n".join(lines) + "\n"


def parse(text: str, *, where: str = MANIFEST_NAME) -> Manifest:
    """Read a manifest's text.

    Raises:
        PackDamaged: the text is not TOML, or a field is missing, unknown or malformed; the message names it.
    """
    try:
        return Manifest.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise PackDamaged(f"{where}: {place}: {first['msg']}; build or fetch the pack again") from error
    except ValueError as error:
        raise PackDamaged(f"{where} is not TOML: {error}; build or fetch the pack again") from error


def read(folder: Path) -> Manifest:
    """Read the manifest in a pack's folder; raises PackDamaged."""
    path = folder / MANIFEST_NAME
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackDamaged(f"{path} cannot be read: {error}; build or fetch the pack again") from error
    return parse(text, where=str(path))


def _value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value)  # ASCII with \\u escapes: a string of JSON is a string of TOML
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(repr(item) for item in value) + "]"
    return repr(value)
