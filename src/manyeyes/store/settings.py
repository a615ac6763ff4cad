"""What operators set: the threshold's rule, and how long unknown faces are kept. Values are JSON in a table of keys."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from manyeyes.store import gallery_history
from manyeyes.store.database import Database, Read

_RULE_KEY = "threshold_rule"
_RETENTION_KEY = "unknown_faces"


@dataclass(frozen=True)
class ThresholdRuleRow:
    """A rule as an operator set it; a distance counts for the embedder that it was set for."""

    mode: str
    value: float
    embedder: str


@dataclass(frozen=True)
class Retention:
    """Whether unknown faces are kept; `for_s` seconds, 0: they are not; `since`: ISO 8601, UTC."""

    for_s: float = 0.0
    since: str = ""


class SettingsRepository:
    """The settings that outlast a restart; each has a default until it is set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def threshold_rule(self) -> ThresholdRuleRow | None:
        """The rule, None for the default."""
        return stored_rule(self._database.read)

    def set_threshold_rule(self, rule: ThresholdRuleRow | None) -> None:
        """Store a rule; None returns to the default. Nodes receive it as a change of the gallery."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM meta WHERE key = ?", (_RULE_KEY,))
            if rule is not None:
                cursor.execute("INSERT INTO meta VALUES (?, ?)", (_RULE_KEY, json.dumps(asdict(rule))))
            gallery_history.note(cursor)

    def retention(self) -> Retention:
        """How long unknown faces are kept; by default they are not."""
        rows = self._database.read("SELECT value FROM meta WHERE key = ?", _RETENTION_KEY)
        return Retention(*json.loads(rows[0][0])) if rows else Retention()

    def set_retention(self, retention: Retention) -> None:
        """Set how many seconds unknown faces are kept from now on."""
        with self._database.transaction() as cursor:
            value = json.dumps([retention.for_s, retention.since])
            cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_RETENTION_KEY, value))


def stored_rule(read: Read) -> ThresholdRuleRow | None:
    """The threshold's rule as a connection sees it, None for the default."""
    rows = read("SELECT value FROM meta WHERE key = ?", _RULE_KEY)
    if not rows:
        return None
    rule = json.loads(rows[0][0])
    return ThresholdRuleRow(rule["mode"], float(rule["value"]), str(rule["embedder"]))
