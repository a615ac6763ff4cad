"""No secret, no picture and no embedding gets into a line, however it is dressed."""

from __future__ import annotations

import base64
import json
import os
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyeyes import identity
from manyeyes.face_results import Enrolled
from manyeyes.telemetry.events import _encoded
from manyeyes.telemetry.guard import MAX_LINE_BYTES, MAX_TEXT_CHARACTERS, guarded, guarded_text

PICTURE = np.random.default_rng(2).bytes(3000)
EMBEDDING = [float(value) for value in np.random.default_rng(1).normal(size=128)]
KEY = identity.make_api_key()
SEED = identity.make_nkey().seed
REFERENCE = "mef1." + base64.urlsafe_b64encode(os.urandom(300)).decode().rstrip("=")
TOKEN = "me1_" + base64.urlsafe_b64encode(os.urandom(400)).decode().rstrip("=")

SECRETS: dict[str, object] = {
    "bytes": PICTURE,
    "bytearray": bytearray(PICTURE),
    "memoryview": memoryview(PICTURE),
    "bytes in a list": [PICTURE],
    "bytes in a dict": {"a": {"b": PICTURE}},
    "repr": repr(PICTURE),
    "repr cut short": repr(PICTURE)[:1000],
    "the rest of a repr": repr(PICTURE)[1000:],
    "bytes by an exception": ValueError(PICTURE),
    "as text": PICTURE.decode("latin-1"),
    "hex": PICTURE.hex(),
    "base64": base64.b64encode(PICTURE).decode(),
    "base64 in a sentence": f"it said {base64.b64encode(PICTURE[:90]).decode()} and went",
    "small numbers": str(list(PICTURE[:64])),
    "embedding": EMBEDDING,
    "embedding, a tuple": tuple(EMBEDDING),
    "embedding as text": str(EMBEDDING),
    "embedding of numpy": np.array(EMBEDDING),
    "embedding of numpy as text": str(np.array(EMBEDDING)),
    "numpy scalars": str([np.float32(value) for value in EMBEDDING]),
    "a message": Enrolled(embedding=tuple(EMBEDDING), box_xyxy_px=(0, 0, 1, 1)),
    "a message as text": repr(Enrolled(embedding=tuple(EMBEDDING), box_xyxy_px=(0, 0, 1, 1))),
    "key": KEY,
    "key in a header": f"Authorization: Bearer {KEY}",
    "key without its prefix": KEY.removeprefix("mek_").ljust(43, "x"),
    "session": f"__Host-manyeyes=mes_{KEY[4:]}",
    "link": f"/console/sign-in?link=mel_{KEY[4:]}",
    "token": f"manyeyes node --join {TOKEN}",
    "seed": f"seed={SEED};",
    "reference": f"reference {REFERENCE}",
    "private key": "-----BEGIN PRIVATE KEY-----\nMIGH\nAgEA\n-----END PRIVATE KEY-----",
}


def leaks(text: str) -> set[str]:
    """What of the secrets stands in a text."""
    windows = [PICTURE[at : at + 12] for at in range(0, len(PICTURE) - 12, 4)]
    needles = [
        *(("raw", window.decode("latin-1")) for window in windows),
        *(("hex", window.hex()) for window in windows),
        *(("repr", repr(window)[2:-1]) for window in windows),
        *(("small numbers", ", ".join(map(str, window))) for window in windows[:8]),
        ("base64", base64.b64encode(PICTURE[:90]).decode()[20:40]),
        *(("numbers", str(value)[:10]) for value in EMBEDDING),
        *(("numbers", f"{value:.8e}"[:10]) for value in EMBEDDING),
        ("key", KEY[10:30]),
        ("seed", SEED[10:30]),
        ("token", TOKEN[20:60]),
        ("reference", REFERENCE[20:60]),
        ("pem", "AgEA"),
    ]
    return {name for name, needle in needles if needle in text}


@pytest.mark.parametrize("dress", SECRETS)
def test_it_is_taken_out(dress: str) -> None:
    secret = SECRETS[dress]
    assert leaks(str(secret)) or isinstance(secret, memoryview), "the test tells nothing"
    line = _encoded(guarded({"event": "e", "value": secret})).decode()
    assert leaks(line) == set()
    assert "<" in line


def test_a_traceback_that_carries_a_picture() -> None:
    try:
        raise RuntimeError("cannot decode", PICTURE, KEY)
    except RuntimeError:
        told = traceback.format_exc()
    line = guarded({"event": "handler failed", "exception": told})["exception"]
    assert leaks(line) == set()
    assert "RuntimeError" in line and "test_guard.py" in line


def test_fields_with_telling_names_are_taken_out() -> None:
    told = guarded(
        {"event": "e", "session": "ab", "token": "x", "password": "p", "who": "local admin", "key": ""}
    )
    assert told == {
        "event": "e", "session": "<session>", "token": "<token>", "password": "<password>",
        "who": "local admin", "key": "",
    }  # fmt: skip


HARMLESS = [
    "another node has the picture done sooner",
    "/usr/lib/python3.11/site-packages/manyeyes/recognition/recognizer.py",
    "a" * 64,
    "0123456789abcdef" * 4,
    "faces@1.2.0",
    "no master answers at 10.0.0.4:4222 (5 attempts, 12.4 s): connection refused",
    "['abc', 'def']",
    "the web's bytes",
    "v1.2.3, 4.5, 6.7",
    "2026-11-26T00:42:30.155054Z",
    "manyeyes.broker.connection.NatsConnectionClosedErrorWhileWaiting",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert guarded_text(text) == text


def test_plain_values_stay_and_odd_ones_are_named() -> None:
    told = guarded(
        {"a": 1, "b": 1.5, "c": None, "d": True, "e": Path("/x/y"), "f": object(), "g": [1, "two"]}
    )
    assert told == {"a": 1, "b": 1.5, "c": None, "d": True, "e": "/x/y", "f": "<object>", "g": [1, "two"]}


def test_long_values_are_cut_in_the_middle_and_a_line_has_a_bound() -> None:
    text = "begin " + "word " * 2000 + "end"
    cut = guarded_text(text)
    assert cut.startswith("begin") and cut.endswith("end")
    assert len(cut) < MAX_TEXT_CHARACTERS + 60
    line = _encoded(guarded({"event": "e", **{f"f{number}": text for number in range(30)}}))
    assert len(line) <= MAX_LINE_BYTES
    deep: list[object] = []
    for _ in range(50):
        deep = [deep]
    assert len(_encoded(guarded({"event": "e", "deep": deep, "many": list("abc") * 1000}))) <= MAX_LINE_BYTES


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=30),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: (
                st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5)
            ),
            max_leaves=10,
        ),
    )
)
def test_whatever_is_said_becomes_one_bounded_line(event: dict[str, object]) -> None:
    line = _encoded(guarded(event))
    assert len(line) <= MAX_LINE_BYTES
    assert b"\n" not in line
    assert isinstance(json.loads(line), dict)


def test_guarding_is_safe_to_repeat() -> None:
    once = guarded({"event": "e", **{str(n): value for n, value in enumerate(SECRETS.values())}})
    assert guarded(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1.",
        ".1",
        "1.0 ",
        "1, ",
        " ",
        "b'",
        "\\x00",
        "\\",
        "'",
        "-----BEGIN ",
        "S",
        "SA",
        "A2",
        "mek_",
        "\0",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    began = time.process_time()
    guarded_text(text)
    guarded_text("b'" + text)
    assert time.process_time() - began < 0.5
