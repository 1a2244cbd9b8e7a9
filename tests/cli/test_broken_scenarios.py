"""Broken scenario files: every error in them is reported, at its place, with what to write instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.errors import Problem, ScenarioError
from cascade.scenario.load import digest, inspect, load, to_data

BASE = (Path(__file__).parent.parent / "data" / "base.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Fault:
    """An error that must be reported: its code, the line it is on, the text at its column, its remedy."""

    code: str
    line: str
    at: str
    remedy: str
    severity: str = "error"


@dataclass(frozen=True)
class Case:
    """Replacements in the base scenario, and the faults they make."""

    name: str
    edits: tuple[tuple[str, str], ...]
    faults: tuple[Fault, ...]


def case(name: str, edits: list[tuple[str, str]], *faults: Fault) -> Case:
    return Case(name, tuple(edits), faults)


MAKER = "    withdrawal: {calm_volatility: 25 %}"
LEVERAGE = "    leverage: {dist: table, values: [5, 10, 20], weights: [5, 3, 2]}"
SIZE = "    size: {dist: lognormal, median: 1k, sigma: 2.1, max: 2M}"
HOLD = "    hold: {mean: 5d, reference_leverage: 5, exponent: 2, min: 1h}"
BITCOIN = "{daily_volume: 55B, daily_volatility: 1.6 %}"
STOP = "    stop_loss: {share: 40 %}"
SHOCK = "  - {type: market_order, at: 30m, over: 5m, market: binance:BTCUSDT, side: sell, notional: 20M}"
SPOT = "  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1, lot: 0.001}"
ARBITRAGE = "  - {name: basis, spot: spot:BTCUSD, perpetual: binance:BTCUSDT}"
FLOW = '  - {name: background, markets: "*"}'
ETH = "  ETH: {news: {type: constant, price: 2500}, history: {type: gbm, volatility: 25 %, duration: 8d}}\n"
ETH_AFTER = "\nvenues:"
ETH_MARKETS = """
  spot:ETHUSD: {type: spot, asset: ETH, tick: 0.01, lot: 0.001}
  binance:ETHUSDT: {type: linear_perpetual, asset: ETH}"""
TIER = "allows at most 125x"
RULEBOOK = "    rulebook: binance-2025-07"
LINEAR = "    type: linear_perpetual"
COLLATERAL = '    collateral: {"spot:BTCUSD": 70 %, "spot:BTCEUR": 20 %}'
LENDING = """
  aave: {rulebook: aave-v3, fund: 2M}
  compound: {rulebook: aave-v3, fund: 2M}"""
POOLS = """
  aave:ETHUSD: {type: lending_pool, asset: ETH}
  compound:ETHUSD: {type: lending_pool, asset: ETH}"""
LAYER = "  - type: leveraged\n"
OWN_SIZES = [
    ("  - name: perpetual-makers\n", "  - name: perpetual-makers\n    cap: 10M\n"),
    ("  - name: spot-makers\n", "  - name: spot-makers\n    cap: 10M\n"),
    (FLOW, '  - {name: background, markets: "*", scale: 0.02x}'),
    ("perpetual: binance:BTCUSDT}", "perpetual: binance:BTCUSDT, gain_usd_per_bps: 5k}"),
    (STOP, f"{STOP}\n    max_order: 10k"),
]

CASES = [
    case(
        "what belongs elsewhere, is written as another kind of value, or names a venue for its markets",
        [
            ("flow:\n", 'flow:\n  - {name: crowd, markets: "*", tilt: {}}\n'),
            (RULEBOOK, "    rulebook: binance"),
            (SIZE, "    margin: cross\n    hedge: 30 %"),
            (
                "{type: depth, at: 1h, over: 10m, markets: binance:*",
                "{type: depth, at: 1h, over: 10m, markets: binance",
            ),
        ],
        Fault("CAS105", "rulebook: binance\n", "binance\n", "binance-2026-03"),
        Fault("CAS010", "tilt: {}", "tilt", "`tilt` belongs in flow of type splitters"),
        Fault("CAS012", "hedge: 30 %", "30 %", "write hedge: {share: ...}; its keys: share, size"),
        Fault("CAS106", "markets: binance,", "binance,", "markets: spot:BTCUSD"),
    ),
    case(
        "a rule in the wrong part of a rulebook",
        [(RULEBOOK, f"{RULEBOOK}\n    rules: {{whole_tiers: 1}}")],
        Fault("CAS010", "whole_tiers", "whole_tiers", "`whole_tiers` belongs in liquidation"),
    ),
    case(
        "refill that does not rise with distance, and a text of which no file is made",
        [
            (MAKER, f"{MAKER}\n    refill: [[10, 1 /s], [1, 0.4 /s]]"),
            ("seed: 7", "seed: 7\nparameters: [draws.parquet]"),
        ],
        Fault("CAS128", "refill: [[10", "1, 0.4", "the one before is 10"),
        Fault("CAS012", "parameters: [", "[draws", "write parameters: draws.parquet"),
    ),
    case(
        "sizes of bitcoin in a book that is far thinner",
        [("[[1, 0.15M], [10, 3M], [100, 80M]]", "[[1, 2k], [10, 40k], [100, 1M]]"), ("seed: 7", "seed: -1")],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault(
            "CAS190", "  - name: spot-makers", "name", "write cap: 420k, or what you have measured", "warning"
        ),
        Fault("CAS190", FLOW, "{", "write scale: 0.0042x, or", "warning"),
        Fault(
            "CAS190",
            "  - {name: basis",
            "{",
            "write gain_usd_per_bps: 960, max_order: 2.1k, cap: 420k",
            "warning",
        ),
    ),
    case(
        "items that are wrong in two ways before others that are wrong in one",
        [(SHOCK, '  - {type: oracle_outage, at: 1h}\n  - {type: oracle_outage, at: 1h, markets: "spot:*"}')],
        Fault(
            "CAS017",
            "  - {type: oracle_outage, at: 1h}",
            "{type",
            "write markets: with those whose index stays",
        ),
        Fault("CAS172", 'markets: "spot:*"', '"spot', "markets with an index: binance:BTCUSDT"),
    ),
    case(
        "unknown key",
        [("duration: 2h", "duration: 2h\ndurations: 3h")],
        Fault("CAS010", "durations: 3h", "durations", "keys here: cascade, name"),
    ),
    case(
        "misspelt keys at three depths",
        [
            (MAKER, "    withdrawl: {calm_volatility: 25 %}"),
            (SIZE, "    size: {dist: lognormal, median: 1k, sgima: 2.1, sigma: 2}"),
            ("outputs: {bars: 1m}", "outputs: {bar: 1m}"),
        ],
        Fault("CAS010", "    withdrawl: {calm", "withdrawl", "keys here: name, markets, count"),
        Fault("CAS010", "sgima: 2.1", "sgima", "keys here: min, max, dist, median, mean, sigma"),
        Fault("CAS010", "outputs: {bar: 1m}", "bar:", "keys here: bars"),
    ),
    case(
        "wrong units",
        [
            ("duration: 2h", "duration: 2 hours"),
            ("dt: 1s", "dt: 1"),
            ("fund: 1B", "fund: 1B EUR"),
            (STOP, "    stop_loss: {share: 40 bps}"),
        ],
        Fault(
            "CAS013", "duration: 2 hours", "2 hours", 'write a duration in ms, s, m, h or d: "90s" or "2h30m"'
        ),
        Fault("CAS013", "dt: 1", "1", 'write "1s" for seconds'),
        Fault("CAS013", "fund: 1B EUR", "1B EUR", 'USD, with k, M, B or T: 1500 or "1.5M USD"'),
        Fault("CAS013", "stop_loss: {share: 40 bps}", "40 bps", '"35 %" or 0.35'),
    ),
    case(
        "duplicate keys",
        [("seed: 7", "seed: 7\nseed: 8"), ("    side: long", "    side: long\n    side: short")],
        Fault("CAS002", "seed: 8", "seed", "the first is on line 9"),
        Fault("CAS002", "    side: short", "side", "remove one of the two"),
    ),
    case(
        "probability over 1",
        [(STOP, "    stop_loss: {share: 40}\n    long_share: 1.2")],
        Fault("CAS014", "stop_loss: {share: 40}", "40", 'write "40 %" for per cent, or 0.4'),
        Fault("CAS014", "long_share: 1.2", "1.2", 'write "1.2 %"'),
    ),
    case(
        "leverage above the tier's maximum",
        [(LEVERAGE, "    leverage: {dist: table, values: [5, 10, 200], weights: [5, 3, 2]}")],
        Fault("CAS108", "values: [5, 10, 200]", "200", "write at most 125x"),
    ),
    case(
        "continuous leverage without a maximum",
        [(LEVERAGE, "    leverage: {dist: pareto, b: 2}")],
        Fault("CAS108", "leverage: {dist: pareto, b: 2}", "{dist", "add max: 125 to the distribution"),
    ),
    case(
        "sizes that the leverage forbids",
        [(LEVERAGE, "    leverage: 100x"), (SIZE, "    size: {dist: uniform, low: 5M, high: 6M}")],
        Fault("CAS108", "size: {dist: uniform", "{dist", "write sizes up to 800000, or leverage up to 50x"),
    ),
    case(
        "book that cannot hold the open interest",
        [("      scale: 1x", "      scale: 0.01x"), *OWN_SIZES],
        Fault("CAS109", "    open_interest: 5B", "5B", "multiply the depth of its makers by 10.5"),
    ),
    case(
        "negative depth and a profile that falls",
        [
            ("[[1, 0.44M], [10, 9M], [100, 240M]]", "[[1, -0.44M], [10, 9M], [100, 240M]]"),
            ("[[1, 0.15M], [10, 3M], [100, 80M]]", "[[1, 0.15M], [10, 3M], [5, 2M]]"),
        ],
        Fault("CAS014", "profile: [[1, -0.44M]", "-0.44M", "Distances in bps, each with the cumulative USD"),
        Fault("CAS128", "[5, 2M]]", "5, 2M]]", "the one before is 10"),
        Fault("CAS128", "[5, 2M]]", "2M]]", "at least 3e+06"),
    ),
    case(
        "missing files",
        [
            ("      profile: [[1, 0.44M], [10, 9M], [100, 240M]]\n", "      file: depth.csv\n"),
            (FLOW, FLOW + "\n"),
        ],
        Fault(
            "CAS120", "      file: depth.csv", "depth.csv", "paths are relative to the file that names them"
        ),
    ),
    case(
        "unknown markets",
        [
            ("    markets: binance:*", "    markets: bianance:*"),
            ("    market: binance:BTCUSDT", "    market: binance:BTCUSD"),
            ("spot: spot:BTCUSD, perpetual", "spot: binance:BTCUSDT, perpetual"),
            (SHOCK, "  - {type: market_order, at: 30m, market: x, side: sell, notional: 20M}"),
        ],
        Fault("CAS106", "    markets: bianance:*", "bianance:*", "markets: spot:BTCUSD, binance:BTCUSDT"),
        Fault("CAS110", "  binance:BTCUSDT:", "binance", "add a group to makers", "warning"),
        Fault("CAS106", "    market: binance:BTCUSD", "binance", "perpetual markets: binance:BTCUSDT"),
        Fault("CAS106", "spot: binance:BTCUSDT, perp", "binance:BTCUSDT, perp", "spot markets: spot:BTCUSD"),
        Fault("CAS017", "market: x, side", "x, side", "write venue:contract, such as binance:BTCUSDT"),
    ),
    case(
        "unknown venue and asset",
        [
            (SPOT, "  spott:BTCUSD: {type: spot, asset: BTX, tick: 0.1, lot: 0.001}"),
            ("spot: spot:BTCUSD", "spot: spott:BTCUSD"),
            ("[spot:BTCUSD]", "[spott:BTCUSD]"),
        ],
        Fault("CAS101", "spott:BTCUSD: {type", "spott", "venues: spot, binance"),
        Fault("CAS102", "asset: BTX", "BTX", "assets: BTC"),
        Fault("CAS122", "  binance:BTCUSDT:", "binance", "add spot:BTCUSD: {type: spot"),
        Fault("CAS129", "  spot: {rulebook", "spot", "remove it", "warning"),
    ),
    case(
        "unknown rulebook and contract",
        [
            ("  spot: {rulebook: spot}", "  spot: {rulebook: spott}"),
            ("  binance:BTCUSDT:\n", "  binance:BTCUSD:\n"),
            ("perpetual: binance:BTCUSDT", "perpetual: binance:BTCUSD"),
            ("    markets: binance:BTCUSDT", "    markets: binance:*"),
            ("    market: binance:BTCUSDT", "    market: binance:BTCUSD"),
            (SHOCK + "\n", ""),
        ],
        Fault("CAS105", "{rulebook: spott}", "spott", "write one of aave-v3, binance-2021-09"),
        Fault("CAS104", "  binance:BTCUSD:", "binance", "contracts: BTCUSDT, ETHUSDT"),
    ),
    case(
        "tick x lot is not whole",
        [(SPOT, "  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1, lot: 0.000001}")],
        Fault("CAS103", "lot: 0.000001", "0.000001", "write lot: 0.00001"),
    ),
    case(
        "an instant without a time zone",
        [('start: "2025-07-01T00:00:00Z"', "start: 2025-07-01T00:00:00")],
        Fault("CAS013", "start: 2025", "2025-07-01T00:00:00", 'write "2025-07-01T00:00:00Z" (Z is UTC)'),
    ),
    case(
        "dates without a start",
        [('start: "2025-07-01T00:00:00Z"\n', "")],
        Fault("CAS115", '["2025-07-01T02:00:00Z", 106000]', '"2025', "add start: 2025-07-01T00:00:00Z"),
    ),
    case(
        "anchors out of order and outside the run",
        [
            ("        - [0s, 107000]\n", "        - [5m, 107000]\n"),
            ("[1h, 106500]", "[3m, 106500]"),
            ('["2025-07-01T02:00:00Z", 106000]', "[5h, 106000]"),
        ],
        Fault("CAS113", "- [5m, 107000]", "5m", "begin with [0s, 107000]"),
        Fault("CAS112", "- [3m, 106500]", "3m", "sort the points by time"),
        Fault("CAS113", "- [5h, 106000]", "5h", "write duration: 5h", "warning"),
    ),
    case(
        "unknown distribution",
        [(LEVERAGE, "    leverage: {dist: tabel, values: [5, 10, 20]}"), (SIZE, "    size: {median: 5}")],
        Fault("CAS016", "{dist: tabel", "tabel", "write one of constant, uniform, exponential"),
        Fault("CAS016", "size: {median: 5}", "{median", "{dist: lognormal, median: 1000, sigma: 2}"),
    ),
    case(
        "wrong shape parameters",
        [
            (SIZE, "    size: {dist: lognormal, median: 1k, sigma: -2}"),
            (STOP, "    stop_loss: {share: 40 %, distance: {dist: beta, a: 2, c: 3}}"),
            (LEVERAGE, "    leverage: {dist: table, values: [5, 10, 20], weights: [5, 3]}"),
        ],
        Fault("CAS014", "sigma: -2}", "-2", "Standard deviation of the logarithm"),
        Fault("CAS016", "a: 2, c: 3}", "c: 3", "parameters of beta: a, b, loc, scale"),
        Fault("CAS016", "distance: {dist: beta", "{dist", "add b: a number above 0"),
        Fault("CAS016", "weights: [5, 3]}", "[5, 3]", "write one weight for each value"),
    ),
    case(
        "negative durations",
        [(HOLD, "    hold: {mean: -5d}"), ("over: 10m", "over: -10m")],
        Fault("CAS014", "hold: {mean: -5d}", "-5d", "Mean at the reference leverage"),
        Fault("CAS014", "over: -10m", "-10m", "write over: 40m"),
    ),
    case(
        "unknown types",
        [
            (SHOCK, "  - {type: market-order, at: 30m}"),
            ("      type: anchors", "      type: anchor"),
            ("  - type: ladder\n", "  - type: laddder\n"),
        ],
        Fault(
            "CAS015",
            "type: anchor",
            "anchor",
            "types here: constant, gbm, jump_diffusion, clustered, anchors, bars",
        ),
        Fault("CAS015", "type: laddder", "laddder", "types here: leveraged, ladder, table"),
        Fault("CAS015", "{type: market-order", "market-order", "types here: market_order, news, depth"),
        Fault("CAS011", "{type: market-order", "{type", "add market: "),
        Fault("CAS011", "{type: market-order", "{type", "add side: sell"),
    ),
    case(
        "missing keys",
        [("name: base\n", ""), (SPOT, "  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1}")],
        Fault("CAS011", "cascade: 1", "cascade", "add name: thin-book"),
        Fault("CAS011", "spot:BTCUSD: {type", "spot:BTC", "add lot: 0.001"),
    ),
    case(
        "two sections wrong, and a check in a sound third",
        [
            ("share: 40 %, feed: complete", "share: 30 %, feed: complete"),
            ("seed: 7", "seed: seven"),
            (FLOW, "  - 5"),
            ("at: 1h, over", "at: 3h, over"),
        ],
        Fault("CAS012", "seed: seven", "seven", "write seed: 1"),
        Fault("CAS116", "share: 30 %, feed", "30 %", "write share: 40 % for bybit"),
        Fault("CAS012", "  - 5", "5", ""),
        Fault("CAS114", "at: 3h", "3h", "write a time from 0s to 2h"),
    ),
    case(
        "a sound layer beside a broken one",
        [("    notional: 50M", "    notional: none"), (LEVERAGE, "    leverage: 500x")],
        Fault("CAS108", "leverage: 500x", "500x", "write at most 125x"),
        Fault("CAS013", "notional: none", "none", "write an amount of USD"),
    ),
    case(
        "names that are taken and sources of nothing",
        [
            ("  - name: spot-makers", "  - name: perpetual-makers"),
            ("  population.retail.*:", "  population.retial.*:"),
        ],
        Fault(
            "CAS124", "  - name: perpetual-makers\n    markets: [spot", "perpetual", "write another, such as"
        ),
        Fault(
            "CAS119",
            "  population.retial.*:",
            "population.retial",
            "did you mean population.retail",
            "warning",
        ),
    ),
    case(
        "shocks outside the run",
        [("at: 30m, over: 5m", "at: 3h, over: 5m"), ("at: 1h, over: 10m", "at: 1h, over: 90m")],
        Fault("CAS114", "at: 3h", "3h", "write a time from 0s to 2h"),
        Fault("CAS114", "over: 90m", "90m", "write over: 1h or less", "warning"),
    ),
    case(
        "a time step that does not suit",
        [("dt: 1s", "dt: 7s")],
        Fault("CAS118", "duration: 2h", "2h", "write duration: 7203s"),
        Fault("CAS118", "dt: 7s", "7s", "write dt: 1s", "warning"),
        Fault(
            "CAS137", "  - name: perpetual-m", "name", "write dt: 1s, or requote_rate: 0.1429 /s", "warning"
        ),
        Fault(
            "CAS137", "  - name: spot-makers", "name", "write dt: 1s, or requote_rate: 0.1429 /s", "warning"
        ),
        Fault("CAS137", "  - {name: basis", "{name", "write dt: 1s, or rate: 0.1429 /s", "warning"),
        Fault("CAS118", "outputs: {bars: 1m}", "1m", "write bars: 63s"),
    ),
    case(
        "two amounts and two markets in one isolated layer",
        [("    open_interest: 5B", "    open_interest: 5B\n    accounts: 5")],
        Fault("CAS125", "    accounts: 5", "5", "write one of them: open_interest: 1B"),
    ),
    case(
        "ladder above the price",
        [("from_price: 106500", "from_price: 108500")],
        Fault("CAS131", "from_price: 108500", "108500", "write a price below 107000, or side: short"),
    ),
    case(
        "no fund and no history",
        [
            ("    fund: 1B\n", ""),
            ("    history: {type: gbm, volatility: 25 %, duration: 8d}\n", ""),
            ("dt: 1s", "dt: 0.001s"),
        ],
        Fault("CAS118", "dt: 0.001s", "0.001s", "from 10ms to 60s"),
        Fault("CAS133", "  BTC:", "BTC", "add history: {type: gbm", "warning"),
        Fault("CAS123", "  binance:", "binance", "write venues.binance.fund: 1B", "warning"),
    ),
    case(
        "an unknown asset, and an arbitrage across assets",
        [
            (
                "  - {type: depth, at",
                "  - {type: news, at: 5m, asset: BCT, move: -1 %}\n  - {type: depth, at",
            ),
            ("\nvenues:", "  ETH: {news: {type: constant, price: 2500}}\n\nvenues:"),
            (SPOT, SPOT + "\n  spot:ETHUSD: {type: spot, asset: ETH, tick: 0.01, lot: 0.001}"),
            ("spot: spot:BTCUSD, perpetual", "spot: spot:ETHUSD, perpetual"),
            ("    markets: [spot:BTCUSD]", "    markets: spot:*"),
        ],
        Fault("CAS126", "spot: spot:ETHUSD, per", "spot:ETHUSD, per", "spot markets of BTC: spot:BTCUSD"),
        Fault("CAS107", "asset: BCT", "BCT", "assets: BTC, ETH"),
    ),
    case(
        "a pair tied to itself, and a carry that leaves before it enters",
        [
            (
                ARBITRAGE,
                "  - {name: across, type: venues, perpetual: binance:BTCUSDT, against: binance:BTCUSDT}\n"
                "  - {name: carry, type: carry, spot: spot:BTCUSD, perpetual: binance:BTCUSDT, "
                "wallets: {capital: 5M}, leave: 20 %}",
            )
        ],
        Fault("CAS194", "  - {name: across", "binance:BTCUSDT}", "perpetuals of other venues: none"),
        Fault("CAS194", "  - {name: carry", "20 %", "write leave: 0.03, below enter"),
    ),
    case(
        "a desk of one market, and hunters of a spot market",
        [
            ("  - name: spot-makers", "    hedge: {threshold: 1M}\n  - name: spot-makers"),
            ("\nshocks:", '\nagents:\n  - {type: hunter, name: hunters, markets: "spot:*"}\n\nshocks:'),
        ],
        Fault(
            "CAS195", "    hedge: {thr", "hedge", "add a market to markets: spot:BTCUSD; or leave hedge out"
        ),
        Fault("CAS106", "  - {type: hunter", '"spot:*"', "perpetual markets: binance:BTCUSDT"),
    ),
    case(
        "venues that are one, a carry that enters at nothing, and names that are taken",
        [
            (SPOT, SPOT + "\n  binance:BTCUSDC: {type: linear_perpetual, asset: BTC, contract: BTCUSDT}"),
            (
                ARBITRAGE,
                "  - {name: across, type: venues, perpetual: binance:BTCUSDT, against: binance:BTCUSDC}\n"
                "  - {name: carry, type: carry, spot: spot:BTCUSD, perpetual: binance:BTCUSDT, "
                "wallets: {capital: 5M}, enter: 0 %, leave: 0 %}\n"
                "  - {name: basis, spot: spot:BTCUSD, perpetual: binance:BTCUSDT, "
                "wallets: {capital: 5M, treasury: carry}}",
            ),
            (
                "\nshocks:",
                '\nagents:\n  - {type: hunter, name: carry, markets: "binance:BTCUSDT"}\n\nshocks:',
            ),
        ],
        Fault("CAS194", "  - {name: across", "binance:BTCUSDC}", "perpetuals of other venues: none"),
        Fault("CAS194", "  - {name: carry", "0 %}", "write leave: -0.01, below enter"),
        Fault("CAS196", "  - {name: basis", "carry}}", "write another name, such as carry-2"),
        Fault("CAS196", "  - {type: hunter", "carry,", "write another name, such as carry-2"),
    ),
    case(
        "funding that is expected for a year, a carry that enters at a loss, and desks that never hedge",
        [
            (
                ARBITRAGE,
                ARBITRAGE[:-1] + ", hold: 365d}\n"
                "  - {name: carry, type: carry, spot: spot:BTCUSD, perpetual: binance:BTCUSDT, "
                "wallets: {capital: 5M}, enter: -1 %, leave: -2 %}",
            ),
            ("  - name: spot-makers", "    hedge: {threshold: 20M, capital: 20M}\n  - name: spot-makers"),
            (
                "    depth: {profile: [[1, 0.15M]",
                "    hedge: {capital: 1M}\n    depth: {profile: [[1, 0.15M]",
            ),
        ],
        Fault("CAS014", "  - {name: basis", "365d", ""),
        Fault("CAS014", "  - {name: carry", "-1 %", ""),
        Fault("CAS017", "    hedge: {threshold", "20M, c", "write threshold: 400k"),
        Fault("CAS017", "    hedge: {capital", "1M}", "write threshold: 20k"),
    ),
    case(
        "groups of a desk that differ in number, make one market twice, or an asset once",
        [
            (ETH_AFTER, ETH + ETH_AFTER),
            (SPOT, SPOT + ETH_MARKETS),
            ("    markets: binance:*\n    depth:", "    markets: [binance:*, spot:BTCUSD]\n    depth:"),
            ("  - name: spot-makers", "    hedge: {desk: firm, quoted: 400ms}\n  - name: spot-makers"),
            (
                "    depth: {profile: [[1, 0.15M]",
                f"    count: 4\n    hedge: {{quoted: 400ms, desk: firm}}\n{MAKER}\n    depth: {{profile: [[1, 0.15M]",
            ),
        ],
        Fault("CAS110", "  spot:ETHUSD", "spot:ETHUSD", "add a group to makers", "warning"),
        Fault("CAS195", "    hedge: {desk", "400ms}", "write quoted: 1s, or 0s for hedges at market"),
        Fault("CAS195", "    hedge: {quoted", "400ms,", "write quoted: 1s, or 0s for hedges at market"),
        Fault("CAS195", "    hedge: {desk", "hedge", "add a market to markets: spot:ETHUSD", "warning"),
        Fault("CAS195", "    count: 4", "4", "write count: 8 here as well"),
        Fault("CAS195", "    markets: [spot:BTCUSD]", "[spot", "leave spot:BTCUSD out of one of them"),
    ),
    case(
        "hedges of bitcoin's size in a book that is far thinner",
        [
            (
                "[[1, 0.15M], [10, 3M], [100, 80M]]}",
                "[[1, 2k], [10, 40k], [100, 1M]]}\n    hedge: {desk: firm}",
            ),
            ("  - name: spot-makers", "    hedge: {desk: firm}\n  - name: spot-makers"),
            ("seed: 7", "seed: -1"),
        ],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault(
            "CAS190",
            "  - name: spot-makers",
            "name",
            "write cap: 420k, hedge.threshold: 4.2k, hedge.max_order: 8.3k, hedge.capital: 210k",
            "warning",
        ),
        Fault("CAS190", FLOW, "{", "write scale: 0.0042x, or", "warning"),
        Fault("CAS190", "  - {name: basis", "{", "write gain_usd_per_bps: 960", "warning"),
    ),
    case(
        "a wallet that keeps more ready than there is, and a hunter's capital in words",
        [
            (ARBITRAGE, ARBITRAGE[:-1] + ", wallets: {capital: 5M, ready: 60 %}}"),
            (
                "\nshocks:",
                '\nagents:\n  - {type: hunter, name: hunters, markets: "binance:*", capital: much}\n\nshocks:',
            ),
        ],
        Fault("CAS014", "  - {name: basis", "60 %", 'write ready: "20 %"'),
        Fault("CAS013", "  - {type: hunter", "much", "write an amount of USD"),
    ),
    case(
        "a cap below what is quoted, and ticks of the wrong size",
        [
            (SPOT, "  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.0001, lot: 0.01}"),
            ("    tick: 0.1\n    lot: 0.001\n", "    tick: 10000\n    lot: 0.001\n"),
            (MAKER, MAKER + "\n    cap: 1M"),
        ],
        Fault("CAS130", "tick: 0.0001", "0.0001", "write a tick of at least 0.001"),
        Fault("CAS130", "tick: 10000", "10000", "write a tick of at most 100", "warning"),
        Fault("CAS138", "tick: 10000", "10000", "write tick: 0.1, or leave it out", "warning"),
        Fault("CAS127", "    cap: 1M", "1M", "write cap: 45M, or more makers", "warning"),
    ),
    case(
        "a lot that is a fortune, and a scale beyond what is counted",
        [
            (SPOT, "  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1, lot: 1000}"),
            ("scale: 1x", "scale: 1e30"),
        ],
        Fault("CAS139", "lot: 1000}", "1000", "write a lot of at most 100"),
        Fault("CAS014", "scale: 1e30", "1e30", "write less than 1B x"),
    ),
    case(
        "exits of accounts in several markets",
        [
            (ETH_AFTER, ETH + ETH_AFTER),
            (SPOT, SPOT + ETH_MARKETS),
            ("    markets: [spot:BTCUSD]", "    markets: spot:*"),
            ("    markets: binance:BTCUSDT", "    markets: binance:*\n    margin: cross"),
            (STOP, STOP + "\n    take_profit: {share: 10 %}\n    top_up: {share: 15 %}"),
        ],
        Fault(
            "CAS134", "    stop_loss:", "stop_loss", "one layer for each market: binance:ETHUSDT, binance:BTC"
        ),
        Fault("CAS134", "    take_profit:", "take_profit", "or remove take_profit"),
        Fault("CAS134", "    top_up:", "top_up", "or remove top_up"),
    ),
    case(
        "a ladder of longs at 1x",
        [("    to_price: 105200", "    to_price: 105200\n    leverage: {dist: table, values: [1, 20]}")],
        Fault("CAS135", "values: [1, 20]", "1, 20", "write values above 1x"),
    ),
    case(
        "a ladder of longs down to 1x",
        [("    to_price: 105200", "    to_price: 105200\n    leverage: {dist: uniform, low: 0.5, high: 20}")],
        Fault("CAS135", "leverage: {dist: uniform", "{dist", "add min: 1.5 to the distribution"),
    ),
    case(
        "two groups of makers in one market",
        [
            ("    markets: [spot:BTCUSD]", '    markets: "*"\n    learning: {half_life: 10m}'),
            (
                "\nnews_takers:",
                "  - {name: third, markets: spot:*, learning: {half_life: 10m}, depth: "
                "{scale: 2x, profile: [[1, 1M]]}}\n\nnews_takers:",
            ),
        ],
        Fault("CAS136", "    learning: {half_life: 10m}", "{half", "write the learning of perpetual-makers"),
        Fault("CAS136", "  - name: spot-makers", "name", "write the withdrawal of perpetual-makers"),
        Fault(
            "CAS136", "{scale: 2x", "2x", "write learning: {scale_with_depth: false} for both, or one scale"
        ),
    ),
    case(
        "impact that crosses from nothing, and learning beside it",
        [
            (
                "      volatility: 12 %\n",
                "      volatility: 12 %\n"
                "    impact: {daily_volume: 55B, daily_volatility: 1.6 %, cross: {ETC: 0.2, BTC: 1}}\n",
            ),
            ("    markets: [spot:BTCUSD]", "    markets: [spot:BTCUSD]\n    learning: {half_life: 10m}"),
        ],
        Fault("CAS157", "    news:\n", "news", "free_of_impact: yes", "warning"),
        Fault("CAS153", "cross: {ETC", "ETC", "other assets: none"),
        Fault("CAS153", "BTC: 1}", "BTC", "leave it out"),
        Fault(
            "CAS154",
            "    learning: {half_life: 10m}",
            "learning",
            "leave learning out, or the impact",
            "warning",
        ),
    ),
    case(
        "an alt's book with the impact of bitcoin",
        [
            ("      volatility: 12 %\n", f"      volatility: 12 %\n    impact: {BITCOIN}\n"),
            ("[[1, 0.44M], [10, 9M], [100, 240M]]", "[[1, 0.01M], [10, 0.2M], [100, 5M]]"),
            ("open_interest: 5B", "open_interest: 50M"),
            ("[[1, 0.15M], [10, 3M], [100, 80M]]", "[[1, 0.01M], [10, 0.2M], [100, 3M]]"),
            ("seed: 7", "seed: -1"),
            *OWN_SIZES,
        ],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault("CAS157", "    news:\n", "news", "free_of_impact: yes", "warning"),
        Fault("CAS156", BITCOIN, "55B", "write daily_volume: 432M, or other depth:", "warning"),
    ),
    case(
        "an alt's book with what makers learn in bitcoin's",
        [
            (MAKER, MAKER + "\n    learning: {impact_bps_per_million: 0.2}"),
            ("[[1, 0.44M], [10, 9M], [100, 240M]]", "[[1, 0.01M], [10, 0.2M], [100, 5M]]"),
            ("open_interest: 5B", "open_interest: 50M"),
            ("seed: 7", "seed: -1"),
            *OWN_SIZES,
        ],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault("CAS156", "    learning: {impact", "0.2", "write impact_bps_per_million: 10", "warning"),
    ),
    case(
        "clustered news without an activity",
        [
            (
                "      type: anchors\n      points:\n        - [0s, 107000]\n        - [1h, 106500]\n"
                '        - ["2025-07-01T02:00:00Z", 106000]\n',
                "      type: clustered\n      price: 107000\n",
            ),
            ("seed: 7", "seed: -1"),
        ],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault("CAS155", "    news:\n", "news", "write activity: {}", "warning"),
    ),
    case(
        "rates beyond once a step",
        [
            (MAKER, MAKER + "\n    requote_rate: 3 /s"),
            ("perpetual: binance:BTCUSDT}", "perpetual: binance:BTCUSDT, rate: 500 /s}"),
            ("seed: 7", "seed: seven"),
        ],
        Fault("CAS012", "seed: seven", "seven", "write seed: 1"),
        Fault("CAS137", "requote_rate: 3 /s", "3 /s", "write dt: 0.2s, or requote_rate: 1 /s", "warning"),
        Fault("CAS137", "rate: 500 /s", "500 /s", "write rate: 1 /s", "warning"),
    ),
    case(
        "steps that are not the contract's",
        [("    tick: 0.1\n    lot: 0.001\n", "    tick: 0.01\n    lot: 0.01\n"), ("seed: 7", "seed: -1")],
        Fault("CAS014", "seed: -1", "-1", ""),
        Fault("CAS138", "    tick: 0.01", "0.01", "write tick: 0.1, or leave it out", "warning"),
        Fault("CAS138", "    lot: 0.01", "0.01", "write lot: 0.001, or leave it out", "warning"),
    ),
    case(
        "steps that nobody gives",
        [
            ("binance:BTCUSDT:\n", "binance:XRPUSDT:\n"),
            ("    tick: 0.1\n    lot: 0.001\n", "    lot: 1\n"),
        ],
        Fault("CAS011", "  binance:XRPUSDT:", "binance", "add tick: 0.1   (Smallest price step in USD"),
        Fault("CAS106", "perpetual: binance:BTCUSDT", "binance:BTCUSDT", "markets: binance:XRPUSDT"),
        Fault("CAS106", "    markets: binance:BTCUSDT", "binance:BTCUSDT", "markets: binance:XRPUSDT"),
        Fault("CAS106", "    market: binance:BTCUSDT", "binance:BTCUSDT", "markets: binance:XRPUSDT"),
        Fault(
            "CAS106", "market: binance:BTCUSDT, side", "binance:BTCUSDT, side", "spot:BTCUSD, binance:XRPUSDT"
        ),
    ),
    case(
        "steps of a contract that is not known",
        [
            ("  binance:BTCUSDT:\n", "  binance:BTCUSD:\n"),
            ("    tick: 0.1\n    lot: 0.001\n", ""),
            ("perpetual: binance:BTCUSDT", "perpetual: binance:BTCUSD"),
            ("    markets: binance:BTCUSDT", "    markets: binance:*"),
            ("    market: binance:BTCUSDT", "    market: binance:BTCUSD"),
            (SHOCK + "\n", ""),
        ],
        Fault("CAS104", "  binance:BTCUSD:", "binance", "contracts: BTCUSDT, ETHUSDT"),
    ),
    case(
        "a history after the start",
        [
            (
                "{type: gbm, volatility: 25 %, duration: 8d}",
                "{type: anchors, points: [[1h, 107000], [2h, 107000]]}",
            )
        ],
        Fault("CAS113", "[[1h, 107000]", "1h", 'write times before the start, such as "-8d"'),
        Fault("CAS113", "[2h, 107000]]", "2h", 'write times before the start, such as "-8d"'),
    ),
    case(
        "more money than can be counted",
        [
            ("    open_interest: 5B", "    open_interest: 500B"),
            ("      scale: 1x", "      scale: 100x"),
            ("    depth:\n", "    cap: 10B\n    depth:\n"),
        ],
        Fault("CAS111", "open_interest: 500B", "500B", "write at most 217B USD"),
    ),
    case(
        "rows of a list that is not there, and a column that its rows lack",
        [
            (FLOW, FLOW.replace("name: background", "each: books, name: background")),
            ("seed: 7", "lists: {books: [{market: a}]}\nseed: 7"),
            (SHOCK, SHOCK.replace("- {", "- {each: bookz, ")),
            ('background, markets: "*"}', 'background, markets: "{venue}"}'),
        ],
        Fault("CAS024", "{each: bookz", "bookz", "lists here: books"),
        Fault("CAS024", 'markets: "{venue}"', '"{venue}"', "columns: market"),
    ),
    case(
        "a window outside the run",
        [("outputs: {bars: 1m}", "outputs: {bars: 1m, window: {start: 1h, end: 3h}}")],
        Fault("CAS170", "window: {start: 1h", "{start", "write times that rise, between 0s and 2h"),
    ),
    case(
        "a window by date in a run without one",
        [
            ('start: "2025-07-01T00:00:00Z"\n', ""),
            ('        - ["2025-07-01T02:00:00Z", 106000]\n', ""),
            ("outputs: {bars: 1m}", 'outputs: {bars: 1m, window: {start: "2025-07-01T00:00:00Z", end: 1h}}'),
        ],
        Fault("CAS170", "window: {start", "{start", "add start: 2025-07-01T00:00:00Z"),
    ),
    case(
        "collateral of an isolated margin, with exits, of markets and assets that nobody knows",
        [(LEVERAGE, LEVERAGE + "\n" + COLLATERAL)],
        Fault("CAS152", COLLATERAL, "collateral", "write margin: cross"),
        Fault("CAS152", COLLATERAL, '"spot:BTCUSD"', "{collateral: {BTC: {haircut: 5 %}}}"),
        Fault("CAS152", COLLATERAL, '"spot:BTCEUR"', "spot markets: spot:BTCUSD"),
        Fault("CAS152", STOP, "stop_loss", "remove stop_loss"),
    ),
    case(
        "more collateral than margin, for a contract that settles in the asset",
        [
            (RULEBOOK, "    rulebook: bitmex-2025-07"),
            (LINEAR, "    type: inverse_perpetual\n    contract: XBTUSD"),
            ("    tick: 0.1\n    lot: 0.001\n", ""),
            (SPOT, SPOT + "\n" + SPOT.replace("spot:B", "spot:TB")),
            ("    markets: [spot:BTCUSD]", "    markets: spot:*"),
            (STOP, '    margin: cross\n    collateral: {"spot:BTCUSD": 80 %, "spot:TBTCUSD": 40 %}'),
        ],
        Fault("CAS152", "    collateral: {", "collateral", "write parts that sum to 100 % at most"),
        Fault("CAS152", "    collateral: {", '"spot:BTCUSD"', "or trade a linear perpetual"),
        Fault("CAS152", "    collateral: {", '"spot:TBTCUSD"', "or trade a linear perpetual"),
    ),
    case(
        "one margin for contracts that settle in two assets, and a fund in a third",
        [
            (RULEBOOK, "    rulebook: bitmex-2025-07"),
            (
                "  binance:BTCUSDT:\n",
                "  binance:XBTUSD: {type: inverse_perpetual, asset: BTC}\n  binance:BTCUSDT:\n",
            ),
            (LINEAR, "    type: linear_perpetual\n    contract: XBTUSDT"),
            ("fund: 1B", "fund: {BTX: 100}"),
            ("    markets: binance:BTCUSDT", "    markets: binance:*\n    margin: cross"),
            (STOP + "\n", ""),
            ("{calm_volatility: 25 %}", "{calm_volatility: 25 %, losses: {capital: desk}}"),
        ],
        Fault(
            "CAS158",
            "losses: {capital: desk",
            "desk",
            "give the makers of binance:BTCUSDT a capital of their own",
        ),
        Fault(
            "CAS150", "    markets: binance:*\n    margin", "binance:*", "write one layer for each of them"
        ),
        Fault("CAS151", "fund: {BTX", "BTX", "assets: BTC, USD"),
    ),
    case(
        "a pool that sells what it does not hold, or counts otherwise",
        [
            (ETH_AFTER, ETH + ETH_AFTER),
            ("\n  spot: {rulebook: spot}", LENDING + "\n  spot: {rulebook: spot}"),
            (
                SPOT,
                SPOT
                + """
  spot:ETHUSD: {type: spot, asset: ETH, tick: 0.01, lot: 0.001}
  aave:ETHUSD: {type: lending_pool, asset: ETH, spot: spot:BTCUSD, tick: 0.1}
  compound:ETHUSD: {type: lending_pool, asset: ETH, tick: 0.5}""",
            ),
            ("    markets: [spot:BTCUSD]", "    markets: spot:*"),
        ],
        Fault("CAS145", "  aave:ETHUSD: {", "spot:BTCUSD", "write spot: spot:ETHUSD"),
        Fault("CAS145", "tick: 0.5}", "0.5", "remove it: it is that of the spot market"),
    ),
    case(
        "borrowers who are unsound, on two venues, and of no pool",
        [
            (ETH_AFTER, ETH + ETH_AFTER),
            ("\n  spot: {rulebook: spot}", LENDING + "\n  spot: {rulebook: spot}"),
            (SPOT, SPOT + "\n  spot:ETHUSD: {type: spot, asset: ETH, tick: 0.01, lot: 0.001}" + POOLS),
            ("    markets: [spot:BTCUSD]", "    markets: spot:*"),
            (
                LAYER,
                """  - {type: borrowers, name: here, markets: [aave:*, compound:*], collateral: 10M, health: 0.9}
  - {type: borrowers, name: there, markets: spot:ETHUSD, collateral: 10M, health: {dist: uniform, low: 1, high: 2}}
