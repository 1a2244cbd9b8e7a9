"""Quantities with units, as annotated types: text such as ``"250ms"`` or ``"1.5M USD"`` becomes a float.

A quantity is stored in one unit (seconds, USD, bps, fractions) whatever unit it was written in, and
text in a unit that does not fit is refused with the units that do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cascade.limits import FIRST_YEAR, LAST_YEAR, MOST_MONEY, MOST_MULTIPLE, MOST_SECONDS

_NUMBER = r"[+-]?(?:[0-9][0-9_,]*+(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
_QUANTITY = re.compile(rf"({_NUMBER})\s*+([^\d\s].*+)?+")
_PART = re.compile(r"([0-9]++(?:\.[0-9]++)?+)\s*+([a-zA-Z]++)\s*+")
_DURATION = re.compile(rf"(?:{_PART.pattern})++")
"""Patterns that never go back over what they have read: a long text takes a time in proportion to its length."""

_MULTIPLIERS = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def refuse(
    message: str,
    hint: str = "",
    code: str = "CAS017",
    path: tuple[str | int, ...] = (),
    *,
    on_key: bool = False,
) -> PydanticCustomError:
    """Return the error of a validator, with a remedy, a code, and the path from here to the culprit.

    `on_key` says that it is the key at the end of the path that is wrong, not its value.
    """
    context: dict[str, Any] = {"message": message, "hint": hint, "code": code, "path": path, "on_key": on_key}
    return PydanticCustomError("cascade", "{message}", context)  # type: ignore[arg-type]


def refuse_all(errors: Sequence[PydanticCustomError]) -> PydanticCustomError:
    """Return one error that stands for several."""
    context = {**(errors[0].context or {}), "others": tuple(error.context for error in errors[1:])}
    return PydanticCustomError("cascade", "{message}", context)  # type: ignore[arg-type]


def _not_a_quantity(message: str, hint: str) -> PydanticCustomError:
    return refuse(message, hint, "CAS013")


_LONGEST_SHOWN = 60


def quoted(value: object) -> str:
    """Return a value as a message shows it: text in quotes, and the beginning of what is long."""
    text = str(value)
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."
    return f"'{shown}'" if isinstance(value, str) else shown


def kind_of(value: object) -> str:
    """Return what a YAML author would call a value."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else quoted(value)


