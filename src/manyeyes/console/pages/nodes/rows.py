"""The row of each node in the table: pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from manyeyes.api.nodes import Node
from manyeyes.console.pages.nodes.words import tone
from manyeyes.console.parts.live_table import Cell, Column
from manyeyes.console.wording import ago, count, exact, rate

COLUMNS = (
    Column("name", "Node"),
    Column("state", "State", hint="Those first that may need attention"),
    Column("workers", "Workers", "figure"),
    Column(
        "pictures_per_s",
        "Speed",
        "figure",
        "What its workers together can do, measured on the pack's test picture",
    ),
    Column("done", "Done", "figure", "Pictures that it has answered"),
    Column("failed", "Failed", "figure", "Attempts that ended as an error"),
    Column("last_seen", "Last seen"),
    Column("pack", "Pack", "short"),
    Column("hostname", "Host"),
)


def row(node: Node, address: Callable[[str], str], now: datetime) -> dict[str, Cell | str]:
    """One node's row; `address` is that of its page. Between two moments it changes only where its node did."""
    state: Cell = {"text": node.state, "tone": tone(node.state)}
    if node.reason:
        state["note"] = node.reason
    if not node.approved:
        state["act"] = "Approve"
    seen = ago(node.last_seen, now)
    return {
        "key": node.name,
        "name": {"text": node.name, "href": address(node.name)},
        "state": state,
        "workers": {"text": count(node.workers) if node.workers else "–"},
        "pictures_per_s": {
            "text": f"{rate(node.pictures_per_s)}/s" if node.speed_s and node.workers else "–"
        },
        "done": {"text": count(node.done)},
        "failed": {"text": count(node.failed)},
        "last_seen": {"text": seen} if seen == "now" else {"text": seen, "title": exact(node.last_seen)},
        "pack": {"text": node.pack or "–"},
        "hostname": {"text": str(node.host.get("hostname") or node.address or "–")},
    }
