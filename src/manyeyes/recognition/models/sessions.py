"""Opens ONNX Runtime sessions for a worker: one thread, little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime

from manyeyes.errors import PackDamaged

# if a program loads onnxruntime before manyeyes, the variable of `manyeyes.no_reports` comes too late
onnxruntime.disable_telemetry_events()

RUNTIME = f"onnxruntime {onnxruntime.__version__} CPU"


def open_session(model: Path, *, keep_buffers: bool = False) -> Any:
    """Open one model on the CPU with one thread.

    Args:
        model: the file.
        keep_buffers: keep the memory of the largest run for the next run. Otherwise every run requests new
            pages from the system, which costs a tenth of detection's time. Only for networks with bounded
            input.

    Raises:
        PackDamaged: the file is missing or not a model that this ONNX Runtime reads.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = keep_buffers
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider = ("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    try:
        with _readable_name(model) as name:
            return onnxruntime.InferenceSession(name, options, providers=[provider])
    except Exception as error:  # ONNX Runtime raises classes of its own that share only Exception
        raise PackDamaged(f"{model.name} cannot be opened: {error}; build or fetch the pack again") from error


@contextmanager
def _readable_name(path: Path) -> Iterator[str]:
    """A path of the file in UTF-8, which is all that ONNX Runtime takes."""
    try:
        yield os.fsencode(path).decode()
    except UnicodeDecodeError:
        with path.open("rb") as file:
            yield f"/proc/self/fd/{file.fileno()}"


def quiet() -> Any:
    """Options of a run that may fail: ONNX Runtime raises an exception and logs nothing."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    return options
