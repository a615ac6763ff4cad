"""Bytes over the wire, counted at the cables: user, master and node are hosts of their own.

`make wire` runs it (root: it makes network namespaces) and prints Markdown; bench/README.md says what is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import machine
from manyeyes.packs.store import ensure_default

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "scripts")]

from background import MANYEYES, Background  # noqa: E402
from tests.e2e.hosts import Host, lab, why_not  # noqa: E402

from squeezed import compression_table  # noqa: E402
from wire_pictures import pictures  # noqa: E402

LINE_MBIT = 1000
SLOW_MBIT = 4
IDLE_S = 20.0
SETTLE_S = 4.0
ANSWERS = {
    "--draw there": ("--draw", "there"),
    "--draw here": ("--draw", "here"),
    "--json": ("--json",),
}


@dataclass(frozen=True)
class Count:
    """Bytes on a host's cable, Ethernet headers included."""

    sent: float
    received: float

    def __sub__(self, other: Count) -> Count:
        return Count(self.sent - other.sent, self.received - other.received)

    def __truediv__(self, by: float) -> Count:
        return Count(self.sent / by, self.received / by)

    def __mul__(self, by: float) -> Count:
        return Count(self.sent * by, self.received * by)


def counted(host: Host) -> Count:
    """The counters of the host's interface."""
    command = ["ip", "-j", "-s", "-n", host.namespace, "link", "show", "eth0"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(shown)[0]["stats64"]
    return Count(found["tx"]["bytes"], found["rx"]["bytes"])


@dataclass
class Fleet:
    """The hosts with a master and a node running, and the context for the user's commands."""

    hosts: dict[str, Host]
    env: dict[str, str]
    folder: Path
    idle: Count = Count(0, 0)
    """Of the node, per second."""
    joining: Count = Count(0, 0)
    """Of the node, from its first start until it was ready."""

    def run(self, *command: str) -> str:
        done = self.hosts["user"].run(command, self.env, timeout_s=600)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def ask(self, method: str, path: str, file: Path | None = None) -> bytes:
        asker = [sys.executable, str(REPO / "bench" / "ask.py"), method, path]
        return self.run(*asker, *([str(file)] if file else [])).encode()

    @contextmanager
    def counting(self) -> Iterator[dict[str, Count]]:
        """What user and node sent and received meanwhile; the node's without what it says when idle."""
        found: dict[str, Count] = {}
        before, began_s = {name: counted(self.hosts[name]) for name in ("user", "node")}, time.monotonic()
        yield found
        found |= {name: counted(self.hosts[name]) - count for name, count in before.items()}
        found["node"] -= self.idle * (time.monotonic() - began_s)


@contextmanager
def fleet() -> Iterator[Fleet]:
    """A master, one node of one worker, and a user, each on a host of its own with a line of 1 Gbit/s."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="manyeyes-wire-")))
        hosts = stack.enter_context(lab(["master", "node", "user"]))
        for host in hosts.values():
            host.slow(LINE_MBIT)
            whole = ["ip", "-n", host.namespace, "link", "set", "eth0", "gso_max_segs", "1"]
            subprocess.run(whole, check=True)  # packets as a cable has them, none of 64 KB
        address, data = hosts["master"].address, folder / "master"
        where = ["--data", str(data), "--listen", "0.0.0.0", "--advertise", address]
        pack = ["--pack", str(ensure_default(REPO / ".cache"))]
        start(stack, hosts["master"], folder / "master.log", "master", *where, *pack)
        env = {"MANYEYES_CONTEXT": str(data / "context.json"), "MANYEYES_MASTER": f"https://{address}:8443"}
        found = Fleet(hosts, env, folder)
        token = found.run(MANYEYES, "token").split()[-1]
        joining = ["--data", str(folder / "node"), "--join", token, "--name", "node", "--workers", "1"]
        before = counted(hosts["node"])
        start(stack, hosts["node"], folder / "node.log", "node", *joining)
        found.joining = counted(hosts["node"]) - before
        time.sleep(SETTLE_S)
        before = counted(hosts["node"])
        time.sleep(IDLE_S)
        found.idle = (counted(hosts["node"]) - before) / IDLE_S
        yield found


def start(stack: ExitStack, host: Host, log: Path, *arguments: str) -> Background:
    service = host.popen([MANYEYES, *arguments], log)
    stack.callback(service.stop)
    service.wait_ready()
    return service


def lay_out(folder: Path, suffix: str, content: bytes, copies: int) -> Path:
    folder.mkdir()
    for number in range(copies):
        (folder / f"{number:03}{suffix}").write_bytes(content)
    return folder


def hop_rows(seen: Fleet, sent: Mapping[str, tuple[str, bytes]], copies: int) -> list[str]:
    """The main table: KB a picture on each way, with each kind of answer."""
    rows = [
        f"Each cell: {' / '.join(ANSWERS)}.\n",
        "| picture | file, KB | user → master | master → user | master → node | node → master | all four / file |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, (name, (suffix, content)) in enumerate(sent.items()):
        folder = lay_out(seen.folder / f"in{number}", suffix, content, copies)
        size_kb = len(content) / 1000
        cells: list[list[str]] = []
        for answer, options in ANSWERS.items():
            out = () if answer == "--json" else ("-o", str(seen.folder / f"out{number}{options[-1]}"))
            command = (MANYEYES, "send", str(folder), *out, *options, "--in-flight", "1")
            with seen.counting() as bytes_:
                seen.run(*command)
            user, node = bytes_["user"] / copies / 1000, bytes_["node"] / copies / 1000
            ways = (user.sent, user.received, node.received, node.sent)
            cells.append([*(f"{way:.1f}" for way in ways), f"{sum(ways) / size_kb:.2f}"])
        columns = " | ".join(" / ".join(column) for column in zip(*cells, strict=True))
        rows.append(f"| {name} | {size_kb:.1f} | {columns} |")
    return rows


def pace_rows(seen: Fleet, sent: Mapping[str, tuple[str, bytes]], copies: int) -> list[str]:
    """Pictures a second, with the user's line as it is and slow; every host shares this machine's cores."""
    rows = ["| picture | user's line | there | here |", "|---|---|---|---|"]
    for number, name in enumerate(("JPEG 1280×886, 6 faces", "AVIF 1280×886, 6 faces")):
        folder = lay_out(seen.folder / f"pace{number}", *sent[name], copies)
        for line_mbit in (LINE_MBIT, SLOW_MBIT):
            seen.hosts["user"].slow(line_mbit)
            best = {"there": 0.0, "here": 0.0}
            for attempt in range(2):
                for draw in best:
                    out = seen.folder / f"pace{number}-{line_mbit}-{draw}-{attempt}"
                    told = seen.run(MANYEYES, "send", str(folder), "-o", str(out), "--draw", draw)
                    best[draw] = max(best[draw], float(told.split()[-4]))
            rows.append(f"| {name} | {line_mbit} Mbit/s | {best['there']:.1f} | {best['here']:.1f} |")
    seen.hosts["user"].slow(LINE_MBIT)
    return rows


def standing_rows(seen: Fleet) -> list[str]:
    """What travels without pictures: idling, joining, a change of people."""
    with seen.counting() as bytes_:
        seen.run(MANYEYES, "people", "rename", "Eileen", "Eileen Collins")
        time.sleep(SETTLE_S)
    idle, join, change = seen.idle, seen.joining / 1000, bytes_["node"]
    return [
        "| what | node → master | master → node |",
        "|---|---|---|",
        f"| a node that idles, bytes a second | {idle.sent:.0f} | {idle.received:.0f} |",
        f"| 1,000 such nodes (times 1,000), Mbit/s | {idle.sent * 8e-3:.1f} | {idle.received * 8e-3:.1f} |",
        f"| a node's first start until it is ready, KB | {join.sent:.0f} | {join.received:.0f} |",
        f"| one person renamed, bytes a node | {change.sent:.0f} | {change.received:.0f} |",
    ]


def enrol(seen: Fleet, content: bytes) -> None:
    photo = seen.folder / "eileen.jpg"
    photo.write_bytes(content)
    seen.run(MANYEYES, "people", "add", "Eileen", str(photo))


def results(seen: Fleet, sent: Mapping[str, tuple[str, bytes]]) -> dict[str, bytes]:
    """JSON answers as the gateway writes them, before any compression."""
    found: dict[str, bytes] = {}
    for suffix, content in sent.values():
        file = seen.folder / f"one{suffix}"
        file.write_bytes(content)
        body = seen.ask("POST", "/v1/recognize", file)
        faces = len(json.loads(body)["faces"])
        found.setdefault(f"result, {faces} face{'s' * (faces != 1)}", body)
    node: dict[str, Any] = json.loads(seen.ask("GET", "/v1/nodes"))["nodes"][0]
    many = [node | {"name": f"lab-{number}", "fingerprint": os.urandom(16).hex()} for number in range(1000)]
    found["list of 1,000 nodes (made from one)"] = json.dumps({"nodes": many}).encode()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=12, help="of each picture, sent one after the other")
    parser.add_argument("--only", help="kinds of pictures whose name holds this")
    parser.add_argument("--paced", type=int, default=40, help="pictures of each run for speed; 0: none")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if reason := why_not():
        raise SystemExit(f"this machine cannot play several hosts: {reason}")
    print(machine("opencv-python-headless", "pillow", "simplejpeg", "httpx", "nats-py"), flush=True)
    every = pictures()
    chosen = {name: one for name, one in every.items() if not asked.only or asked.only in name}
    with fleet() as seen:
        enrol(seen, every["JPEG 512×512, 1 face"][1])
        print("\nKB a picture at each hop:\n", *hop_rows(seen, chosen, asked.copies), sep="\n", flush=True)
        print("\nWithout pictures:\n", *standing_rows(seen), sep="\n", flush=True)
        print(
            "\nWhat compression makes of it, bytes:\n",
            *compression_table(results(seen, every), every),
            sep="\n",
        )
        if asked.paced:
            print("\nPictures a second:\n", *pace_rows(seen, every, asked.paced), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
