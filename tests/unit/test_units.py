"""Quantities: what is read, what is refused, and with which advice."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cascade import units
from cascade.units import format_duration, format_instant, parse_duration


def read(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def advice(kind: Any, value: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    (detail,) = caught.value.errors()
    return detail["msg"], detail.get("ctx", {}).get("hint", "")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (units.Duration, "250ms", 0.25),
        (units.Duration, "1s", 1.0),
        (units.Duration, "5m", 300.0),
        (units.Duration, "26h", 93600.0),
        (units.Duration, "8d", 691200.0),
        (units.Duration, "2h30m", 9000.0),
        (units.Duration, "1.5 h", 5400.0),
        (units.Usd, "1.5M", 1.5e6),
        (units.Usd, "1.1M USD", 1100000.0),
        (units.Usd, "24.5B", 24.5e9),
        (units.Usd, "120k", 120e3),
        (units.Usd, 1500, 1500.0),
        (units.Usd, "1,500 USD", 1500.0),
        (units.Bps, "5 bps", 5.0),
        (units.Bps, "0.02 %", 2.0),
        (units.Bps, 3, 3.0),
        (units.Share, "35 %", 0.35),
        (units.Share, 0.35, 0.35),
        (units.Rate, "-2 %", -0.02),
        (units.Rate, "1 bps", 0.0001),
        (units.Rate, "0.65%", 0.0065),
        (units.Volatility, "25 %/yr", 0.25),
        (units.Volatility, "25 %", 0.25),
        (units.PerSecond, "300 /min", 5.0),
        (units.PerSecond, "5 /s", 5.0),
        (units.PerSecond, "3600/h", 1.0),
        (units.Multiple, "2.5x", 2.5),
        (units.Multiple, 2.5, 2.5),
        (units.Moment, "-8d", -691200.0),
        (units.Moment, "2025-07-01T02:00:00+02:00", datetime(2025, 7, 1, tzinfo=UTC)),
        (units.Instant, "2025-07-01T00:00:00Z", datetime(2025, 7, 1, tzinfo=UTC)),
    ],
)
def test_what_is_read(kind: Any, text: Any, value: Any) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message", "hint"),
    [
        (units.Duration, 90, "has no unit", '"90s"'),
        (units.Duration, "5 x", "is not a duration", "ms, s, m, h or d"),
        (units.Duration, "١٢ h", "is not a duration", "ms, s, m, h or d"),
        (units.Usd, "1٠M", "is not an amount of USD", "1.5M USD"),
        (units.Usd, "１M", "is not an amount of USD", "1.5M USD"),
        (units.Duration, True, "not true", "2h30m"),
        (units.Duration, None, "not nothing", "90s"),
        (units.Usd, "1.5 EUR", "unknown unit 'EUR'", "1.5M USD"),
        (units.Usd, "5m", "unknown unit 'm'", "k, M, B or T"),
        (units.Usd, [1], "not a list", "1500"),
        (units.Bps, "5 USD", "unknown unit 'USD'", "bps or %"),
        (units.Share, "much", "is not a share", "35 %"),
        (units.PerSecond, "5 s", "unknown unit 's'", "/s, /min, /h or /d"),
        (units.Instant, "2025-07-01T00:00:00", "has no time zone", '"2025-07-01T00:00:00Z"'),
        (units.Instant, "yesterday", "is not a date and time", "2025-07-01T00:00:00Z"),
        (units.Instant, 5, "needs a date and time", "2025-07-01T00:00:00Z"),
        (units.Moment, 5, "has no unit", '"5s"'),
        (units.Moment, "soon", "needs a time", "2h30m"),
        (units.Moment, "2025-07-01T09:40:00", "has no time zone", "Z is UTC"),
    ],
)
def test_what_is_refused(kind: Any, text: Any, message: str, hint: str) -> None:
    said, advised = advice(kind, text)
    assert message in said
    assert hint in advised


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (units.Duration, "-1s"),
        (units.PositiveDuration, "0s"),
        (units.Usd, "-1"),
        (units.Share, "101 %"),
        (units.Share, -0.1),
        (units.Multiple, "0x"),
        (units.Volatility, 25),
        (units.Rate, "-100 %"),
        (units.Usd, float("nan")),
        (units.Usd, float("inf")),
    ],
)
def test_bounds(kind: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        read(kind, value)


@given(st.floats(min_value=0, max_value=1e10, allow_nan=False, allow_subnormal=False))
def test_durations_survive_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-15, abs=1e-17)


@given(st.integers(min_value=0, max_value=10**9))
def test_whole_milliseconds_survive_exactly(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))
def test_instants_survive_being_written(instant: datetime) -> None:
    assert read(units.Instant, format_instant(instant)) == instant


@given(st.decimals(min_value=0, max_value=100, places=4))
def test_per_cent_is_exact(number: Any) -> None:
    assert read(units.Share, f"{number} %") == float(number / 100)


def test_quantities_describe_themselves_to_editors() -> None:
    assert TypeAdapter(units.Usd).json_schema()["unit"] == "USD"
    assert TypeAdapter(units.Duration).json_schema()["type"] == "string"


@pytest.mark.parametrize(
    "text", ["1" * 60_000 + "\n1", "1 " * 30_000, "1" * 60_000, "1_" * 30_000 + "!", "a" * 60_000]
)
@pytest.mark.parametrize("kind", [units.Usd, units.Duration, units.Moment])
def test_long_text_is_refused_in_no_time(kind: Any, text: str) -> None:
    begun = time.process_time()
    said, _ = advice(kind, text)
    assert time.process_time() - begun < 1
    assert len(said) < 200


@pytest.mark.parametrize("text", ["1e400", "1e999999999999999999999", "9e307T USD", 10**250 * 1e60])
def test_amounts_beyond_all_numbers_are_refused(text: Any) -> None:
    assert "finite" in advice(units.Usd, text)[0]


def test_a_date_in_no_year_of_ours_is_refused() -> None:
    said, _ = advice(units.Instant, "0001-01-01T00:00:00+23:59")
    assert "outside the years 1970 to 2200" in said
