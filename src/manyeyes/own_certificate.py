"""An operator's own certificate for users: read, checked, and read again whenever its files change.

Clients of this fleet ask for the name in the certificate of the master's own CA, and go on getting that one. Everybody
else, such as a browser, gets the operator's.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from manyeyes.credentials import MASTER_HOSTNAME
from manyeyes.errors import CertificateUnusable
from manyeyes.local_files import MOST_TEXT_BYTES, read_whole
from manyeyes.telemetry import log

LOOK_EVERY_S = 2.0
_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Loaded:
    """A certificate that can be used."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    """The host names that it is for, without wildcards."""
    expires_at: datetime


def load(certificate: Path, key: Path, now: datetime) -> Loaded:
    """Read and check a certificate and its key.

    Args:
        certificate: PEM, the server's own certificate first, then those of the chain.
        key: PEM, without a password.

    Raises:
        CertificateUnusable: a file cannot be read, the key does not fit, or the certificate is not valid now.
    """
    own = _first_certificate(certificate)
    private = _private_key(key)
    if private.public_key() != own.public_key():
        raise CertificateUnusable(
            f"the key in {key} does not fit the first certificate in {certificate} ({_subject(own)}); name the key that "
            "was made for it, and put the server's own certificate first in the file"
        )
    if own.not_valid_after_utc <= now:
        raise CertificateUnusable(
            f"the certificate in {certificate} expired at {own.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC; renew it"
        )
    if own.not_valid_before_utc > now:
        raise CertificateUnusable(
            f"the certificate in {certificate} is not valid before {own.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC, and "
            f"here it is {now:%Y-%m-%d %H:%M:%S} UTC; is this machine's clock right?"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise CertificateUnusable(f"the certificate in {certificate} cannot be used: {error}") from error
    return Loaded(context, _names(own), own.not_valid_after_utc)


def _read(path: Path, what: str) -> bytes:
    try:
        return read_whole(path, MOST_TEXT_BYTES)
    except OSError as error:
        raise CertificateUnusable(
            f"the {what} {path} cannot be read: {error.strerror}; name a file that the user of the master may read"
        ) from error


def _first_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path, "certificate"))[0]
    except ValueError as error:
        raise CertificateUnusable(
            f"{path} holds no certificate in PEM form (a file that begins with '-----BEGIN CERTIFICATE-----')"
        ) from error


def _private_key(path: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_read(path, "key"), None)
    except TypeError as error:  # it has a password
        raise CertificateUnusable(
            f"the key in {path} has a password, and nobody is there to type it; "
            f"write it without one: openssl pkey -in {path} -out KEY"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateUnusable(
            f"{path} holds no private key in PEM form (a file that begins with '-----BEGIN PRIVATE KEY-----')"
        ) from error


def _subject(certificate: x509.Certificate) -> str:
    return ", ".join(_names(certificate)) or certificate.subject.rfc4514_string() or "without a name"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name for name in found.get_values_for_type(x509.DNSName) if "*" not in name)


class OwnCertificate:
    """The certificate in use.

    Args:
        certificate, key: as for `load`.

    Raises:
        CertificateUnusable: as `load`.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp = self._look()
        self._failed: _Stamp | None = None
        self.loaded = load(certificate, key, datetime.now(UTC))
        self.trouble = ""
        """Why changed files are not in use; empty if those in use are the newest."""

    @property
    def path(self) -> Path:
        """The certificate's file."""
        return self._certificate

    def serve(self, base: ssl.SSLContext) -> None:
        """Have a server's context give this certificate to all who do not ask for the one of the master's own CA."""

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name != MASTER_HOSTNAME:
                connection.context = self.loaded.context

        base.sni_callback = choose

    async def watch(self) -> None:
        """Read the files again when they change, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Read the files again if they have changed.

        Who renews a certificate writes two files, one after the other: a failure counts when it is found twice with the
        same files.
        """
        stamp = self._look()
        if stamp == self._stamp:
            self._failed, self.trouble = None, ""
            return
        try:
            self.loaded = load(self._certificate, self._key, datetime.now(UTC))
        except CertificateUnusable as error:
            if stamp == self._failed and error.detail != self.trouble:
                self.trouble = error.detail
                log().warning("the changed certificate is not used, the one before is", error=error.detail)
            self._failed = stamp
            return
        self._stamp, self._failed, self.trouble = stamp, None, ""
        log().info("the changed certificate is used", expires_at=self.loaded.expires_at.isoformat())

    def _look(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self._certificate, self._key))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
