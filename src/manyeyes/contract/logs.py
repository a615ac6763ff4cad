"""How lines of logs travel."""

from __future__ import annotations

from manyeyes.contract.message import FromNode


class LogBatch(FromNode):
    """Lines of a node's log: JSON, deflated, travel with it; nobody answers. `sent_at`: Unix time there, seconds."""

    sent_at: float
