"""What a log line says in one sentence, for people. Pure; the CLI, the console and a role at a terminal show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyeyes.plain_text import harmless
from manyeyes.trace_events import (
    ANSWERED_MS,
    ATTEMPT,
    ATTEMPTS,
    DONE,
    NODE_CHANGED,
    PICTURE,
    SENDER_LEFT,
    WORKED_MS,
)
from manyeyes.wording import several

HIDDEN_FACTS = frozenset(
    ("trace", "span", "by", "parent", "operation", "number", "role", "level", "timestamp")
)
"""Facts that are for programs, or that are shown elsewhere."""
BODIES = ("exception", "text")
"""Facts that are long texts of several lines."""
_MOST_CHARACTERS = 120
_MOST_OF_A_CAUSE = 600
_CAUSES = ("error", "why", "reason", "detail")
"""Facts that say why: the first one is shown whole and without its name."""
_WORK = {"recognize": "picture", "draw": "picture", "enrol": "photo", "embed": "photo"}


def sentence(event: str, fields: Mapping[str, Any], *, machine: str = "") -> str:
    """The event in one harmless sentence; facts that are empty, or are those of `machine` itself, are left out."""
    return harmless(_sentence(event, fields, machine))


def _sentence(event: str, fields: Mapping[str, Any], machine: str) -> str:
    if event == PICTURE and fields.get("outcome"):
        return _picture(fields)
    if event == ATTEMPT and fields.get("outcome"):
        return _attempt(fields)
    if event == NODE_CHANGED:
        why = f" ({fields['reason']})" if fields.get("reason") else ""
        return f"node {fields.get('node')} is {fields.get('new')}, it was {fields.get('old')}{why}"
    shown = {
        name: value
        for name, value in fields.items()
        if name not in HIDDEN_FACTS
        and name not in BODIES
        and value not in ("", None)
        and value != machine
        and not isinstance(value, dict | list)
    }
    why = next((name for name in _CAUSES if name in shown), "")
    cause = f": {_short(shown.pop(why), _MOST_OF_A_CAUSE)}" if why else ""
    hint = f"; {_short(shown.pop('what_to_do'))}" if "what_to_do" in shown else ""
    facts = ", ".join(_fact(name, value) for name, value in shown.items())
    if not cause:
        return f"{event}{f': {facts}' if facts else ''}{hint}"
    return f"{event}{cause}{hint}{f' ({facts})' if facts else ''}"


def _fact(name: str, value: Any) -> str:
    if name.endswith("_s"):
        return f"{name.removesuffix('_s').replace('_', ' ')} {_short(value)} s"
    return f"{name.replace('_', ' ')} {_short(value)}"


def last_line(fields: Mapping[str, Any]) -> str:
    """The last line of a line's long text: of an exception, what went wrong; empty if there is none."""
    text = next((str(fields[name]).strip() for name in BODIES if fields.get(name)), "")
    return harmless(_short(text.splitlines()[-1].strip())) if text else ""


def _picture(fields: Mapping[str, Any]) -> str:
    what = _WORK.get(str(fields.get("operation", "")), "picture")
    outcome = str(fields["outcome"])
    if outcome == DONE:
        said = f"{what} done"
    elif outcome == SENDER_LEFT:
        said = f"{what} not answered, because its sender left"
    else:
        said = f"{what} failed, {outcome}"
    attempts = fields.get(ATTEMPTS)
    nodes = _nodes(attempts if isinstance(attempts, list) else [])
    facts = [_faces(fields.get("faces")), nodes, _ms(fields.get(ANSWERED_MS))]
    detail = "" if outcome == DONE else _short(fields.get("detail") or "")
    return _with_detail(said, facts, detail)


def _attempt(fields: Mapping[str, Any]) -> str:
    said = f"attempt at a picture {fields['outcome']}"
    facts = [str(fields.get("code") or ""), _ms(fields.get(WORKED_MS))]
    return _with_detail(said, facts, _short(fields.get("detail") or ""))


def _with_detail(said: str, facts: list[str], detail: str) -> str:
    told = ", ".join(fact for fact in facts if fact)
    return f"{said}{f': {told}' if told else ''}{f' ({detail})' if detail else ''}"


def _nodes(attempts: list[Any]) -> str:
    names = [str(one.get("node", "")) for one in attempts if isinstance(one, dict)]
    if len(names) < 2:
        return "".join(names)
    return f"{len(names)} attempts, the last on {names[-1]}"


def _faces(faces: Any) -> str:
    if not isinstance(faces, int):
        return ""
    return several(faces, "face") if faces else "no face"


def _ms(value: Any) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def _short(value: Any, most: int = _MOST_CHARACTERS) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."
