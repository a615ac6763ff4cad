"""What fields mean, read from the source."""

from __future__ import annotations

from manyeyes.api import access
from manyeyes.gateway.description import meanings_of
from manyeyes.gateway.sentences import sentences_of


def test_a_field_has_the_string_below_it() -> None:
    of_token = sentences_of(access)["TokenRequest"]
    assert of_token["approve"] == "Whether a person must approve each node that joins with it."


def test_a_model_has_themeanings_of_that_it_inherits() -> None:
    meanings = meanings_of(access.NewApiKey)
    assert meanings["key"] == "What stands in the header `Authorization: Bearer KEY`."
    assert meanings["role"] == sentences_of(access)["ApiKey"]["role"]
