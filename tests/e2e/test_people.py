"""A change of people reaches every worker at once: the next picture knows it, whichever worker takes it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.e2e.conftest import Up
from tests.e2e.pictures import astronaut


def _names(client: Client, photo: bytes, times: int = 8) -> set[str | None]:
    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda _: client.recognize(photo, picture=False), range(times)))
    return {face.name for answer in answers for face in answer.result.faces}


def test_the_next_picture_knows_a_change_of_people(up: Up) -> None:
    buffer = io.BytesIO()
    astronaut().save(buffer, "JPEG")
    photo = buffer.getvalue()
    with Client(load_context(up.data / "context.json")) as client:
        assert _names(client, photo) == {None}
        try:
            client.add_person("Eileen Коллинз 宇航員", photo)
            assert _names(client, photo) == {"Eileen Коллинз 宇航員"}
            client.rename_person("Eileen Коллинз 宇航員", "Eileen/Collins")
            assert _names(client, photo) == {"Eileen/Collins"}
            assert [person.name for person in client.people()] == ["Eileen/Collins"]
        finally:
            client.remove_person("Eileen/Collins")
        assert _names(client, photo) == {None}
