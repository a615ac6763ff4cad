"""The text of a systemd unit: what is in it follows from its facts alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyeyes.config import NodeSettings
from manyeyes.errors import BadRequest, NotSignedIn

UNITS = {"up": "manyeyes.service", "master": "manyeyes.service", "node": "manyeyes-node.service"}
"""The unit of each role. `up` and `master` share one: both run a master."""

STOP_S = NodeSettings.model_fields["drain_s"].default + 30
"""A node has its time to drain and 30 s to close. One that may drain longer asks systemd for more when it stops."""
START_S = 1800
"""The first start of a master downloads about 100 MB and builds the pack."""
NO_RESTART = (BadRequest.exit_code, NotSignedIn.exit_code)
"""Starting again cannot help: the command line is at fault, or the master refuses this node."""
BACK_OFF_SINCE = 254
"""The version of systemd from which the pause between restarts can grow."""

_HOMES = ("/home", "/root", "/run/user")
PRIVATE = ("/tmp", "/var/tmp")
"""A service has folders of its own under these names, and does not see those of others."""


@dataclass(frozen=True)
class Service:
    """What a unit is made from. Paths are absolute."""

    role: str
    command: tuple[str, ...]
    """The program and its arguments."""
    data: Path
    writable: tuple[Path, ...]
    """Folders that the service may write to beside its data."""
    settings_file: Path
    """Lines `NAME=VALUE` for the service's environment; it may be missing."""
    user: str | None = None
    """The account of a system service; None: a service of the user's own systemd."""
    environment: tuple[tuple[str, str], ...] = ()
    memory_max: str = ""
    low_port: bool = False
    """Whether it listens on a port below 1024."""
    reads: tuple[Path, ...] = ()
    """Where its program and the files that its options name are."""

    @property
    def unit(self) -> str:
        """The unit's name."""
        return UNITS[self.role]


def check_is_seen(path: Path, given: Path | None = None) -> None:
    """Whether a service sees a file or folder.

    Args:
        path: with every symbolic link followed.
        given: what it was called.

    Raises:
        BadRequest: it does not.
    """
    if any(path.is_relative_to(folder) for folder in PRIVATE):
        called = f"{given} leads to {path}, which" if given not in (None, path) else str(path)
        raise BadRequest(
            f"{called} is in a folder for temporary files, of which each service has its own (PrivateTmp): it would not "
            "see this one; choose a place elsewhere"
        )


def render(service: Service, systemd_version: int) -> str:
    """The unit file.

    Raises:
        BadRequest: a path or an argument cannot stand in a unit file, or a service does not see it.
    """
    for path in (service.data, *service.writable, *service.reads):
        check_is_seen(path)
    sections = {
        "Unit": [
            f"Description=manyeyes {service.role}",
            "Wants=network-online.target",
            "After=network-online.target",
            "StartLimitIntervalSec=0",
        ],
        "Service": [
            *_running(service),
            *_restarting(systemd_version),
            *_memory(service),
            *_hardening(service),
        ],
        "Install": [f"WantedBy={'multi-user.target' if service.user else 'default.target'}"],
    }
    if service.user is None:  # a user's systemd does not know when the network is up
        sections["Unit"] = [line for line in sections["Unit"] if "network-online" not in line]
    return "\n".join(
        f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items()
    )


def _running(service: Service) -> list[str]:
    program, *arguments = service.command
    if set(program) & set("\"'\\"):
        raise BadRequest(
            f"systemd starts no program whose path has quotes or backslashes: {program}; install manyeyes elsewhere"
        )
    lines = [
        "Type=notify",
        # ':' has systemd leave every $ alone
        f"ExecStart={' '.join([quoted(f':{program}'), *map(quoted, arguments)])}",
        f"EnvironmentFile=-{_whole_value(service.settings_file)}",
        *(f"Environment={quoted(f'{name}={value}')}" for name, value in service.environment),
        "KillMode=mixed",
        f"TimeoutStartSec={START_S}",
        f"TimeoutStopSec={STOP_S:.0f}",
    ]
    return [f"User={service.user}", *lines] if service.user else lines


def _restarting(systemd_version: int) -> list[str]:
    lines = ["Restart=on-failure", "RestartSec=3"]
    if systemd_version >= BACK_OFF_SINCE:
        lines += ["RestartSteps=6", "RestartMaxDelaySec=300"]
    return [*lines, f"RestartPreventExitStatus={' '.join(map(str, NO_RESTART))}"]


def _memory(service: Service) -> list[str]:
    """Where memory runs out a worker ends and is replaced, and the service goes on."""
    limit = [f"MemoryMax={service.memory_max}"] if service.memory_max else []
    return [*limit, "OOMPolicy=continue"]


def _hardening(service: Service) -> list[str]:
    """What a service of this kind does not need. A user's systemd may take away less than that of the system."""
    writable = " ".join([quoted(str(service.data)), *(quoted(f"-{path}") for path in service.writable)])
    lines = [
        "UMask=0077",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if _in_a_home(service) else 'yes'}",
        f"ReadWritePaths={writable}",
        "PrivateTmp=yes",
        "ProtectControlGroups=yes",
        "ProtectKernelTunables=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallErrorNumber=EPERM",
    ]
    if service.user is None:
        return lines
    port = "CAP_NET_BIND_SERVICE" if service.low_port else ""
    return [
        *lines,
        f"CapabilityBoundingSet={port}",
        f"AmbientCapabilities={port}",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectProc=invisible",
        "RemoveIPC=yes",
    ]


def _in_a_home(service: Service) -> bool:
    paths = (service.data, *service.writable, *service.reads)
    return service.user is None or any(path.is_relative_to(home) for path in paths for home in _HOMES)


def quoted(word: str) -> str:
    """One word of a command line, of `Environment=` or of a list of paths."""
    _printable(word)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _whole_value(path: Path) -> str:
    """A path that is all there is on its line: spaces and quotes stand for themselves."""
    return _printable(str(path)).replace("%", "%%")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise BadRequest(f"{text!r} cannot stand in a unit file; use a path without control characters")
    return text


def differences(installed: str, wanted: str) -> list[str]:
    """Lines that only one of two units has, as sentences."""
    before, after = installed.splitlines(), wanted.splitlines()
    return [
        *(f"installed: {line}" for line in before if line and line not in after),
        *(f"wanted:    {line}" for line in after if line and line not in before),
    ]
