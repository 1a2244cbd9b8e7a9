"""What a model expects at a path: its keys, its description, an example to copy."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cascade.scenario.source import Steps

Model: TypeAlias = type[BaseModel]


def keys_of(model: Model) -> dict[str, FieldInfo]:
    """Return the fields of a model by the keys that are written in YAML."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def models_at(model: Model, steps: Steps, data: Any) -> list[Model]:
    """Return the models that can stand at a path, given the data written there."""
    value = data
    for step in steps:
        value = _item(value, step)
    return [m for part in _annotations_at(model, steps, data) for m in _members(part, value) if _is_model(m)]


def _annotations_at(model: Model, steps: Steps, data: Any) -> list[Any]:
    """Return what is declared at a path, given the data written on the way."""
    current: list[Any] = [model]
    value = data
    for step in steps:
        members = [member for part in current for member in _members(part, value)]
        current = [inner for member in members for inner in _inside(member, step)]
        value = _item(value, step)
    return current


def field_at(model: Model, steps: Steps, data: Any) -> FieldInfo | None:
    """Return the field a path names, or None where it names an item of a list or mapping."""
    if not steps or not isinstance(steps[-1], str):
        return None
    for owner in models_at(model, steps[:-1], data):
        info = keys_of(owner).get(steps[-1])
        if info is not None:
            return info
    return None


def places_of(key: str, model: Model) -> list[str]:
    """Return the paths at which a model, or what is below it, has a key: of several kinds, by their type."""
    return list(dict.fromkeys(_places_of(key, model, (), ())))


def _places_of(key: str, annotation: Any, path: tuple[str, ...], above: tuple[Any, ...]) -> Iterator[str]:
    for member in _members(annotation, None):
        if not _is_model(member):
            arguments = get_args(member)
            step = ("NAME",) if get_origin(member) is dict else ()
            for inner in arguments[1:] if step else arguments:
                yield from _places_of(key, inner, (*path, *step), above)
        elif member not in above:
            fields = keys_of(member)
            if key in fields:
                yield _place(path, member)
            for name, info in fields.items():
                yield from _places_of(key, info.annotation, (*path, name), (*above, member))


def _place(path: tuple[str, ...], member: Model) -> str:
    tags = _literals(member, "type")
    return (".".join(path) or "the top level") + (f" of type {tags[0]}" if tags else "")


def tagged_at(model: Model, steps: Steps, data: Any) -> dict[str, Model]:
    """Return the models that can stand at a path by the ``type:`` that each is written with."""
    everyone = [m for part in _annotations_at(model, steps, data) for m in _members(part, None)]
    return {tag: member for member in everyone if _is_model(member) for tag in _literals(member, "type")}


def tags_of(model: Model, steps: Steps, data: Any) -> list[str]:
    """Return the values of ``type:`` that are possible at a path."""
    return list(tagged_at(model, steps, data))


def example_of(key: str, info: FieldInfo) -> str:
    """Return a line of YAML that sets the field, or an empty text."""
    examples = list(info.examples or []) or _examples_of_unit(info)
    if not examples and isinstance(info.default, bool | int | float | str) and info.default != "":
        examples = [str(info.default).lower() if isinstance(info.default, bool) else info.default]
    if not examples:
        return ""
    return f"{key}: {_flow(examples[0])}"


def _examples_of_unit(info: FieldInfo) -> list[Any]:
    literals = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    for annotation in info.metadata:
        examples = getattr(annotation, "examples", None)
        if examples:
            return list(examples)
    return list(literals)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in cast("Iterable[Any]", value)) + "]"
    needs_quotes = (
        isinstance(value, str) and not value.replace("-", "").replace("_", "").replace(".", "").isalnum()
    )
    return f'"{value}"' if needs_quotes else str(value)


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _literals(model: Model, name: str) -> tuple[str, ...]:
    info = model.model_fields.get(name)
    return get_args(info.annotation) if info is not None and get_origin(info.annotation) is Literal else ()


def _members(annotation: Any, value: Any) -> list[Any]:
    """Return the alternatives of an annotation that the data's tag allows."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0], value)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [m for part in get_args(annotation) for m in _members(part, value)]
        named = [m for m in members if _is_named(m, value)]
        return named or [m for m in members if not _has_tag(m, value)] or members
    return [annotation]


def _has_tag(member: Any, value: Any) -> bool:
    """Tell whether the member is reserved for tags other than the data's."""
    if not _is_model(member) or not isinstance(value, Mapping):
        return False
    given = cast("Mapping[str, Any]", value)
    return any(tag in given and bool(_literals(member, tag)) for tag in ("type", "dist"))


def _is_named(member: Any, value: Any) -> bool:
    """Tell whether the data's tag, or the one that holds where none is written, names this member."""
    if not _is_model(member) or not isinstance(value, Mapping):
        return False
    given, fields = cast("Mapping[str, Any]", value), keys_of(member)
    return any(
        given.get(tag, fields[tag].default) in _literals(member, tag)
        for tag in ("type", "dist")
        if tag in fields
    )


def _inside(member: Any, step: str | int) -> list[Any]:
    """Return the annotations of what one step below a member holds."""
    if _is_model(member):
        info = keys_of(cast("Model", member)).get(str(step))
        return [] if info is None else [info.annotation]
    arguments = get_args(member)
    origin = get_origin(member)
    if origin is dict and arguments:
        return [arguments[1]]
    if origin is tuple and isinstance(step, int) and arguments:
        return [arguments[0] if arguments[-1] is Ellipsis else arguments[min(step, len(arguments) - 1)]]
    return []


def _item(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return cast("Mapping[Any, Any]", value).get(step)
    if isinstance(value, list | tuple) and isinstance(step, int):
        items = cast("list[Any]", value)
        return items[step] if -len(items) <= step < len(items) else None
    return None
