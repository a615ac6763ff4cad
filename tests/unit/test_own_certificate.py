"""An operator's own certificate: what is refused and why, who gets it, and how a changed one comes into use."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.own_certificates import NAME, Files, make_certificate

from manyeyes.errors import CertificateUnusable
from manyeyes.identity import MASTER_HOSTNAME, make_certificates
from manyeyes.own_certificate import OwnCertificate


def _gone(folder: Path) -> Files:
    files = make_certificate(folder)
    files.certificate.unlink()
    return files


def _no_pem(folder: Path) -> Files:
    files = make_certificate(folder)
    files.certificate.write_text("hello")
    return files


def _no_key(folder: Path) -> Files:
    files = make_certificate(folder)
    files.key.write_bytes(files.certificate.read_bytes())
    return files


def _other_key(folder: Path) -> Files:
    other = make_certificate(folder / "other")
    files = make_certificate(folder)
    return Files(files.ca, files.certificate, other.key)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_gone, r"own\.pem cannot be read: No such file"),
        (_no_pem, r"own\.pem holds no certificate in PEM form"),
        (_no_key, r"own\.key holds no private key in PEM form"),
        (_other_key, rf"own\.key does not fit the first certificate in .*own\.pem \({NAME}\)"),
        (lambda folder: make_certificate(folder, password=b"p"), r"own\.key has a password"),
        (
            lambda folder: make_certificate(folder, begins=timedelta(days=-9), ends=timedelta(days=-1)),
            r"own\.pem expired at 20",
        ),
        (
            lambda folder: make_certificate(folder, begins=timedelta(days=1)),
            r"is not valid before 20.* is this machine's clock right",
        ),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, make: Callable[[Path], Files], said: str) -> None:
    files = make(tmp_path)
    with pytest.raises(CertificateUnusable, match=said):
        OwnCertificate(files.certificate, files.key)


def _shown(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> bool:
    """Whether a client that asks for a name accepts what the server shows; without sockets."""
    client.check_hostname = client.check_hostname and name is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    ended = [False, False]
    while not all(ended):
        for number, side in enumerate((asking, answering)):
            try:
                side.do_handshake()
                ended[number] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
    return True


def _trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


def test_the_fleets_own_clients_go_on_getting_the_certificate_of_its_ca(tmp_path: Path) -> None:
    fleet = make_certificates(tmp_path / "identity", ())
    base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    base.load_cert_chain(fleet.certificate, fleet.key)
    files = make_certificate(tmp_path)
    OwnCertificate(files.certificate, files.key).serve(base)
    assert _shown(base, _trusting(fleet.ca), MASTER_HOSTNAME)
    assert _shown(base, _trusting(files.ca), NAME)
    assert _shown(base, _trusting(files.ca), None), "a browser that dials an IP address names no host"
    assert not _shown(base, _trusting(fleet.ca), NAME)


def test_changed_files_come_into_use_and_broken_ones_do_not(tmp_path: Path) -> None:
    fleet = make_certificates(tmp_path / "identity", ())
    base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    base.load_cert_chain(fleet.certificate, fleet.key)
    files = make_certificate(tmp_path)
    own = OwnCertificate(files.certificate, files.key)
    own.serve(base)
    old = _trusting(files.ca)
    own.look()
    assert own.trouble == "" and _shown(base, old, NAME)

    key = files.key.read_bytes()
    make_certificate(tmp_path)
    renewed_key = files.key.read_bytes()
    files.key.write_bytes(key)
    own.look()
    assert own.trouble == "", "who renews it may still be writing the second file"
    own.look()
    assert "does not fit" in own.trouble and _shown(base, old, NAME)

    files.key.write_bytes(renewed_key)
    own.look()
    assert own.trouble == "" and _shown(base, _trusting(files.ca), NAME) and not _shown(base, old, NAME)
    files.certificate.unlink()
    own.look()
    own.look()
    assert "cannot be read" in own.trouble and _shown(base, _trusting(files.ca), NAME)
    files.certificate.write_text("no certificate")
    own.look()
    own.look()
    assert "holds no certificate" in own.trouble, "the newest trouble is said"


def test_names_are_those_that_can_be_dialled(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, names=("*.example.org", NAME))
    assert OwnCertificate(files.certificate, files.key).loaded.names == (NAME,)
