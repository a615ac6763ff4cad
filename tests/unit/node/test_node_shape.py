"""Classes of a node stay small: one that keeps more than a dozen things does more than one."""

from __future__ import annotations

import ast
from pathlib import Path

import manyeyes.node

MOST = 12


def attributes(found: ast.ClassDef) -> set[str]:
    """What the methods of a class set on `self`."""
    return {
        node.attr
        for node in ast.walk(found)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def test_no_class_keeps_more_than_a_dozen_things() -> None:
    folder = Path(manyeyes.node.__file__).parent
    classes = {
        f"{path.relative_to(folder)}: {node.name}": attributes(node)
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert len(classes["agent.py: Agent"]) > 5, "attributes are found"
    assert {name: len(kept) for name, kept in classes.items() if len(kept) > MOST} == {}
