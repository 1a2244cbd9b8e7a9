"""Golden numbers: what each shipped scenario gave, within which tolerance, and how it differs now.

`python -m tests.regenerate` writes them anew; look at the table it prints before committing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import stdev
from typing import NamedTuple

from cascade.experiment.run import run
from cascade.output.reader import Result

FOLDER = Path(__file__).parent / "numbers"
SCENARIOS = Path(__file__).parents[2] / "scenarios"

N_SPREAD = 8
"""Replicates whose spread gives the tolerance."""

SIGMAS = 4.0

RUN = (
    "events", "complete_usd", "public_usd", "complete_long_usd", "long_share", "liquidated_accounts",
    "liquidations", "public_liquidations", "largest_liquidation_usd", "exogenous_usd", "brought_forward_usd",
    "endogenous_usd", "fund_end_usd", "fund_low_usd", "adl_usd", "bad_debt_usd",
)  # fmt: skip
MARKET = (
    "peak_price", "trough_price", "end_price", "realised_volatility", "worst_hour_bps", "fall_bps",
    "added_fall_bps", "rise_bps", "added_rise_bps", "open_interest_drop",
)  # fmt: skip
POOL = ("seized_usd", "repaid_usd", "bonus_usd", "deficit_usd")


class Case(NamedTuple):
    """A shipped scenario, shortened where it is long."""

    scenario: str
    overrides: tuple[str, ...] = ()
    slow: bool = False
    market: str = "offshore_btcusdt"
    lends: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the metrics that are kept."""
        of_market = (*MARKET, *POOL) if self.lends else MARKET
        return (*RUN, *(f"{self.market}_{name}" for name in of_market))


CROWD = '{type: leveraged, name: crowd, markets: "binance:BTCUSDT", accounts: 5000, leverage: 100, long_share: 50 %}'
"""Instead of millions of accounts on forty books: what these have of their own is the market."""

CASES = (
    Case("btc-107k-105k-cascade"),
    Case("calm", ("duration=1h",), slow=True),
    Case("btc-2025-07-01", ("duration=1h",), slow=True),
    Case("btc-2025-07-25", ("duration=1h",), slow=True),
    Case("lending-pool", market="aave_ethusd", lends=True),
    Case("market-2025-07-01", ("duration=4m", f"population=[{CROWD}]"), slow=True, market="binance_btcusdt"),
    Case("normal-days", ("duration=1h",)),
    Case("ordinary-days", ("duration=3h",), slow=True),
    Case("policy-adl"),
    Case("venue-binance"),
    Case("venue-bitmex"),
    Case("venue-bitmex-inverse"),
    Case("collateral-depeg", slow=True),
    Case("venue-bybit"),
    Case("venue-dydx"),
    Case("venue-hyperliquid"),
    Case("venue-okx"),
    Case("clearance-fee"),
    Case("fast-cascade-2024-12-05", ("duration=5m",), slow=True),
    Case("fast-cascade-2024-12-09", ("duration=5m",), slow=True),
    Case("fast-sale", ("duration=15m",)),
    Case("eth-contagion", market="north_btcusdt"),
    Case("flat-tiers"),
    Case("fund-depletion", ("duration=20m",)),
    Case("funding-shock", ("duration=20m",)),
    Case("leverage-cap", ("duration=15m",)),
    Case("maker-withdrawal", ("duration=15m",)),
    Case("partial-liquidation"),
    Case("short-squeeze", ("duration=15m",)),
    Case("stop-loss-run", ("duration=15m",)),
    Case("thin-book", ("duration=15m",)),
    Case("vanishing-depth", ("duration=35m",)),
    Case("venue-outage", ("duration=25m",), market="binance_btcusdt"),
    Case("tied-venues", ("duration=25m",), market="binance_btcusdt"),
    Case("listing-attack", market="dex_jelly"),
    Case("weekend-liquidity", ("duration=25m",)),
    Case("whale-liquidation", ("duration=15m",)),
)


