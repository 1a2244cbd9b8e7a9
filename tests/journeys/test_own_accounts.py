"""A risk desk's own files: a coin at 150 USD, 5,000 accounts, own tiers and depth; from them to the answer."""

from __future__ import annotations

import shlex
from contextlib import chdir
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from typer.testing import CliRunner

from cascade.cli.app import build

N = 5_000

SCENARIO = """\
cascade: 1
name: mine
duration: 4m
assets:
  COIN: {news: {type: constant, price: 150}}
venues:
  spot: {rulebook: spot}
  desk: {rulebook: ./mine.yaml, fund: 200k}
markets:
  "spot:COINUSD": {type: spot, asset: COIN, tick: 0.01, lot: 0.01}
  "desk:COINUSDT": {type: linear_perpetual, asset: COIN, tick: 0.01, lot: 0.01}
makers:
  - {name: makers, markets: "*", count: 3, depth: {profile: [[1, 20k], [10, 200k], [100, 2M], [1000, 12M]]}}
news_takers:
  - {name: takers, markets: "*"}
arbitrage:
  - {name: basis, spot: "spot:COINUSD", perpetual: "desk:COINUSDT"}
population:
  - {type: table, name: clients, file: accounts.csv, ignore: [desk]}
shocks:
  - {name: news, type: news, at: 1m, over: 1m, asset: COIN, move: -6 %}
outputs: {accounts: true}
"""

CONTRACT = """\
contracts:
  COINUSDT:
    liquidation_fee: 1 %
    max_market_qty: 100000
    tiers:
      - {cap_usd: 100k, max_leverage: 50x, mmr: 1 %}
      - {cap_usd: 1M, max_leverage: 20x, mmr: 2.5 %}
      - {cap_usd: 20M, max_leverage: 10x, mmr: 5 %}
"""

SOURCE = """\
  contracts.COINUSDT.*: {status: stated, source: "the desk's own term sheet"}
"""


def write_accounts(path: Path) -> pd.DataFrame:
    """Write what a risk system has: 5,000 accounts, some with several positions, one that is under water."""
    rng = np.random.default_rng(7)
    entry = np.round(150 * np.exp(0.002 * rng.standard_normal(N)), 2)
    long = rng.random(N) < 0.6
    frame = pd.DataFrame(
        {
            "label": [f"client-{n:04d}" for n in range(N)],
            "market": "desk:COINUSDT",
            "side": np.where(long, "long", "short"),
            "quantity": np.round(rng.lognormal(2.5, 1.0, N), 2) + 1.0,
            "entry_price": entry,
            "margin_mode": "isolated",
            "leverage": rng.choice([3.0, 7.3, 20.0, 40.5], N),
            "wallet_usd": np.nan,
            "stop_price": np.where(long & (rng.random(N) < 0.1), 146.0, np.nan),
            "desk": "emea",
        }
    )
    frame.loc[0, ["side", "entry_price", "leverage"]] = "long", 170.0, 10.0  # due at 150 already
    frame.loc[1, ["margin_mode", "wallet_usd", "leverage", "stop_price"]] = "cross", 5_000.0, np.nan, np.nan
    hedge = frame.loc[[1]].assign(side=frame["side"].map({"long": "short", "short": "long"})[1], quantity=3.0)
    other = frame.loc[[2]].assign(quantity=1.5)  # a second isolated position of one client
    frame = pd.concat([frame, hedge, other], ignore_index=True)
    frame.to_csv(path, index=False)
    return frame


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    write_accounts(folder / "accounts.csv")
    (folder / "mine-scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return folder


def call(folder: Path, line: str, code: int = 0) -> tuple[str, str]:
    """Run a command of the desk; return what it prints and what it says."""
    _, *words = shlex.split(line)
    with chdir(folder):
        done = CliRunner().invoke(build(words[:1]), words)
    assert done.exit_code == code, (line, done.output)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def result(desk: Path) -> Path:
    """Do what the desk does, and return the folder of the results."""
    call(desk, "cascade rulebook copy binance-2025-07 -o mine.yaml")
    rules = desk / "mine.yaml"
    text = rules.read_text(encoding="utf-8").replace("contracts:\n", CONTRACT, 1)
    rules.write_text(text + SOURCE, encoding="utf-8")
    call(desk, "cascade validate --rulebook mine.yaml")
    _, said = call(desk, "cascade validate mine-scenario.yaml")
    assert "1 of 5,001 accounts is liquidated at the start price" in said
    assert "'client-0000' in row 2" in said
    call(desk, "cascade run mine-scenario.yaml -q")
    (folder,) = (desk / "results").iterdir()
    return folder


def test_the_result_joins_the_desks_own_file(desk: Path, result: Path) -> None:
    mine = pd.read_csv(desk / "accounts.csv")
    forced = pl.read_parquet(result / "liquidations" / "*.parquet")
    assert set(forced["layer"].to_list()) == {"clients"}
    assert "client-0000" in forced["label"].to_list()
    numbers = forced.group_by("label").agg(pl.col("account").n_unique())
    assert set(numbers["label"].to_list()) <= set(mine["label"])
    joined = duckdb.sql(
        f"""select l.label, l.position_lots, m.quantity, l.entry_leverage, m.leverage as written
        from '{result}/liquidations/*.parquet' l join '{desk}/accounts.csv' m using (label, market, side)
        where l.part = 0 and l.replicate = 0 and m.margin_mode = 'isolated' and m.label <> 'client-0002'"""
    ).df()
    here = forced.filter((pl.col("part") == 0) & (pl.col("replicate") == 0))
    assert len(joined) == len(here.filter(~pl.col("label").is_in(["client-0001", "client-0002"]))) > 10
    assert np.allclose(joined["position_lots"], np.rint(joined["quantity"] * 100))
    assert np.allclose(joined["entry_leverage"], joined["written"], rtol=1e-6)


def test_every_row_of_the_file_is_a_position_at_the_start(desk: Path, result: Path) -> None:
    mine = pd.read_csv(desk / "accounts.csv")
    start = pd.read_parquet(result / "accounts").query("step == 0 and replicate == 0 and kind == 'trader'")
    keys = ["label", "side", "size"]
    written = mine.assign(size=np.rint(mine["quantity"] * 100).astype(int)).sort_values(keys)
    found = start.assign(
        size=start["position_lots"], label=start["label"].astype(str), side=start["side"].astype(str)
    )
    assert len(found) == len(mine) == N + 2
    assert (found.sort_values(keys)[keys].to_numpy() == written[keys].to_numpy()).all()
    others = pd.read_parquet(result / "accounts").query("kind != 'trader'")
    assert others["label"].isna().all()
    assert others["layer"].isna().all()


def test_a_file_with_errors_is_refused_with_what_to_write(desk: Path, result: Path) -> None:
    text = (desk / "accounts.csv").read_text(encoding="utf-8")
    (desk / "wrong.csv").write_text(text.replace("label,", "account,", 1), encoding="utf-8")
    line = "cascade validate mine-scenario.yaml -s population.clients.file=wrong.csv"
    _, said = call(desk, line, code=3)
    assert "wrong.csv:1:1" in said
    assert "unknown column 'account' — did you mean 'label'?" in said
    (desk / "wrong.csv").write_text(text.replace(",long,", ",buy,"), encoding="utf-8")
    _, said = call(desk, line, code=3)
    assert said.count("'buy' is not a side") == 1
    assert "more like it, in lines" in said
