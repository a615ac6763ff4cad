"""What general compression makes of answers, uploads and heartbeats, and what it costs."""

from __future__ import annotations

import shutil
import subprocess
import time
import zlib
from collections.abc import Callable, Mapping

from manyeyes.contract import Heartbeat, WorkerReport
from manyeyes.node.membership.host import host_facts

_ROUNDS = 5


def _gzip(level: int) -> Callable[[bytes], bytes]:
    return lambda content: zlib.compress(content, level, 16 + zlib.MAX_WBITS)


def _zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-3", "-c"], input=content, capture_output=True, check=True).stdout


def heartbeats() -> dict[str, bytes]:
    """A heartbeat of a node with two workers that idle, as it is and without the host's facts."""
    workers = tuple(WorkerReport(index=number, state="idle", pid=31_000 + number) for number in range(2))
    heartbeat = Heartbeat(
        state="ready",
        session="8c7f" * 8,
        workers=workers,
        done=1234,
        gallery_version=17,
        pack="faces@1.2.0",
        agent_rss_bytes=78_123_008,
        host=host_facts(),
    )
    bare = heartbeat.model_dump_json(exclude={"host"}).encode()
    return {"heartbeat": heartbeat.wire(), "heartbeat without the host's facts": bare}


def compression_table(results: Mapping[str, bytes], pictures: Mapping[str, tuple[str, bytes]]) -> list[str]:
    """One row each: bytes, share that is left, and milliseconds of the level that the gateway uses."""
    rows = [
        "| what | bytes | gzip 1 | gzip 6 | zstd 3 | gzip 1, ms |",
        "|---|---|---|---|---|---|",
    ]
    uploads = {f"upload: {name}": content for name, (_, content) in pictures.items()}
    for name, content in {**results, **heartbeats(), **uploads}.items():
        shares = [len(squeeze(content)) / len(content) for squeeze in (_gzip(1), _gzip(6))]
        zstd = f"{len(_zstd(content)) / len(content):.2f}" if shutil.which("zstd") else "-"
        told = " | ".join([*(f"{share:.2f}" for share in shares), zstd])
        rows.append(f"| {name} | {len(content):,} | {told} | {_best_ms(content):.2f} |")
    return rows


def _best_ms(content: bytes) -> float:
    squeeze, best_s = _gzip(1), float("inf")
    for _ in range(_ROUNDS):
        began_s = time.perf_counter()
        squeeze(content)
        best_s = min(best_s, time.perf_counter() - began_s)
    return best_s * 1000
