"""Celery with Redis, on loopback, with workers of set speed: makespan of a job, for `bench/spread.py`.

Celery and its client come through pip into `.cache/celery`; Redis is the machine's own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from background import free_port

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / ".cache" / "celery"
REQUIREMENTS = HERE / "celery_peer.txt"
_JOB = """
import sys, time
from celery_tasks import app, wait
count = int(sys.argv[1])
wait.delay(-1).get(timeout=60)
while len(app.control.ping(timeout=2)) < int(sys.argv[2]):
    pass
begun = time.monotonic()
seen = {answer.get(timeout=600) for answer in [wait.delay(number) for number in range(count)]}
took_s = time.monotonic() - begun
assert len(seen) == count
print(took_s)
"""


class NoPeer(RuntimeError):
    """Celery cannot be had here; says why."""


def _python() -> Path:
    python = FOLDER / "bin" / "python"
    if shutil.which("redis-server") is None:
        raise NoPeer("no redis-server (Debian: apt-get install redis-server)")
    if not (FOLDER / "ready").exists():
        made = subprocess.run([sys.executable, "-m", "venv", FOLDER], capture_output=True, text=True)
        if made.returncode == 0:
            command = [python, "-m", "pip", "install", "-qq", "-r", REQUIREMENTS]
            made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            raise NoPeer(f"pip: {(made.stderr or made.stdout).strip().splitlines()[-1]}")
        (FOLDER / "ready").touch()
    return python


@contextlib.contextmanager
def _redis() -> Iterator[str]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def makespan_s(speeds_s: Sequence[float], count: int, prefetch: int) -> float:
    """Seconds until `count` tasks are answered by one worker for each of `speeds_s`, seconds a picture.

    Raises:
        NoPeer: no Celery or no Redis here.
    """
    python = _python()
    with _redis() as broker, contextlib.ExitStack() as stack:
        env = {
            **os.environ,
            "SPREAD_BROKER": broker,
            "SPREAD_PREFETCH": str(prefetch),
            "PYTHONPATH": str(HERE),
        }
        for number, seconds in enumerate(speeds_s):
            command = [
                str(python),
                "-m",
                "celery",
                "-A",
                "celery_tasks",
                "worker",
                "-c",
                "1",
                "-n",
                f"n{number}",
            ]
            command += ["--without-gossip", "--without-mingle", "-l", "ERROR"]
            if prefetch == 1:
                command += ["-O", "fair"]
            worker = subprocess.Popen(
                command,
                cwd=HERE,
                env={**env, "SPREAD_PICTURE_S": str(seconds)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            stack.callback(worker.wait)
            stack.callback(os.killpg, worker.pid, signal.SIGKILL)
        job = [str(python), "-c", _JOB, str(count), str(len(speeds_s))]
        done = subprocess.run(job, cwd=HERE, env=env, capture_output=True, text=True, timeout=900)
        if done.returncode:
            raise NoPeer(f"the job failed: {done.stderr.strip().splitlines()[-1]}")
        return float(done.stdout.split()[-1])
