"""The tables of the master's file, and how files of older versions become today's.

`PRAGMA user_version` says how far a file has come: 0 is version 0.1 or a new file.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from manyeyes.errors import DataFolderUnusable
from manyeyes.store import gallery_history
from manyeyes.version import VERSION

_TABLES_0_1 = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (
    name TEXT PRIMARY KEY, public_nkey TEXT NOT NULL UNIQUE, token_id TEXT NOT NULL, host TEXT NOT NULL,
    first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS tokens (
    token_id TEXT PRIMARY KEY, public_nkey TEXT NOT NULL, expires_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS api_keys (
    hash TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS photos (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, added_at TEXT NOT NULL,
    UNIQUE (person_id, sha256)
);
"""

_PHOTOS_TELL_MORE = """
ALTER TABLE photos RENAME TO photos_of_0_1;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, added_at TEXT NOT NULL,
    file_name TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT 'enrolled',
    warnings TEXT NOT NULL DEFAULT '[]', chip BLOB, landmarks TEXT,
    UNIQUE (person_id, sha256, embedder)
);
INSERT INTO photos (id, person_id, sha256, embedder, embedding, added_at)
    SELECT id, person_id, sha256, embedder, embedding, added_at FROM photos_of_0_1;
DROP TABLE photos_of_0_1;
CREATE TABLE vetoes (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    embedder TEXT NOT NULL, embedding BLOB NOT NULL, file_name TEXT NOT NULL, added_at TEXT NOT NULL
);
"""

_NODES_HAVE_STANDING = """
ALTER TABLE tokens ADD COLUMN approve INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN approved INTEGER NOT NULL DEFAULT 1;
ALTER TABLE nodes ADD COLUMN wish TEXT NOT NULL DEFAULT '';
CREATE TABLE removed_nodes (
    public_nkey TEXT PRIMARY KEY, name TEXT NOT NULL, token_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    host TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, removed_at TEXT NOT NULL,
    done INTEGER NOT NULL, failed INTEGER NOT NULL
);
"""

_AUDIT = """
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    node TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, before TEXT NOT NULL, sha256 TEXT NOT NULL
);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
"""

_SIGN_INS = """
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY, key_hash TEXT NOT NULL REFERENCES api_keys(hash) ON DELETE CASCADE,
    made_at REAL NOT NULL, expires_at REAL NOT NULL
);
"""

_SESSIONS_OF_BEFORE = """
DROP TABLE IF EXISTS sign_ins;
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, key_hash TEXT NOT NULL REFERENCES api_keys(hash) ON DELETE CASCADE,
    made_at REAL NOT NULL, expires_at REAL NOT NULL
);
"""
"""Files exist whose step 6 made the table `sign_ins`: who was signed in there signs in again."""

_PERSON_IDS = """
CREATE TABLE last_person_id (id INTEGER NOT NULL);
INSERT INTO last_person_id SELECT COALESCE(MAX(id), 0) FROM people;
CREATE TRIGGER person_added AFTER INSERT ON people BEGIN
    UPDATE last_person_id SET id = MAX(id, new.id);
END;
"""
"""The audit log names people by id: no id is given twice."""

_MERGES = """
ALTER TABLE photos ADD COLUMN merge_id INTEGER;
ALTER TABLE vetoes ADD COLUMN merge_id INTEGER;
CREATE TABLE merges (
    id INTEGER PRIMARY KEY AUTOINCREMENT, merged_at TEXT NOT NULL,
    person_id INTEGER NOT NULL, name TEXT NOT NULL, added_at TEXT NOT NULL,
    into_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, within INTEGER
);
CREATE TABLE merged_photos (
    merge_id INTEGER NOT NULL REFERENCES merges(id) ON DELETE CASCADE, earlier_id INTEGER,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, added_at TEXT NOT NULL,
    file_name TEXT NOT NULL, source TEXT NOT NULL, warnings TEXT NOT NULL, chip BLOB, landmarks TEXT
);
CREATE TABLE merged_vetoes (
    merge_id INTEGER NOT NULL REFERENCES merges(id) ON DELETE CASCADE, earlier_id INTEGER, of_into INTEGER NOT NULL,
    embedder TEXT NOT NULL, embedding BLOB NOT NULL, file_name TEXT NOT NULL, added_at TEXT NOT NULL
);
CREATE TABLE merged_warnings (
    merge_id INTEGER NOT NULL REFERENCES merges(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, warnings TEXT NOT NULL, settled TEXT NOT NULL
);
CREATE TRIGGER photo_forgotten AFTER DELETE ON photos BEGIN
    DELETE FROM merged_photos WHERE sha256 = old.sha256
        AND merge_id IN (SELECT id FROM merges WHERE into_id = old.person_id);
END;
"""
"""`merges.py` says what is in them."""
_NAME_KEYS = """
ALTER TABLE people ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
CREATE INDEX people_by_name_key ON people (name_key);
"""
"""What names have in common that are one: `name_keys.py` fills it. It is not unique: earlier files have two of one name."""
_NODES_THAT_LEFT = "ALTER TABLE nodes ADD COLUMN left_reason TEXT NOT NULL DEFAULT '';"
_EPHEMERAL_NODES = """
ALTER TABLE tokens ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN release TEXT NOT NULL DEFAULT '';
"""
"""Nodes that are forgotten when they leave; and of every node which release of manyeyes it runs."""

_MERGED_INTO = """
CREATE TABLE merged_into (person_id INTEGER PRIMARY KEY, into_id INTEGER NOT NULL);
INSERT INTO merged_into SELECT person_id, into_id FROM merges;
CREATE TRIGGER person_merged AFTER INSERT ON merges BEGIN
    INSERT OR REPLACE INTO merged_into VALUES (new.person_id, new.into_id);
END;
CREATE TRIGGER person_back AFTER INSERT ON people BEGIN
    DELETE FROM merged_into WHERE person_id = new.id;
END;
"""
"""Where the id of a merged person leads. It is kept when the merge is too old to be undone."""

STEPS = (
    _TABLES_0_1,
    _PHOTOS_TELL_MORE,
    gallery_history.TABLES,
    _NODES_HAVE_STANDING,
    _AUDIT,
    _SIGN_INS,
    _SESSIONS_OF_BEFORE,
    _PERSON_IDS,
    _MERGES,
    _NODES_THAT_LEFT,
    _NAME_KEYS,
    _MERGED_INTO,
    _EPHEMERAL_NODES,
)
"""The n-th leads to user_version n + 1. Only ever append: a step that has once run on a file never runs there again."""


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the tables of the file to today's form; each step whole or not at all.

    Raises:
        DataFolderUnusable: the file was written by a later version.
        sqlite3.Error: as SQLite gives it.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise DataFolderUnusable(
            f"{path} was written by a newer manyeyes: its schema is {version}, this one ({VERSION}) knows up to "
            f"{len(STEPS)}; nothing was changed; update manyeyes here, or choose another folder with --data"
        )
    for number, step in enumerate(STEPS[version:], start=version + 1):
        try:
            db.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
