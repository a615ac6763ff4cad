"""The lines of all machines in a bounded SQLite file, so that questions are answered fast.

It is made from the stream and can be made again: a file that is damaged is thrown away. One thread uses it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyeyes import contract
from manyeyes.api.logs import MOST_LINES
from manyeyes.broker.logstream import Stored
from manyeyes.errors import BadRequest
from manyeyes.store.transaction import transaction
from manyeyes.telemetry.batches import read_line, unpacked
from manyeyes.telemetry.events import LEVELS
from manyeyes.telemetry.guard import MAX_LINE_BYTES
from manyeyes.trace_events import ATTEMPT

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, machine TEXT NOT NULL, role TEXT NOT NULL,
    level INTEGER NOT NULL, event TEXT NOT NULL, trace TEXT, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS lines_at ON lines (at);
CREATE INDEX IF NOT EXISTS lines_machine ON lines (machine, id);
CREATE INDEX IF NOT EXISTS lines_trace ON lines (trace) WHERE trace IS NOT NULL;
CREATE TABLE IF NOT EXISTS holdings (machine TEXT PRIMARY KEY, lines INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS place (made TEXT NOT NULL, sequence INTEGER NOT NULL);
"""
STEP_LINES = 500
"""How many of the oldest lines are deleted at once if there is no more room."""
TRACE_LINES = 2000
PATIENCE_S = 3.0
"""How long one question may search."""
_PAGE_ROOM = 0.9
_COLUMNS = "id, at, machine, role, level, event, trace, text"
_NAMES = {number: name for name, number in LEVELS.items()}


@dataclass(frozen=True)
class Line:
    """One line; `number` is its place in this index, `at` Unix time by the master's clock, seconds."""

    number: int
    at: float
    machine: str
    role: str
    level: str
    event: str
    trace_id: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """Which lines are wanted; what is empty or None does not matter."""

    machine: str = ""
    level: str = ""
    """This level and above."""
    text: str = ""
    """Only lines that contain this text, in any case."""
    trace_id: str = ""
    since: float | None = None
    before: float | None = None
    brief: bool = False
    """One line a picture: attempts of nodes only if they crashed; without meaning where a machine, a text or a trace is given."""


