"""References to faces: an embedding that only its master can read, so that the master need not keep it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from manyeyes.errors import ReferenceRefused
from manyeyes.identity import write_private
from manyeyes.recognition.arrays import Floats

_PREFIX = "mef1."
_KEY_BYTES, _NAME_BYTES, _NONCE_BYTES = 32, 4, 12
_CHECK_BYTES, _MOST_DIGITS = 9, 19


@dataclass(frozen=True)
class SealedFace:
    """What a reference holds: embedding float32 (d,), and the id of the embedder that gave it."""

    embedding: Floats
    embedder: str


class FaceReferences:
    """AES-256-GCM under a key that stays in the master's identity folder, created on first use.

    A reference is `mef1.` and base64 of 4 bytes that name the key, a nonce, and the sealed embedder's id and
    float16 embedding; about 420 characters at 128 dimensions. The nonce is made from what is sealed, so the
    same face has the same reference in every answer about one picture.
    """

    def __init__(self, key_path: Path) -> None:
        if not key_path.exists():
            write_private(key_path, os.urandom(_KEY_BYTES))
        key = key_path.read_bytes()
        self._name = hashlib.sha256(b"manyeyes reference" + key).digest()[:_NAME_BYTES]
        self._cipher = AESGCM(key)
        self._nonce_key = hashlib.sha256(b"manyeyes nonce" + key).digest()

    def close(self, embedding: Floats, embedder: str) -> str:
        """The reference to a face of embedding (d,)."""
        label = embedder.encode()
        plain = len(label).to_bytes(1, "big") + label + embedding.astype("<f2").tobytes()
        nonce = hmac.digest(self._nonce_key, plain, "sha256")[:_NONCE_BYTES]
        sealed = self._name + nonce + self._cipher.encrypt(nonce, plain, _PREFIX.encode())
        return _PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def person_id(self, number: int) -> str:
        """A person's id in results: nobody can guess that of another person."""
        check = hmac.digest(self._nonce_key, f"person {number}".encode(), "sha256")[:_CHECK_BYTES]
        return f"{number}-{base64.urlsafe_b64encode(check).decode()}"

    def person_number(self, person_id: str) -> int | None:
        """The reverse of `person_id`; None if this master did not give it."""
        number = person_id.partition("-")[0]
        if not (number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS):
            return None
        known = hmac.compare_digest(self.person_id(int(number)).encode(), person_id.encode())
        return int(number) if known else None

    def open(self, reference: str) -> SealedFace:
        """What `close` sealed.

        Raises:
            ReferenceRefused: no reference, one of another master, or one that was altered.
        """
        body = reference.removeprefix(_PREFIX)
        try:
            if body == reference:
                raise ValueError
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise ReferenceRefused(
                f"this is not a reference to a face ({reference[:12]!r}… seen, {_PREFIX}… expected); "
                "take it from a result of this master"
            ) from error
        name, nonce = raw[:_NAME_BYTES], raw[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES]
        if name != self._name:
            raise ReferenceRefused(
                f"the reference was made by another master (key {name.hex()}, here {self._name.hex()}); "
                "send the picture to this one and use its result"
            )
        try:
            plain = self._cipher.decrypt(nonce, raw[_NAME_BYTES + _NONCE_BYTES :], _PREFIX.encode())
        except (InvalidTag, ValueError) as error:
            raise ReferenceRefused(
                "the reference was altered or cut; use the result as 'manyeyes send' wrote it"
            ) from error
        end = 1 + plain[0]
        return SealedFace(np.frombuffer(plain[end:], "<f2").astype(np.float32), plain[1:end].decode())
