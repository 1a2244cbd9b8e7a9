"""What all models of a scenario share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from cascade.limits import MOST_REPLICATES, MOST_SEED
from cascade.scenario.files import OUTSIDE, Forbidden, name_fault
from cascade.scenario.frames import frame_file, is_frame
from cascade.units import quoted, refuse


class Model(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        serialize_by_alias=True,
        protected_namespaces=(),
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Say how a changed copy is made.

        Raises
        ------
        AttributeError
            Always, for what is a field.
        """
        if name in type(self).model_fields:
            msg = (
                f"a scenario does not change: '{name}' stays as it is. Make a changed copy by dotted path: "
                'scenario.replace(seed=7), scenario.replace(**{"makers.0.depth.scale": 0.5})'
            )
            raise AttributeError(msg)
        super().__setattr__(name, value)


class Shorthand:
    """An annotation that accepts a bare number or text in place of the full form."""

    def __init__(self, expand: Callable[[Any], Any]) -> None:
        self.expand = expand

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Expand before the full form is validated."""
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe both forms to editors."""
        return {"anyOf": [{"type": ["number", "string"]}, handler(schema)]}


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Refuse numbers and truth values that YAML read out of a name."""
    if isinstance(value, str):
        return value
    raise refuse(f"needs text, not {value!r}", f'write it in quotes: "{value}"', "CAS012")


def _file(value: Any) -> Any:
    """Refuse what no file is called, and files that the document may not name; keep a table as a file."""
    if is_frame(value):
        return frame_file(value)
    if isinstance(value, Forbidden):
        raise refuse(value.message, value.hint, OUTSIDE)
    fault = name_fault(value) if isinstance(value, str) else ""
    if fault:
        raise refuse(f"{quoted(value)} is no file: its name {fault}", "write the path of a file", "CAS003")
    return _text(value)


def _code(value: Any) -> Any:
    """Refuse what names no class, and code that the document may not name."""
    if isinstance(value, Forbidden):
        raise refuse(value.message, value.hint, OUTSIDE)
    text = _text(value)
    module, _, name = text.rpartition(":")
    if not module or not name.isidentifier():
        raise refuse(f"{quoted(text)} names no class", "write module:Class, such as desk:Whale", "CAS012")
    return text


Seed: TypeAlias = Annotated[int, Field(ge=0, le=MOST_SEED)]
Replicates: TypeAlias = Annotated[int, Field(ge=1, le=MOST_REPLICATES)]
Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name: TypeAlias = Annotated[str, BeforeValidator(_text), Field(pattern=NAME_PATTERN)]
ContractName: TypeAlias = Annotated[
    str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
]
MarketName: TypeAlias = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*:[A-Za-z0-9][A-Za-z0-9._/-]*$"),
]
MarketPatterns: TypeAlias = Annotated[
    tuple[Text, ...],
    Field(min_length=1, description="Markets by name or pattern, such as binance:BTCUSDT or *:BTC*."),
    Shorthand(_many),
]
File: TypeAlias = Annotated[str, BeforeValidator(_file), Field(json_schema_extra={"format": "path"})]
ClassReference: TypeAlias = Annotated[str, BeforeValidator(_code)]
