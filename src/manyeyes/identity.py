"""Who is who: the CA and the master's certificate, node keys, join tokens, API keys.

Every private file is written with mode 0600. All keys are made on the machine that uses them.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nkeys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from manyeyes.credentials import API_KEY, MASTER_CA, MASTER_HOSTNAME
from manyeyes.errors import DataFolderUnusable, TokenRefused

MAX_PATH_BYTES = 480
"""Of a data folder: SQLite takes paths of up to 512 bytes, and its files are in the folder."""
_NKEY_USER = nkeys.PREFIX_BYTE_USER


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)


def check_name(folder: Path) -> None:
    """Make sure that every program that gets the path of a data folder can read it: ONNX Runtime takes UTF-8 only.

    Raises:
        DataFolderUnusable: it is not UTF-8.
    """
    try:
        os.fsencode(folder).decode()
    except UnicodeDecodeError as error:
        shown = os.fsencode(folder).decode(errors="backslashreplace")
        raise DataFolderUnusable(
            f"the path of the data folder {shown} is not UTF-8 (byte 0x{error.object[error.start]:02x}); "
            "rename the folder, or give --data another one"
        ) from error


def make_data_folder(folder: Path) -> None:
    """Make a data folder that only its owner may enter.

    Raises:
        DataFolderUnusable: its name is not UTF-8 or too long, or it cannot be made or written to.
    """
    check_name(folder)
    if why := _no_folder(folder):
        raise DataFolderUnusable(f"the data folder {str(folder)[:MAX_PATH_BYTES]} {why}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DataFolderUnusable(
            f"cannot write to the data folder {folder}: {error.strerror}; "
            "give --data a folder that you may write to"
        ) from error


def _no_folder(folder: Path) -> str:
    """Why there can be no data folder at a path, and what to do; empty if there can."""
    length = len(os.fsencode(folder))
    if length > MAX_PATH_BYTES:
        return f"… has a path of {length:,} bytes, {MAX_PATH_BYTES} are possible; give --data a shorter one"
    if folder.is_symlink() and not folder.exists():
        return f"is a link to {folder.readlink()}, where nothing can be found; make that folder, or give --data another one"
    if folder.exists() and not folder.is_dir():
        return "is no folder but a file; give --data a folder, or a path where nothing is yet"
    return ""


# --- node and master keys -------------------------------------------------------------------------


@dataclass(frozen=True)
class NKey:
    """A user key of the engine; `seed` never leaves its machine."""

    seed: str
    public: str


def make_nkey() -> NKey:
    """A fresh key pair."""
    seed = nkeys.encode_seed(secrets.token_bytes(32), _NKEY_USER)
    return _nkey_of(bytes(seed))


def _nkey_of(seed: bytes) -> NKey:
    pair = nkeys.from_seed(bytearray(seed))
    return NKey(seed=seed.decode(), public=pair.public_key.decode())


def load_or_make_nkey(path: Path) -> NKey:
    """The key kept in `path`, made on first use."""
    if path.exists():
        return _nkey_of(path.read_bytes().strip())
    key = make_nkey()
    write_private(path, key.seed.encode())
    return key


# --- pack signatures ------------------------------------------------------------------------------


def load_or_make_signing_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """The master's key for signing packs, made on first use."""
    if path.exists():
        return ed25519.Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    key = ed25519.Ed25519PrivateKey.generate()
    write_private(path, key.private_bytes_raw())
    return key


def public_hex(key: ed25519.Ed25519PrivateKey) -> str:
    """The public half, as nodes keep it."""
    return key.public_key().public_bytes_raw().hex()


def verify_signature(public_key_hex: str, signature_hex: str, content: bytes) -> None:
    """Check a signature.

    Raises:
        cryptography.exceptions.InvalidSignature: not signed by that key.
    """
    ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex)).verify(
        bytes.fromhex(signature_hex), content
    )


