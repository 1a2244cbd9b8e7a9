"""The tables of `docs/calibration.md` against the 37 days, from a run of the shipped file along them.

`python -m tests.support.ordinary_tables FOLDER` runs it there, unless the folder has the run, and prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cascade.analysis.statistics.bootstrap import block_mean
from cascade.experiment.run import run
from cascade.output.reader import Result
from cascade.scenario.document import shipped_scenarios
from tests.support import ordinary_days as days
from tests.support.ordinary_days import COINS, Coin, Floats

ROUGHNESS: Final = {
    "BTC": "33 %", "ETH": "60 %", "SOL": "60 %", "XRP": "65 %", "DOGE": "85 %", "BNB": "30 %", "ADA": "75 %"
}  # fmt: skip
"""Volatility within the days before, of which there are daily bars."""

_COLUMNS = ["replicate", "t_s", "asset", "reporting", "side", "layer", "liquidated_usd"]


def simulated(folder: Path, bars_of: Callable[[str], pd.DataFrame] = days.bars_of) -> Result:
    """Run the shipped scenario along bars of the days, from the first day to the last without a break."""
    changes = [f"duration={days.N_DAYS}d", "outputs.bars=1d"]
    for coin in COINS:
        bars_of(coin).to_csv(folder / f"{coin}-5m.csv")
        days.days_before(coin).to_csv(folder / f"{coin}-1d.csv")
        history = f"{{type: bars, file: {folder / f'{coin}-1d.csv'}, volatility: {ROUGHNESS[coin]}}}"
        changes += [f"assets.{coin}.news={{type: bars, file: {folder / f'{coin}-5m.csv'}}}"]
        changes += [f"assets.{coin}.history={history}"]
    return run(shipped_scenarios()["ordinary-days"], changes, replicates=4, allow=[folder], out=folder)


def liquidations_of(result: Result) -> pd.DataFrame:
    """Return the liquidations of a run."""
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
    by_replicate = np.log(days.daily(liquidations, coin.name).sum(axis=2)).std(axis=0, ddof=1)[judged]
    yield (
        "that between replicates, median and largest",
        f"{np.median(by_replicate):.2f}, {by_replicate.max():.2f}",
    )
    mine = liquidations[liquidations.asset == coin.name]
    shorts = mine[mine.side == "short"].groupby("layer", observed=False).liquidated_usd.sum() / 4e6
    low = shorts.get(f"{coin.name.lower()}-low", 0.0)
    yield "shorts below 10x of all, M USD", f"{low:.3g} of {mine.liquidated_usd.sum() / 4e6:,.0f}"
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


if __name__ == "__main__":
    out = Path(sys.argv[1]).resolve()
    kept = out / "liquidations.parquet"
    if not kept.exists():
        out.mkdir(parents=True, exist_ok=True)
        liquidations_of(simulated(out)).to_parquet(kept)
    found = pd.read_parquet(kept)
    for table in (against_days, against_lines):
        columns = [dict(table(found, days.coin_of(name))) for name in COINS]
        sys.stdout.write(
            "\n".join(f"| {row} | {' | '.join(each[row] for each in columns)} |" for row in columns[0])
            + "\n\n"
        )
