"""What the tests of the pages about people share: photos as files, and a master where nobody is known."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.e2e.conftest import Up
from tests.e2e.pictures import astronaut


def photo(number: int = 0) -> bytes:
    """One woman's face; each number another photo of it."""
    turned = ImageEnhance.Brightness(astronaut()).enhance(1.0 - 0.05 * number)
    return saved(turned.crop((0, 0, 512 - 4 * number, 512 - 4 * number)))


def small_photo() -> bytes:
    """Her face, some 40 px wide: enrolled with a warning."""
    return saved(astronaut().resize((205, 205)))


def two_faces() -> bytes:
    """Her face twice."""
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut(), (0, 0))
    both.paste(astronaut(), (512, 0))
    return saved(both)


def no_face() -> bytes:
    """Noise."""
    return saved(Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)))


def saved(picture: Image.Image) -> bytes:
    """A picture as JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def as_file(name: str, content: bytes) -> dict[str, Any]:
    """A file as Playwright hands it to a page."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


@contextmanager
def client_of(up: Up) -> Iterator[Client]:
    """A client with the admin's key."""
    with Client(load_context(up.data / "context.json")) as client:
        yield client


def forget_everybody(up: Up) -> None:
    """Nobody is known, and no unknown face is kept."""
    with client_of(up) as client:
        client.faces.keep(None)
        for person in client.people():
            client.remove_person(person.name)
