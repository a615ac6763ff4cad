"""The peer of `bench/spread.py`: a Celery worker whose task waits a set time, as a recogniser of known speed."""

from __future__ import annotations

import os
import time

from celery import Celery  # type: ignore[import-not-found,unused-ignore]

app = Celery("spread", broker=os.environ["SPREAD_BROKER"], backend=os.environ["SPREAD_BROKER"])
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=int(os.environ.get("SPREAD_PREFETCH", "4")),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task(name="spread.wait")  # type: ignore[untyped-decorator,unused-ignore]
def wait(number: int) -> int:
    """One picture."""
    time.sleep(float(os.environ.get("SPREAD_PICTURE_S", "0")))
    return number
