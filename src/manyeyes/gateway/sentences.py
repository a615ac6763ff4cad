"""What the fields of classes mean, from the strings below them in the source."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from types import ModuleType


@cache
def sentences_of(module: ModuleType) -> Mapping[str, dict[str, str]]:
    """Of each class of a module, each field's sentence."""
    found: dict[str, dict[str, str]] = {}
    for group in ast.parse(inspect.getsource(module)).body:
        if not isinstance(group, ast.ClassDef):
            continue
        of_class = found.setdefault(group.name, {})
        for line, below in pairwise(group.body):
            match line, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    of_class[name] = " ".join(text.split())
    return found
