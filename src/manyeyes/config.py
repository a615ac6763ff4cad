"""Frozen settings per role: flag, then environment (`MANYEYES_...`), then default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
MAX_MODEL_BYTES = 512 * MEBIBYTE
"""Of one ONNX file that an operator brings; every node fetches it and every worker holds it."""


def default_data_folder() -> Path:
    """Where a machine keeps its manyeyes data when nobody says otherwise."""
    return user_data_path("manyeyes")


class FloodLimits(BaseSettings):
    """What one node may say before it is dropped, then cut off (`MANYEYES_FLOOD_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_FLOOD_", frozen=True)

    messages_per_s: float = 2000.0
    bytes_per_s: float = 32.0 * MEBIBYTE
    """What a node says beyond both in a second waits in its line."""
    waiting: int = 1024
    waiting_bytes: int = 64 * MEBIBYTE
    """The length of a node's line; what does not fit is dropped."""
    connections: int = 8
    """Of one node at once; it has one, and another for a moment when it comes back."""
    patience_s: float = 3.0
    """Who overfills its line for longer, or by a whole line within a second, is cut off."""
    cut_off_s: float = 60.0
    """The first time; twice as long each time after."""
    longest_cut_off_s: float = 3600.0


class LogSettings(BaseSettings):
    """How much of the logs is kept (`MANYEYES_LOGS_...`); files on every machine, the rest on the master."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_LOGS_", frozen=True)

    file_bytes: int = Field(8 * MEBIBYTE, ge=16 * 1024)
    files: int = Field(5, ge=1, le=100)
    """In the folder `logs` of a machine's data folder; each has `file_bytes` at most."""
    send: bool = True
    """Whether this machine's lines go to the masters."""
    stream_bytes: int = 256 * MEBIBYTE
    """Of all machines' lines on their way to the masters, compressed; the oldest go first."""
    age_s: float = 7 * 86400.0
    """How long lines are kept by the masters."""
    machine_batches: int = 4096
    """Of one machine in the stream, so that no machine drives out the others' lines."""
    machine_lines_per_s: float = 200.0
    """Of one node, with ten times as many at once; what it says beyond is dropped and counted."""
    index_bytes: int = 256 * MEBIBYTE
    """Of a master's index; the oldest lines of the machine with most go first."""


class Limits(BaseSettings):
    """What a picture may be, and how much a master holds at once (`MANYEYES_LIMITS_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_LIMITS_", frozen=True)

    max_picture_bytes: int = 50 * MEBIBYTE
    max_megapixels: float = 100.0
    max_held_bytes: int = 256 * MEBIBYTE
    """Pictures and answers that a gateway keeps in memory; beyond it, `Busy`."""
    max_waiting: int = 2000
    max_result_bytes: int = 192 * MEBIBYTE
    max_attempts: int = 4
    """Attempts that ended with a dead worker or a dead node, after which the picture is at fault."""
    answers_kept_s: float = 600.0
    """How long an answered idempotency key is remembered."""
    max_answers_bytes: int = 32 * MEBIBYTE
    flood: FloodLimits = Field(default_factory=FloodLimits)


class RecognitionSettings(BaseSettings):
    """How a worker recognises (`MANYEYES_RECOGNITION_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_RECOGNITION_", frozen=True)

    precision: Literal["auto", "int8", "fp32"] = "auto"
    """Of the embedder. One value on all nodes gives equal digits everywhere; `auto` takes the faster."""


class MasterSettings(BaseSettings):
    """One master (`MANYEYES_MASTER_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_MASTER_", frozen=True)

    data: Path = Field(default_factory=default_data_folder)
    listen: str = "127.0.0.1"
    advertise: tuple[str, ...] = ()
    https_port: int = 8443
    nats_port: int = 4222
    pack: str | None = None
    """A pack's folder, or NAME[@VERSION] in the data folder; None: the one that `packs use` chose, or the default."""
    beat_suspect_s: float = 4.0
    beat_lost_s: float = 7.0
    probe_idle_s: float = 60.0
    """Without an answer for so long, a node that holds no pictures is probed."""
    probe_busy_s: float = 5.0
    """The same for a node that holds some; at least 8 times what a picture usually takes it."""
    probe_answer_s: float = 5.0
    """How long the answer to a probe may take; at least 8 times what a picture usually takes the node."""
    announce: bool = True
    """Tell the networks that it listens on where it is, by mDNS."""
    ack_wait_s: float = 5.0
    """After which a picture that a node was handed, and did not claim or name in a heartbeat, goes to another."""
    logs: LogSettings = Field(default_factory=LogSettings)


class NodeSettings(BaseSettings):
    """One node (`MANYEYES_NODE_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_NODE_", frozen=True)

    data: Path = Field(default_factory=lambda: default_data_folder() / "node")
    join: str = ""
    name: str = ""
    find: bool = True
    """Ask the local networks for the master, by mDNS, when it does not answer where it was."""
    workers: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)))
    beat_s: float = 1.5
    task_deadline_s: float = 60.0
    """A worker busy with one picture for longer than this is taken for hung and killed."""
    worker_growth_bytes: int = 1_500_000_000
    """What a worker may have, of memory of its own, beyond its size with the pack loaded."""
    drain_s: float = 30.0
    hours: str = ""
    """Local times of day at which it works, as `22:00-07:00`; empty: always."""
    when_idle: bool = False
    """Work only while everything else on the machine leaves most of the processor alone."""
    idle_share: float = 0.2
    """Of all cores: what others may use while the machine counts as idle."""
    idle_quiet_s: float = 60.0
    memory: str = ""
    """For all workers together, as `4G`; empty: no limit."""
    machine_id_file: Path = Path("/etc/machine-id")
    allow_exec: bool = False
    """Whether admins may run commands here, as the user that the node runs as."""
    exec_output_bytes: int = 16 * MEBIBYTE
    """Of one command; what it says beyond is thrown away."""
    logs: LogSettings = Field(default_factory=LogSettings)