class Number(NamedTuple):
    """A figure of replicate 0; None where it has no value. The tolerance is for other platforms."""

    name: str
    unit: str
    value: float | None
    tolerance: float | None = None


class Golden(NamedTuple):
    """The numbers of a case, and of which request and platform they are."""

    overrides: tuple[str, ...]
    fingerprint: str
    numbers: tuple[Number, ...]


class Difference(NamedTuple):
    """A number that is no longer what it was."""

    name: str
    unit: str
    golden: float | None
    now: float | None
    in_tolerances: float


def measure(case: Case, out: Path, replicates: int = 1) -> Result:
    """Run the first replicates of a case."""
    return run(
        SCENARIOS / f"{case.scenario}.yaml",
        case.overrides,
        replicates=replicates,
        counterfactual=True,
        out=out,
    )


def golden_of(case: Case, result: Result) -> Golden:
    """Return the numbers of a run; with several replicates, their tolerances too."""
    schema = result.runs.schema
    rows = [result.metrics(replicate) for replicate in result.replicates]
    numbers = [
        Number(
            name,
            (schema.field(name).metadata or {}).get(b"unit", b"").decode(),
            rows[0][name],
            tolerance([row[name] for row in rows if row[name] is not None]),
        )
        for name in case.names
    ]
    return Golden(case.overrides, result.manifest["platform"]["fingerprint"], tuple(numbers))


def tolerance(values: Sequence[float]) -> float | None:
    """Return how far a replicate may lie from another: on other platforms it is as good as another draw."""
    return SIGMAS * math.sqrt(2.0) * stdev(values) if len(values) > 1 else None


def differences(golden: Golden, now: Golden) -> list[Difference]:
    """Return the numbers that differ at all."""
    after = {number.name: number.value for number in now.numbers}
    return [
        Difference(old.name, old.unit, old.value, after[old.name], _in_tolerances(old, after[old.name]))
        for old in golden.numbers
        if old.value != after[old.name]
    ]


def broken(found: Sequence[Difference], *, exact: bool) -> list[Difference]:
    """Return the differences that are none of luck: all of them on one platform, else the large ones."""
    return [each for each in found if exact or each.in_tolerances > 1.0]


def table(found: Sequence[Difference]) -> str:
    """Return differences as a table for people."""
    rows = [("metric", "unit", "golden", "now", "difference", "in tolerances")]
    for each in found:
        gap = None if each.golden is None or each.now is None else each.now - each.golden
        share = f"{each.in_tolerances:.3g}"
        rows.append((each.name, each.unit, _show(each.golden), _show(each.now), _show(gap, "+"), share))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = 2
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def load(case: Case) -> Golden:
    """Read the numbers of a case."""
    data = json.loads(_path(case).read_text(encoding="utf-8"))
    numbers = tuple(Number(**number) for number in data["numbers"])
    return Golden(tuple(data["overrides"]), data["fingerprint"], numbers)


def save(case: Case, golden: Golden) -> None:
    """Write the numbers of a case, one to a line."""
    head = {"overrides": list(golden.overrides), "fingerprint": golden.fingerprint}
    lines = ",\n".join("    " + json.dumps(number._asdict(), allow_nan=False) for number in golden.numbers)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "numbers": [\n{lines}\n  ]\n}}\n'
    FOLDER.mkdir(exist_ok=True)
    _path(case).write_text(text, encoding="utf-8")


def is_stored(case: Case) -> bool:
    """Tell whether a case has numbers."""
    return _path(case).is_file()


def _path(case: Case) -> Path:
    return FOLDER / f"{case.scenario}.json"


def _in_tolerances(old: Number, now: float | None) -> float:
    """Return a difference in units of its tolerance."""
    if old.value is None or now is None:
        return math.inf
    gap = abs(now - old.value)
    return gap / old.tolerance if old.tolerance else math.inf


def _show(value: float | None, sign: str = "") -> str:
    """Return a number with enough digits to see what changed."""
    return "null" if value is None else f"{value:{sign},.8g}"
