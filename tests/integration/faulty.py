"""A recogniser that does what the last bytes of a picture say: the code of the faulty test pack.

Each picture takes `FAULTY_PICTURE_S` seconds, so that one machine can simulate nodes of different speed.
"""

import os
import signal
import time
from pathlib import Path

from manyeyes.results import Result


class Faulty:
    pack = "faulty@1.0.0"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.picture_s = float(os.environ.get("FAULTY_PICTURE_S", "0"))

    def warm_up(self) -> None:
        pass

    def _take_time(self) -> None:
        if self.picture_s:  # under libfaketime time.sleep fails, even for 0 s
            time.sleep(self.picture_s)

    def benchmark(self) -> None:
        self._take_time()

    def recognize(self, data: bytes, gallery: object, *, draw: bool = True) -> tuple[Result, bytes | None]:
        self._take_time()
        if data.endswith(b"CRASH"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if data.endswith(b"HANG"):
            time.sleep(1000)
        if data.endswith(b"RAISE"):
            raise RuntimeError("a bug in the recogniser")
        if data.endswith(b"TELLS"):
            print("decoding", data, data.hex(), list(data), flush=True)
            raise RuntimeError("cannot decode", data)
        if data.endswith(b"SLOW"):
            time.sleep(0.3)
        if data.endswith(b"LONG"):
            time.sleep(2.5)
        if data.endswith(b"ONCE"):
            marker = self.folder / "once"
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        result = Result(
            width_px=1,
            height_px=1,
            media_type="image/png",
            faces=(),
            pack=self.pack,
            timings_ms={"decode": 1.0, "nap": 2.0},
        )
        return result, data if draw else None


def load(folder: Path) -> Faulty:
    print("a recogniser may print without disturbing anything", flush=True)
    return Faulty(folder)
