"""Runs one command that cannot outlive its agent: `python -I -S exec_guard.py FD PROGRAM ARGUMENT...`.

FD is the reading end of a pipe whose other end the agent alone holds. When it closes, because the agent let go or
was killed, the process group of the guard is killed. Else the guard ends as the command did. Imports nothing that
is not built in, so that it starts at once.
"""

import _thread
import os
import signal
import sys

_TO_DEFAULT = (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ)


def _kill_when_let_go(line: int) -> None:
    os.read(line, 1)
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Run it; its status as a shell would give it."""
    line, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(line, False)
    _thread.start_new_thread(_kill_when_let_go, (line,))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ, setsigdef=_TO_DEFAULT)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be run: {error.strerror}\n".encode(errors="replace"))
        return 127 if isinstance(error, FileNotFoundError) else 126
    _, ended = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(ended)
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    os._exit(main())
