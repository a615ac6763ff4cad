"""`manyeyes packs`: build, list and choose the packs that the nodes run."""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyeyes.cli.build_bar import BuildBar
from manyeyes.cli.output import JsonOption, print_json, print_table, say, tell
from manyeyes.cli.role_options import DataOption, folder_of
from manyeyes.errors import BadRequest
from manyeyes.packs import store
from manyeyes.packs.manifest import Manifest
from manyeyes.packs.verify import self_test, verify
from manyeyes.wording import several

if TYPE_CHECKING:
    from manyeyes.packs.identify import Feed
    from manyeyes.packs.own import Built, PackOptions

app = typer.Typer(help="Recognition packs: the models that the nodes run.", no_args_is_help=True)

WantedArgument = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A pack in the data folder.")]
_OWN = "A pack of your own models"
_FEED = "Input of your models, where the files do not say"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _own(help: str, **more: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=_OWN, show_default=False, **more)


def _feed(help: str, **more: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=_FEED, show_default=False, **more)


@app.command()
def build(
    data: DataOption = None,
    name: Annotated[str | None, _own("The pack's name.", metavar="NAME")] = None,
    version: Annotated[str, _own("The pack's version; 1.0.0 by default.", metavar="VERSION")] = "1.0.0",
    detector: Annotated[Path | None, _own("ONNX file of YuNet or of SCRFD with landmarks.")] = None,
    embedder: Annotated[Path | None, _own("ONNX file of the ArcFace kind, 112×112; also SFace.")] = None,
    examples: Annotated[
        Path | None, _own("Folder of pictures to measure with: those in NAME/ show the person NAME.")
    ] = None,
    include_examples: Annotated[
        bool, _own("Put the examples into the pack; every node gets them for its self-test.")
    ] = False,
    threshold: Annotated[
        float | None, _own("Largest distance of two faces of one person; by default from examples.", min=0)
    ] = None,
    wheels: Annotated[
        bool,
        typer.Option("--wheels", help="Put its Python packages into the pack, for nodes without an index."),
    ] = False,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X.Y",
            help="Python version of the nodes that --wheels is for; this machine's by default, repeatable.",
            show_default=False,
        ),
    ] = None,
    licence: Annotated[str, _own("Licence of the models; stored in the pack.")] = "not stated",
    detector_kind: Annotated[str | None, _feed("Kind of the detector.", metavar="yunet|scrfd")] = None,
    embedder_kind: Annotated[str | None, _feed("Kind of the embedder.", metavar="arcface|sface")] = None,
    size: Annotated[str | None, _feed("Of the detector; 640x640 by default.", metavar="WIDTHxHEIGHT")] = None,
    score: Annotated[float | None, _feed("Lowest score of a face, 0 to 1.", min=0.01, max=0.99)] = None,
    mean: Annotated[str | None, _feed("Mean of the embedder's input, or three: R,G,B.", metavar="X")] = None,
    std: Annotated[str | None, _feed("Its standard deviation, or three: R,G,B.", metavar="X")] = None,
    rgb: Annotated[
        bool | None, typer.Option("--rgb/--bgr", help="Channel order of the embedder.", rich_help_panel=_FEED)
    ] = None,
    detector_mean: Annotated[str | None, _feed("As --mean, for the detector.", metavar="X")] = None,
    detector_std: Annotated[str | None, _feed("As --std, for the detector.", metavar="X")] = None,
    detector_rgb: Annotated[
        bool | None,
        typer.Option(
            "--detector-rgb/--detector-bgr", help="As --rgb, for the detector.", rich_help_panel=_FEED
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build the default pack; or, with --name, a pack of your own models.

    Example: manyeyes packs build --name ours --detector yunet.onnx --embedder sface.onnx --examples people/
    Example: manyeyes packs build --wheels --python 3.11 --python 3.12
    """
    given = (detector, embedder, examples, threshold, detector_kind, embedder_kind, size, score, mean, std)
    carried = _pythons(wheels, python)
    if name is None:
        if any(value is not None for value in given):
            raise BadRequest("a pack of your own models needs a --name")
        _build_default(folder_of(data), carried, as_json)
        return
    from manyeyes.packs.own import PackOptions

    for what in (name, version):
        if not _NAME.fullmatch(what):
            raise BadRequest(
                f"{what!r} is not a name or version: letters, digits and ._- are allowed, 64 at most"
            )
    options = PackOptions(
        name=name,
        version=version,
        detector=detector,
        embedder=embedder,
        detector_kind=_one_of(
            "--detector-kind", detector_kind, ("yunet", "scrfd"), "centerface is in the default pack"
        ),
        embedder_kind=_one_of(
            "--embedder-kind", embedder_kind, ("arcface", "sface"), "dlib is in the default pack"
        ),
        detector_feed=_feed_of("--detector-", detector_mean, detector_std, detector_rgb),
        embedder_feed=_feed_of("--", mean, std, rgb),
        size_px=_size(size),
        score=score,
        threshold=threshold,
        licence=licence,
        examples=examples,
        include_examples=include_examples,
    )
    _build_own(folder_of(data), options, carried, as_json)


def _pythons(wheels: bool, given: list[str] | None) -> tuple[str, ...]:
    """The Python versions whose wheels the pack contains; empty without --wheels."""
    if not wheels:
        if given:
            raise BadRequest("--python says what --wheels are for; add --wheels")
        return ()
    for version in given or ():
        if not re.fullmatch(r"3\.[0-9]{1,2}", version):
            raise BadRequest(f"--python is {version!r}; a version as 3.12 is possible")
    return tuple(given or (f"{sys.version_info.major}.{sys.version_info.minor}",))


def _carry(folder: Path, manifest: Manifest, pythons: tuple[str, ...]) -> Manifest:
    """Add wheels for `pythons` to the pack, if there are any."""
    if not pythons:
        return manifest
    from manyeyes.packs.wheels import add_wheels

    carried = add_wheels(folder, pythons)
    size = sum(file.size_bytes for file in carried.wheels)
    say(
        f"{carried.label} has {several(len(carried.wheels), 'wheel')}, {size / 1e6:.0f} MB, for Python "
        f"{' and '.join(carried.pythons)} on machines like this one"
    )
    return carried


def _build_default(data: Path, pythons: tuple[str, ...], as_json: bool) -> None:
    bar = BuildBar()
    start = time.monotonic()
    try:
        folder = store.ensure_default(data, bar)
    finally:
        bar.stop()
    manifest = _carry(folder, self_test(folder), pythons)
    seconds = time.monotonic() - start
    if as_json:
        print_json(
            {
                "pack": manifest.label,
                "folder": str(folder),
                "seconds": round(seconds, 1),
                "wheels": len(manifest.wheels),
                "pythons": manifest.pythons,
            }
        )
    else:
        say(f"{manifest.label} is in {folder}, self-test passed ({seconds:.1f} s)")


def _build_own(data: Path, options: PackOptions, pythons: tuple[str, ...], as_json: bool) -> None:
    from manyeyes.packs.own import build_own

    bar = BuildBar()
    try:
        default = store.ensure_default(data, bar)
    finally:
        bar.stop()
    built = build_own(options, default, store.folder_of(data, options.name, options.version))
    _carry(built.folder, built.manifest, pythons)
    if as_json:
        print_json(_as_json(built))
    else:
        _show_report(built)


def _as_json(built: Built) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pack": built.manifest.label,
        "folder": str(built.folder),
        "embedder": built.manifest.embedder_id,
        "threshold": built.manifest.matching.threshold,
        "threshold_from": built.threshold_from,
    }
    if report := built.report:
        suggestion = report.suggestion
        found["examples"] = [
            {
                "path": str(e.path),
                "person": e.person,
                "faces": e.faces,
                "ms": round(e.took_ms, 1),
                "error": e.error,
            }
            for e in report.examples
        ]
        found |= {
            "genuine": report.genuine,
            "impostor": report.impostor,
            "median_ms": round(report.median_ms, 1),
        }
        found["suggestion"] = vars(suggestion) if suggestion else None
    return found


def _show_report(built: Built) -> None:
    manifest = built.manifest
    if report := built.report:
        rows = [
            (e.path.name, e.person or "-", e.error or e.faces, f"{e.took_ms:.1f}") for e in report.examples
        ]
        print_table(
            ("picture", "person", "faces", "ms"),
            rows,
            "",
            text=("faces",),
            drop=("ms", "person"),
            below="faces",
        )
        for what, values in (("one person", report.genuine), ("two people", report.impostor)):
            if values:
                middle = values[len(values) // 2]
                tell(
                    f"distances of {what}: {values[0]:.3f} to {values[-1]:.3f}, median {middle:.3f}, n={len(values)}"
                )
        if suggestion := report.suggestion:
            tell(
                f"suggested threshold {suggestion.threshold}: {suggestion.misses} of {len(report.genuine)} missed, "
                f"{suggestion.false_names} of {len(report.impostor)} false"
            )
    say(
        f"{manifest.label} is in {built.folder}, self-test passed; detector {manifest.detector.kind}, embedder "
        f"{manifest.embedder_id}, threshold {manifest.matching.threshold} (from {built.threshold_from})"
    )
    say(f"'manyeyes packs use {manifest.label}' makes the master serve it from its next start on")


@app.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the packs in the data folder.

    Example: manyeyes packs list
    """
    folder = folder_of(data)
    found, current = store.installed(folder), store.in_use(folder)
    if as_json:
        print_json({"packs": [_summary(pack, current) for pack in found]})
        return
    rows = [
        (
            pack.name,
            pack.version,
            "yes" if pack.label == current else "",
            pack.detector.kind,
            pack.embedder_id,
            sum(f.size_bytes for f in pack.files) >> 20,
        )
        for pack in found
    ]
    columns = ("name", "version", "in use", "detector", "embedder", "MiB")
    nothing = "no pack yet; 'manyeyes packs build' makes the default one"
    print_table(columns, rows, nothing, drop=("embedder", "detector"))


def _summary(pack: Manifest, current: str) -> dict[str, Any]:
    return {
        "name": pack.name,
        "version": pack.version,
        "kind": pack.kind,
        "detector": pack.detector.kind,
        "embedder": pack.embedder_id,
        "threshold": pack.matching.threshold,
        "in_use": pack.label == current,
    }


@app.command()
def show(wanted: WantedArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show what a pack consists of, after checking its files against their digests.

    Example: manyeyes packs show faces
    """
    folder = folder_of(data)
    pack = verify(store.find(folder, wanted))
    if as_json:
        print_json(_summary(pack, store.in_use(folder)) | pack.model_dump(mode="json", exclude={"self_test"}))
        return
    tell(f"{pack.label}{' (in use)' if pack.label == store.in_use(folder) else ''}: {pack.entry_point}")
    for title, part in (
        ("detector", pack.detector),
        ("embedder", pack.embedder),
        ("matching", pack.matching),
    ):
        facts = part.model_dump(
            exclude_none=True, exclude_defaults=pack.detector.kind == "centerface" and part == pack.detector
        )
        tell(f"{title}: {', '.join(f'{key} {_plain(value)}' for key, value in facts.items())}")
    tell(f"gallery: {pack.embedder_id}")
    tell(f"requirements: {len(pack.requirements)}, {_wheels_of(pack)}")
    origins = {weight.file: weight for weight in pack.weights}
    rows = [
        (
            file.path,
            file.size_bytes,
            origins[file.path].licence if file.path in origins else "-",
            file.sha256[:16],
        )
        for file in pack.files
    ]
    print_table(("file", "bytes", "licence", "sha256"), rows, "no files", text=("licence",))


def _wheels_of(pack: Manifest) -> str:
    if not pack.wheels:
        return "from the package index; any Python from 3.11 on for which it has them"
    size = sum(file.size_bytes for file in pack.wheels)
    return f"{several(len(pack.wheels), 'wheel')} in the pack, {size / 1e6:.0f} MB, for Python {' and '.join(pack.pythons)}"


@app.command()
def use(wanted: WantedArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Make the master serve a pack from its next start on.

    Example: manyeyes packs use faces
    """
    pack = store.use(folder_of(data), wanted)
    if as_json:
        print_json({"in_use": pack.label, "embedder": pack.embedder_id})
    else:
        say(f"{pack.label} is served from the next start on; its gallery is that of {pack.embedder_id}")


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _one_of(flag: str, value: str | None, known: tuple[str, ...], hint: str) -> Any:
    if value is not None and value not in known:
        raise BadRequest(f"{flag} is {value}; {' and '.join(known)} are known ({hint})")
    return value


def _feed_of(prefix: str, mean: str | None, std: str | None, rgb: bool | None) -> Feed:
    from manyeyes.packs.identify import Feed

    channels = None if rgb is None else "rgb" if rgb else "bgr"
    spread = _three(f"{prefix}std", std)
    if spread is not None and 0.0 in spread:
        raise BadRequest(f"{prefix}std is {std}; pixels are divided by it, so it cannot be 0")
    return Feed(_three(f"{prefix}mean", mean), spread, channels)  # type: ignore[arg-type]


def _three(flag: str, text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not all(map(math.isfinite, values)):
        values = ()
    if len(values) == 1:
        values *= 3
    if len(values) != 3:
        raise BadRequest(f"{flag} is {text!r}; one number or three with commas are possible, as 127.5")
    return (values[0], values[1], values[2])


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if not found:
        raise BadRequest(f"--size is {text!r}; WIDTHxHEIGHT is possible, as 640x480")
    return int(found[1]), int(found[2])