def _plain(value: float) -> float:
    if not math.isfinite(value):
        raise _not_a_quantity("needs a finite number", "write the largest value that makes sense instead")
    return float(value)


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """How one kind of quantity is written; used as an annotation of ``float``.

    Attributes
    ----------
    unit : str
        The unit a value is stored in.
    most : float
        What is as large, in either direction, is refused.
    factors : Mapping[str, float]
        Units that may be written, each with its size in `unit`; ``""`` is a bare number.
    """

    name: str
    unit: str
    factors: Mapping[str, float]
    examples: tuple[str, ...]
    shown: str = ""
    multipliers: bool = False
    most: float = math.inf
    _table: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Spell out every accepted unit, multipliers included."""
        table = dict(self.factors)
        if self.multipliers:
            for suffix, size in _MULTIPLIERS.items():
                for unit, factor in self.factors.items():
                    table[suffix + unit] = size * factor
        object.__setattr__(self, "_table", {k.replace(" ", ""): v for k, v in table.items()})

    @property
    def _hint(self) -> str:
        units = self.shown or ", ".join(unit for unit in self.factors if unit)
        examples = " or ".join(f'"{e}"' if not _is_number(e) else e for e in self.examples)
        return f"write {self.name} in {units}: {examples}"

    def parse(self, value: Any) -> Any:
        """Return the value in `unit`; refuse text in another unit."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _not_a_quantity(f"needs {self.name}, not {kind_of(value)}", self._hint)
        if not isinstance(value, str):
            return self._bounded(_plain(value) * self.factors[""], value)
        match = _QUANTITY.fullmatch(value.strip())
        if not match:
            raise _not_a_quantity(f"{quoted(value)} is not {self.name}", self._hint)
        digits = match[1].replace("_", "").replace(",", "")
        unit = (match[2] or "").replace(" ", "")
        if unit not in self._table:
            raise _not_a_quantity(
                f"{quoted(value)} is not {self.name}: unknown unit {quoted(unit)}", self._hint
            )
        return self._bounded(_plain(scaled(digits, self._table[unit])), value)

    def _bounded(self, amount: float, shown: object) -> float:
        if abs(amount) >= self.most:
            hint = f"write less than {format_usd(self.most)} {self.unit}"
            raise refuse(f"{quoted(shown)} is more than can be counted", hint, "CAS014")
        return amount

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Parse before the number's own constraints are tested."""
        return core_schema.no_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the quantity to editors."""
        examples = [float(e) if _is_number(e) else e for e in self.examples]
        return {"type": ["number", "string"], "unit": self.unit, "examples": examples}


@dataclass(frozen=True, slots=True, eq=False)
class _DurationQuantity(Quantity):
    """Durations: text only, since a bare number hides its unit; stored in seconds."""

    def parse(self, value: Any) -> Any:
        """Return seconds."""
        if isinstance(value, Seconds):
            return float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            raise _not_a_quantity(
                f"{value} has no unit", f'write "{value:g}s" for seconds, "{value:g}m" for minutes'
            )
        if not isinstance(value, str):
            raise _not_a_quantity(f"needs a duration, not {kind_of(value)}", self._hint)
        seconds = parse_duration(value)
        if seconds is None:
            raise _not_a_quantity(f"{quoted(value)} is not a duration", self._hint)
        return _bounded(seconds, value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Parse text, and write text."""
        return core_schema.no_info_before_validator_function(
            self.parse,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_duration, when_used="json", return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the quantity to editors."""
        return {"type": "string", "unit": self.unit, "examples": list(self.examples)}


class Seconds(float):
    """A number that is known to be seconds, for durations set from Python."""


def scaled(digits: str, factor: float) -> float:
    """Return the product in decimal arithmetic, so that 0.65 % is exactly 0.0065 and 1.1M exactly 1100000.

    It is infinite where it is too large to be counted.
    """
    try:
        number = Decimal(digits)
        return float(number * Decimal(repr(factor)) if factor >= 1 else number / round(1 / factor))
    except ArithmeticError:
        return math.inf


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration such as ``2h30m`` or ``-8d``, or None if it is none."""
    body = text.strip()
    negative = body.startswith("-")
    body = body.lstrip("+-").strip()
    parts = _PART.findall(body) if _DURATION.fullmatch(body) else []
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        return None
    seconds = sum(scaled(digits, _SECONDS[unit]) for digits, unit in parts)
    if not math.isfinite(seconds):
        return None
    return -seconds if negative else seconds


def _bounded(seconds: float, shown: str) -> float:
    if abs(seconds) > MOST_SECONDS:
        most = format_duration(MOST_SECONDS)
        raise refuse(f"{quoted(shown)} is longer than {most}", f"write at most {most}", "CAS014")
    return seconds


def format_duration(seconds: float) -> str:
    """Return the shortest text that parses to the same number of seconds."""
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "m"):
        count = seconds / _SECONDS[unit]
        if count == int(count):
            return f"{int(count)}{unit}"
    text = f"{seconds:.15g}"
    text = text if float(text) == seconds and "e" not in text else f"{seconds:.17f}".rstrip("0")
    return f"{text.rstrip('.')}s"


def format_span(seconds: float) -> str:
    """Return a time in the unit that a person would say it in."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if abs(seconds) >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    if abs(seconds) >= 10.0:
        return f"{seconds:.0f} s"
    return f"{round(seconds, 3) + 0.0:.3g} s"  # no minus before a zero


def format_usd(amount: float) -> str:
    """Return an amount with three digits and a multiplier."""
    for suffix, size in reversed(_MULTIPLIERS.items()):
        if suffix and math.isfinite(amount) and abs(amount) >= 0.9995 * size:
            return f"{amount / size:.3g}{suffix}"
    return f"{amount:.3g}" if amount else "0"


def parse_instant(text: str) -> datetime:
    """Return an aware UTC datetime; text without a time zone is refused."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _not_a_quantity(
            f"{quoted(text)} is not a date and time", 'write it as "2025-07-01T00:00:00Z"'
        ) from None
    return _aware(instant, text)


