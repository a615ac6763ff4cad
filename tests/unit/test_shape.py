"""No class of many attributes, no long file, no long function: read from the source, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

import manyeyes

SOURCE = Path(manyeyes.__file__).parent
MOST_ATTRIBUTES = 12
"""Of a class that is not plain data: one with more does several things, which can be classes of their own."""
PLAIN_DATA = {"dataclass", "BaseModel", "BaseSettings", "NamedTuple", "TypedDict"}
LONGEST = {
    "(top)": (460, 40),
    "access": (180, 40),
    "api": (330, 40),
    "broker": (410, 60),
    "cli": (450, 90),
    "console": (250, 60),
    "contract": (200, 20),
    "dispatch": (490, 60),
    "faces": (320, 50),
    "fleet": (310, 60),
    "gateway": (280, 70),
    "lan": (120, 50),
    "master": (200, 60),
    "monitoring": (280, 60),
    "node": (430, 60),
    "packs": (250, 70),
    "recognition": (370, 50),
    "sdk": (430, 60),
    "store": (340, 40),
    "telemetry": (180, 40),
    "video": (190, 45),
}
"""The most lines of a file and of a function, by room. Numbers only fall here."""


def rooms() -> Iterator[tuple[str, str, str]]:
    """(room, path, text) of each file."""
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).parts
        yield parts[0] if len(parts) > 1 else "(top)", "/".join(parts), path.read_text()


def _name(node: ast.expr) -> str:
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _name(inner)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What a class consists of, without the classes in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef):
            yield child
            yield from _inside(child)


def attributes(text: str) -> dict[str, int]:
    """How many attributes each class that is not plain data sets on `self`."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and not PLAIN_DATA & {
            _name(part) for part in (*node.decorator_list, *node.bases)
        }:
            found[node.name] = len(
                {
                    part.attr
                    for part in _inside(node)
                    if isinstance(part, ast.Attribute)
                    and isinstance(part.ctx, ast.Store)
                    and _name(part.value) == "self"
                }
            )
    return found


def longest_function(text: str) -> tuple[int, str]:
    """(lines, name) of the longest function; decorators do not count."""
    functions = (
        ((node.end_lineno or node.lineno) - node.lineno + 1, node.name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return max(functions, default=(0, ""))


@cache
def _counted() -> dict[str, int]:
    return {f"{path}:{name}": count for _, path, text in rooms() for name, count in attributes(text).items()}


def test_no_class_has_too_many_attributes() -> None:
    above = {name: count for name, count in _counted().items() if count > MOST_ATTRIBUTES}
    assert not above, "make classes of their own of what belongs together"


@pytest.mark.parametrize("room", sorted({room for room, _, _ in rooms()}))
def test_no_file_and_no_function_is_too_long(room: str) -> None:
    assert room in LONGEST, "a new room: say how long its files and functions may be"
    most_lines, most_of_function = LONGEST[room]
    for _, path, text in (one for one in rooms() if one[0] == room):
        assert len(text.splitlines()) <= most_lines, path
        lines, name = longest_function(text)
        assert lines <= most_of_function, f"{path}: {name}"


def test_what_counts_as_an_attribute() -> None:
    text = """
class Thing(Base):
    kind = "class attributes do not count"

    def __init__(self, other):
        self.a, self.b = 1, 2
        self.c: int = 3
        self.a = 4
        other.d = 5

        def later():
            self.e = self.f

    class Inner:
        def set(self):
            self.g = 7

@dataclass(frozen=True)
class Row:
    def __post_init__(self):
        self.h = 8

class Pair(NamedTuple):
    x: int
"""
    assert attributes(text) == {"Thing": 4, "Inner": 1}
    assert longest_function(text) == (8, "__init__")


def test_no_module_imports_itself_through_others() -> None:
    """Import rules forbid most of it; this holds between the modules of a room too."""
    graph = grimp.build_graph("manyeyes", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    circles = []
    for module in imports:
        seen, ahead = set[str](), set(imports[module])
        while ahead:
            seen |= ahead
            ahead = {found for name in ahead for found in imports[name]} - seen
        if module in seen:
            circles.append(module)
    assert circles == []
