"""In a process of its own: a bound cannot be taken back where the system has one."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

BEFORE = """
    import io, cv2, numpy as np
    from PIL import Image
    from manyeyes.errors import TooManyPixels
    from manyeyes.node.worker.memory_limit import bound_memory, unbound_memory
    from manyeyes.recognition.pictures.decode import decode

    def saved(kind, side):
        out = io.BytesIO()
        Image.new("RGB", (side, side), (9, 99, 199)).save(out, kind)
        return out.getvalue()
"""


def run(code: str) -> str:
    script = textwrap.dedent(BEFORE) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_picture_that_wants_too_much_is_an_error_and_the_next_one_works(kind: str) -> None:
    told = run(f"""
        small, large = saved("{kind}", 100), saved("{kind}", 5000)
        decode(small)
        bound_memory(60_000_000)
        try:
            decode(large)
        except TooManyPixels as error:
            print(error.detail)
        print(decode(small).image_hwc_u8.shape)
    """)
    assert told.splitlines() == [
        "a picture of 5000×5000 px needs more memory than this process may have; "
        "shrink it, or give the node more memory",
        "(100, 100, 3)",
    ]


@pytest.mark.slow
def test_a_gallery_does_not_count() -> None:
    told = run("""
        bound_memory(80_000_000)
        try:
            np.ones(200_000_000, np.uint8)
        except MemoryError:
            print("bounded")
        import os; os.environ["MANYEYES_NODE_WORKER_GROWTH_BYTES"] = "80000000"
        with unbound_memory():
            kept = np.ones(200_000_000, np.uint8)
        np.ones(50_000_000, np.uint8)
        try:
            np.ones(200_000_000, np.uint8)
        except MemoryError:
            print("bounded again")
    """)
    assert told.split("\n") == ["bounded", "bounded again", ""]