"""
                + LAYER,
            ),
        ],
        Fault("CAS146", "name: here", "[aave:*", "write one layer for each venue"),
        Fault("CAS146", "health: 0.9", "0.9", "write values above 1"),
        Fault("CAS146", "health: {dist", "{dist", "add min: 1.01 to the distribution"),
        Fault("CAS147", "name: there", "spot:ETHUSD", "lending markets: aave:ETHUSD, compound:ETHUSD"),
    ),
]


def write(folder: Path, edits: tuple[tuple[str, str], ...]) -> tuple[Path, str]:
    text = BASE
    for old, new in edits:
        assert old in text, f"the base scenario has no {old!r}"
        text = text.replace(old, new, 1)
    path = folder / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    return path, text


def place(text: str, fault: Fault) -> tuple[int, int]:
    start = text.index(fault.line)
    start = text.index(fault.at, start)
    line = text.count("\n", 0, start) + 1
    return line, start - (text.rfind("\n", 0, start) + 1) + 1


def problems_of(path: Path, *overrides: str) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        load(path, overrides)
    return caught.value.problems


@pytest.mark.parametrize("broken", CASES, ids=[c.name for c in CASES])
def test_every_fault_is_reported_at_its_place(broken: Case, tmp_path: Path) -> None:
    path, text = write(tmp_path, broken.edits)
    problems = problems_of(path)
    found = [(p.code, p.severity, p.line, p.column) for p in problems]
    wanted = [(f.code, f.severity, *place(text, f)) for f in broken.faults]
    assert sorted(found) == sorted(wanted), ScenarioError(problems).render()
    for fault in broken.faults:
        spot = place(text, fault)
        there = [p for p in problems if (p.code, p.line, p.column) == (fault.code, *spot)]
        problem = next((p for p in there if fault.remedy in p.hint), there[0])
        assert fault.remedy in problem.hint
        assert problem.source_line == text.splitlines()[problem.line - 1]
        assert problem.message


SEVEN = {
    "a value, a key, a word, a file's row, a market, a name, a tier": (
        [
            ("seed: 7", "seed: seven"),
            ("    withdrawal: {calm", "    withdrawl: {calm"),
            ("stop_loss: {share: 40 %}", "stop_loss: {share: 40}\n    margin: crosss"),
            ("      profile: [[1, 0.44M], [10, 9M], [100, 240M]]", "      file: depth.csv"),
            ("lot: 0.001}", "lot: tiny}"),
            ("market: binance:BTCUSDT, side", "market: binance:BTCUSD, side"),
            ("values: [5, 10, 20]", "values: [5, 10, 200]"),
        ],
        "CAS010 CAS012 CAS012 CAS012 CAS014 CAS021 CAS106 CAS108",
    ),
    "an amount, a rulebook, two sizes, a price, a type, a time, a window, a key": (
        [
            ("fund: 1B", "fund: 1B EUR"),
            ("rulebook: binance-2025-07", "rulebook: binance-2025-77"),
            ("open_interest: 5B", "open_interest: 5B\n    accounts: 5"),
            ("[1h, 106500]", "[1h, -1]"),
            ("- {type: depth, at: 1h", "- {type: dept, at: 9h"),
            ("{bars: 1m}", "{bars: 1m, window: {start: 1h, end: 3h}, x: 1}"),
        ],
        "CAS010 CAS013 CAS014 CAS015 CAS105 CAS114 CAS125 CAS170",
    ),
    "what is hidden behind a misspelt key, and behind a wrong value in the same item": (
        [
            ("    withdrawal: {calm_volatility: 25 %}", "    withdrawl: {calm_volatility: 25 %, floor: 3}"),
            ("{dist: lognormal, median: 1k,", "{dist: lognormal, median: 1k, mean: 2k, mx: 5,"),
            ("to_price: 105200", "to_price: 108000\n    size: many"),
        ],
        "CAS010 CAS010 CAS013 CAS014 CAS016 CAS131",
    ),
    "what is hidden in items without a type, or of none that there is": (
        [
            ("      type: anchors", "      type: 5\n      stpe: 1"),
            ("  - type: leveraged", "  - typ: leveraged"),
            ("stop_loss: {share: 40 %}", "stop_loss: {share: 40}"),
            ("  - type: ladder", "  - type: {x: y}"),
            ("    notional: 50M", "    notional: 50M EUR"),
            ("{type: depth, at: 1h,", "{type: '', at: 9h,"),
        ],
        "CAS010 CAS010 CAS011 CAS013 CAS014 CAS015 CAS015 CAS015 CAS114",
    ),
    "a base that is not there": (
        [("cascade: 1\n", "cascade: 1\nextends: nowhere\n"), ("seed: 7", "seed: seven"), ("dt: 1s", "dt: 1")],
        "CAS003 CAS012 CAS013",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVEN)
def test_no_mistake_hides_another(name: str, tmp_path: Path) -> None:
    edits, codes = SEVEN[name]
    (tmp_path / "depth.csv").write_text("distance_bps,cumulative_usd\n1,440000\nx,9e6\n100,240e6\n")
    path, _ = write(tmp_path, tuple(edits))
    problems = [p for p in problems_of(path) if p.severity == "error"]
    assert sorted(p.code for p in problems) == codes.split(), ScenarioError(problems).render()


def test_what_was_mended_is_not_complained_of(tmp_path: Path) -> None:
    """What stands in for a broken value, or is missing without it, is no mistake of the user's."""
    for old, new in [
        ("      profile: [[1, 0.44M], [10, 9M], [100, 240M]]", "      profile: [[1, 0.44M], [x, 9M], [100, 240M]]"),
        ("    open_interest: 5B", "    open_interest: 5B EUR"),
        ("  BTC:\n    news:\n      type: anchors", "  BTC:\n    news:\n      type: 5"),
        ("  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1", "  spot:BTCUSD: {type: spot, asset: BTC, tick: x"),
        ("  binance:\n    rulebook: binance-2025-07", "  binance:\n    rulebook: [binance-2025-07]"),
        ("    fund: 1B", "    fund: none"),
        ("    history: {type: gbm, volatility: 25 %", "    history: {type: gbm, volatility: high"),
        ("    side: long", "    side: lang\n    leverage: 1.0x"),
    ]:  # fmt: skip
        path, _ = write(tmp_path, ((old, new),))
        assert len(problems_of(path)) == 1 + ("leverage" in new), ScenarioError(problems_of(path)).render()


