"""SQL stands in `store/` only, so that what a change does to the file is one method of a repository."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import manyeyes

SOURCE = Path(manyeyes.__file__).parent
CALLS = {"execute", "executemany", "executescript"}
SQL = re.compile(
    r"\s*(SELECT\s.+|INSERT\s(OR\s\w+\s)?INTO\s.+|REPLACE\sINTO\s.+|UPDATE\s.+\sSET\s.+|DELETE\sFROM\s.+|"
    r"(CREATE|DROP|ALTER)\s(\w+\s)?(TABLE|INDEX|TRIGGER|VIEW)\s.+|PRAGMA\s.+|WITH\s.+\sAS\s.+|"
    r"BEGIN(\s\w+)?;?|COMMIT;?|ROLLBACK;?)",
    re.DOTALL,
)


def sql_in(source: str) -> list[int]:
    """Lines with SQL, with a call that runs some, or that open a file of SQLite; docstrings do not count."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return sorted(
        {
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.expr)
            and (isinstance(node, ast.Call) or id(node) not in docs)
            and is_sql(node)
        }
    )


def is_sql(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="sqlite3"), attr="connect")):
            return True
        case ast.Constant(value=str(text)):
            return SQL.fullmatch(text) is not None
        case ast.JoinedStr(values=parts):
            texts = [str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts]
            return SQL.fullmatch("".join(texts)) is not None
    return False


def test_no_sql_outside_of_the_store() -> None:
    files = [path for path in sorted(SOURCE.rglob("*.py")) if path.parent != SOURCE / "store"]
    assert len(files) > 100
    found = [f"{path.relative_to(SOURCE)}:{line}" for path in files for line in sql_in(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "cursor.execute(query)",
        "db.executemany('', rows)",
        "self._db.executescript(text)",
        "db = sqlite3.connect(path)",
        "rows = read('SELECT 1')",
        "query = f'SELECT {columns} FROM {table}'",
        "QUERY = '\\n  DELETE FROM people WHERE name = ?'",
        "query = 'INSERT OR IGNORE INTO people VALUES (?)'",
        "query = 'UPDATE people SET name = ?'",
        "TABLES = 'CREATE TABLE people (id INTEGER)'",
        "begin = 'BEGIN IMMEDIATE'",
    ],
)
def test_sql_is_found(source: str) -> None:
    assert sql_in(f"import sqlite3\n\n{source}\n") == [3]


@pytest.mark.parametrize(
    "source",
    [
        '"""SELECT is what a docstring may say."""',
        "text = 'select a picture from the list'",
        "label = 'DELETE'",
        "try:\n    pass\nexcept sqlite3.Error:\n    pass",
        "executor.submit(work)",
    ],
)
def test_other_words_are_not(source: str) -> None:
    assert sql_in(source) == []


def test_every_repository_would_be_found() -> None:
    silent = {"__init__", "repositories", "timestamps"}
    modules = [path for path in (SOURCE / "store").glob("*.py") if path.stem not in silent]
    assert [path.stem for path in modules if not sql_in(path.read_text())] == []
