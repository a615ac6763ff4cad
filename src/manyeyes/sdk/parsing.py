"""A master's JSON to what the client's calls answer."""

from __future__ import annotations

from typing import TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from manyeyes.errors import ManyeyesError

_AnswerT = TypeVar("_AnswerT", bound=BaseModel)


def parsed(model: type[_AnswerT], content: bytes) -> _AnswerT:
    """One JSON document.

    Raises:
        ManyeyesError: it is of another form.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _odd(error) from error


def parsed_list(model: type[_AnswerT], response: httpx.Response, key: str) -> list[_AnswerT]:
    """The list under `key` of a JSON document.

    Raises:
        ManyeyesError: it is of another form.
    """
    try:
        found = TypeAdapter(dict[str, list[model]]).validate_json(response.content)  # type: ignore[valid-type]
        return found[key]
    except (ValidationError, KeyError) as error:
        raise _odd(error) from error


def _odd(error: Exception) -> ManyeyesError:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        said = f"{where}: {first['msg']}"
    else:
        said = f"{error} is missing"
    return ManyeyesError(
        f"the master's answer is not of the agreed form ({said}); same version on both sides?"
    )
