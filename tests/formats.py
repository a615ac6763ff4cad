"""`make formats`: recognises a file of every accepted format, and prints tables of these and of refused files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from manyeyes.errors import PictureError
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures import formats
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer, load
from tests.samples import REFUSED, SAMPLES, Sample, picture, saved

ROOT = Path(__file__).resolve().parent.parent


def row(sample: Sample, recognizer: Recognizer, gallery: Gallery) -> tuple[str, bool]:
    """One row of the table, and whether the result is as expected."""
    data = sample.make()
    try:
        decoded = decode(data)
        result, _ = recognizer.recognize(data, gallery)
    except PictureError as error:
        return f"| {sample.name} | {len(data) / 1000:.0f} | | | {error.detail} | **wrong** |", False
    difference = np.abs(decoded.image_hwc_u8[:, :, ::-1].astype(int) - sample.expected()).mean()
    names = ", ".join(face.name or "unknown" for face in result.faces) or "no face"
    well = bool(difference <= sample.tolerance) and (names == "Eileen" or not sample.named)
    well &= (decoded.alpha_hw_u8 is None) == (sample.alpha is None)
    back = (result.predicted_media_type or "").removeprefix("image/")
    line = f"| {sample.name} | {len(data) / 1000:.0f} | {difference:.2f} of {sample.tolerance:g} | {back} | {names} |"
    return f"{line} {'as expected' if well else '**wrong**'} |", well


def main() -> int:
    recognizer = load(ensure_default(ROOT / ".cache"))
    gallery = Gallery(("Eileen",), recognizer.enrol(saved(picture(), "PNG")).embedding[None], version=1)
    print(formats.as_markdown(), "\n")
    print("| sample | KB | mean difference allowed | comes back as | seen | |\n|---|---|---|---|---|---|")
    wrong = 0
    for sample in SAMPLES:
        line, well = row(sample, recognizer, gallery)
        wrong += not well
        print(line)
    print("\n| refused | code | says |\n|---|---|---|")
    for name, code, data, told in REFUSED:
        try:
            decode(data)
            seen, detail = "**accepted**", ""
        except PictureError as error:
            seen, detail = error.code, error.detail
        wrong += seen != code or told not in detail
        print(f"| {name} | {seen} | {detail} |")
    print(f"\n{len(SAMPLES)} samples accepted, {len(REFUSED)} refused, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
