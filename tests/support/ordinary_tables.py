"""The tables of `docs/calibration.md` against the 37 days, from a run of the shipped file along them.

`python -m tests.support.ordinary_tables FOLDER` runs it there, unless the folder has the runs, and prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cascade.analysis.statistics.bootstrap import block_mean
from cascade.experiment.run import run
from cascade.scenario.document import shipped_scenarios
from cascade.scenario.load import load
from cascade.scenario.schema_population import LeveragedLayer
from tests.support import ordinary_days as days
from tests.support.ordinary_days import COINS, Coin, Floats

ROUGHNESS: Final = {
    "BTC": "33 %", "ETH": "60 %", "SOL": "60 %", "XRP": "65 %", "DOGE": "85 %", "BNB": "30 %", "ADA": "75 %"
}  # fmt: skip
"""Volatility within the days before, of which there are daily bars."""

_RESAMPLES: Final = 2_000
_BLOCK: Final = 3
"""Days that hang together."""

_COLUMNS = ["replicate", "t_s", "asset", "reporting", "side", "layer", "liquidated_usd"]


def simulated(folder: Path) -> dict[str, pd.DataFrame]:
    """Return what is liquidated of each coin, the shipped scenario run along the days without a break.

    Coins with bars of their own are run along these, 4 replicates; others along the shape of each lender's days, a
    replicate for each.
    """
    borrowing = [coin for coin in COINS if coin not in days.WITH_BARS]
    own = _along(folder / "own", {coin: days.bars_of(coin) for coin in days.WITH_BARS}, 4)
    lent = [
        _along(folder / lender, {coin: days.borrowed_bars_of(coin, lender) for coin in borrowing}, 1)
        for lender in days.LENDERS
    ]
    shared = pd.concat([each.assign(replicate=number) for number, each in enumerate(lent)], ignore_index=True)
    return dict.fromkeys(days.WITH_BARS, own) | dict.fromkeys(borrowing, shared)


def _along(folder: Path, bars: Mapping[str, pd.DataFrame], replicates: int) -> pd.DataFrame:
    """Return the liquidations of a run of some coins along bars."""
    folder.mkdir(parents=True, exist_ok=True)
    changes = [f"duration={days.N_DAYS}d", "outputs.bars=1d"]
    for coin, rows in bars.items():
        rows.to_csv(folder / f"{coin}-5m.csv")
        days.days_before(coin).to_csv(folder / f"{coin}-1d.csv")
        history = f"{{type: bars, file: {folder / f'{coin}-1d.csv'}, volatility: {ROUGHNESS[coin]}}}"
        changes += [f"assets.{coin}.news={{type: bars, file: {folder / f'{coin}-5m.csv'}}}"]
        changes += [f"assets.{coin}.history={history}"]
    for coin in set(COINS) - set(bars):
        rows = (f"coins.{coin}", f"layers.{coin.lower()}-high", f"layers.{coin.lower()}-low")
        changes += [f"lists.{row}=null" for row in rows]
    scenario = shipped_scenarios()["ordinary-days"]
    result = run(scenario, changes, replicates=replicates, allow=[folder], out=folder)
    return result.tables.columns("liquidations", _COLUMNS).to_pandas()


def model_of(liquidations: pd.DataFrame, coin: Coin) -> Floats:
    """Return the logarithms of longs and shorts by day, of the mean of the replicates."""
    return np.log(np.maximum(days.daily(liquidations, coin.name).mean(axis=0), 1e3))


def against_days(liquidations: pd.DataFrame, coin: Coin) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table against the days: what, and the figure of a coin."""
    judged, model = coin.judged, model_of(liquidations, coin)[coin.judged]
    seen, log_range, returns = coin.observed[judged], coin.log_range[judged], coin.returns[judged]
    ours, theirs = days.total(model), days.total(seen)
    yield "correlation of the logarithm of totals", f"{np.corrcoef(ours, theirs)[0, 1]:.2f}"
    sides = [np.corrcoef(model[:, each], seen[:, each])[0, 1] for each in (0, 1)]
    yield "longs; shorts", f"{sides[0]:.2f}; {sides[1]:.2f}"
    slopes = [np.polyfit(log_range, each, 1)[0] for each in (ours, theirs)]
    yield "elasticity, simulated / published", f"{slopes[0]:.2f} / {slopes[1]:.2f}"
    ratios = np.exp(ours - theirs)
    sums = np.exp(ours).sum() / np.exp(theirs).sum()
    yield "median ratio; ratio of sums", f"{np.median(ratios):.2f}; {sums:.2f}"
    yield "smallest and largest ratio of a day", f"{ratios.min():.2f}, {ratios.max():.2f}"
    for name, large in (
        ("below -3 %", returns < -0.03),
        ("above +3 %", returns > 0.03),
        ("all", returns < 9),
    ):
        row = f"share of longs, days {name}"
        if not large.any():
            yield row, "no such day"
            continue
        longs = [np.exp(each[large, 0]).sum() / np.exp(each[large]).sum() for each in (model, seen)]
        yield row, f"{longs[0]:.2f} / {longs[1]:.2f} ({large.sum()} days)"
    spread = (seen - model).std(axis=0)
    yield "standard deviation of errors, longs; shorts", f"{spread[0]:.2f}; {spread[1]:.2f}"
    by_replicate = np.log(np.maximum(days.daily(liquidations, coin.name).sum(axis=2), 1e3))
    by_replicate = by_replicate.std(axis=0, ddof=1)[judged]
    yield (
        "that between replicates, median and largest",
        f"{np.median(by_replicate):.2f}, {by_replicate.max():.2f}",
    )
    mine = liquidations[liquidations.asset == coin.name]
    million = 1e6 * liquidations.replicate.nunique()
    is_low = (mine.side == "short") & (mine.layer == f"{coin.name.lower()}-low")
    low = mine.loc[is_low, "liquidated_usd"].sum()
    yield (
        "shorts below 10x of all, M USD",
        f"{low / million:.3g} of {mine.liquidated_usd.sum() / million:,.0f}",
    )
    fitted = days.fit(model_of(liquidations, coin), coin, judged)
    yield "shift of longs; shorts", f"{fitted.shift[0]:+.3f}; {fitted.shift[1]:+.3f}"


