"""Which name a master's certificate must have, and why a certificate is not trusted, in words.

A master's own CA is trusted for the name `manyeyes-master`, whatever the address is. Any other CA, as that of a proxy, and
the system's trust store are trusted for the host name of the address, as browsers do it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from manyeyes.credentials import MASTER_CA, MASTER_HOSTNAME
from manyeyes.errors import FileTrouble
from manyeyes.plain_text import plain
from manyeyes.sdk.context import Context
from manyeyes.wording import in_utc, listed

_LOOK_S = 3.0
_MOST_NAMES = 5
_NOT_YET, _EXPIRED = 9, 10
_OTHER_NAME = (62, 64)
_NAMESAKE = 7
_UNKNOWN = (2, _NAMESAKE, 18, 19, 20, 21)
"""OpenSSL's numbers (`X509_V_ERR_...`): no issuer, one that nobody vouches for, or one with the name of a trusted one only."""


def pinned_name(ca_pem: str) -> str | None:
    """The name that certificates of these CAs must have; None: the host name of the address, or what is no CA at all."""
    if not ca_pem:
        return None
    store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        store.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError):
        return MASTER_HOSTNAME  # `trust` says what is wrong with it
    subjects: list[Any] = [one["subject"] for one in store.get_ca_certs()]
    pairs = (pair for subject in subjects for several in subject for pair in several)
    names = [name for field, name in pairs if field == "commonName"]
    made_by_masters = sum(name.startswith(MASTER_CA) for name in names)
    return MASTER_HOSTNAME if made_by_masters == store.cert_store_stats()["x509"] else None


def trust(context: Context) -> ssl.SSLContext:
    """What verifies the certificate.

    Raises:
        FileTrouble: the context's CA is not a certificate.
    """
    if context.trusts_system:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=context.ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise FileTrouble(
            "the CA certificate of the context, or of the file in MANYEYES_CA, is not a PEM certificate"
        ) from error


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that led to it."""
    pending: list[BaseException | None] = [error]
    while pending:
        if (one := pending.pop()) is None:
            continue
        yield one
        if isinstance(one, BaseExceptionGroup):
            pending.extend(one.exceptions)
        pending.append(one.__cause__ or one.__context__)


def refusal(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The refused certificate behind an error, if there is one."""
    return next((one for one in causes(error) if isinstance(one, ssl.SSLCertVerificationError)), None)


@dataclass(frozen=True)
class Presented:
    """The certificate that a server shows; nothing in it is verified."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


async def presented(host: str, port: int, name: str) -> Presented | None:
    """Look at a server's certificate once more, to say what is wrong with it; None if that fails too.

    Args:
        name: asked for in the handshake.
    """
    look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_LOOK_S):
            _, writer = await asyncio.open_connection(host, port, ssl=look, server_hostname=name)
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return _read(der)
    except (OSError, TimeoutError, ValueError):
        return None


def _read(der: bytes) -> Presented:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    found = x509.load_der_x509_certificate(der)
    names: tuple[str, ...] = ()
    try:
        listed = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (
            *listed.get_values_for_type(x509.DNSName),
            *map(str, listed.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        pass
    common = found.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    issuer = str(common[0].value) if common else found.issuer.rfc4514_string()
    return Presented(names, issuer, found.not_valid_before_utc, found.not_valid_after_utc)


def sentence(
    code: int, message: str, seen: Presented | None, *, wanted: str, context: Context, now: datetime
) -> str:
    """Why a certificate is not trusted, and what to do.

    Args:
        code, message: OpenSSL's.
        seen: the certificate, where it could be looked at.
        wanted: the host name that it should have.
    """
    pinned = pinned_name(context.ca_pem) is not None
    if code == _EXPIRED:
        if seen is not None and seen.ends <= now:
            return f"it expired at {in_utc(seen.ends)}, and here it is {in_utc(now)}; renew it there"
        return "a certificate of its chain has expired; renew it there"
    if code == _NOT_YET:
        begins = f" before {in_utc(seen.begins)}" if seen is not None and seen.begins > now else " yet"
        return f"it is not valid{begins}, and here it is {in_utc(now)}; is this machine's clock right?"
    if code in _OTHER_NAME:
        names = "other names" if seen is None else plain(listed(seen.names, _MOST_NAMES)) or "no name"
        mend = (
            "a proxy or another program answers there; if it is meant to, set MANYEYES_CA to the file of its CA"
            if pinned
            else "use a name of the certificate as the master's address (MANYEYES_MASTER), or get one for this name"
        )
        return f"it is for {names}, not for {wanted}; {mend}"
    if code in _UNKNOWN:
        another = "another CA of the name " if code == _NAMESAKE else ""
        issuer = f"it is signed by {another}{seen.issuer!r}" if seen is not None else "its CA is unknown"
        return f"{issuer}, which {_whose(seen, context, pinned)}"
    return message


def _whose(seen: Presented | None, context: Context, pinned: bool) -> str:
    if context.trusts_system:
        return (
            "this system's trust store does not know; install that CA there, or name its file in MANYEYES_CA, or use a "
            "context that the master made (MANYEYES_CONTEXT)"
        )
    if not pinned:
        return "is not the CA that was given; name the file of that CA in MANYEYES_CA ('system': this system's trust store)"
    if seen is not None and seen.issuer.startswith(MASTER_CA):
        return "is not this context's CA: another master answers there; its 'manyeyes up' writes the context to use"
    return (
        "is not this context's CA; is it the right master? Its 'manyeyes up' writes the context to use. For a proxy or a "
        "certificate of your own, set MANYEYES_CA to the file of its CA, or to 'system' for this system's trust store"
    )
