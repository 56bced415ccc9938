"""What a person reads where a value can't be used."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from explorer.errors import in_words


class One(BaseModel):
    kind: Literal["one"] = "one"


class Two(BaseModel):
    kind: Literal["two"] = "two"


class Layers(BaseModel):
    layer: Annotated[One | Two, Field(discriminator="kind")]


@pytest.mark.parametrize("given", ["x" * 100_000, "a\nb"])
def test_a_complaint_that_quotes_something_endless_is_still_a_sentence(given: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Layers.model_validate({"layer": {"kind": given}})
    said = in_words(caught.value)
    assert said.startswith("layer: ") and "\n" not in said and len(said) < 700
    assert "'one', 'two'" in said
