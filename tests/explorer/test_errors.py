"""What a person reads where a value can't be used."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from explorer.errors import in_words
from explorer.recipe.run import TrainConfig


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


@pytest.mark.parametrize(
    "setting, given, said",
    [
        ("beta", "abc", "beta: must be a number (given: 'abc')"),
        ("beta", -1, "beta: must be at least 0 (given: -1)"),
        ("beta", 1e7, "beta: must be at most 1,000,000 (given: 10000000.0)"),
        ("beta", float("nan"), "beta: must be a finite number (given: nan)"),
        ("steps", 1.5, "steps: must be a whole number (given: 1.5)"),
        ("clip", 0, "clip: must be more than 0 (given: 0)"),
        ("channels", 2, "channels: must be 1 or 3 (given: 2)"),
        ("download", "maybe", "download: must be true or false (given: 'maybe')"),
        ("device", "gpu", "device: must be auto, cpu, mps, cuda, or one of several such as cuda:1 (given: 'gpu')"),
        ("bogus", 1, "bogus: is not a setting that exists here (given: 1)"),
    ],
)
def test_a_setting_that_can_not_be_is_told_in_plain_words(setting: str, given: object, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainConfig.model_validate({setting: given})
    assert in_words(caught.value) == said


def test_no_message_of_a_parser_is_left() -> None:
    """Whatever is put where: nobody reads of inputs, strings or parsing."""
    values = ["x", -1, 1e400, None, [], {}, 2**70, "nan", b"x", True, 0.5]
    for setting in TrainConfig.model_fields:
        for value in values:
            try:
                TrainConfig.model_validate({setting: value})
            except ValidationError as error:
                text = in_words(error).partition(" (given")[0]
                for word in ("nput", "string", "parse", "valid ", "literal"):
                    assert word not in text, (setting, value, text)
