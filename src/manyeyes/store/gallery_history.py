"""What changed among the people, by version: triggers note it in the same transaction as the change itself.

A version is a row of `changes`. Its mark is random, so that a registry restored from a copy, which counts the
same versions again for other changes, is told apart from the one that a node knows.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from manyeyes.recognition.matching.gallery_changes import Changes, full_mark, pack_names

KEPT_CHANGES = 200_000
"""A node that missed more than these is sent the whole gallery."""
_BLOCK_ROWS = 20_000

TABLES = """
CREATE TABLE changes (
    version INTEGER PRIMARY KEY AUTOINCREMENT, mark INTEGER NOT NULL DEFAULT (random()),
    photo_id INTEGER, person_id INTEGER
);
CREATE TRIGGER photo_added AFTER INSERT ON photos BEGIN
    INSERT INTO changes (photo_id, person_id) VALUES (new.id, new.person_id);
END;
CREATE TRIGGER photo_changed AFTER UPDATE OF id, person_id, embedder, embedding ON photos BEGIN
    INSERT INTO changes (photo_id, person_id) VALUES (old.id, new.person_id), (new.id, new.person_id);
END;
CREATE TRIGGER photo_removed AFTER DELETE ON photos BEGIN
    INSERT INTO changes (photo_id) VALUES (old.id);
END;
CREATE TRIGGER person_renamed AFTER UPDATE OF name ON people BEGIN
    INSERT INTO changes (person_id) VALUES (new.id);
END;
CREATE INDEX photos_of_person ON photos (person_id, embedder);
"""
"""A step of `schema.STEPS`."""


def prepare(db: sqlite3.Connection) -> None:
    """Have a first version, and let go of changes that are long past."""
    db.execute("INSERT INTO changes (photo_id) SELECT NULL WHERE NOT EXISTS (SELECT 1 FROM changes)")
    db.execute("DELETE FROM changes WHERE version < (SELECT MAX(version) FROM changes) - ?", (KEPT_CHANGES,))


def note(cursor: sqlite3.Cursor) -> None:
    """Note a change of what stands beside the photos: threshold, vetoes."""
    cursor.execute("INSERT INTO changes (photo_id) VALUES (NULL)")


def newest(db: sqlite3.Connection) -> tuple[int, str]:
    """(version, mark) of the last change."""
    version, mark = db.execute("SELECT version, mark FROM changes ORDER BY version DESC LIMIT 1").fetchone()
    return int(version), format(mark, "x")


def standing(db: sqlite3.Connection, embedder: str, threshold: float) -> Changes:
    """A change of nothing, at the newest version: it carries threshold and vetoes."""
    version, mark = newest(db)
    vetoes = db.execute(
        "SELECT person_id, embedding FROM vetoes WHERE embedder = ? ORDER BY id", (embedder,)
    ).fetchall()
    return Changes.of(
        since=version,
        version=version,
        mark=full_mark(mark, embedder),
        threshold=threshold,
        vetoes=[(owner, np.frombuffer(blob, "<f4")) for owner, blob in vetoes],
    )


def _is_known(db: sqlite3.Connection, embedder: str, version: int, mark: str) -> bool:
    row = db.execute("SELECT mark FROM changes WHERE version = ?", (version,)).fetchone()
    return row is not None and full_mark(f"{row[0]:x}", embedder) == mark


def only_added(db: sqlite3.Connection, embedder: str, since: int, mark: str) -> bool:
    """Whether nothing was taken out since a version that is known; call it in a transaction."""
    gone = (
        "SELECT 1 FROM changes WHERE version > ? AND photo_id IS NOT NULL AND photo_id NOT IN "
        "(SELECT id FROM photos WHERE embedder = ?) LIMIT 1"
    )
    return _is_known(db, embedder, since, mark) and db.execute(gone, (since, embedder)).fetchone() is None


def delta(db: sqlite3.Connection, embedder: str, since: int, mark: str, threshold: float) -> Changes | None:
    """What changed since a version, None where that is not known or too much; call it in a transaction."""
    if not _is_known(db, embedder, since, mark):
        return None
    touched = "(SELECT photo_id FROM changes WHERE version > ? AND photo_id IS NOT NULL)"
    photos = db.execute(
        f"SELECT id, person_id, embedding FROM photos NOT INDEXED WHERE embedder = ? AND id IN {touched}",
        (embedder, since),
    ).fetchall()
    ids = {row[0] for row in db.execute(touched[1:-1], (since,))}
    people = db.execute(
        "SELECT id, name FROM people WHERE id IN "
        "(SELECT person_id FROM changes WHERE version > ? AND person_id IS NOT NULL)",
        (since,),
    ).fetchall()
    now = standing(db, embedder, threshold)
    return Changes.of(
        since=since,
        version=now.version,
        mark=now.mark,
        threshold=now.threshold,
        added=[(photo, owner, np.frombuffer(blob, "<f4")) for photo, owner, blob in photos],
        removed=ids - {photo for photo, _, _ in photos},
        people=dict(people),
        vetoes=list(zip(now.veto_owners.tolist(), now.vetoes, strict=True)),
    )


def write_snapshot(db: sqlite3.Connection, embedder: str, path: Path, threshold: float) -> Changes:
    """Write the whole gallery to a file, in blocks; call it in a transaction."""
    whole = "FROM photos WHERE embedder = ?"
    (count,) = db.execute(f"SELECT COUNT(*) {whole}", (embedder,)).fetchone()
    (size_bytes,) = db.execute(f"SELECT LENGTH(embedding) {whole} LIMIT 1", (embedder,)).fetchone() or (0,)
    now = standing(db, embedder, threshold)
    owners = f"SELECT person_id {whole}"
    people = dict(db.execute(f"SELECT id, name FROM people WHERE id IN ({owners})", (embedder,)).fetchall())
    for owner in now.veto_owners.tolist():
        people[owner] = db.execute("SELECT name FROM people WHERE id = ?", (owner,)).fetchone()[0]
    ids, ends, names = pack_names(people)
    head = Changes(
        0, now.version, now.mark, now.threshold, now.photos, now.owners, now.embeddings, now.removed,
        ids, ends, names, now.veto_owners, now.vetoes,
    )  # fmt: skip
    made = Changes.create(
        path, head, {"photos": (count,), "owners": (count,), "embeddings": (count, size_bytes // 4)}
    )
    cursor = db.execute(
        "SELECT id, person_id, embedding FROM photos NOT INDEXED WHERE embedder = ? ORDER BY id", (embedder,)
    )
    start = 0
    while rows := cursor.fetchmany(_BLOCK_ROWS):
        into = slice(start, start + len(rows))
        made.photos[into] = [row[0] for row in rows]
        made.owners[into] = [row[1] for row in rows]
        made.embeddings[into] = np.frombuffer(b"".join(row[2] for row in rows), "<f4").reshape(len(rows), -1)
        start += len(rows)
    return made
