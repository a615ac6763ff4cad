"""The names by which one picture's trace is written and read: log events, their fields, and the spans made of them.

A gateway writes one line for each picture, a node one for each attempt; `monitoring/logs/spans.py` makes the spans, and
the CLI and the console show them.
"""

from __future__ import annotations

PICTURE = "picture"
"""The event of a gateway's line, and the span of the whole picture."""
ATTEMPT = "attempt"
"""The event of a node's line, and the span of what one node did."""
NODE_CHANGED = "node changed"
"""The event of a master's line: a node went from one state to another."""
TAKE_IN, QUEUE, ANSWER = "take in", "queue", "answer"
"""Spans of the gateway: it reads the picture, the picture waits for a node, it answers."""
FETCH, WAIT, WORK, DELIVER = "fetch", "wait", "work", "deliver"
"""Spans of a node: it gets the bytes, they wait for a worker, a worker recognises them, it hands over the result."""

ACCEPTED_MS, ANSWERED_MS, DISPATCHED_MS, ENDED_MS = "accepted_ms", "answered_ms", "dispatched_ms", "ended_ms"
"""Fields of a picture's line, since its beginning; the last two are of each of its attempts."""
ATTEMPTS = "attempts"
FETCH_MS, WAITED_MS, WORKED_MS, DELIVERED_MS = "fetch_ms", "waited_ms", "worked_ms", "delivered_ms"
"""Fields of an attempt's line: how long each of the node's spans took."""
STAGES_MS = "stages_ms"
"""As the recogniser tells them."""
STEPS = ((FETCH_MS, FETCH), (WAITED_MS, WAIT), (WORKED_MS, WORK), (DELIVERED_MS, DELIVER))
"""The fields of an attempt's line and the spans that they become, in their order."""

DONE = "done"
"""The outcome of a picture that has its result, and of the attempt that gave it."""
SENDER_LEFT = "sender left"
"""The outcome of a picture whose sender did not wait for the answer."""
NOT_NEEDED = "not needed"
"""How an attempt ended that another node's answer made needless."""
