"""The scenario format as JSON Schema for editors and as a table for people, both from the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from cascade.units import format_duration

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(*, rulebook: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of scenarios, or of rulebooks."""
    schema = _schema(rulebook)
    schema["$schema"] = _DIALECT
    extends = {"type": "string", "description": "File whose content this one changes."}
    schema["properties"] = {"extends": extends, **schema["properties"]}
    if not rulebook:
        _allow_lists(schema)
        # a file that extends another need not repeat anything
        schema["anyOf"] = [{"required": schema.pop("required", [])}, {"required": ["extends"]}]
    return schema


def _allow_lists(schema: dict[str, Any]) -> None:
    """Let editors know that any item may be written once for every row of a list."""
    rows = {"type": "array", "items": {"type": "object"}}
    described = "Rows by the name of a list; items with `each: NAME` are written for every row of it."
    schema["properties"]["lists"] = {
        "type": "object", "additionalProperties": rows, "description": described,
    }  # fmt: skip
    for definition in schema["$defs"].values():
        if definition.get("additionalProperties") is False:
            each = {"type": "string", "description": "List for whose rows this is written."}
            definition["properties"]["each"] = each


def markdown_reference(*, rulebook: bool = False) -> str:
    """Return a page with a table of keys for each part of the format."""
    schema = _schema(rulebook)
    title = "Rulebook format" if rulebook else "Scenario format"
    parts = [f"# {title}", *_section("Top level", schema)]
    for name, definition in schema.get("$defs", {}).items():
        if definition.get("properties"):
            parts.extend(_section(name, definition))
    return "\n".join(parts)


def _schema(rulebook: bool) -> dict[str, Any]:
    """Return the schema with defaults as they are written: durations as text, no nested records."""
    schema = _model(rulebook).model_json_schema()
    for definition in (schema, *schema.get("$defs", {}).values()):
        for field in definition.get("properties", {}).values():
            default = field.get("default")
            if isinstance(default, dict):
                del field["default"]
            elif field.get("unit") == "s" and isinstance(default, int | float):
                field["default"] = format_duration(default)
    return schema


def _model(rulebook: bool) -> type[BaseModel]:
    if rulebook:
        from cascade.venues.rulebook import Rulebook

        return Rulebook
    from cascade.scenario.schema import Scenario

    return Scenario


def _section(title: str, definition: dict[str, Any]) -> Iterator[str]:
    required = set(definition.get("required", ()))
    yield f"\n## {title}\n"
    if definition.get("description"):
        yield f"{definition['description'].splitlines()[0]}\n"
    yield "| key | kind | default | meaning |\n|---|---|---|---|"
    for key, field in definition["properties"].items():
        default = "**required**" if key in required else _shown(field.get("default"))
        meaning = _cell(field.get("description", ""))
        examples = field.get("examples")
        if examples:
            meaning += f" Example: `{_cell(str(examples[0]))}`"
        yield f"| `{key}` | {_cell(_kind(field))} | {default} | {meaning} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _shown(value: Any) -> str:
    if value in (None, "", []):
        return ""
    return f"`{_cell(str(value))}`"


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    union = field.get("anyOf") or field.get("oneOf")
    if union:
        return " or ".join(dict.fromkeys(_kind(part) for part in union if part.get("type") != "null"))
    return _plain_kind(field)


def _plain_kind(field: dict[str, Any]) -> str:
    if field.get("type") == "array":
        items = field.get("items")
        return f"list of {_kind(items)}" if isinstance(items, dict) else "list"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {_kind(field['additionalProperties'])}"
    unit = f" ({field['unit']})" if field.get("unit") else ""
    kind = field.get("type", "value")
    return (kind if isinstance(kind, str) else " or ".join(kind)) + unit
