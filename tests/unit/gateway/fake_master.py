"""As much of a master as the gateway needs to answer one picture; it recognises by saying what it was told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Sessions
from manyeyes.api.videos import Still
from manyeyes.config import Limits, MasterSettings
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError
from manyeyes.identity import hash_api_key
from manyeyes.master.recognition import Recognised
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.metrics import Levels, Metrics
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.time_series import Series
from manyeyes.results import Face, Result
from manyeyes.store.repositories import Store

KEY = "mek_somebody"
LEVELS = Levels(1, 2, 3.0, 4, {"ready": 1}, 5, 6, 7, 8, 9, 10, 11, 12, 0, {})
DRAWN = b"the predicted picture" * 500


def result(faces: int = 1) -> Result:
    """A result with so many faces; 20 are longer than what travels uncompressed."""
    face = Face(
        box_xyxy_px=(1, 2, 3, 4),
        landmarks_px=((1.25, 2.5),) * 5,
        score=0.99,
        name=None,
        distance=0.61,
        threshold=0.55,
        confidence=0.01,
    )
    return Result(
        width_px=300,
        height_px=260,
        media_type="image/png",
        predicted_media_type="image/png",
        faces=(face,) * faces,
        pack="faces@1",
        timings_ms={},
    )


class FakeMaster:
    """Knows one key, of the role user, in a store of its own; what routes beside it want is a stand-in."""

    ca_pem = ""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.limits, self.settings = limits or Limits(), MasterSettings(data=folder)
        self.store = Store.open(folder / "master.db")
        self.store.credentials.add_api_key(hash_api_key(KEY), "somebody", "user")
        self.audit = Audit(self.store.audit)
        self.sessions = Sessions(self.store.credentials, self.store.sessions, self.audit, 60)
        self.metrics = Metrics({"version": "0"})
        self.recorder = PictureRecorder(self.metrics, Series(time.monotonic()), EventHub())
        self.monitor = self
        self.result: Result | None = result()
        self.error: Exception | None = None
        self.stills: list[Still | None] = []
        self.asked: list[tuple[bytes, bool, str | None, PictureTrace]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def exposition(self) -> bytes:
        return self.metrics.exposition(LEVELS)

    async def recognize(
        self, data: bytes, *, draw: bool, key: str | None, trace: PictureTrace, still: Still | None = None
    ) -> Recognised:
        self.stills.append(still)
        self.asked.append((data, draw, key, trace))
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise ManyeyesError("the node's answer holds no result")
        content = self.result.model_dump_json().encode()
        trace_id = trace.answered_as or trace.trace.trace_id
        return Recognised(self.result, content, DRAWN if draw else b"", trace_id)

    def figure(self, name: str) -> float:
        """A sample of the exposition by its name and labels; 0 where there is none."""
        for line in self.exposition().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0


@contextmanager
def fake_master(folder: Path, limits: Limits | None = None) -> Iterator[FakeMaster]:
    """One whose store is closed on leaving."""
    master = FakeMaster(folder, limits)
    try:
        yield master
    finally:
        master.store.close()