# --- certificates ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """PEM files of a master."""

    ca: Path
    certificate: Path
    key: Path


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_or_make_ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key_path, certificate_path = folder / "ca.key", folder / "ca.pem"
    if key_path.exists() and certificate_path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(certificate_path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, MASTER_CA + secrets.token_hex(4))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
        )
        .sign(key, hashes.SHA256())
    )
    write_private(key_path, _pem(key))
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _alternative_names(addresses: tuple[str, ...]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for address in dict.fromkeys(
        (MASTER_HOSTNAME, "localhost", socket.gethostname(), "127.0.0.1", "::1", *addresses)
    ):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address.partition("%")[0])))
        except ValueError:
            if address.isascii():  # others are no names of the DNS; `--advertise` gives them in IDNA
                names.append(x509.DNSName(address))
    return names


def make_certificates(folder: Path, addresses: tuple[str, ...]) -> Certificates:
    """The CA (made once) and a fresh server certificate for this start, good for a year.

    Args:
        addresses: host names and IP addresses beside `MASTER_HOSTNAME` that clients may dial.
    """
    ca, ca_key = _load_or_make_ca(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, MASTER_HOSTNAME)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(_alternative_names(addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    write_private(files.key, _pem(key))
    write_private(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return files


def ca_fingerprint(ca_pem: str) -> str:
    """SHA-256 of a CA's certificate, in hexadecimal: names a fleet without saying anything about it."""
    der = x509.load_pem_x509_certificate(ca_pem.encode()).public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).hexdigest()


# --- join tokens ----------------------------------------------------------------------------------

_TOKEN_PREFIX = "me1_"


@dataclass(frozen=True)
class JoinToken:
    """All that a new machine needs: where the masters are, which CA to trust, and a secret that expires."""

    token_id: str
    addresses: tuple[str, ...]
    """`host:port` of the engine, in the order to try."""
    ca_pem: str
    seed: str
    expires_at: int
    """Unix time, seconds."""
    ephemeral: bool = False
    """Whether nodes that join with it are forgotten when they leave, so that each start of one joins anew."""

    def encode(self) -> str:
        """One line to copy."""
        ca_der = x509.load_pem_x509_certificate(self.ca_pem.encode()).public_bytes(serialization.Encoding.DER)
        fields: dict[str, object] = {
            "i": self.token_id,
            "a": self.addresses,
            "c": base64.b64encode(ca_der).decode(),
            "s": self.seed,
            "e": self.expires_at,
        }
        if self.ephemeral:
            fields["p"] = True
        packed = json.dumps(fields, separators=(",", ":")).encode()
        check = hashlib.sha256(packed).digest()[:4]
        return _TOKEN_PREFIX + base64.urlsafe_b64encode(check + packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> JoinToken:
        """Read a token.

        Raises:
            TokenRefused: it is no token, or was cut or altered while copying.
        """
        body = text.strip().removeprefix(_TOKEN_PREFIX)
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            check, packed = raw[:4], raw[4:]
            if not text.strip().startswith(_TOKEN_PREFIX) or hashlib.sha256(packed).digest()[:4] != check:
                raise ValueError
            fields = json.loads(packed)
            ca = x509.load_der_x509_certificate(base64.b64decode(fields["c"]))
            pem = ca.public_bytes(serialization.Encoding.PEM).decode()
            return cls(
                fields["i"], tuple(fields["a"]), pem, fields["s"], int(fields["e"]), bool(fields.get("p"))
            )
        except (ValueError, KeyError, TypeError) as error:
            raise TokenRefused(
                f"this is not a whole join token ({len(text)} characters seen); "
                "copy the one line that 'manyeyes token' printed"
            ) from error


# --- API keys -------------------------------------------------------------------------------------


def make_api_key() -> str:
    """A fresh API key; only its hash is kept."""
    return API_KEY + secrets.token_urlsafe(32)


def hash_api_key(key: str) -> str:
    """What is stored of a key: the keys are 256 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
