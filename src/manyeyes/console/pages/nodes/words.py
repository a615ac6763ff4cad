"""The texts about nodes and what happens to them: pure, as in docs/guides/nodes.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyeyes.api.nodes import Node

Act = Literal["approve", "pause", "drain", "resume", "shutdown", "remove"]
_AWAY = ("joining", "lost", "left")
_TONES = {
    "ready": "good", "working": "good", "provisioning": "soft", "joining": "soft", "draining": "soft",
    "paused": "soft", "left": "soft", "waiting for approval": "warn", "suspect": "warn", "lost": "bad",
    "cut off": "bad",
}  # fmt: skip


def tone(state: str) -> str:
    """How a state is coloured: `good`, `soft`, `warn`, `bad`; the word stands beside it always."""
    return _TONES.get(state, "soft")


@dataclass(frozen=True)
class Offer:
    """Something that may be done with a node, in the words that ask whether it is meant."""

    act: Act
    label: str
    icon: str
    question: str
    what_happens: str
    done: str
    """Said when it is done."""
    grave: bool = False


def offers(node: Node) -> list[Offer]:
    """What makes sense for the node as it is now."""
    name, is_away = node.name, node.state in _AWAY
    if not node.approved:
        return [_approve(node), _remove(name)]
    found = []
    if node.desired != "":
        found.append(_resume(node))
    if node.desired != "pause":
        found.append(_pause(name, is_away))
    if node.desired != "drain":
        found.append(_drain(name, is_away))
    if not is_away:
        found.append(_shut_down(name))
    return [*found, _remove(name)]


def _approve(node: Node) -> Offer:
    host = str(node.host.get("hostname") or "a host without a name")
    by = f" It joined from {host}" + (f" with token {node.token}." if node.token else ".")
    return Offer(
        "approve",
        "Approve",
        "how_to_reg",
        f"Approve {node.name}?",
        "It gets the pack, starts its workers, and gets pictures from then on; until now it got neither."
        + by,
        f"{node.name} is approved.",
    )


def _pause(name: str, is_away: bool) -> Offer:
    return Offer(
        "pause",
        "Pause",
        "pause",
        f"Pause {name}?",
        "It finishes the pictures in hand and takes no new ones; pictures that it fetched ahead and has not started "
        "go to other nodes at once. It keeps its workers. It stays paused until you press Resume, over restarts of "
        f"the node and the master too; no token is needed.{_later(is_away)}",
        f"{name} pauses.",
    )


def _drain(name: str, is_away: bool) -> Offer:
    return Offer(
        "drain",
        "Drain",
        "water_drop",
        f"Drain {name}?",
        "It finishes the pictures in hand, takes no new ones, then stops its workers: the machine is free for other "
        "work. Pictures that it fetched ahead go to other nodes at once. It stays so until you press Resume, over "
        f"restarts of the node and the master too; no token is needed.{_later(is_away)}",
        f"{name} drains.",
    )


def _resume(node: Node) -> Offer:
    first = "starts its workers and is given" if node.desired == "drain" else "is given"
    return Offer(
        "resume",
        "Resume",
        "play_arrow",
        f"Let {node.name} work again?",
        f"It {first} pictures again.{_later(node.state in _AWAY)}",
        f"{node.name} works again.",
    )


def _shut_down(name: str) -> Offer:
    return Offer(
        "shutdown",
        "Shut down",
        "power_settings_new",
        f"Shut {name} down?",
        "It finishes the pictures in hand, leaves, and its process ends; pictures that it fetched ahead go to other "
        "nodes at once. It cannot be started from here: it comes back when 'manyeyes node' is started on its machine "
        "again, and needs no token for that.",
        f"{name} shuts down.",
    )


def _remove(name: str) -> Offer:
    return Offer(
        "remove",
        "Remove",
        "link_off",
        f"Remove {name} for good?",
        "Its connection is closed at once and its pictures go to other nodes. Its key never works again, and its "
        "name is free. To come back, the machine needs a new token and a new data folder. "
        "To keep it for later, pause it or shut it down instead.",
        f"{name} is removed.",
        grave=True,
    )


def _later(is_away: bool) -> str:
    return " It is away now, and does this when it is back." if is_away else ""
