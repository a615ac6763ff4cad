"""One worker process: loads the pack once, then answers one order at a time over its standard streams.

It holds no key and no connection. What the recogniser prints goes to standard error, so it cannot
disturb the frames. It ends when its input ends, so it never outlives its agent.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from manyeyes.contract import PICTURE, RESULT
from manyeyes.errors import ManyeyesError, PackDamaged, PackError, TooManyPixels
from manyeyes.face_results import EMBEDDINGS, THUMBNAIL, UNKNOWN, Enrolled, UnknownFace, UnknownFaces
from manyeyes.node.gallery.files import GalleryFiles
from manyeyes.node.worker import protocol
from manyeyes.node.worker.memory_limit import bound_memory, end_first, unbound_memory
from manyeyes.node.worker.protocol import Order, Reply
from manyeyes.packs import manifest
from manyeyes.packs.verify import refuse_strange_code, verify
from manyeyes.parent_death import end_with_parent
from manyeyes.recognition.arrays import half_precision
from manyeyes.recognition.extras import Cut, Extras, WantedExtras
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.matching.gallery_changes import Changes
from manyeyes.recognition.matching.layered_gallery import LayeredGallery
from manyeyes.recognition.pictures.memory_shortage import is_shortage

_BENCHMARK_RUNS = 5
_BENCHMARK_S = 1.0
"""The benchmark starts no new run after this many seconds."""


def _claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for frames; prints go to standard error from now on."""
    orders = os.fdopen(os.dup(0), "rb", buffering=1024 * 1024)
    replies = os.fdopen(os.dup(1), "wb", buffering=1024 * 1024)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    return orders, replies


def load_recognizer(folder: Path, manifest_sha256: str) -> Any:
    """Call the pack's entry point, `module:function`, with its folder.

    Raises:
        PackDamaged: a file is not what the manifest of this digest says; nothing of the pack was run.
    """
    seen = hashlib.sha256((folder / manifest.MANIFEST_NAME).read_bytes()).hexdigest()
    if seen != manifest_sha256:
        raise PackDamaged(f"the manifest in {folder} has SHA-256 {seen}, signed is {manifest_sha256}")
    pack = verify(folder, wheels=False)
    refuse_strange_code(folder, pack)
    module, _, function = pack.entry_point.partition(":")
    if (folder / f"{module}.py").exists():
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
    return getattr(importlib.import_module(module), function)(folder)


def run_benchmark(recognizer: Any) -> float:
    """Seconds that the pack's own benchmark takes, the best of a few runs; 0 if the pack has none.

    A pack's recogniser may have a method `benchmark()` that does the work of one usual picture.
    """
    benchmark = getattr(recognizer, "benchmark", None)
    if benchmark is None:
        return 0.0
    runs: list[float] = []
    while len(runs) < _BENCHMARK_RUNS and sum(runs) < _BENCHMARK_S:
        begun = time.perf_counter()
        benchmark()
        runs.append(time.perf_counter() - begun)
    return min(runs)


class _Opened:
    """The gallery that this worker has open."""

    def __init__(self) -> None:
        self.gallery: Gallery = Gallery.empty()
        self._files: GalleryFiles | None = None

    def follow(self, files: GalleryFiles) -> str:
        """Open what is new in `files`; why it cannot be, or nothing."""
        old = self._files
        try:
            if (
                old is not None
                and isinstance(self.gallery, LayeredGallery)
                and (old.base, old.index) == (files.base, files.index)
                and files.deltas[: len(old.deltas)] == old.deltas
            ):
                changes = [Changes.open(Path(path)) for path in files.deltas[len(old.deltas) :]]
                self.gallery = self.gallery.with_changes(changes)
            else:
                index = Path(files.index) if files.index else None
                self.gallery = LayeredGallery.open(Path(files.base), map(Path, files.deltas), index)
        except PackDamaged as error:
            return error.detail
        self._files = files
        return ""


@dataclass(frozen=True)
class _Done:
    """What a worker answers: the head, and the parts of the body."""

    reply: Reply
    parts: tuple[bytes, ...] = ()


def _done(result: BaseModel, attachments: dict[str, bytes], stages_ms: dict[str, float]) -> _Done:
    parts = {RESULT: result.model_dump_json().encode(), **attachments}
    sizes = {name: len(content) for name, content in parts.items() if content}
    reply = Reply(kind="outcome", parts=sizes, stages_ms=stages_ms)
    return _Done(reply, tuple(content for content in parts.values() if content))


