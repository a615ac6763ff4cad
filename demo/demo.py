"""A master and two nodes on this machine name the faces of public portraits; `make demo` runs it.

Exit status 0 only when every name is right. Whatever it starts, it stops.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from portraits import NoPortraits, portraits

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))

from background import MANYEYES, Background, DidNotStart, free_port  # noqa: E402

OUT = REPO / "demo-out"
OBAMA, BIDEN = "Barack Obama", "Joe Biden"
ENROLLED = {OBAMA: "obama.jpg", BIDEN: "biden.jpg"}


@dataclass(frozen=True)
class Expected:
    """Names that a picture must show, and those that it may show."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()
    faces: int = 0
    """At least so many, named or not."""


EXPECTED = {
    "obama2.jpg": Expected(frozenset({OBAMA})),
    "obama3.jpg": Expected(frozenset({OBAMA})),
    "obama_partial_face.jpg": Expected(frozenset(), frozenset({OBAMA})),
    "obama_partial_face2.jpg": Expected(frozenset(), frozenset({OBAMA})),
    "group.jpg": Expected(frozenset({OBAMA, BIDEN}), faces=3),
}


class CommandFailed(RuntimeError):
    """A manyeyes command ended with a status that is not 0."""


class Steps:
    """Says what is being done, and how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        with self.console.status(what):
            yield
        self.console.print(f"{what:<62} [dim]{time.monotonic() - started:6.1f} s[/dim]")


def manyeyes(*arguments: str, env: dict[str, str]) -> str:
    """Run one command to its end and return what it printed."""
    done = subprocess.run([MANYEYES, *arguments], capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode:
        raise CommandFailed(f"manyeyes {arguments[0]} ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def side_by_side(pictures: Sequence[Image.Image], height_px: int = 600) -> Image.Image:
    """One wide picture of several, all scaled to one height."""
    scaled = [p.convert("RGB").resize((p.width * height_px // p.height, height_px)) for p in pictures]
    canvas = Image.new("RGB", (sum(p.width for p in scaled), height_px))
    left = 0
    for picture in scaled:
        canvas.paste(picture, (left, 0))
        left += picture.width
    return canvas


def lay_out(folder: Path, photos: dict[str, Path]) -> None:
    """The pictures to send: portraits that nobody enrolled, and one group picture."""
    folder.mkdir()
    for name in EXPECTED:
        if name in photos:
            shutil.copy(photos[name], folder / name)
    group = [Image.open(photos["obama2.jpg"]), Image.open(photos["biden.jpg"])]
    side_by_side([*group, Image.fromarray(data.astronaut())]).save(folder / "group.jpg", quality=92)


def judge(results: Path, console: Console) -> bool:
    """Print file -> names; true when each picture shows the people that it must and nobody else."""
    table = Table(title="who is in the pictures", title_justify="left")
    table.add_column("picture", no_wrap=True)
    for column in ("faces", "names found", "names expected", ""):
        table.add_column(column)
    seen: dict[str, dict[str, Any]] = {}
    twice = False
    for line in results.read_text().splitlines():
        record = json.loads(line)
        name = Path(record["file"]).name
        twice |= name in seen
        seen[name] = record
    all_right = not twice and set(seen) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        record = seen.get(name, {"error": {"detail": "no result"}})
        faces, error = record.get("faces") or [], record.get("error")
        names = {face["name"] for face in faces if face["name"]}
        right = not error and expected.must <= names <= expected.must | expected.may
        right &= len(faces) >= expected.faces
        all_right &= right
        shown = f"error: {error['detail']}" if error else ", ".join(sorted(names)) or "-"
        wanted = ", ".join(sorted(expected.must)) or f"nobody, or {', '.join(sorted(expected.may))}"
        table.add_row(name, str(len(faces)), shown, wanted, "[green]right[/]" if right else "[red]wrong[/]")
    console.print(table)
    return all_right


def start(stack: ExitStack, log: Path, *arguments: str, env: dict[str, str]) -> None:
    """A service that is ready, and that the stack stops; its log's end is shown when the demo fails."""
    service = Background.start([MANYEYES, *arguments], log, env)

    def end(kind: type[BaseException] | None, *_: object) -> None:
        told = service.output.splitlines()
        service.stop()
        if kind is CommandFailed:
            print(f"--- the last lines of {log.name}:", *told[-15:], sep="\n")

    stack.push(end)
    service.wait_ready()


def show(console: Console) -> bool:
    """The whole demo; true when every name was right."""
    steps = Steps(console)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="manyeyes-demo-")))
        first, second, inbox = folder / "first", folder / "second", folder / "pictures"
        env = {"MANYEYES_CONTEXT": str(first / "context.json")}
        with steps.step("fetching public portraits (cached after the first time)"):
            photos = portraits()
            lay_out(inbox, photos)
        ports = ("--https-port", str(free_port()), "--nats-port", str(free_port()))
        with steps.step("starting a master and a first node (builds the recogniser once)"):
            up = ("up", "--data", str(first), *ports, "--workers", "1")
            start(stack, folder / "first.log", *up, env=env)
        with steps.step("a second node joins with a token"):
            token = manyeyes("token", "--expires", "10m", env=env).split()[-1]
            node = ("node", "--data", str(second), "--join", token, "--name", "second", "--workers", "1")
            start(stack, folder / "second.log", *node, env={})
        with steps.step("enrolling two persons, one photo each"):
            for name, photo in ENROLLED.items():
                manyeyes("people", "add", name, str(photos[photo]), env=env)
        with steps.step(f"sending {len(EXPECTED)} pictures"):
            shutil.rmtree(OUT, ignore_errors=True)
            manyeyes("send", str(inbox), "-o", str(OUT), "--json", env=env)
        right = judge(OUT / "results.jsonl", console)
        with steps.step("stopping everything"):
            stack.close()
    return right


def main() -> int:
    console = Console()

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    try:
        right = show(console)
    except (NoPortraits, DidNotStart, CommandFailed) as error:
        console.print(f"[red]the demo failed:[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    console.print(f"predicted pictures: [bold]{OUT.relative_to(REPO)}/[/] (results in results.jsonl)")
    console.print(
        "go on: [bold].venv/bin/manyeyes up[/], and in another terminal [bold].venv/bin/manyeyes console[/]; "
        "docs/getting-started.md has more",
        soft_wrap=True,
    )
    if not right:
        console.print("[red]a name is wrong[/]")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
