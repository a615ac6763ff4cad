"""A connection over SSH to a machine whose host key was verified."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

from manyeyes.addresses import with_port
from manyeyes.cli.adding.target import (
    SSH_PORT,
    Target,
    host_key_file,
    judge,
    name_in_known_hosts,
)
from manyeyes.errors import FileTrouble, HostKeyRefused, ManyeyesError, SshRefused, Unavailable

if TYPE_CHECKING:
    import asyncssh

_SYSTEM_KNOWN = Path("/etc/ssh/ssh_known_hosts")
CONNECT_S = 15.0
LOGIN_S = 30.0
RUN_S = 60.0


class Remote:
    """A machine that commands run on."""

    def __init__(self, connection: asyncssh.SSHClientConnection, label: str) -> None:
        self._connection = connection
        self.label = label

    async def run(
        self, command: Sequence[str] | str, *, given: bytes = b"", timeout_s: float = RUN_S
    ) -> tuple[int, bytes, str]:
        """Run a command to its end.

        Args:
            given: the command's standard input.

        Returns:
            The exit status, standard output, and standard error as text.

        Raises:
            Unavailable: the connection broke, or the command took longer than `timeout_s`.
        """
        line = command if isinstance(command, str) else join(command)
        try:
            async with asyncio.timeout(timeout_s):
                done = await self._connection.run(line, input=given, encoding=None, check=False)
        except (OSError, _errors()) as error:
            raise self._broken(error) from error
        status = done.returncode if done.returncode is not None else 255
        return status, _bytes(done.stdout), _bytes(done.stderr).decode(errors="replace")

    async def lines(self, command: Sequence[str], *, timeout_s: float) -> AsyncIterator[str]:
        """The lines that a command prints, as they arrive; its standard input ends when the caller stops reading.

        Raises:
            Unavailable: the connection broke, or the command took longer than `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                async with self._connection.create_process(
                    join(command), encoding=None, stderr=_devnull()
                ) as process:
                    async for line in process.stdout:
                        yield bytes(line).decode(errors="replace").rstrip("\n")
        except (OSError, _errors()) as error:
            raise self._broken(error) from error

    def _broken(self, error: BaseException) -> Unavailable:
        return Unavailable(
            f"the connection to {self.label} broke ({str(error) or type(error).__name__}); run the command again: "
            "it continues where it stopped"
        )


def _bytes(told: Any) -> bytes:
    return told if isinstance(told, bytes) else b""


def _devnull() -> int:
    import asyncssh

    return asyncssh.DEVNULL


def _errors() -> type[Exception]:
    import asyncssh

    return asyncssh.Error


class _HostKeys:
    """Reads and writes `known_hosts`."""

    def __init__(self) -> None:
        self.own = Path("~/.ssh/known_hosts").expanduser()
        files = [str(path) for path in (self.own, _SYSTEM_KNOWN) if os.access(path, os.R_OK)]
        import asyncssh

        try:
            self.known = asyncssh.read_known_hosts(files)
        except (OSError, ValueError) as error:
            raise FileTrouble(f"{' and '.join(files)} cannot be read: {error}; correct the file") from error

    def kept(self, host: str, port: int) -> set[str]:
        """The fingerprints of the keys that are known for a machine."""
        keys = self.known.match(name_in_known_hosts(host, port), "", None)[0]
        return {key.get_fingerprint() for key in keys}

    def remember(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Store a key for the next time."""
        line = f"{name_in_known_hosts(host, port)} {key.export_public_key().decode().strip()}\n"
        try:
            self.own.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.own, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "rb+") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - 1, 0))
                broken = end > 0 and file.read(1) != b"\n"
                file.write(("\n" if broken else "").encode() + line.encode())
        except OSError as error:
            raise FileTrouble(f"{self.own} cannot be written: {error.strerror}") from error


@asynccontextmanager
async def connected(
    target: Target, *, identity: Path | None, fingerprint: str | None
) -> AsyncIterator[Remote]:
    """Connect to a machine. Signs in with keys only: those of the SSH agent, the default ones, or `identity`.

    Args:
        fingerprint: the fingerprint of a host key to accept if it is not known yet; the key is then stored.

    Raises:
        HostKeyRefused: the host key is unknown, changed, or not the one given.
        SshRefused: the machine accepts none of our keys for this user.
        FileTrouble: a key or configuration file cannot be used.
        Unavailable: no SSH server answers.
    """
    import asyncssh

    known = _HostKeys()
    seen: list[tuple[str, int, asyncssh.SSHKey]] = []

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            """Called if `known_hosts` does not trust the key."""
            seen.append((host, port, key))
            return judge(key.get_fingerprint(), known.kept(host, port), fingerprint) == "accept"

    options: dict[str, Any] = {"client_keys": [_key(identity)]} if identity else {}
    if target.user:
        options["username"] = target.user
    if target.port:
        options["port"] = target.port
    label = target.host
    try:
        connection, _ = await asyncssh.create_connection(
            Client,
            target.host,
            known_hosts=known.known,
            preferred_auth="publickey",
            connect_timeout=CONNECT_S,
            login_timeout=LOGIN_S,
            keepalive_interval=10,
            keepalive_count_max=3,
            **options,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        if not seen:
            raise HostKeyRefused(f"the host key of {label} was refused: {error.reason}") from error
        raise _refused(label, *seen[-1], known, fingerprint) from error
    except asyncssh.Error as error:
        raise _ssh_trouble(label, target, error, known) from error
    except (OSError, TimeoutError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        where = with_port(target.host, target.port or SSH_PORT)
        if isinstance(error, socket.gaierror):
            raise Unavailable(f"the name {target.host!r} is not known: {why}; check its spelling") from error
        raise Unavailable(
            f"no SSH server answers at {where}: {why}; is the machine on, and does 'ssh {target.host}' work?"
        ) from error
    async with connection:
        shown = connection.get_server_host_key()
        if fingerprint is not None and shown is not None and shown.get_fingerprint() != fingerprint:
            raise _not_the_one(label, shown, fingerprint)
        for host, port, key in seen[-1:]:
            known.remember(host, port, key)
        yield Remote(connection, label)


def _key(path: Path) -> asyncssh.SSHKey:
    import asyncssh

    try:
        return asyncssh.read_private_key(path.expanduser())
    except OSError as error:
        raise FileTrouble(f"the key {path} cannot be read: {error.strerror}") from error
    except asyncssh.KeyEncryptionError as error:
        raise FileTrouble(
            f"the key {path} is protected by a passphrase; 'ssh-add {path}' gives it to the agent, then leave out "
            "--identity"
        ) from error
    except asyncssh.KeyImportError as error:
        raise FileTrouble(f"{path} is not a private key for SSH: {error}") from error


def _refused(
    label: str, host: str, port: int, key: asyncssh.SSHKey, known: _HostKeys, wanted: str | None
) -> HostKeyRefused:
    shown = key.get_fingerprint()
    kind = key.get_algorithm()
    kept = known.kept(host, port)
    match judge(shown, kept, wanted):
        case "not-the-one":
            assert wanted is not None
            return _not_the_one(label, key, wanted)
        case "changed":
            return HostKeyRefused(
                f"THE HOST KEY OF {label} HAS CHANGED: it shows {shown} ({kind}), {known.own} has "
                f"{', '.join(sorted(kept))}; somebody may intercept the connection; nothing was sent. If the machine "
                f"was installed again, remove the old key: ssh-keygen -R '{name_in_known_hosts(host, port)}'"
            )
        case _:
            return HostKeyRefused(
                f"the host key of {label} is not known: it shows {shown} ({kind}). Compare that with what "
                f"'ssh-keygen -lf {host_key_file(kind)}' prints on the machine itself; if it is the same, add "
                f"--host-key-fingerprint {shown}"
            )


def _not_the_one(label: str, key: asyncssh.SSHKey, wanted: str) -> HostKeyRefused:
    return HostKeyRefused(
        f"{label} shows the host key {key.get_fingerprint()} ({key.get_algorithm()}), not the {wanted} that "
        "--host-key-fingerprint names"
    )


def _ssh_trouble(label: str, target: Target, error: Any, known: _HostKeys) -> ManyeyesError:
    import asyncssh

    reason = getattr(error, "reason", "") or str(error)
    if isinstance(error, asyncssh.PermissionDenied):
        who = f"user {target.user!r}" if target.user else "you"
        return SshRefused(
            f"{label} does not let {who} in with any key here; put your public key there ('ssh-copy-id'), "
            "name a key with --identity, or load it into the agent with ssh-add"
        )
    if isinstance(error, asyncssh.KeyExchangeFailed) and known.kept(target.host, target.port or SSH_PORT):
        return HostKeyRefused(
            f"THE HOST KEY OF {label} HAS CHANGED: it offers no key of the kinds that {known.own} has for it "
            f"({reason}); nothing was sent. If the machine was installed again, remove the old key: "
            f"ssh-keygen -R '{name_in_known_hosts(target.host, target.port or SSH_PORT)}'"
        )
    if isinstance(error, asyncssh.ConfigParseError):
        return FileTrouble(f"your SSH configuration cannot be read: {reason}")
    return Unavailable(f"no SSH connection to {label}: {reason}")