def against_lines(liquidations: pd.DataFrame, coin: Coin) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table against lines, each week foretold by the others."""
    ours = days.hold_out(model_of(liquidations, coin), coin)
    theirs = {name: days.hold_out_line(columns, coin) for name, columns in days.lines(coin).items()}
    for name, each in {**theirs, "ordinary-days": ours}.items():
        yield name, f"{each.rmse:.2f}; {each.crps().mean():.3f}"
    for name, each in theirs.items():
        apart = block_mean(ours.crps() - each.crps())
        yield f"difference of CRPS to {name}", f"{apart.value:+.2f} [{apart.low:.2f}, {apart.high:.2f}]"
    yield "days inside the 90 % interval", f"{100 * ours.inside():.0f} %"


def against_file(liquidations: pd.DataFrame, coin: Coin) -> Iterator[tuple[str, str]]:
    """Yield what the days say of level and share of longs, and how sure: a bootstrap of blocks of 3 days."""
    layers = {each.name: each for each in load(shipped_scenarios()["ordinary-days"]).population}
    layer = layers[f"{coin.name.lower()}-high"]
    assert isinstance(layer, LeveragedLayer)
    level, judged, model = layer.open_interest or 0.0, coin.judged, model_of(liquidations, coin)
    rng = np.random.default_rng(20250620)
    blocks = rng.integers(len(judged), size=(_RESAMPLES, -(-len(judged) // _BLOCK)))
    drawn = [
        judged[(each[:, None] + np.arange(_BLOCK)).ravel()[: len(judged)] % len(judged)] for each in blocks
    ]
    best = days.fit(model, coin, judged).level(layer.long_share)
    spread = np.quantile(
        [days.fit(model, coin, each).level(layer.long_share) for each in drawn], [0.05, 0.95], 0
    )
    low, high = spread * (level / 1e6, 1.0)
    yield (
        "level, M USD",
        f"{best[0] * level / 1e6:.3g} [{low[0]:.3g}, {high[0]:.3g}], {level / 1e6:g} in the file",
    )
    yield "share of longs", f"{best[1]:.2f} [{low[1]:.2f}, {high[1]:.2f}], {layer.long_share:.2f} in the file"


if __name__ == "__main__":
    found = simulated(Path(sys.argv[1]).resolve())
    for table in (against_days, against_lines, against_file):
        columns = [dict(table(found[name], days.coin_of(name))) for name in COINS]
        sys.stdout.write(
            "\n".join(f"| {row} | {' | '.join(each[row] for each in columns)} |" for row in columns[0])
            + "\n\n"
        )
