"""Checks that a pack's files are what its manifest says, and that its models run here."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path

from manyeyes.errors import PackDamaged
from manyeyes.packs.manifest import Manifest, read

EXAMPLES = "examples/"
_AGAIN = "build or fetch the pack again"


IMPORTABLE = (".py", ".pyc", ".so")


def verify(folder: Path, *, wheels: bool = True) -> Manifest:
    """Check every file of a pack against the manifest's sizes and SHA-256; returns the manifest.

    Args:
        wheels: whether to check the wheels too; a node does not store them.

    Raises:
        PackDamaged: names the file, what was expected and what was seen.
    """
    manifest = read(folder)
    for file in (*manifest.files, *(manifest.wheels if wheels else ())):
        path = folder / file.path
        try:
            size = path.stat().st_size
            if size != file.size_bytes:
                raise PackDamaged(f"{path} has {size} bytes, expected {file.size_bytes}; {_AGAIN}")
            with path.open("rb") as opened:
                seen = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise PackDamaged(f"{path} cannot be read: {error}; {_AGAIN}") from error
        if seen != file.sha256:
            raise PackDamaged(f"{path} has SHA-256 {seen}, expected {file.sha256}; {_AGAIN}")
    return manifest


def refuse_strange_code(folder: Path, manifest: Manifest) -> None:
    """Refuse a pack's folder that holds importable files which the manifest does not list.

    A pack's own code is imported from this folder.

    Raises:
        PackDamaged: there is such a file; the message names it.
    """
    known = {file.path for file in manifest.files}
    for path in folder.rglob("*"):
        if path.suffix in IMPORTABLE and path.relative_to(folder).as_posix() not in known:
            raise PackDamaged(f"{path} is none of the pack's files and could be imported; it is not run")


def examples(folder: Path, manifest: Manifest) -> list[Path]:
    """The example pictures among a pack's files, in their order."""
    return [folder / file.path for file in manifest.files if file.path.startswith(EXAMPLES)]


def self_test(folder: Path) -> Manifest:
    """Run the pack's models and compare their outputs with the manifest's numbers.

    The input is synthetic, and the pack's examples if it has any. Call `verify` first: this function opens
    the files. It works for packs of the kind "faces".

    Raises:
        PackDamaged: an output differs; the message names the output, the expected and the seen number.
    """
    from manyeyes.recognition import selfcheck
    from manyeyes.recognition.recognizer import Recognizer

    manifest = read(folder)
    module, _, function = manifest.entry_point.partition(":")
    recognizer = getattr(import_module(module), function)(folder)
    if not isinstance(recognizer, Recognizer):
        raise PackDamaged(
            f"{manifest.label}: {manifest.entry_point} gave a {type(recognizer).__name__}; {_AGAIN}"
        )
    measured = selfcheck.numbers(recognizer)
    measured |= selfcheck.example_numbers(
        recognizer, [path.read_bytes() for path in examples(folder, manifest)]
    )
    expected = manifest.self_test.expected
    if measured.keys() != expected.keys():
        raise PackDamaged(
            f"{manifest.label}: self-test covers {sorted(expected)}, not {sorted(measured)}; {_AGAIN}"
        )
    for name, values in expected.items():
        if len(values) != len(measured[name]):
            raise PackDamaged(f"{manifest.label}: self-test {name} has {len(values)} numbers; {_AGAIN}")
        tolerance = manifest.self_test.tolerance_of(name)
        for place, (want, seen) in enumerate(zip(values, measured[name], strict=True)):
            if not abs(want - seen) <= tolerance * max(1.0, abs(want)):
                raise PackDamaged(
                    f"{manifest.label}: self-test {name}[{place}] is {seen}, expected {want} "
                    f"± {tolerance}; {_AGAIN}"
                )
    return manifest
