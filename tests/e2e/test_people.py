"""A change of people reaches every worker at once: the next picture uses it, whichever worker processes it."""

from __future__ import annotations

import io
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np

from manyeyes import Client
from manyeyes.packs.embedders import DEFAULT_EMBEDDER
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


def _insert_crowd(registry: Path, people: int) -> None:
    """Write strangers directly to the master's database; each has a distance of about 10 from any real face."""
    rng = np.random.default_rng(1)
    with closing(sqlite3.connect(registry, timeout=30)) as db, db:
        for number in range(people):
            row = (f"Crowd {number}", "2026-01-01T00:00:00+00:00")
            (person,) = db.execute(
                "INSERT INTO people (name, added_at) VALUES (?, ?) RETURNING id", row
            ).fetchone()
            embedding = rng.normal(size=128).astype("<f4").tobytes()
            columns = "(person_id, sha256, embedder, embedding, added_at) VALUES (?, ?, ?, ?, ?)"
            db.execute(
                f"INSERT INTO photos {columns}",
                (person, f"crowd{number}", DEFAULT_EMBEDDER, embedding, row[1]),
            )


def _remove_crowd(registry: Path) -> None:
    with closing(sqlite3.connect(registry, timeout=30)) as db, db:
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("DELETE FROM people WHERE name LIKE 'Crowd %'")


def test_people_come_and_go_in_a_crowd_while_pictures_flow(up: Up) -> None:
    """Thousands of photos arrive as one delta, are compacted and indexed; no picture fails or uses an older gallery."""
    buffer = io.BytesIO()
    astronaut().save(buffer, "JPEG")
    photo = buffer.getvalue()
    registry, folder = up.data / "master.db", up.data / "node" / "gallery"
    with Client(load_context(up.data / "context.json")) as client, ThreadPoolExecutor(3) as pool:
        flowing = True

        def flow() -> int:
            count = 0
            while flowing:
                client.recognize(photo, picture=False)
                count += 1
            return count

        flows = [pool.submit(flow) for _ in range(2)]
        try:
            _insert_crowd(registry, 6_000)
            for turn in range(12):
                client.add_person(f"Eileen {turn}", photo)
                assert _names(client, photo, 3) == {f"Eileen {turn}"}, turn
                client.remove_person(f"Eileen {turn}")
                assert _names(client, photo, 3) == {None}, turn
            flowing = False  # the index is built at low priority, so endless pictures would prevent it
            end = time.monotonic() + 150
            while not list(folder.glob("base-*.idx")):
                assert time.monotonic() < end, list(folder.iterdir())
                time.sleep(0.2)
            client.add_person("Eileen at last", photo)
            assert _names(client, photo, 3) == {"Eileen at last"}
        finally:
            flowing = False
            _remove_crowd(registry)
            if "Eileen at last" in {person.name for person in client.people()}:
                client.remove_person("Eileen at last")
        assert all(running.result() > 5 for running in flows)
        assert _names(client, photo) == {None}
        assert client.people() == []
