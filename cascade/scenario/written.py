"""Plain data as YAML, which loads to the same."""

from __future__ import annotations

from io import StringIO
from typing import Any


def yaml_of(data: dict[str, Any], *, flow: bool | None = None, width: int = 4096) -> str:
    """Return data as YAML, keys in their order.

    Parameters
    ----------
    flow
        Whether all is in braces and brackets, or nothing is; None where only what is innermost is, in a line.
    """
    from ruamel.yaml import YAML

    writer, stream = YAML(typ="safe", pure=True), StringIO()
    writer.default_flow_style = flow
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = width
    writer.dump(data, stream)
    return stream.getvalue()
