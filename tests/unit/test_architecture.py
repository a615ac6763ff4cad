"""The page about the architecture: every folder is on its map, and every file and name in it exists."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ROOT / "src" / "manyeyes"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[a-z_]\w*)?")
A_FILE_AND_ITS_NAMES = re.compile(r"`([\w/]+\.py)`\s+\(((?:`[^`]+`(?:, )?)+)\)")
A_NAME_IN_A_FILE = re.compile(r"`([^`/]+)` in\s+`([\w/]+\.py)`")


@cache
def names_in(path: Path) -> frozenset[str]:
    """`Class`, `Class.method` and `function` of a module."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, kinds):
            found.add(node.name)
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, kinds)}
    return frozenset(found)


def modules() -> list[Path]:
    return sorted(CODE.rglob("*.py"))


def in_code(word: str) -> bool:
    return (CODE / word).exists() or (ROOT / word).exists()


def test_every_folder_and_module_at_the_top_is_on_the_map() -> None:
    folders = {f"{path.parent.relative_to(CODE)}/" for path in CODE.rglob("__init__.py")} - {"./"}
    single = {path.name for path in CODE.glob("*.py")} - {"__init__.py"}
    table = PAGE.split("## The map")[1].split("## ")[0]
    on_the_map = {word for line in table.splitlines() for word in QUOTED.findall(line.split(" | ")[0])}
    assert folders | single <= on_the_map, "these are missing on the map"
    assert [word for word in sorted(on_the_map) if not in_code(word)] == [], "these are gone"


def test_every_file_that_is_named_exists() -> None:
    named = {word for word in QUOTED.findall(PAGE) if word.endswith((".py", ".toml", "/"))}
    assert len(named) > 50
    assert [word for word in sorted(named) if not in_code(word)] == []


def test_every_name_that_is_given_with_its_file_is_in_it() -> None:
    pairs = {
        (file, name) for file, names in A_FILE_AND_ITS_NAMES.findall(PAGE) for name in QUOTED.findall(names)
    } | {(file, name) for name, file in A_NAME_IN_A_FILE.findall(PAGE)}
    pairs = {(file, name) for file, name in pairs if NAME.fullmatch(name)}
    assert len(pairs) > 30
    assert [pair for pair in sorted(pairs) if pair[1] not in names_in(CODE / pair[0])] == []


def test_every_class_and_method_that_is_named_exists() -> None:
    named = {word for word in QUOTED.findall(PAGE) if re.fullmatch(r"[A-Z]\w+(\.\w+)?", word)}
    assert {"Dispatcher.submit", "Dispatcher.on_result", "Dispatch"} <= named
    known = frozenset().union(*(names_in(path) for path in modules()))
    assert sorted(named - known) == []


def test_the_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    enforced = next(found["layers"] for found in contracts if found["name"] == "Rooms import downward only")
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown.splitlines() == [layer.replace("manyeyes.", "") for layer in enforced]
