"""Parses a master's JSON answers into models."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from manyeyes.errors import ManyeyesError

_AnswerT = TypeVar("_AnswerT", bound=BaseModel)


def parsed(model: type[_AnswerT], content: bytes) -> _AnswerT:
    """Parse one JSON document.

    Raises:
        ManyeyesError: the document does not fit the model.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _odd(error) from error


def _odd(error: ValidationError) -> ManyeyesError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    return ManyeyesError(
        f"the master's answer is not in the expected form ({where}: {first['msg']}); same version on both sides?"
    )
