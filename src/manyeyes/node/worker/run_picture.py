"""One attempt at a picture with one worker: the gallery that it needs is opened first."""

from __future__ import annotations

from manyeyes.contract import Outcome
from manyeyes.errors import PackDamaged, Unavailable
from manyeyes.face_results import GALLERY
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.process import WorkerDied, WorkerProcess
from manyeyes.node.worker.protocol import Order
from manyeyes.telemetry import log


async def run_picture(
    worker: WorkerProcess, picture: Picture, galleries: GalleryCache, deadline_s: float
) -> tuple[Outcome, bytes]:
    """Have a worker recognise a picture.

    Args:
        deadline_s: a worker that takes longer is killed.

    Returns:
        The outcome and its body; `returned` if the gallery is not here, `crashed` if the worker died.
    """
    try:
        return await _recognised(worker, picture, galleries, deadline_s)
    except WorkerDied as error:
        return picture.ended("crashed", error.detail), b""
    except Unavailable as error:
        return picture.ended("returned", error.detail), b""
    except PackDamaged as error:
        log().error("the gallery cannot be opened and is fetched again", error=error.detail)
        await galleries.forget()
        return picture.ended("returned", error.detail), b""


async def _recognised(
    worker: WorkerProcess, picture: Picture, galleries: GalleryCache, deadline_s: float
) -> tuple[Outcome, bytes]:
    task = picture.task
    if GALLERY in task.state:
        await galleries.refresh(task.state[GALLERY], gateway=picture.gateway)
        files = galleries.files
        if files is not None and worker.gallery is not files and worker.gallery != files:
            await worker.set_gallery(files, deadline_s)
    order = Order(
        kind=task.kind,
        task_id=task.id,
        options=task.options,
        wants=task.wants,
        trace_id=picture.attempt.trace_id,
    )
    reply, body = await worker.work(order, picture.data, deadline_s)
    picture.attempt.stages_ms = reply.stages_ms
    outcome = Outcome(
        session=picture.attempt.session,
        task_id=task.id,
        status=reply.status,
        code=reply.code,
        detail=reply.detail,
        parts=reply.parts,
    )
    return outcome, body
