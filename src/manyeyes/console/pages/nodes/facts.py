"""The facts on the page of a node, line by line: pure."""

from __future__ import annotations

from datetime import datetime

from manyeyes.api.logs import LogLine
from manyeyes.api.nodes import Node, NodeWorker
from manyeyes.console.wording import ago, count, exact, rate
from manyeyes.wording import duration, limited, size

Facts = dict[str, str]
_DESIRED = {"": "work", "pause": "pause", "drain": "drain"}


def work(node: Node, now: datetime) -> Facts:
    """What it does and has done."""
    return {
        "Pack": node.pack or "none yet",
        "Workers": count(node.workers),
        "Speed": _speed(node),
        "Recent pictures": _recent(node),
        "Done": f"{count(node.done)} pictures",
        "Failed": f"{count(node.failed)} attempts",
        "Desired": _DESIRED[node.desired],
        "Last seen": _when(node.last_seen, now),
    }


def machine(node: Node) -> Facts:
    """What it runs on."""
    host = node.host
    memory_bytes = host.get("memory_bytes") or 0
    return {
        "Host": str(host.get("hostname") or "–"),
        "System": str(host.get("system") or "–"),
        "Processor": str(host.get("cpu") or "–"),
        "Cores": _cores(host.get("cores") or 0, host.get("cpu_share"), host.get("cores_limit")),
        "Memory": _memory(memory_bytes, host.get("memory_used_bytes") or 0, host.get("memory_limit_bytes")),
        "Python": str(host.get("python") or "–"),
        "Agent's memory": size(node.agent_rss_bytes) if node.agent_rss_bytes else "–",
    }


def membership(node: Node, now: datetime) -> Facts:
    """How it joined, and whether it is alone on its machine."""
    return {
        "First seen": _when(node.first_seen, now),
        "Joined with token": (node.token or "–") + (", ephemeral" if node.ephemeral else ""),
        "Version": node.version or "not known",
        "Same machine": ", ".join(node.same_host) or "no other node",
        "Fingerprint": node.fingerprint or "none: the machine has no id",
        "Commands": "admins may run commands on it" if node.allow_exec else "takes none (no --allow-exec)",
    }


def worker(found: NodeWorker) -> tuple[str, str, str, str, str]:
    """One worker's row: number, state, busy for, started again, process."""
    busy = duration(found.busy_s) if found.state == "busy" and found.busy_s >= 1 else ""
    return (str(found.index), found.state, busy, count(found.restarts), str(found.pid or "–"))


def log_line(line: LogLine) -> tuple[str, str, str]:
    """One line's row: time, level, text."""
    told = " ".join(f"{name}={value}" for name, value in line.fields.items() if name != "node")
    return (f"{line.at:%H:%M:%S}", line.level, f"{line.event} {told}".strip())


def _speed(node: Node) -> str:
    """By the pack's own test picture, so that it does not change with the pictures that people send."""
    if not node.speed_s:
        return "not known yet"
    on = "on the pack's test picture" if node.benchmark_s else "by recent pictures"
    each = f"{node.speed_s * 1e3:.3g} ms on one worker, {on}"
    return f"{rate(node.pictures_per_s)} pictures/s; {each}" if node.workers else each


def _recent(node: Node) -> str:
    return f"{node.picture_s * 1e3:.3g} ms each on one worker" if node.picture_s else "none yet"


def _cores(cores: int, cpu_share: float | None, limit: float | None) -> str:
    busy = "" if cpu_share is None else f", {100 * cpu_share:.0f} % busy"
    return f"{cores}{limited(limit)}{busy}" if cores else "–"


def _memory(memory_bytes: int, used_bytes: int, limit_bytes: int | None) -> str:
    if not memory_bytes:
        return "–"
    if limit_bytes is not None:
        used = f", {size(used_bytes)} in use" if used_bytes else ""
        return f"{size(memory_bytes)}{limited(limit_bytes, size)}{used}"
    return f"{size(used_bytes)} of {size(memory_bytes)} in use" if used_bytes else size(memory_bytes)


def _when(moment: datetime | None, now: datetime) -> str:
    said = ago(moment, now)
    return said if said in ("now", "never") else f"{said} ({exact(moment)})"
