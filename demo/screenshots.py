"""Pictures of every page of the console: empty and busy, wide and phone, light and dark; `make screenshots` runs it.

They lie in `screenshots-out/`, or in OUT. `--for-docs` writes the few that the documentation shows, whose pages hold no
pictures of people, into `docs/pictures/`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from manyeyes import Client
from manyeyes.errors import PictureError
from manyeyes.packs.store import ensure_default
from manyeyes.sdk.context import load_context
from portraits import NoPortraits, portraits

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "scripts")]

from background import MANYEYES, Background, free_port  # noqa: E402
from tests.e2e.pictures import write_many  # noqa: E402

SIZES = {
    "wide": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
    "docs": {"width": 1280, "height": 1040},
}
NODES = ("attic", "studio")
PICTURES = 60
PEOPLE = {"obama.jpg": "Barack Obama", "biden.jpg": "Joe Biden"}


@dataclass(frozen=True)
class Shot:
    """A page, and what is done on it before it is shown."""

    name: str
    path: str
    is_busy: bool = True
    for_docs: bool = False
    sends: bool = False
    """Pictures are chosen on it, and answered."""
    opens: str = ""
    """What is clicked before it is shown, as a selector."""


SHOTS = (
    Shot("overview-empty", "/", is_busy=False),
    Shot("recognise-empty", "/recognise", is_busy=False),
    Shot("people-empty", "/people", is_busy=False),
    Shot("unknown-faces-off", "/people/unknown", is_busy=False),
    Shot("nodes-one", "/nodes", is_busy=False),
    Shot("logs-empty", "/logs", is_busy=False),
    Shot("settings-first", "/settings", is_busy=False),
    Shot("overview", "/"),
    Shot("overview-large", "/", opens=".pictures-open"),
    Shot("recognise", "/recognise", sends=True),
    Shot("people", "/people"),
    Shot("person", "/people/person?name={person}"),
    Shot("unknown-faces", "/people/unknown"),
    Shot("nodes", "/nodes", for_docs=True),
    Shot("node", "/nodes/{node}", for_docs=True),
    Shot("logs", "/logs"),
    Shot("trace", "/logs?trace={trace}", for_docs=True),
    Shot("settings", "/settings", for_docs=True),
    Shot("no-such-page", "/no-such-page"),
    Shot("no-such-node", "/nodes/nobody"),
    Shot("no-such-person", "/people/person?name=Nobody"),
)


@dataclass
class Fleet:
    """A master with nodes, and what its pages are about."""

    data: Path
    url: str
    known: dict[str, str]
    pictures: list[Path]
    """What is chosen on the page Recognise."""


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """A master with one node on this machine."""
    data = folder / "up"
    ensure_default(data)
    env = {"MANYEYES_CONTEXT": str(data / "context.json")}
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    service = Background.start(
        [MANYEYES, "up", "--data", str(data), *ports, "--workers", "1"], folder / "up.log", env
    )
    try:
        service.wait_ready()
        yield Fleet(data, load_context(data / "context.json").url, {}, [])
    finally:
        service.stop()


@contextmanager
def made_busy(made: Fleet, folder: Path) -> Iterator[None]:
    """More nodes, people, pictures, a failed picture, unknown faces."""
    with ExitStack() as stack, Client(load_context(made.data / "context.json")) as client:
        for name in NODES:
            token = client.create_token().token
            command = [
                MANYEYES,
                "node",
                "--join",
                token,
                "--data",
                str(folder / name),
                "--name",
                name,
                "--workers",
                "1",
            ]
            node = Background.start(command, folder / f"{name}.log")
            stack.callback(node.stop)
            node.wait_ready()
        client.faces.keep(7 * 86_400)
        photos = {}
        try:
            photos = portraits()
        except NoPortraits as error:
            print(f"no portraits of people: {error}", file=sys.stderr)
        for file_name, name in PEOPLE.items():
            if file_name in photos:
                client.add_person(name, photos[file_name])
        write_many(folder / "pictures", PICTURES)
        trace = ""
        for number, path in enumerate(sorted((folder / "pictures").iterdir())):
            trace = client.recognize(path).result.trace_id or trace
            if number % 20 == 0:
                with contextlib.suppress(PictureError):
                    client.recognize(b"this is no picture")
        for photo in photos.values():
            client.recognize(photo)
        client.tell_node(NODES[1], "pause")
        broken = folder / "broken.jpg"
        broken.write_bytes(b"this is no picture")
        made.pictures = [*photos.values(), *sorted((folder / "pictures").iterdir())[:3], broken]
        made.known = {"person": quote(next(iter(PEOPLE.values()))), "node": NODES[0], "trace": trace}
        yield


def signed_in(browser: Browser, made: Fleet, size: str, theme: str) -> Page:
    """A window of the console."""
    window = browser.new_context(
        ignore_https_errors=True,
        viewport=SIZES[size],
        color_scheme=theme,
        reduced_motion="reduce",  # type: ignore[arg-type]
    )
    page = window.new_page()
    page.goto(made.url)
    page.get_by_label("API key").fill(load_context(made.data / "context.json").api_key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")
    return page


def shoot(
    browser: Browser, made: Fleet, shots: Sequence[Shot], out: Path, looks: Sequence[tuple[str, str]]
) -> None:
    """Write each shot in each look."""
    for size, theme in looks:
        page = signed_in(browser, made, size, theme)
        for shot in shots:
            page.goto(f"{made.url}/console{shot.path.format(**made.known)}")
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_function("() => window.did_handshake === true")
            page.wait_for_load_state("networkidle")
            if shot.sends:
                page.set_input_files("#rec-files", made.pictures)
                page.wait_for_function(
                    """count => document.querySelectorAll(
                        '[role=option][data-state=done], [role=option][data-state=failed]').length === count""",
                    arg=len(made.pictures),
                )
            if shot.opens:
                page.locator(shot.opens).first.click()
                page.locator("dialog table").wait_for()
            time.sleep(0.7)  # what a page asks for after it stands
            name = shot.name if shot.for_docs and len(looks) == 1 else f"{shot.name}-{size}-{theme}"
            page.screenshot(path=str(out / f"{name}.png"), full_page=len(looks) > 1)
            print(out / f"{name}.png")
        page.context.close()


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=REPO / "screenshots-out")
    parser.add_argument("--for-docs", action="store_true")
    args = parser.parse_args()
    executable = shutil.which("chromium") or sys.exit(
        "no chromium on this machine; on Debian: apt-get install chromium"
    )
    out: Path = REPO / "docs" / "pictures" if args.for_docs else args.out
    out.mkdir(parents=True, exist_ok=True)
    looks = (
        [("docs", "light")]
        if args.for_docs
        else [(s, t) for s in ("wide", "phone") for t in ("light", "dark")]
    )
    os.environ.setdefault("MANYEYES_CACHE", str(REPO / ".cache" / "weights"))
    with (
        tempfile.TemporaryDirectory(prefix="manyeyes-shots-") as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"]) as browser,
        fleet(Path(folder)) as made,
    ):
        if not args.for_docs:
            shoot(browser, made, [shot for shot in SHOTS if not shot.is_busy], out, looks)
        with made_busy(made, Path(folder)):
            busy = [shot for shot in SHOTS if shot.is_busy and (shot.for_docs or not args.for_docs)]
            shoot(browser, made, busy, out, looks)


if __name__ == "__main__":
    main()
