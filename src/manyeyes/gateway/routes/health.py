"""Routes for those who watch over a master: whether it lives, whether it is ready, its figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Response

from manyeyes.master.composition import Master
from manyeyes.monitoring.health import Wrong, not_ready, unwell
from manyeyes.monitoring.metrics import CONTENT_TYPE


def add_health(app: FastAPI, master: Master, user: Any) -> None:
    """Add the routes; `user` is a dependency that asks for that role. Health needs no key."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        """Whether the process, its event loop and its engine live."""
        return _told(unwell(await master.monitor.signs()), "alive", "unwell")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """Whether a picture sent now would be worked on."""
        return _told(not_ready(await master.monitor.signs()), "ready", "not ready")

    @app.get("/metrics", dependencies=[user])
    async def metrics() -> Response:
        """All figures, in Prometheus text form."""
        return Response(master.monitor.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _told(wrong: list[Wrong], good: str, bad: str) -> Response:
    body = {
        "status": bad if wrong else good,
        "detail": "; ".join(one.detail for one in wrong),
        "wrong": [asdict(one) for one in wrong],
    }
    return Response(json.dumps(body), 503 if wrong else 200, media_type="application/json")
