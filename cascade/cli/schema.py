"""`cascade schema`: the scenario format, for editors or for people."""

from __future__ import annotations

from typing import Annotated

import typer

from cascade.cli.terminal import show, show_json


def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="A table of all keys for people.")] = False,
    rulebook: Annotated[bool, typer.Option("--rulebook", help="The format of rulebooks.")] = False,
) -> None:
    """Print the scenario format as JSON Schema.

    Save it beside your scenarios and begin them with

        # yaml-language-server: $schema=scenario.schema.json

    and your editor completes keys and marks mistakes.
    """
    from cascade.scenario.format import json_schema, markdown_reference

    if markdown:
        show(markdown_reference(rulebook=rulebook))
    else:
        show_json(json_schema(rulebook=rulebook))
