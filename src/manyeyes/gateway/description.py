"""Completes the framework's description of the API: what each field means, and errors as this gateway answers them.

The meanings are the docstrings below the fields of `manyeyes.api`, read when somebody asks for the description: to
have them as descriptions of the fields would make every start of a command slower.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from manyeyes import api, contract, results
from manyeyes.api.commands import ExecLine
from manyeyes.api.logs import FollowedLine
from manyeyes.api.overview import StreamedNotice
from manyeyes.api.problems import Problem
from manyeyes.gateway.described_content import content_of
from manyeyes.gateway.problems import MEDIA_TYPE
from manyeyes.gateway.sentences import sentences_of

_REFERENCE = "#/components/schemas/"
_ONLY_NAMED = (Problem, ExecLine, FollowedLine, StreamedNotice)
"""Models that routes name in `responses=`, so that the framework does not see them."""
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with models that are only named, meanings of fields, and this gateway's errors."""
    schemas = document["components"]["schemas"]
    for model in _ONLY_NAMED:
        own = model.model_json_schema(ref_template=_REFERENCE + "{model}", mode="serialization")
        schemas.update(own.pop("$defs", {}))
        schemas[model.__name__] = own
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            _correct_errors(operation["responses"])
    _add_meanings(schemas, _models())
    return document


def _correct_errors(responses: dict[str, Any]) -> None:
    """A request that cannot be read is a 400 here, as every error a problem document."""
    if _is_frameworks(responses.get("422")):
        del responses["422"]
    responses["default"] = {
        "description": "Every other error.",
        "content": content_of(Problem, MEDIA_TYPE),
    }


def _is_frameworks(response: dict[str, Any] | None) -> bool:
    return response is not None and "application/json" in response.get("content", {})


def _models() -> dict[str, type[BaseModel]]:
    modules: list[ModuleType] = [results, contract]
    modules += [
        importlib.import_module(f"{api.__name__}.{one.name}") for one in pkgutil.iter_modules(api.__path__)
    ]
    return {
        name: model
        for module in modules
        for name, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel)
    }


def _add_meanings(schemas: dict[str, Any], models: dict[str, type[BaseModel]]) -> None:
    for name, schema in schemas.items():
        if (model := models.get(name)) is None:
            continue
        for field, meaning in meanings_of(model).items():
            if field in schema.get("properties", {}):
                schema["properties"][field].setdefault("description", meaning)


def meanings_of(model: type[BaseModel]) -> dict[str, str]:
    """Of a model's fields, inherited ones too; what a class says itself goes before what it inherits."""
    lineage: Iterable[type] = (one for one in reversed(model.__mro__) if issubclass(one, BaseModel))
    found: dict[str, str] = {}
    for one in lineage:
        if one is not BaseModel:
            module = inspect.getmodule(one)
            assert module is not None
            found |= sentences_of(module).get(one.__name__, {})
    return found