def _embedded(recognizer: Any, order: Order, data: bytes) -> Any:
    if order.kind == "enrol":
        return recognizer.enrol(data)
    if not hasattr(recognizer, "embed_portrait"):
        raise PackError("the pack's recogniser cannot embed portraits; enrol the photos again")
    return recognizer.embed_portrait(data, tuple(map(tuple, order.options["landmarks_px"])))


def _enrolled(recognizer: Any, embedder: str, order: Order, data: bytes) -> _Done:
    found = _embedded(recognizer, order, data)
    enrolled = Enrolled(
        embedding=tuple(float(value) for value in found.embedding),
        embedder=embedder,
        box_xyxy_px=found.box_xyxy_px,
        warnings=tuple(found.warnings),
        portrait_landmarks_px=found.portrait_landmarks_px,
    )
    return _done(enrolled, {PICTURE: found.portrait}, {})


def _recognized(recognizer: Any, gallery: Gallery, order: Order, data: bytes) -> _Done:
    """A pack's recogniser may lack `recognize_with`; then there is nothing beside the result."""
    wish = WantedExtras(unknown=UNKNOWN in order.wants, thumbnail=THUMBNAIL in order.wants)
    draw, extras = PICTURE in order.wants, Extras()
    if (wish.unknown or wish.thumbnail) and hasattr(recognizer, "recognize_with"):
        result, picture, extras = recognizer.recognize_with(data, gallery, draw=draw, wish=wish)
    else:
        result, picture = recognizer.recognize(data, gallery, draw=draw)
    result = result.model_copy(update={"task_id": order.task_id, "trace_id": order.trace_id})
    attachments = {
        PICTURE: picture or b"",
        EMBEDDINGS: half_precision([face.embedding for face in result.faces]),
        THUMBNAIL: extras.thumbnail,
    }
    if extras.unknown:
        unknown = UnknownFaces(faces=tuple(_told(cut) for cut in extras.unknown))
        attachments[UNKNOWN] = unknown.model_dump_json().encode()
    return _done(result, attachments, dict(result.timings_ms))


def _told(cut: Cut) -> UnknownFace:
    return UnknownFace(
        face=cut.face,
        jpeg=base64.b64encode(cut.jpeg).decode(),
        landmarks_px=cut.landmarks_px,
        width_px=cut.width_px,
        sharpness=cut.sharpness,
        warnings=cut.warnings,
    )


def _work(recognizer: Any, embedder: str, gallery: Gallery, order: Order, data: bytes) -> _Done:
    try:
        if order.kind in ("enrol", "embed"):
            return _enrolled(recognizer, embedder, order, data)
        if order.kind == "recognize":
            return _recognized(recognizer, gallery, order, data)
        raise PackError(
            f"the pack's recogniser does not do {order.kind!r}; update the node, or send something else"
        )
    except ManyeyesError as error:
        return _Done(Reply(kind="outcome", status="error", code=error.code, detail=error.detail))
    except Exception as error:
        if not is_shortage(error):
            raise
        detail = "the picture needs more memory than the worker may have; shrink it"
        return _Done(Reply(kind="outcome", status="error", code=TooManyPixels.code, detail=detail))


def serve(folder: Path, manifest_sha256: str, orders: BinaryIO, replies: BinaryIO) -> None:
    """Answer orders until the stream ends; an unknown exception ends the process, as a crash would."""
    try:
        recognizer = load_recognizer(folder, manifest_sha256)
        embedder = manifest.read(folder).embedder_id
        recognizer.warm_up()
        benchmark_s = run_benchmark(recognizer)
    except Exception as error:
        protocol.write(replies, Reply(kind="unfit", detail=f"{type(error).__name__}: {error}"))
        raise
    bound_memory()
    protocol.write(replies, Reply(kind="ready", pack=recognizer.pack, benchmark_s=benchmark_s))
    opened = _Opened()
    while (frame := protocol.read(orders)) is not None:
        order = Order.model_validate_json(frame[0])
        if order.kind == "gallery":
            assert order.gallery is not None
            with unbound_memory():
                trouble = opened.follow(order.gallery)
            protocol.write(replies, Reply(kind="gallery", detail=trouble))
            continue
        done = _work(recognizer, embedder, opened.gallery, order, frame[1])
        del frame
        protocol.write(replies, done.reply, *done.parts)


def main() -> None:
    """`python -m manyeyes.node.worker.main PACK_FOLDER MANIFEST_SHA256`, started by an agent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a terminal sends them to its agent too
        signal.signal(number, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)
    end_first()
    orders, replies = _claim_streams()
    try:
        serve(Path(sys.argv[1]), sys.argv[2], orders, replies)
    except BrokenPipeError:  # the agent ended before it took the answer
        os._exit(1)


if __name__ == "__main__":
    main()
