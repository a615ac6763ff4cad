"""What a node says of itself is shown only as plain text."""

from __future__ import annotations

import json

from manyeyes.contract import Heartbeat, HostFacts
from manyeyes.fleet.node_facts import plain_heartbeat
from manyeyes.plain_text import plain


def test_texts_of_a_heartbeat_are_made_plain() -> None:
    host = HostFacts(hostname="h\x1b[31m", system="s", cpu="c\r\n", cores=1, memory_bytes=1, python="3.11")
    heartbeat = plain_heartbeat(Heartbeat(state="ready", reason="\x1b[2Jfine", pack="p\n", host=host))
    shown = json.loads(heartbeat.model_dump_json())
    texts = (shown["reason"], shown["pack"], *map(str, shown["host"].values()))
    assert all(text.isprintable() for text in texts)
    assert plain("a" * 1000, 10) == "a" * 10