class Index:
    """An open index file: takes batches of lines and answers questions.

    Args:
        most_bytes: what the file holds at most, about.
        age_s: older lines are deleted.
    """

    def __init__(self, path: Path, most_bytes: int, age_s: float) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._age_s = age_s
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        self._path.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA journal_size_limit=4194304")
        db.executescript(SCHEMA)
        return db

    def close(self) -> None:
        """Close."""
        self._db.close()

    def place(self, made: str) -> int:
        """The last sequence that is here of the stream that was made then; 0: none of that one."""
        row = self._db.execute("SELECT made, sequence FROM place").fetchone()
        if row is not None and row[0] == made:
            return int(row[1])
        with transaction(self._db):
            self._db.execute("DELETE FROM place")
            self._db.execute("INSERT INTO place VALUES (?, 0)", (made,))
        return 0

    def add(self, batches: Sequence[Stored]) -> int:
        """Take batches in, and note how far the stream is here: both or nothing; how many lines are new.

        Raises:
            sqlite3.Error: the disk is full or failing.
        """
        rows = [row for batch in batches for row in _rows(batch)]
        holdings: dict[str, int] = {}
        for row in rows:
            holdings[row[1]] = holdings.get(row[1], 0) + 1
        with transaction(self._db):
            self._db.executemany(
                "INSERT INTO lines (at, machine, role, level, event, trace, text) VALUES (?,?,?,?,?,?,?)",
                rows,
            )
            self._db.executemany(
                "INSERT INTO holdings VALUES (?,?) ON CONFLICT (machine) DO UPDATE SET lines = lines + excluded.lines",
                holdings.items(),
            )
            self._db.execute("UPDATE place SET sequence = ?", (batches[-1].sequence,))
        return len(rows)

    def tidy(self, now: float) -> int:
        """Delete one step of what is too old, or too much; how many lines.

        Where there is too much, the machine with most lines loses its oldest.
        """
        old = self._db.execute(
            "SELECT id FROM lines WHERE at < ? ORDER BY at LIMIT ?", (now - self._age_s, STEP_LINES)
        ).fetchall()
        if not old and self.used_bytes() > self._most_bytes * _PAGE_ROOM:
            most = self._db.execute("SELECT machine FROM holdings ORDER BY lines DESC LIMIT 1").fetchone()
            if most is not None:
                old = self._db.execute(
                    "SELECT id FROM lines WHERE machine = ? ORDER BY id LIMIT ?", (most[0], STEP_LINES)
                ).fetchall()
        if not old:
            return 0
        with transaction(self._db):
            for (number,) in old:
                gone = self._db.execute(
                    "DELETE FROM lines WHERE id = ? RETURNING machine", (number,)
                ).fetchone()
                self._db.execute("UPDATE holdings SET lines = lines - 1 WHERE machine = ?", gone)
            self._db.execute("DELETE FROM holdings WHERE lines <= 0")
        return len(old)

    def used_bytes(self) -> int:
        """What the lines take; the file keeps the room of deleted ones for new ones."""
        (pages,), (free,) = (
            self._db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count")
        )
        (size,) = self._db.execute("PRAGMA page_size").fetchone()
        return int((pages - free) * size)

    def newest(self) -> int:
        """The number of the newest line; 0: none."""
        return int(self._db.execute("SELECT COALESCE(MAX(id), 0) FROM lines").fetchone()[0])

    def has_lines_of(self, machine: str) -> bool:
        """Whether there is a line of that machine."""
        return bool(self._db.execute("SELECT 1 FROM holdings WHERE machine = ?", (machine,)).fetchone())

    def lines(self, question: Question, *, after: int = 0, until: int = 0, limit: int = 200) -> list[Line]:
        """Lines, the newest last: the next ones after number `after`, else the newest, or the newest before `until`.

        Raises:
            BadRequest: it would take too long.
        """
        where, values = _conditions(question)
        if after:
            where, values = [*where, "id > ?"], [*values, after]
        if until:
            where, values = [*where, "id < ?"], [*values, until]
        condition = " AND ".join(where) or "1"
        sql = f"SELECT {_COLUMNS} FROM lines WHERE {condition} ORDER BY id {'' if after else 'DESC'} LIMIT ?"
        found = self._search(sql, [*values, min(limit, MOST_LINES)])
        return found if after else found[::-1]

    def trace(self, trace_id: str) -> list[Line]:
        """All lines of a trace, in their order."""
        return self._search(
            f"SELECT {_COLUMNS} FROM lines WHERE trace = ? ORDER BY at, id LIMIT ?", [trace_id, TRACE_LINES]
        )

    def _search(self, sql: str, values: Sequence[object]) -> list[Line]:
        end_s = time.monotonic() + PATIENCE_S
        self._db.set_progress_handler(lambda: time.monotonic() > end_s, 100_000)
        try:
            return [_line(row) for row in self._db.execute(sql, values)]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            raise BadRequest(
                f"searching the logs took more than {PATIENCE_S:.0f} s; ask for a shorter time, one machine or a trace"
            ) from error
        finally:
            self._db.set_progress_handler(None, 0)


def _conditions(question: Question) -> tuple[list[str], list[object]]:
    conditions: list[tuple[str, object]] = []
    if question.machine:
        conditions.append(("machine = ?", question.machine))
    if question.level:
        conditions.append(("level >= ?", LEVELS[question.level]))
    if question.trace_id:
        conditions.append(("trace = ?", question.trace_id))
    if question.since is not None:
        conditions.append(("at >= ?", question.since))
    if question.before is not None:
        conditions.append(("at < ?", question.before))
    if question.brief and not (question.machine or question.text or question.trace_id):
        conditions.append((f"NOT (event = ? AND level < {LEVELS['warning']})", ATTEMPT))
    if question.text:
        escaped = question.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(("text LIKE ? ESCAPE '\\'", f"%{escaped}%"))
    return [sql for sql, _ in conditions], [value for _, value in conditions]


def _rows(batch: Stored) -> list[tuple[float, str, str, int, str, str | None, str]]:
    """What one batch adds; a line that cannot be read, which only another version can have made, is passed over."""
    role, machine = contract.parse_logs_subject(batch.subject)
    rows = []
    with contextlib.suppress(ValueError):
        for raw in unpacked(batch.data):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                fields = read_line(raw)
                at, level, event = (
                    float(fields.pop("at")),
                    LEVELS[fields.pop("level")],
                    str(fields.pop("event")),
                )
                trace = fields.pop("trace", None)
                text = json.dumps({"event": event, **fields}, separators=(",", ":"), ensure_ascii=False)
                rows.append((at, machine, role, level, event, trace, text[: 2 * MAX_LINE_BYTES]))
    return rows


def _line(row: tuple[Any, ...]) -> Line:
    number, at, machine, role, level, event, trace, text = row
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    fields.pop("event", None)
    return Line(number, at, machine, role, _NAMES.get(level, "info"), event, trace or "", fields)