@pytest.mark.parametrize("broken", CASES[::4], ids=[c.name for c in CASES[::4]])
def test_command_prints_all_and_leaves_with_3(broken: Case, tmp_path: Path) -> None:
    path, text = write(tmp_path, broken.edits)
    result = CliRunner().invoke(build(["validate"]), ["validate", str(path)])
    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert result.stdout == ""
    for fault in broken.faults:
        line, column = place(text, fault)
        assert f"broken.yaml:{line}:{column}  {fault.severity}[{fault.code}]" in result.stderr


WHOLE_FILES = {
    "bad syntax": ("name: a\nassets: [1, 2\nseed: 1\n", "CAS001", 3, "close the list with ]"),
    "colon in text": ("name: a: b\n", "CAS001", 1, "in quotes"),
    "unclosed quotes": ('name: "a\nseed: 1\n', "CAS001", None, "close the quotes"),
    "tab": ("cascade: 1\nassets:\n\tBTC: 1\n", "CAS001", 3, "replace each tab by two spaces"),
    "empty": ("", "CAS004", 1, "cascade init"),
    "only a comment": ("# nothing\n", "CAS004", 1, "cascade init"),
    "a list": ("- 1\n- 2\n", "CAS005", 1, "begin with `cascade: 1`"),
    "a word": ("hello\n", "CAS005", 1, "begin with `cascade: 1`"),
    "two documents": ("cascade: 1\n---\ncascade: 1\n", "CAS001", 2, "one scenario a file"),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_files_that_are_no_scenario(name: str, tmp_path: Path) -> None:
    text, code, line, remedy = WHOLE_FILES[name]
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    (problem,) = [each for each in problems_of(path) if each.code != "CAS011"]  # which they lack, too
    assert problem.code == code
    assert line is None or problem.line == line
    assert remedy in problem.hint


def test_a_run_has_no_more_steps_than_are_counted(tmp_path: Path) -> None:
    path, _ = write(tmp_path, (("duration: 2h", "duration: 365d"), ("dt: 1s", "dt: 10ms")))
    (problem,) = [each for each in problems_of(path) if each.code == "CAS118" and each.severity == "error"]
    assert problem.message == "the run has 3.15e+09 steps: more than 1,000,000,000"
    assert problem.hint == "write dt: 1s, or duration: 10000000s at most"


def test_all_tabs_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "tabs.yaml"
    path.write_text("a:\n\tb: 1\n  \tc: 2\n", encoding="utf-8")
    assert [(p.line, p.column) for p in problems_of(path)] == [(2, 1), (3, 3)]


def test_missing_scenario(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "nothing.yaml")
    assert problem.code == "CAS003"
    assert "cascade init --list" in problem.hint


def test_other_format_version(tmp_path: Path) -> None:
    path, _ = write(tmp_path, (("cascade: 1", "cascade: 2"),))
    (problem,) = problems_of(path)
    assert (problem.code, problem.line, problem.column) == ("CAS018", 1, 10)
    assert problem.hint == "write cascade: 1"


def test_cyclic_extends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("seed: 1\nextends: a.yaml\n", encoding="utf-8")
    (problem,) = problems_of(tmp_path / "a.yaml")
    assert problem.code == "CAS006"
    assert problem.file.endswith("b.yaml")
    assert (problem.line, problem.column) == (2, 10)
    assert "a.yaml -> b.yaml -> a.yaml" in problem.message


def test_missing_base(tmp_path: Path) -> None:
    write(tmp_path, ())
    (tmp_path / "a.yaml").write_text("seed: 1\nextends: brokn.yaml\n", encoding="utf-8")
    (problem,) = problems_of(tmp_path / "a.yaml")
    assert (problem.code, problem.line, problem.column) == ("CAS003", 2, 10)
    assert "did you mean 'broken.yaml'" in problem.message


def test_errors_of_a_base_point_into_the_base(tmp_path: Path) -> None:
    _, text = write(tmp_path, (("fund: 1B", "fund: lots"),))
    (tmp_path / "child.yaml").write_text("extends: broken.yaml\nseed: -1\n", encoding="utf-8")
    base, child = sorted(problems_of(tmp_path / "child.yaml"), key=lambda p: p.file)
    assert base.file.endswith("broken.yaml")
    assert base.line == text[: text.index("fund: lots")].count("\n") + 1
    assert child.file.endswith("child.yaml")
    assert (child.code, child.line, child.column) == ("CAS014", 2, 7)


def test_bars_that_do_not_cover_the_run(tmp_path: Path) -> None:
    start = BASE.index("      type: anchors")
    end = BASE.index("    history:")
    bars = "      type: bars\n      file: bars.csv\n"
    path, text = write(tmp_path, ((BASE[start:end], bars),))
    rows = "time_utc,open,high,low,close\n2025-07-01T00:00:00Z,107000,107100,106900,107050\n"
    (tmp_path / "bars.csv").write_text(
        rows + "2025-07-01T00:05:00Z,107050,107060,107040,107055\n", encoding="utf-8"
    )
    (problem,) = problems_of(path)
    line = text[: text.index("bars.csv")].count("\n") + 1
    assert (problem.code, problem.line, problem.column) == ("CAS132", line, 13)
    assert "2025-07-01T00:00:00Z to 2025-07-01T00:10:00Z" in problem.message
    (tmp_path / "bars.csv").write_text(rows + "2025-07-01T00:00:00Z,5,4,6,5\n", encoding="utf-8")
    messages = [p.message for p in problems_of(path)]
    assert messages == [
        "times must rise from row to row",
        "high lies below open or close",
        "low lies above open or close",
    ]


def test_every_check_is_provoked_here() -> None:
    from cascade.scenario.checks import all_checks
    from cascade.scenario.codes import codes

    provoked = {fault.code for each in CASES for fault in each.faults} | {
        "CAS132",
        "CAS160",
        "CAS161",
        "CAS162",
        "CAS163",
        "CAS165",
        "CAS166",
        "CAS167",
        "CAS171",
        "CAS172",
        "CAS181",
        "CAS331",
    }  # test_positions, test_scheduled_orders, test_agents, test_halts, test_draws
    assert {check.code for check in all_checks()} <= provoked
    assert provoked <= set(codes())


def test_bars_of_a_history_after_the_start(tmp_path: Path) -> None:
    path, _ = write(
        tmp_path, (("{type: gbm, volatility: 25 %, duration: 8d}", "{type: bars, file: bars.csv}"),)
    )
    rows = "time_utc,open,high,low,close\n2025-07-01T00:00:00Z,107000,107100,106900,107050\n"
    (tmp_path / "bars.csv").write_text(rows, encoding="utf-8")
    (problem,) = problems_of(path)
    assert (problem.code, problem.path) == ("CAS132", "assets.BTC.history.file")


def test_steps_of_a_market_are_those_of_its_contract(tmp_path: Path) -> None:
    path, _ = write(tmp_path, (("    tick: 0.1\n    lot: 0.001\n", ""),))
    scenario, problems = inspect(path)
    assert problems == ()
    assert scenario is not None
    market = scenario.markets["binance:BTCUSDT"]
    assert (market.tick, market.lot) == (0.1, 0.001)
    assert to_data(scenario)["markets"]["binance:BTCUSDT"]["lot"] == 0.001
    assert digest(scenario) == digest(load(write(tmp_path, ())[0]))
    assert scenario.replace(seed=8).markets["binance:BTCUSDT"] == market


CSV = "distance_bps,cumulative_usd\n1,440000\nten,9000000\n100,-5\n"


def test_bad_rows_of_a_table(tmp_path: Path) -> None:
    path, _ = write(
        tmp_path, (("      profile: [[1, 0.44M], [10, 9M], [100, 240M]]", "      file: depth.csv"),)
    )
    (tmp_path / "depth.csv").write_text(CSV, encoding="utf-8")
    problems = problems_of(path)
    assert [(p.code, p.line, p.column) for p in problems] == [("CAS021", 3, 1), ("CAS021", 4, 5)]
    assert problems[0].message == "'ten' is not a number"
    assert problems[1].source_line == "100,-5"
    (tmp_path / "depth.csv").write_text("distance,cumulative_usd\n1,5\n", encoding="utf-8")
    (problem,) = problems_of(path)
    assert problem.code == "CAS020"
    assert problem.line == 1
    assert "is it 'distance'" in problem.message


def test_population_table(tmp_path: Path) -> None:
    layer = "  - type: ladder\n    name: fuel\n"
    table = "  - {type: table, name: book, file: book.csv}\n" + layer
    path, _ = write(tmp_path, ((layer, table),))
    rows = (
        "binance:BTCUSDT,long,5000,106000,10\nbinance:BTC,short,1000,106000,5\nbinance:BTCUSDT,short,5M,1,2\n"
    )
    (tmp_path / "book.csv").write_text(
        "market,side,notional_usd,entry_price,leverage\n" + rows, encoding="utf-8"
    )
    (problem,) = problems_of(path)
    assert (problem.line, problem.column, problem.message) == (4, 23, "'5M' is not a number")
    rows = rows.replace("5M", "5000000").replace(",1,2\n", ",106000,100\n")
    rows += "binance:BTCUSDT,long,50,106000,10\nbinance:BTCUSDT,long,60,106000,10\n"
    (tmp_path / "book.csv").write_text(
        "market,side,notional_usd,entry_price,leverage\n" + rows, encoding="utf-8"
    )
    market, leverage, lot = problems_of(path)
    assert (market.code, market.line) == ("CAS021", 3)
    assert "did you mean 'binance:BTCUSDT'" in market.message
    assert (leverage.code, leverage.line) == ("CAS108", 4)
    assert leverage.hint == "write leverage 50 or less"
    assert (lot.code, lot.line, lot.path) == ("CAS021", 5, "notional_usd")
    assert lot.hint == "write notional_usd 106 or more, or remove this row"


OVERRIDES = {
    "population.retial.long_share=1": ("CAS007", 12, "items of population: retail, fuel"),
    "makers.7.cap=1": ("CAS007", 8, "items of makers: perpetual-makers, spot-makers"),
    "makers.².cap=1": ("CAS007", 8, "items of makers: perpetual-makers, spot-makers"),
    "makers.١.cap=1": ("CAS007", 8, "items of makers: perpetual-makers, spot-makers"),
    "makers.--1.cap=1": ("CAS007", 8, "items of makers: perpetual-makers, spot-makers"),
    f"makers.{'9' * 5000}.cap=1": ("CAS007", 8, "items of makers: perpetual-makers, spot-makers"),
    "seed=1e30": ("CAS014", 6, "write seed: 1"),
    "duration": ("CAS007", 1, "write it as path=value"),
    "duration=2 hours": ("CAS013", 10, '"90s" or "2h30m"'),
    "durations=2h": ("CAS010", 1, "keys here: cascade"),
    "population.retail.leverage=500x": ("CAS108", 28, "write at most 125x"),
    "shocks.0.at=[1": ("CAS001", 15, "close the list with ]"),
}


@pytest.mark.parametrize("text", OVERRIDES, ids=lambda text: ascii(text[:40]))
def test_bad_overrides_are_located_in_their_text(text: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, ())
    code, column, remedy = OVERRIDES[text]
    (problem,) = problems_of(path, text)
    assert (problem.code, problem.file, problem.line, problem.column) == (code, "-s", 1, column)
    assert problem.source_line == text
    assert remedy in problem.hint


def test_an_override_that_is_no_text_is_located(tmp_path: Path) -> None:
    """As a shell hands on bytes that are not UTF-8."""
    path, _ = write(tmp_path, ())
    (problem,) = problems_of(path, "se\udcffed=1")
    assert (problem.code, problem.file, problem.line, problem.column) == ("CAS007", "-s", 1, 3)
    assert problem.source_line == "se\ufffded=1"


def test_broken_rulebook_is_located_in_its_file(tmp_path: Path) -> None:
    rules = "extends: {base}\nliquidation: {{clock_s: 0, proceduer: full}}\nfees: {{maker: 0.02 %}}\n"
    import cascade.venues.load as venues

    own = tmp_path / "rules.yaml"
    own.write_text(rules.format(base=venues.rulebook_path("binance-2025-07")), encoding="utf-8")
    path, _ = write(tmp_path, (("rulebook: binance-2025-07", "rulebook: ./rules.yaml"),))
    clock, procedure = problems_of(path)
    assert clock.file.endswith("rules.yaml")
    assert (clock.code, clock.line, clock.column) == ("CAS014", 2, 24)
    assert (procedure.code, procedure.line, procedure.column) == ("CAS010", 2, 27)
    assert "did you mean 'procedure'" in procedure.message


def test_json_lists_every_problem(tmp_path: Path) -> None:
    path, _ = write(tmp_path, (("seed: 7", "seed: x"), ("fund: 1B", "fund: x")))
    result = CliRunner().invoke(build(["validate"]), ["validate", "--json", str(path)])
    assert result.exit_code == 3
    (report,) = json.loads(result.stdout)
    assert report["valid"] is False
    assert [p["path"] for p in report["problems"]] == ["seed", "venues.binance.fund"]


def test_strict_turns_warnings_into_errors(tmp_path: Path) -> None:
    path, _ = write(tmp_path, (("    fund: 1B\n", ""),))
    app = build(["validate"])
    assert CliRunner().invoke(app, ["validate", str(path)]).exit_code == 0
    assert CliRunner().invoke(app, ["validate", "--strict", str(path)]).exit_code == 3
