"""What open consoles cost a busy master, and how soon a page can be used; `make bench-consoles`.

Rounds without and with open pages alternate while pictures are sent at a fixed pace; bench/README.md says more.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from machine import machine
from manyeyes import AsyncClient, Client
from manyeyes.packs.store import ensure_default
from manyeyes.sdk.context import Context, load_context
from open_pages import COOKIE, open_pages

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "scripts")]

from background import MANYEYES, Background, free_port  # noqa: E402
from tests.e2e.pictures import write_many  # noqa: E402

PATHS = ("/", "/nodes", "/", "/logs", "/people", "/", "/nodes", "/logs", "/recognise", "/settings")
"""What ten people look at."""
SETTLE_S = 4.0
VISITS = 5


@dataclass
class Round:
    """One round's figures."""

    cpu_share: float
    """Of one core, the master's process alone."""
    latency_ms: list[float] = field(default_factory=list)
    messages_per_s: float = 0.0


async def _sending(client: AsyncClient, pictures: list[bytes], per_s: float, seconds: float) -> list[float]:
    """Send at a fixed pace, whatever the answers take; how long each took, ms."""
    took: list[float] = []

    async def one(number: int) -> None:
        began = time.perf_counter()
        await client.recognize(pictures[number % len(pictures)])
        took.append((time.perf_counter() - began) * 1e3)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_s - time.perf_counter()))
            group.create_task(one(number), name=f"picture {number}")
    return took


async def _round(
    context: Context,
    client: AsyncClient,
    pictures: list[bytes],
    args: argparse.Namespace,
    master: psutil.Process,
    paths: list[str],
) -> Round:
    session = await client.sign_in()
    trust = ssl.create_default_context(cadata=context.ca_pem)
    async with open_pages(context.url, session.token, paths, trust) as told:
        await _sending(client, pictures, args.per_s, SETTLE_S)
        before, cpu = told[0], sum(master.cpu_times()[:2])
        began = time.perf_counter()
        took = await _sending(client, pictures, args.per_s, args.seconds)
        share = (sum(master.cpu_times()[:2]) - cpu) / (time.perf_counter() - began)
        return Round(share, took, (told[0] - before) / (time.perf_counter() - began))


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _table(rounds: dict[int, list[Round]]) -> str:
    lines = [
        "| open pages | master, % of a core | a picture, median ms | p95 ms | messages to a page a second |",
        "|---|---|---|---|---|",
    ]
    for count, found in rounds.items():
        p95 = _median([statistics.quantiles(r.latency_ms, n=20)[-1] for r in found])
        sent = _median([r.messages_per_s / max(1, count) for r in found])
        lines.append(
            f"| {count} | {100 * _median([r.cpu_share for r in found]):.1f} | "
            f"{_median([_median(r.latency_ms) for r in found]):.1f} | {p95:.1f} | {sent:.2f} |"
        )
    none, ten = list(rounds.values())
    more = [100 * (b.cpu_share - a.cpu_share) for a, b in zip(none, ten, strict=True)]
    slower = [_median(b.latency_ms) / _median(a.latency_ms) for a, b in zip(none, ten, strict=True)]
    lines.append("")
    lines.append(
        f"{list(rounds)[1]} open pages cost {_median(more):.1f} % of a core more (rounds: {min(more):.1f} to {max(more):.1f}); "
        f"a picture takes {_median(slower):.3f} times as long (rounds: {min(slower):.3f} to {max(slower):.3f})"
    )
    return "\n".join(lines)


def _usable_s(context: Context, token: str) -> str:
    """A table of how soon each page could be used, in a browser that has nothing yet and in one that knows the console."""
    executable = shutil.which("chromium")
    if executable is None:
        return "no chromium here: how soon a page can be used was not measured"
    lines = ["| page | first visit, median s (worst) | later, median s (worst) |", "|---|---|---|"]
    cookie = {"name": COOKIE, "value": token, "url": context.url, "secure": True, "httpOnly": True}
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"]) as browser,
    ):

        def visit(page: Page, path: str) -> float:
            began = time.perf_counter()
            page.goto(f"{context.url}/console{path}")
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_function("() => window.did_handshake === true")
            return time.perf_counter() - began

        for path in dict.fromkeys(PATHS):
            first, later = [], []
            for _ in range(VISITS):
                with browser.new_context(ignore_https_errors=True) as window:
                    window.add_cookies([cookie])  # type: ignore[list-item]
                    page = window.new_page()
                    first.append(visit(page, path))
                    later.append(visit(page, path))
            told = [f"{_median(found):.2f} ({max(found):.2f})" for found in (first, later)]
            lines.append(f"| {path} | {told[0]} | {told[1]} |")
    return "\n".join(lines)


async def _measure(
    context: Context, master: psutil.Process, args: argparse.Namespace, pictures: list[bytes]
) -> str:
    rounds: dict[int, list[Round]] = {0: [], args.pages: []}
    chosen = tuple(args.path or PATHS)
    paths = [chosen[number % len(chosen)] for number in range(args.pages)]
    async with AsyncClient(context) as client:
        await client.wait_ready()
        for _ in range(args.rounds):
            rounds[0].append(await _round(context, client, pictures, args, master, []))
            rounds[args.pages].append(await _round(context, client, pictures, args, master, paths))
    return _table(rounds)


def main() -> None:
    """Print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--per-s", type=float, default=12.0, help="pictures a second")
    parser.add_argument("--path", action="append", help="look at these pages only, as /logs; repeatable")
    args = parser.parse_args()
    print(f"{machine('nicegui')}\n")
    with tempfile.TemporaryDirectory(prefix="manyeyes-bench-") as folder:
        data = Path(folder) / "up"
        ensure_default(data)
        write_many(Path(folder) / "pictures", 40)
        pictures = [path.read_bytes() for path in sorted((Path(folder) / "pictures").iterdir())]
        ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
        service = Background.start(
            [MANYEYES, "up", "--data", str(data), *ports, "--workers", "1"], Path(folder) / "up.log"
        )
        try:
            service.wait_ready()
            context = load_context(data / "context.json")
            print(asyncio.run(_measure(context, psutil.Process(service.process.pid), args, pictures)), "\n")
            with Client(context) as client:
                print(_usable_s(context, client.sign_in().token))
        finally:
            service.stop()


if __name__ == "__main__":
    main()
