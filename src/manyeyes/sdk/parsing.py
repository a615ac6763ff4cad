"""Parses a master's JSON answers into models."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from manyeyes.errors import ManyeyesError, WrongAddress
from manyeyes.sdk.refusals import SUB_PATH

_AnswerT = TypeVar("_AnswerT", bound=BaseModel)


def parsed(model: type[_AnswerT], content: bytes) -> _AnswerT:
    """Parse one JSON document.

    Raises:
        WrongAddress: it is no JSON.
        ManyeyesError: the document does not fit the model.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _odd(error) from error


def _odd(error: ValidationError) -> ManyeyesError:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return WrongAddress(
            f"what answers there is no master: it answers with no JSON; is the address right? {SUB_PATH}"
        )
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    return ManyeyesError(
        f"the master's answer is not in the expected form ({where}: {first['msg']}); same version on both sides?"
    )
