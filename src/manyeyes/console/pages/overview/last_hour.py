"""The last hour of pictures and nodes, as charts."""

from __future__ import annotations

from manyeyes.api.overview import History
from manyeyes.console.parts.chart import charted


class LastHour:
    """Five charts, each in a card of its own."""

    def __init__(self) -> None:
        self._done = charted("Pictures a second", "Pictures done", "pictures/s")
        self._waiting = charted("Pictures that wait", "Waiting pictures", "")
        self._latency = charted("How long a picture takes", "Latency, mean", "ms")
        self._cpu = charted("Processors of the nodes", "CPU of the nodes", "%", top=100)
        self._memory = charted("Memory of the nodes", "Memory", "%", top=100)

    def show(self, past: History) -> None:
        """Show the hour as it is now."""
        span = past.bucket_s, past.ends_at
        self._done.show(past.done_per_s, *span)
        self._waiting.show(past.waiting, *span)
        self._latency.show(past.latency_s, *span, scale=1e3)
        self._cpu.show(past.cpu_share, *span, scale=100)
        self._memory.show(past.memory_share, *span, scale=100)
