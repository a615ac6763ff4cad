"""Frozen settings per role: flag, then environment (`MANYEYES_...`), then default."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from manyeyes.addresses import bare, from_here
from manyeyes.cgroups import read_machine
from manyeyes.errors import BadRequest

Host = Annotated[str, AfterValidator(bare)]
MEBIBYTE = 1024 * 1024
MAX_MODEL_BYTES = 512 * MEBIBYTE
"""Of one ONNX file that an operator brings; every node fetches it and every worker holds it."""


def default_data_folder() -> Path:
    """The data folder if none is named."""
    return user_data_path("manyeyes")


def _listed(given: Any) -> Any:
    """Texts of a JSON list, or with commas between; what each may be is checked where a master starts."""
    if not isinstance(given, str):
        return given
    with contextlib.suppress(ValueError):
        if isinstance(several := json.loads(given), list):
            return tuple(map(str, several))
    return tuple(part.strip() for part in given.split(","))


class _Settings(BaseSettings):
    """Settings out of the environment; an empty variable counts as one that is not set.

    Raises:
        BadRequest: a value cannot be used; the message names its variable.
    """

    model_config = SettingsConfigDict(allow_inf_nan=False, env_ignore_empty=True)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{self.model_config.get('env_prefix', '')}{'_'.join(map(str, first['loc']))}".upper()
            raise BadRequest(
                f"{name} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"
            ) from error
        except SettingsError as error:
            raise BadRequest(f"a setting of the environment is not in the expected form: {error}") from error


class RateLimits(_Settings):
    """How much one node may send before its messages are dropped, and then it is banned (`MANYEYES_RATE_LIMIT_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_RATE_LIMIT_", frozen=True)

    messages_per_s: float = 2000.0
    """Messages that are handled for one node each second; more wait in the node's queue."""
    bytes_per_s: float = 32.0 * MEBIBYTE
    """Bytes that are handled for one node each second; more wait in the node's queue."""
    waiting: int = 1024
    """The most messages in a node's queue; those that do not fit are dropped."""
    waiting_bytes: int = 64 * MEBIBYTE
    """The most bytes in a node's queue; messages that do not fit are dropped."""
    connections: int = 8
    """The most connections of one node at once. It needs one, and a second one for a moment when it reconnects."""
    patience_s: float = 3.0
    """A node is banned if its queue overflows for longer than this, or by a whole queue within a second."""
    ban_s: float = 60.0
    """How long the first ban of a node lasts; each later one lasts twice as long."""
    longest_ban_s: float = 3600.0
    """How long a ban lasts at most."""


class AlertLimits(_Settings):
    """The limits above which an alert is raised (`MANYEYES_ALERTS_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_ALERTS_", frozen=True)

    queue_old_s: float = 30.0
    """An alert is raised when a picture has waited longer than this for a node."""
    return_s: float = 30.0
    """How long after the master's start nodes may take to come back before it is critical that none takes pictures."""
    silent_s: float = 60.0
    """An alert is raised when a node is suspect or lost for longer than this."""
    disk_low_bytes: int = 1024 * MEBIBYTE
    """An alert is raised when a disk has less free than this and less than its `disk_low_share`."""
    disk_low_share: float = 0.05
    """A part of the disk's size, 0 to 1; see `disk_low_bytes`."""
    disk_least_bytes: int = 32 * MEBIBYTE
    """A disk with less free than this counts as full. A master on a full disk is not ready, but goes on as long as it can."""


class LogSettings(_Settings):
    """How much of the logs is kept (`MANYEYES_LOGS_...`); files on every machine, the rest on the master."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_LOGS_", frozen=True)

    file_bytes: int = Field(8 * MEBIBYTE, ge=16 * 1024)
    """The most bytes of one log file."""
    files: int = Field(5, ge=1, le=100)
    """How many log files are kept in the folder `logs` of the data folder; each has `file_bytes` at most."""
    send: bool = True
    """Whether this machine sends its log lines to the masters."""
    stream_bytes: int = 256 * MEBIBYTE
    """The most compressed bytes of log lines on their way to the masters; above it the oldest are deleted."""
    age_s: float = 7 * 86400.0
    """How long the masters keep log lines."""
    machine_batches: int = 4096
    """The most batches of lines that one machine has in the stream, so that it cannot displace those of others."""
    machine_lines_per_s: float = 200.0
    """Log lines that are taken from one node each second, and ten times as many at once; more are dropped and counted."""
    index_bytes: int = 256 * MEBIBYTE
    """The most bytes of a master's log index; above it the machine with most lines loses its oldest."""


class Limits(_Settings):
    """What a picture may be, and how much a master holds at once (`MANYEYES_LIMITS_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_LIMITS_", frozen=True)

    max_picture_bytes: int = 50 * MEBIBYTE
    """The most bytes of one picture as it is sent."""
    max_megapixels: float = 100.0
    """The most pixels of one picture, in millions; checked from its header before it is decoded."""
    max_held_bytes: int = 256 * MEBIBYTE
    """The most bytes of pictures and answers in memory; above it the answer is `busy`."""
    max_waiting: int = 2000
    """The most pictures that wait for an answer; above it the answer is `busy`."""
    max_result_bytes: int = 192 * MEBIBYTE
    """The most bytes of one answer, and of all answers that one node has started to send."""
    max_attempts: int = 4
    """After so many attempts that ended with a dead worker or node, the picture counts as the cause and fails."""
    answers_kept_s: float = 600.0
    """How long an answered idempotency key is remembered."""
    max_answers_bytes: int = 32 * MEBIBYTE
    """The most bytes of answers that are kept for idempotency keys; above it the oldest are deleted."""
    upload_bytes_per_s: float = Field(1000.0, ge=0)
    """A request whose body comes more slowly, over `upload_over_s`, is answered with 408; 0: only one that does not come at all."""
    upload_over_s: float = Field(20.0, gt=0)
    """The time over which `upload_bytes_per_s` is measured."""
    head_s: float = Field(10.0, gt=0)
    """How long the TLS handshake may take, and then the head of a request; after that the connection is closed."""
    rates: RateLimits = Field(default_factory=RateLimits)
    alerts: AlertLimits = Field(default_factory=AlertLimits)


class RecognitionSettings(_Settings):
    """How a worker recognises (`MANYEYES_RECOGNITION_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_RECOGNITION_", frozen=True)

    precision: Literal["auto", "int8", "fp32"] = "auto"
    """The embedder's arithmetic. The same value on all nodes gives the same digits; `auto` takes the faster one."""


class MasterSettings(_Settings):
    """One master (`MANYEYES_MASTER_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_MASTER_", frozen=True)

    data: Path = Field(default_factory=default_data_folder)
    """The folder where the master keeps everything."""
    listen: Host = "127.0.0.1"
    """The address to listen on."""
    advertise: Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Addresses and names at which other machines reach this master."""
    https_port: int = Field(8443, ge=1, le=65535)
    """The port for users, HTTPS."""
    nats_port: int = Field(4222, ge=1, le=65535)
    """The port for nodes, TLS."""
    tls_cert: Path | None = None
    """The file of an own certificate for users, with its chain, PEM; None: the certificate is of the master's own CA."""
    tls_key: Path | None = None
    """The file of the own certificate's key, PEM, without a password."""
    plain_http: str = ""
    """ADDRESS:PORT at which the API is served without TLS too, for programs that cannot do otherwise: whoever is on the way
    can read API keys and pictures there. Empty: nowhere."""
    root_path: str = ""
    """The path below which a proxy serves this master, as `/faces`; empty: at the root of its host."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Addresses and networks of proxies that are believed what they tell about a request: `X-Forwarded-For`, `-Host`, `-Proto`
    and `-Prefix`."""
    pack: str | None = None
    """A pack's folder, or NAME[@VERSION] in the data folder. If empty: the one that `packs use` chose, or the default."""
    heartbeat_suspect_s: float = 4.0
    """A node that is silent for this long is suspect: it gets no new pictures, and its own are sent to others too."""
    heartbeat_lost_s: float = 7.0
    """A node that is silent for this long is lost: its answers no longer count."""
    ephemeral_lost_s: float = Field(3600.0, ge=0)
    """An ephemeral node that is lost for this long is forgotten; one that leaves is forgotten at once."""
    probe_idle_s: float = 60.0
    """A node that holds no pictures gets a test picture when it has answered nothing for this long."""
    probe_busy_s: float = 5.0
    """The same for a node that holds pictures; at least 8 times as long as a picture usually takes there."""
    probe_answer_s: float = 5.0
    """How long the answer to a test picture may take; at least 8 times as long as a picture usually takes there."""
    recent_pictures: int = Field(24, ge=0, le=100)
    """How many of the latest pictures are kept in memory and shown to operators and their senders; 0: none."""
    announce: bool = True
    """Announce the master's address by mDNS on the networks that it listens on."""
    session_s: float = 12 * 3600.0
    """How long a sign-in to the console lasts."""
    console: bool = True
    """Serve the web console under /console."""
    logs: LogSettings = Field(default_factory=LogSettings)

    @property
    def reachable_at(self) -> tuple[str, ...]:
        """Where nodes look for this master: what it advertises, else where programs on this machine reach it."""
        return self.advertise or (from_here(self.listen),)


class NodeSettings(_Settings):
    """One node (`MANYEYES_NODE_...`)."""

    model_config = SettingsConfigDict(env_prefix="MANYEYES_NODE_", frozen=True)

    data: Path = Field(default_factory=lambda: default_data_folder() / "node")
    join: str = ""
    join_file: Path | None = None
    """A file with the token, in place of `join`. A node that has joined no master yet waits for it."""
    name: str = ""
    find: bool = True
    """Ask the local networks for the master, by mDNS, when it does not answer where it was."""
    workers: int = Field(default_factory=lambda: read_machine().workers)
    heartbeat_s: float = 1.5
    task_deadline_s: float = 60.0
    """A worker that is busy with one picture for longer than this counts as hung and is killed."""
    worker_growth_bytes: int = 1_500_000_000
    """How much memory a worker may use above its size with the pack loaded."""
    drain_s: float = 30.0
    hours: str = ""
    """Hours in which the node works, local time, as `22:00-07:00`; empty: always."""
    when_idle: bool = False
    """Work only while other programs leave most of the processor free."""
    idle_share: float = 0.2
    """The machine counts as idle while other programs use no more than this share of the cores that the node may use, 0 to 1."""
    idle_quiet_s: float = 60.0
    memory: str = ""
    """The most memory of all workers together, as `4G`; empty: no limit."""
    machine_id_file: Path = Path("/etc/machine-id")
    allow_exec: bool = False
    """Whether admins may run commands here, as the user that the node runs as."""
    exec_output_bytes: int = 16 * MEBIBYTE
    """The most output of one command, in bytes; more is dropped."""
    logs: LogSettings = Field(default_factory=LogSettings)
