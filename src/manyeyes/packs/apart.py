"""Builds the default pack in a child process, so that the memory that only a build needs is freed at its end.

`python -m manyeyes.packs.apart FOLDER PARENT` builds the pack, verifies it and runs its self-test. It prints each
step as a line of JSON on standard output. If a step fails, the last line is the error.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from manyeyes.error_codes import from_code
from manyeyes.errors import ManyeyesError, PackError
from manyeyes.packs.build import build_default
from manyeyes.packs.verify import self_test, verify
from manyeyes.packs.weights import Progress
from manyeyes.parent_death import end_with_parent


def build_apart(folder: Path, progress: Progress | None = None) -> None:
    """Build the default pack into `folder` in a child process, and wait for it.

    Raises:
        WeightsRefused, PackError: it cannot be built.
    """
    command = [sys.executable, "-m", "manyeyes.packs.apart", str(folder), str(os.getpid())]
    error: ManyeyesError | None = None
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            if "code" in said:
                error = from_code(said["code"], said["detail"])
            elif progress:
                progress(said["step"], said["part"])
    if error:
        raise error
    if child.returncode:
        raise PackError(f"the building of {folder} ended with status {child.returncode}; try again")


def _say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    """Run the child process that the module's docstring describes."""
    folder = Path(sys.argv[1])
    # Ctrl-C ends it without a traceback; the parent says what happened
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent(signal.SIGKILL, int(sys.argv[2]))
    try:
        build_default(folder, progress=lambda step, part: _say(step=step, part=part))
        verify(folder)
        self_test(folder)
    except ManyeyesError as error:
        _say(code=error.code, detail=error.detail)
        sys.exit(1)


if __name__ == "__main__":
    main()
