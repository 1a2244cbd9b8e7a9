"""What all models of a scenario share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from cascade.limits import MOST_REPLICATES, MOST_SEED
from cascade.scenario.files import OUTSIDE, Forbidden, name_fault
from cascade.scenario.frames import frame_file, is_frame
from cascade.units import kind_of, quoted, refuse

_INNER = (
    "schema",
    "items_schema",
    "keys_schema",
    "values_schema",
    "choices",
    "fields",
    "steps",
    "definitions",
)
"""Keys of a core schema below which other schemas are."""


def _without_truth(schema: Any) -> Any:
    """Return a core schema whose numbers refuse truth values; those of other models have been seen to."""
    if isinstance(schema, list | tuple):
        return type(schema)(_without_truth(each) for each in schema)  # pyright: ignore
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")  # pyright: ignore
    if kind in ("int", "float"):
        return core_schema.no_info_before_validator_function(partial(_number, str(kind)), schema)  # pyright: ignore
    if kind == "literal" and 1 in schema["expected"]:  # pyright: ignore
        return core_schema.no_info_before_validator_function(partial(_number, "int"), schema)  # pyright: ignore
    inner = {key: _inner(schema[key]) for key in _INNER if key in schema}  # pyright: ignore
    return {**schema, **inner}  # pyright: ignore


def _inner(value: Any) -> Any:
    """Return what stands under a key of a core schema: one, several, or several by name."""
    if isinstance(value, dict) and not isinstance(value.get("type"), str):  # pyright: ignore
        return {name: _without_truth(each) for name, each in value.items()}  # pyright: ignore
    return _without_truth(value)


def _number(kind: Literal["int", "float"], value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("int_type" if kind == "int" else "float_type")
    return value


class Model(BaseModel):
    """A frozen record that refuses keys it does not know.

    Validators are built for what is asked to validate, and once for all below it. A default that is a record is made by
    `model_construct`, which asks for none: a test holds it against its validator.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let no number of the model be a truth value: by itself pydantic reads `true` as 1."""
        return _without_truth(handler(source))

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


def unless_said(kind: str) -> BeforeValidator:
    """Return what gives a group of this kind its type: files need not write it."""

    def with_type(value: Any) -> Any:
        if isinstance(value, Mapping) and "type" not in value:
            return {"type": kind, **cast("Mapping[str, Any]", value)}
        return value

    return BeforeValidator(with_type)


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Refuse numbers and truth values that YAML read out of a name."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise refuse(f"needs text, not {kind_of(value)}", code="CAS012")
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