def _aware(instant: datetime, shown: str) -> datetime:
    if instant.tzinfo is None:
        example = instant.isoformat() + "Z"
        raise _not_a_quantity(
            f"{quoted(shown)} has no time zone", f'write "{example}" (Z is UTC) or an offset such as +02:00'
        )
    if not FIRST_YEAR <= instant.year < LAST_YEAR:
        message = f"{quoted(shown)} lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        raise refuse(message, 'write it as "2025-07-01T00:00:00Z"', "CAS014")
    return instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Return ISO text in UTC, ending in Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return _aware(value, value.isoformat())
    if isinstance(value, str):
        return parse_instant(value)
    raise _not_a_quantity(
        f"needs a date and time, not {kind_of(value)}", 'write it as "2025-07-01T00:00:00Z"'
    )


def _parse_moment(value: Any) -> datetime | float:
    if isinstance(value, Seconds):
        return float(value)
    if isinstance(value, datetime):
        return _aware(value, value.isoformat())
    if isinstance(value, str):
        seconds = parse_duration(value)
        if seconds is not None:
            return _bounded(seconds, value)
        if "-" in value[1:] or ":" in value:
            return parse_instant(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        raise _not_a_quantity(
            f"{value} has no unit", f'write "{value:g}s" after the start, or a date and time'
        )
    raise _not_a_quantity(
        f"needs a time, not {kind_of(value)}",
        'write the time since the start ("2h30m") or a date and time ("2025-07-01T09:40:00Z")',
    )


def format_moment(moment: datetime | float) -> str:
    """Return the text of a moment: an instant, or a duration from the start."""
    return format_instant(moment) if isinstance(moment, datetime) else format_duration(moment)


@dataclass(frozen=True, slots=True, eq=False)
class TextForm:
    """An annotation whose values are read from text by one function and written by another."""

    parse: Any
    write: Any
    examples: tuple[str, ...]
    unit: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.write, when_used="json", return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "examples": list(self.examples)}


_FRACTIONS = {"": 1.0, "%": 1e-2, "bps": 1e-4}

DURATION = _DurationQuantity(
    "a duration",
    "s",
    {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0},
    ("90s", "2h30m"),
    "ms, s, m, h or d",
)
USD = Quantity(
    "an amount of USD",
    "USD",
    {"": 1.0, "USD": 1.0},
    ("1500", "1.5M USD"),
    "USD, with k, M, B or T",
    multipliers=True,
    most=MOST_MONEY / 1e6,
)
BPS = Quantity("basis points", "bps", {"": 1.0, "bps": 1.0, "%": 100.0}, ("5 bps", "0.05 %"), "bps or %")
SHARE = Quantity("a share", "fraction", {"": 1.0, "%": 1e-2}, ("35 %", "0.35"), "% or as a fraction of 1")
RATE = Quantity("a rate", "fraction", _FRACTIONS, ("0.01 %", "1 bps"), "%, bps or as a fraction")
VOLATILITY = Quantity(
    "a yearly volatility",
    "fraction",
    {"": 1.0, "%": 1e-2, "%/yr": 1e-2},
    ("25 %", "25 %/yr"),
    "% or as a fraction",
)
PER_SECOND = Quantity(
    "a rate per time",
    "1/s",
    {"": 1.0, "/s": 1.0, "/min": 1.0 / 60, "/m": 1.0 / 60, "/h": 1.0 / 3600, "/d": 1.0 / 86400},
    ("5 /s", "300 /min"),
    "/s, /min, /h or /d",
)
MULTIPLE = Quantity("a multiple", "x", {"": 1.0, "x": 1.0}, ("2.5x", "2.5"), "x", most=MOST_MULTIPLE)
NUMBER = Quantity(
    "a number",
    "",
    {"": 1.0, "x": 1.0, "%": 1e-2},
    ("1500", "1.5M", "20x"),
    "plain digits, with k, M, B, x or %",
    True,
)

