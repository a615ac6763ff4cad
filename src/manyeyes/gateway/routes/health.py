"""Routes for programs that watch over a master: whether it lives, whether it is ready, its metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from manyeyes.api.health import Health, Wrong
from manyeyes.gateway.dependencies import USER, TheMaster
from manyeyes.gateway.described_content import bytes_of
from manyeyes.monitoring import health
from manyeyes.monitoring.metrics import CONTENT_TYPE

router = APIRouter(tags=["health and metrics"])
_WRONG: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "description": "Something is wrong; the body says what."}
}


@router.get("/healthz", responses=_WRONG)
async def healthz(master: TheMaster, response: Response) -> Health:
    """Whether the process, its event loop and its engine live; without a key."""
    return _told(response, health.unwell(await master.monitor.signs()), "alive", "unwell")


@router.get("/readyz", responses=_WRONG)
async def readyz(master: TheMaster, response: Response) -> Health:
    """Whether a picture sent now would be worked on; without a key."""
    return _told(response, health.not_ready(await master.monitor.signs()), "ready", "not ready")


@router.get(
    "/metrics",
    dependencies=[USER],
    response_class=Response,
    responses=bytes_of("docs/reference/metrics.md lists them.", "text/plain"),
)
async def metrics(master: TheMaster) -> Response:
    """All metrics, in Prometheus text form."""
    return Response(master.monitor.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _told(response: Response, wrong: list[health.Wrong], good: str, bad: str) -> Health:
    if wrong:
        response.status_code = 503
    return Health(
        status=bad if wrong else good,
        detail="; ".join(one.detail for one in wrong),
        wrong=tuple(Wrong.model_validate(one) for one in wrong),
    )
