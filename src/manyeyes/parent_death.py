"""Ends a child process with its parent, also with one that is killed. Linux."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals, parent: int | None = None) -> None:
    """From now on, this process gets the signal when its parent ends.

    Args:
        parent: its process; if that has ended by now, so does this one. None: not known.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os._exit(0)


def ending_with_this_process(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets the signal when this process ends."""
    return partial(end_with_parent, number, os.getpid())