Duration: TypeAlias = Annotated[float, Field(ge=0), DURATION]
PositiveDuration: TypeAlias = Annotated[float, Field(gt=0), DURATION]
Usd: TypeAlias = Annotated[float, Field(ge=0), USD]
PositiveUsd: TypeAlias = Annotated[float, Field(gt=0), USD]
Price: TypeAlias = Annotated[float, Field(gt=0), USD]
Bps: TypeAlias = Annotated[float, Field(ge=0), BPS]
PositiveBps: TypeAlias = Annotated[float, Field(gt=0), BPS]
SignedBps: TypeAlias = Annotated[float, BPS]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1), SHARE]
Rate: TypeAlias = Annotated[float, Field(gt=-1, lt=1), RATE]
Volatility: TypeAlias = Annotated[float, Field(ge=0, le=10), VOLATILITY]
PerSecond: TypeAlias = Annotated[float, Field(ge=0), PER_SECOND]
Multiple: TypeAlias = Annotated[float, Field(gt=0), MULTIPLE]
Instant: TypeAlias = Annotated[datetime, TextForm(_parse_instant, format_instant, ("2025-07-01T00:00:00Z",))]
Moment: TypeAlias = Annotated[
    float | datetime, TextForm(_parse_moment, format_moment, ("2h30m", "2025-07-01T09:40:00Z"), "time")
]


def between(low: Any, high: Any, u: float, *, is_log: bool = False) -> Any:
    """Return the value at a fraction of a range, written as its bounds are.

    Whole numbers between whole numbers stay whole: write 1.0 where fractions are meant.

    Raises
    ------
    ValueError
        If the bounds are no quantities of one unit, or do not rise.
    """
    first, last, unit = range_of(low, high)
    if is_log and first <= 0:
        raise ValueError(f"a range from {quoted(low)} to {quoted(high)} does not rise from above zero")
    value = first * (last / first) ** u if is_log else first + (last - first) * u
    if all(isinstance(bound, int) for bound in (low, high)):
        return round(value)
    digits = f"{value:.6g}"
    return f"{digits}{unit}" if unit else float(digits)


def range_of(low: Any, high: Any) -> tuple[float, float, str]:
    """Return the bounds of a range as numbers, and their unit: that of the second where only multipliers differ.

    Raises
    ------
    ValueError
        If the bounds are no quantities of one unit, or do not rise.
    """
    (first, unit), (last, other) = _magnitude(low), _magnitude(high)
    if unit != other:
        (size, kind), (other_size, other_kind) = _multiplier(unit), _multiplier(other)
        if kind != other_kind:
            raise ValueError(f"{quoted(low)} and {quoted(high)} are not in one unit")
        first *= size / other_size
    if not first < last:
        raise ValueError(f"a range from {quoted(low)} to {quoted(high)} does not rise")
    return first, last, other


def scaled_by(value: Any, factor: float) -> Any:
    """Return so many times a quantity, written as it is.

    Raises
    ------
    ValueError
        If it is none.
    """
    number, unit = _magnitude(value)
    if isinstance(value, int):
        return round(number * factor)
    digits = f"{number * factor:.6g}"
    return f"{digits}{unit}" if unit else float(digits)


def _multiplier(unit: str) -> tuple[float, str]:
    """Return how many of the unit proper a unit is, and which that is: `M USD` is a million USD, `M` of whatever."""
    letter, _, proper = unit.strip().partition(" ")
    return (_MULTIPLIERS[letter], proper) if letter in _MULTIPLIERS else (1.0, unit.strip())


def _magnitude(value: Any) -> tuple[float, str]:
    """Return the number and the unit of a quantity; a duration is in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), ""
    if isinstance(value, str):
        seconds = parse_duration(value)
        if seconds is not None:
            return seconds, "s"
        match = _QUANTITY.fullmatch(value.strip())
        if match:
            space = " " if " " in value.strip() else ""
            return float(match[1].replace("_", "").replace(",", "")), space + (match[2] or "")
    raise ValueError(f"{quoted(value)} is not a number with a unit")
