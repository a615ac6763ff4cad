"""What a signal does to a command from its first moment, before anything that takes long to import is there.

A signal to a role that has begun nothing ends it with status 0. Ctrl-C ends every other command with status 130, without a
word: at once while it loads, and after the command has ended; as `KeyboardInterrupt` in between.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

ROLES = ("up", "master", "node")
EXIT_STOPPED = 130
_AT_MOST_S = 3
"""After this time a role whose start was ended by a signal is ended by force."""


def stopping() -> tuple[signal.Signals, ...]:
    """The signals that stop a role. One that `nohup` has switched off, SIGHUP, stays so: the role outlives its terminal."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hangs_up else []))


def heed_from_the_start(arguments: Sequence[str]) -> None:
    """Until `until_signal` or `command_begins` changes it: a signal ends this process, which has begun nothing yet."""
    if role_in(arguments):
        for number in stopping():
            signal.signal(number, _end)
    elif signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
        atexit.register(
            signal.signal, signal.SIGINT, signal.SIG_IGN
        )  # the last of all: Python then takes itself apart


def command_begins() -> None:
    """All that the command is made of is loaded: from now on Ctrl-C is an exception, which the command may heed."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def command_ended(ours: bool) -> None:
    """Nothing is left to do: Ctrl-C ends the process at once again.

    Args:
        ours: whether this process is a command, and not a program that calls one.
    """
    if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def role_in(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """Which role a command line starts, and its own arguments; None where it starts none."""
    words = list(arguments)
    while words and words[0].startswith("--master"):
        words = words[1:] if "=" in words[0] else words[2:]
    return (words[0], words[1:]) if words and words[0] in ROLES else None


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(0))
    signal.alarm(_AT_MOST_S)
    sys.exit(0)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(EXIT_STOPPED)
