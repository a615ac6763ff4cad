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


class RateLimits(BaseSettings):
    """What one node may say before it is dropped, then cut off (`MANYEYES_RATE_LIMIT_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_RATE_LIMIT_", frozen=True)

    messages_per_s: float = 2000.0
    """The most that is served for one node; what it says beyond waits in its line."""
    bytes_per_s: float = 32.0 * MEBIBYTE
    """The most that is served for one node; what it says beyond waits in its line."""
    waiting: int = 1024
    """The most messages in a node's line; what does not fit is dropped."""
    waiting_bytes: int = 64 * MEBIBYTE
    """The most bytes in a node's line; what does not fit is dropped."""
    connections: int = 8
    """The most connections of one node at once; it has one, and another for a moment when it comes back."""
    patience_s: float = 3.0
    """Who overfills its line for longer, or by a whole line within a second, is cut off."""
    ban_s: float = 60.0
    """How long a node is cut off the first time; twice as long each time after."""
    longest_ban_s: float = 3600.0
    """The longest that a node is cut off at once."""


class AlertLimits(BaseSettings):
    """From where on something needs a person (`MANYEYES_ALERTS_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_ALERTS_", frozen=True)

    queue_old_s: float = 30.0
    """A picture that nobody works on for so long raises an alert."""
    return_s: float = 30.0
    """So long after the master's start nodes have time to come back before it is critical that none takes pictures."""
    silent_s: float = 60.0
    """A node that is suspect or lost for so long raises an alert."""
    disk_low_bytes: int = 1024 * MEBIBYTE
    """A disk with less free, and with less than its `disk_low_share` free, raises the alert that it is nearly full."""
    disk_low_share: float = 0.05
    """Of a disk's size; see `disk_low_bytes`."""
    disk_least_bytes: int = 32 * MEBIBYTE
    """A disk with less free is full; a master on one is not ready, though it goes on while it can."""


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
    """The most bytes of one picture as it is sent."""
    max_megapixels: float = 100.0
    """The most pixels of one picture, in millions; read from its head before anything is decoded."""
    max_held_bytes: int = 256 * MEBIBYTE
    """The most bytes of pictures and answers in memory; beyond it, `Busy`."""
    max_waiting: int = 2000
    """The most pictures that are taken in and not answered; beyond it, `Busy`."""
    max_result_bytes: int = 192 * MEBIBYTE
    """The most bytes of one answer, and of all that one node has begun to send."""
    max_attempts: int = 4
    """Attempts that ended with a dead worker or a dead node, after which the picture is at fault."""
    answers_kept_s: float = 600.0
    """How long an answered idempotency key is remembered."""
    max_answers_bytes: int = 32 * MEBIBYTE
    """The most bytes of answers that are kept for idempotency keys; beyond it the oldest go first."""
    rates: RateLimits = Field(default_factory=RateLimits)
    alerts: AlertLimits = Field(default_factory=AlertLimits)


class RecognitionSettings(BaseSettings):
    """How a worker recognises (`MANYEYES_RECOGNITION_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_RECOGNITION_", frozen=True)

    precision: Literal["auto", "int8", "fp32"] = "auto"
    """Of the embedder. One value on all nodes gives equal digits everywhere; `auto` takes the faster."""


class MasterSettings(BaseSettings):
    """One master (`MANYEYES_MASTER_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_MASTER_", frozen=True)

    data: Path = Field(default_factory=default_data_folder)
    """The folder of everything that is kept."""
    listen: str = "127.0.0.1"
    """The address that is listened on."""
    advertise: tuple[str, ...] = ()
    """Addresses and names that other machines reach this master by."""
    https_port: int = 8443
    """The port for users, HTTPS."""
    nats_port: int = 4222
    """The port for nodes, TLS."""
    tls_cert: Path | None = None
    """The file of an own certificate for users, with its chain, PEM; None: the certificate is of the master's own CA."""
    tls_key: Path | None = None
    """The file of the own certificate's key, PEM, without a password."""
    plain_http: str = ""
    """ADDRESS:PORT at which the API is served without TLS too, for programs that cannot do otherwise: whoever is on the way
    can read API keys and pictures there. Empty: nowhere."""
    pack: str | None = None
    """A pack's folder, or NAME[@VERSION] in the data folder; None: the one that `packs use` chose, or the default."""
    heartbeat_suspect_s: float = 4.0
    """Suspect after this silence: the node gets no new pictures, and what it holds is sent to others too."""
    heartbeat_lost_s: float = 7.0
    """Lost after this silence: the node's own answers no longer count."""
    probe_idle_s: float = 60.0
    """Without an answer for so long, a node that holds no pictures is probed."""
    probe_busy_s: float = 5.0
    """The same for a node that holds some; at least 8 times what a picture usually takes it."""
    probe_answer_s: float = 5.0
    """How long the answer to a probe may take; at least 8 times what a picture usually takes the node."""
    recent_pictures: int = Field(24, ge=0, le=100)
    """The last answered pictures that are shown to those who may see them, in memory only; 0: none."""
    announce: bool = True
    """Tell the networks that it listens on where it is, by mDNS."""
    session_s: float = 12 * 3600.0
    """How long a sign-in to the console lasts."""
    console: bool = True
    """Serve the web console under /console."""
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
    heartbeat_s: float = 1.5
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
