"""The process that is fed: one recogniser behind the same limits as a worker, answering line by line."""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import time
from pathlib import Path

from manyeyes.config import Limits
from manyeyes.errors import ManyeyesError
from manyeyes.node.worker.memory_limit import bound_memory
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures.probe import probe
from manyeyes.recognition.recognizer import Recognizer, load


def answer(recognizer: Recognizer, data: bytes, *, draw: bool) -> str:
    """`result`, the code of a typed error, or what should never come out."""
    limits = Limits()
    try:
        probe(data, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels)
        recognizer.recognize(data, Gallery.empty(), draw=draw)
    except ManyeyesError as error:
        return error.code if error.detail and error.http_status < 500 else f"wrong error: {error!r}"
    except Exception as error:
        return f"wrong error: {type(error).__name__}: {error}"
    return "result"


def main() -> None:
    stream, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)  # decoders complain on standard output and error
    os.dup2(quiet, 1)
    if "--loud" not in sys.argv:
        os.dup2(quiet, 2)
    recognizer = load(Path(sys.argv[1]))
    recognizer.warm_up()
    base_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bound_memory()
    print(json.dumps({"ready": True}), file=replies, flush=True)
    while head := stream.read(5):
        length, draw = struct.unpack("<I?", head)
        data = stream.read(length)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        found = answer(recognizer, data, draw=draw)
        told = {
            "found": found,
            "ms": (time.perf_counter() - began_s) * 1000,
            "cpu_ms": (time.process_time() - began_cpu_s) * 1000,
            "peak_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base_kb) / 1000,
        }
        print(json.dumps(told), file=replies, flush=True)


if __name__ == "__main__":
    main()
