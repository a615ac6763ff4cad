"""Tokens, keys, certificates."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from manyeyes import identity
from manyeyes.errors import DataFolderUnusable, TokenRefused


def token(tmp_path: Path) -> identity.JoinToken:
    files = identity.make_certificates(tmp_path, ("192.0.2.7", "cellar.example"))
    return identity.JoinToken(
        "ab12", ("192.0.2.7:4222",), files.ca.read_text(), identity.make_nkey().seed, 12
    )


def test_a_token_survives_copying(tmp_path: Path) -> None:
    made = token(tmp_path)
    assert identity.JoinToken.decode(f"  {made.encode()}\n") == made


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-3], lambda t: t[:40] + "A" + t[41:], lambda t: "", lambda t: "me1_€"]
)
def test_a_cut_or_altered_token_is_refused(tmp_path: Path, spoil: object) -> None:
    with pytest.raises(TokenRefused, match="manyeyes token"):
        identity.JoinToken.decode(spoil(token(tmp_path).encode()))  # type: ignore[operator]


def test_private_files_are_private(tmp_path: Path) -> None:
    identity.load_or_make_nkey(tmp_path / "k" / "node.nk")
    identity.make_certificates(tmp_path / "k", ())
    for name in ("node.nk", "ca.key", "server.key"):
        assert stat.S_IMODE((tmp_path / "k" / name).stat().st_mode) == 0o600


def test_the_ca_and_keys_are_kept(tmp_path: Path) -> None:
    first = identity.make_certificates(tmp_path, ()).ca.read_bytes()
    assert identity.make_certificates(tmp_path, ("192.0.2.1",)).ca.read_bytes() == first
    key = identity.load_or_make_nkey(tmp_path / "n")
    assert identity.load_or_make_nkey(tmp_path / "n") == key


def test_a_changed_manifest_loses_its_signature(tmp_path: Path) -> None:
    key = identity.load_or_make_signing_key(tmp_path / "s")
    signature = key.sign(b"manifest").hex()
    identity.verify_signature(identity.public_hex(key), signature, b"manifest")
    with pytest.raises(InvalidSignature):
        identity.verify_signature(identity.public_hex(key), signature, b"manifesto")


def test_an_unusable_data_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match="--data"):
        identity.make_data_folder(tmp_path / "file" / "data")


def test_what_is_no_data_folder_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    identity.make_data_folder(tmp_path / "link")
    for name, why in (
        ("file", "is no folder but a file"), ("pipe", "is no folder but a file"), ("file/in", "Not a directory"),
        ("dangling", "is a link to .*gone, where nothing can be found"), ("loop", "is a link to .*loop, where nothing"),
        ("a" * 3600, "has a path of 3,6.. bytes, 480 are possible; give --data a shorter one"),
    ):  # fmt: skip
        with pytest.raises(DataFolderUnusable, match=why):
            identity.make_data_folder(tmp_path / name)
