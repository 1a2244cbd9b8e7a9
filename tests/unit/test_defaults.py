"""Defaults that are records are made without a validator, which would be built at each import; here they meet it."""

import pytest
from pydantic import BaseModel

from cascade.scenario.base import Model
from cascade.scenario.schema import Scenario
from cascade.venues.rulebook import Rulebook


def below(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return all the models that inherit from one."""
    return {each for found in model.__subclasses__() for each in (found, *below(found))}


DEFAULTS = [
    pytest.param(field.default, id=f"{model.__name__}.{name}")
    for model in sorted(below(Model), key=lambda each: each.__name__)
    if model.__module__.startswith("cascade.")
    for name, field in model.model_fields.items()
    if isinstance(field.default, BaseModel)
]


def test_scenarios_and_rulebooks_have_some() -> None:
    assert {Scenario, Rulebook} <= below(Model)
    assert len(DEFAULTS) >= 30


@pytest.mark.parametrize("default", DEFAULTS)
def test_a_default_is_what_its_validator_makes_of_it(default: BaseModel) -> None:
    written = default.model_dump(mode="json", exclude_unset=True)
    validated = type(default).model_validate(written)
    assert validated == default
    assert [(name, type(value)) for name, value in validated] == [
        (name, type(value)) for name, value in default
    ]
    assert validated.model_fields_set == default.model_fields_set
