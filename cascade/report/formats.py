"""How figures are written for a reader, by their unit."""

from cascade.analysis.formats import format_axis, format_bare, format_estimate, format_value

__all__ = ["format_axis", "format_bare", "format_estimate", "format_value"]
