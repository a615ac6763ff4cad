"""The subjects: who says what where. No other file spells one.

A node publishes below `me.gw.<gateway>.node.<its name>.` and nowhere else; the engine holds it to that, so a master
may trust the name that it reads out of a subject. `<gateway>` is one gateway's id, `any` (one of them hears it) or
`all` (each hears it).
"""

from __future__ import annotations

import re
from typing import Literal

LOGS_STREAM = "LOGS"
LOGS_SUBJECT = "me.logs.>"
"""Where masters put lines of logs, once they have looked at them; nodes reach neither this nor the stream."""
GATEWAYS_SUBJECT = "me.gw.>"
"""All that nodes say."""
OLD_HELLO_SUBJECT = "me.node.*.hello"
"""Where nodes older than version 5 send hello; the answer says that they must update."""
JOINS_SUBJECT = "me.join.>"
STATE_SUBJECT = "me.state"
DISPATCHES_SUBJECT = "me.dispatch.>"
COMMANDS_SUBJECT = "me.command.>"
DIRECTIVES_SUBJECT = "me.directive.>"
ANY, ALL = "any", "all"

Verb = Literal[
    "hello",
    "heartbeat",
    "credit",
    "result",
    "chunk",
    "drain",
    "leave",
    "gallery",
    "pack",
    "fetch",
    "answer",
    "log",
]


def node_subject(node: str, verb: Verb, gateway: str) -> str:
    """Where node `node` says `verb` to a gateway, to `ANY` or to `ALL`."""
    return f"me.gw.{gateway}.node.{node}.{verb}"


def node_subjects(node: str) -> str:
    """All subjects on which a node may say anything, as a pattern."""
    return f"me.gw.*.node.{node}.*"


def old_hello_subject(node: str) -> str:
    """Where a node of before version 5 says hello."""
    return f"me.node.{node}.hello"


def gateway_subjects(gateway: str) -> str:
    """What a gateway listens to, as a pattern; `gateway` may be `ANY` or `ALL`."""
    return f"me.gw.{gateway}.node.>"


def parse_node_subject(subject: str) -> tuple[str, str]:
    """(node, verb) of a subject that `node_subject` made."""
    _, _, _, _, node, verb = subject.split(".", 5)
    return node, verb


def join_subject(token_id: str) -> str:
    """Where the holder of a join token asks to join."""
    return f"me.join.{token_id}"


def node_name(wanted: str) -> str:
    """What a node may be called that asks for a name: it is a word of subjects."""
    base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()[:200]).strip("-")[:40].strip("-") or "node"
    if base.startswith(join_name("")):  # holders of tokens are called so
        base = f"node-{base}"[:40].strip("-")
    return base


def join_name(token_id: str) -> str:
    """What the holder of a join token is called until it has a name."""
    return f"join-{token_id}"


def speaker(subject: str) -> str:
    """Who says something on a subject of nodes or joins: the engine lets nobody else."""
    words = subject.split(".", 5)
    if words[1] == "join":
        return join_name(words[2])
    return words[4] if words[1] == "gw" else words[2]


def dispatch_subject(node: str) -> str:
    """Where gateways send one node its tasks; see `Dispatch`."""
    return f"me.dispatch.{node}"


def command_subject(node: str) -> str:
    """Where masters tell one node what to do."""
    return f"me.command.{node}"


def directive_subject(node: str) -> str:
    """Where masters tell one node what is desired of it; see `Directive`."""
    return f"me.directive.{node}"


def logs_subject(role: str, machine: str) -> str:
    """Where masters put the lines of one machine."""
    return f"me.logs.{role}.{machine}"


def parse_logs_subject(subject: str) -> tuple[str, str]:
    """(role, machine) of a subject that `logs_subject` made."""
    _, _, role, machine = subject.split(".", 3)
    return role, machine


def inbox_prefix(name: str) -> str:
    """The prefix of a client's own inboxes; nobody else may listen there."""
    return f"_INBOX_{name}"
