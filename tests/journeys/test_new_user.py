"""A new user's tasks in a market of their own, each in a few commands, outputs checked.

The market is that of `test_own_accounts`: a coin at 150 USD, 5,000 accounts from a CSV, own tiers, own depth. A cold
start is `test_first_minutes`, an order without an account `test_order`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import cascade
from tests.journeys.test_own_accounts import CONTRACT, SCENARIO, SOURCE, write_accounts
from tests.journeys.test_own_accounts import call as command

MOST = 10
"""Commands of a task."""

Call = Callable[..., str]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do the first task: a market of one's own, in three commands."""
    folder = tmp_path_factory.mktemp("user")
    write_accounts(folder / "accounts.csv")
    (folder / "mine-scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    command(folder, "cascade rulebook copy binance-2025-07 -o mine.yaml")
    rules = folder / "mine.yaml"
    text = rules.read_text(encoding="utf-8").replace("contracts:\n", CONTRACT, 1)
    rules.write_text(text + SOURCE, encoding="utf-8")
    command(folder, "cascade validate mine-scenario.yaml")
    command(folder, "cascade run mine-scenario.yaml -q -o base")
    return folder


@pytest.fixture
def call(desk: Path) -> Iterator[Call]:
    """Run a command of a task and return what it prints; a task takes ten at the most."""
    lines: list[str] = []

    def run(line: str, code: int = 0) -> str:
        lines.append(line)
        return command(desk, line, code)[0]

    yield run
    assert len(lines) <= MOST


def only_run(folder: Path) -> Path:
    """Return the one folder of results in a folder."""
    (found,) = folder.iterdir()
    return found


def test_a_policy_question_would_a_cap_on_leverage_have_helped(desk: Path, call: Call) -> None:
    cap = "-s population.clients.leverage_cap=10x"
    told = json.loads(call(f"cascade explain mine-scenario.yaml {cap} --json"))["leverage_caps"]
    mine = pd.read_csv(desk / "accounts.csv")
    above = mine[mine["leverage"] > 10]
    assert told[0]["of"] == 5_001
    # those of the file with more than 10x, and perhaps the one on cross margin
    assert told[0]["accounts"] - above.shape[0] in (0, 1)
    call(f"cascade run mine-scenario.yaml {cap} -q -o capped")
    base, capped = (pd.read_parquet(only_run(desk / name) / "runs.parquet") for name in ("base", "capped"))
    assert capped["clients_capped_usd"][0] == pytest.approx(told[0]["long_usd"] + told[0]["short_usd"])
    assert capped["complete_usd"][0] < 0.1 * base["complete_usd"][0]
    compared = call(f"cascade compare {only_run(desk / 'base')} {only_run(desk / 'capped')}")
    assert "leverage_cap" in compared


def test_real_bars_of_ones_own(desk: Path, call: Call) -> None:
    times = pd.date_range("2025-07-01", periods=5, freq="1min", tz="UTC")
    close = np.array([150.0, 149.4, 148.2, 147.9, 147.5])
    bars = pd.DataFrame(
        {
            "time_utc": times.strftime("%Y-%m-%dT%H:%M:%SZ"), "open": np.append(150.0, close[:-1]),
            "high": np.append(150.0, close[:-1]) + 0.1, "low": close - 0.1, "close": close,
        }
    )  # fmt: skip
    bars.to_csv(desk / "bars.csv", index=False)
    text = SCENARIO.replace("{type: constant, price: 150}", "{type: bars, file: bars.csv}")
    text = text.split("shocks:")[0].replace("cascade: 1\n", 'cascade: 1\nstart: "2025-07-01T00:00:00Z"\n')
    (desk / "bars.yaml").write_text(text, encoding="utf-8")
    call("cascade validate bars.yaml")
    call("cascade run bars.yaml -q -o bars")
    found = pd.read_parquet(only_run(desk / "bars") / "bars").query("market == 'desk:COINUSDT'")
    last = found.sort_values("step")["news_value_price"].iloc[-1]
    assert last == pytest.approx(147.9, rel=2e-3)  # the close of the fourth minute
    assert found["time"].iloc[0].strftime("%Y-%m-%d") == "2025-07-01"


def test_a_position_has_the_price_at_which_it_is_liquidated(desk: Path, call: Call) -> None:
    rows = pd.read_parquet(only_run(desk / "base") / "liquidations").query("replicate == 0 and part == 0")
    mine = pd.read_csv(desk / "accounts.csv")
    isolated = mine[(mine["margin_mode"] == "isolated") & ~mine["label"].isin(["client-0000", "client-0002"])]
    rows = rows[rows["label"].isin(isolated["label"])]
    one = rows.sort_values("step").iloc[len(rows) // 2]
    isolated[isolated["label"] == one["label"]].drop(columns=["desk"]).to_csv(desk / "one.csv", index=False)
    (told,) = json.loads(
        call("cascade price --venue ./mine.yaml --positions one.csv --mark COINUSDT=150 --json")
    )
    end = "low" if one["side"] == "long" else "high"
    price = told["legs"][0]["liquidation_prices"][end]
    assert price == pytest.approx(one["liquidation_price"], abs=0.011)  # which is on the tick
    hedged = call("cascade price --venue ./mine.yaml --positions one.csv --mark COINUSDT=150")
    assert "All marks alike: liquidated" in hedged


@pytest.mark.slow
def test_ones_own_order_closes_the_position(desk: Path, call: Call) -> None:
    mine = pd.read_csv(desk / "accounts.csv")
    largest = mine[(mine["side"] == "long") & (mine["leverage"] == 3.0)].sort_values("quantity").iloc[-1]
    words = f"cost mine-scenario.yaml --account {largest['label']} --at 30s --watch 30s -n 2 -q --json"
    found = json.loads(call(f"cascade {words} --over 1m --schedule twap,pov --participation 50%"))
    worth = largest["quantity"] * 150
    assert found["order"]["account"] == largest["label"]
    assert found["rows"][0]["figures"]["filled_usd"]["value"] == pytest.approx(worth, rel=0.05)
    shock = (
        f"{{name: out, type: market_order, at: 30s, over: 20s, market: desk:COINUSDT, side: sell, "
        f"account: {largest['label']}}}"
    )
    (desk / "out.yaml").write_text(SCENARIO.replace("shocks:\n", f"shocks:\n  - {shock}\n"), encoding="utf-8")
    call("cascade run out.yaml -q -o out")
    folder = only_run(desk / "out")
    runs = pd.read_parquet(folder / "runs.parquet")
    assert runs["out_filled_share"][0] == 1.0
    ends = pd.read_parquet(folder / "accounts").query(f"label == '{largest['label']}'")
    lots = ends.sort_values("step")["position_lots"].tolist()
    assert lots[0] == round(largest["quantity"] * 100)
    assert len(lots) == 1 or lots[-1] == 0
    # what a comparison of the run with the order and the one without says is what `cascade cost` measures
    whole = "--over 20s --at 30s --watch 1h -n 1 -q --json"
    figures = json.loads(call(f"cascade cost mine-scenario.yaml --account {largest['label']} {whole}"))[
        "rows"
    ][0]["figures"]
    told = json.loads(call(f"cascade compare {only_run(desk / 'base')} {folder} --json"))
    rows = {each["metric"]: each["difference"]["value"] for each in told["differences"] if each["difference"]}
    assert rows["complete_usd"] == pytest.approx(figures["triggered_usd"]["value"], abs=0.01)
    assert rows["desk_coinusdt_fall_bps"] == pytest.approx(
        figures["added_bps"]["value"], abs=20.0
    )  # of the mark, and of the mid
    assert runs["out_shortfall_bps"][0] == pytest.approx(figures["shortfall_bps"]["value"], abs=0.01)


@pytest.mark.slow
def test_reverse_stress_from_which_fall_on_too_much_is_liquidated(desk: Path, call: Call) -> None:
    until = "--until 'liquidated_usd > 3M' --vary 'shocks.news.move=-10 %..-1 %' --within 20%"
    market = "mine-scenario.yaml -s duration=150s -n 6 -q -o reverse"
    found = json.loads(call(f"cascade threshold {market} {until} --json"))
    assert found["low"] <= found["value"] <= found["high"] < 0.0
    shares = [each["happened"] / 6 for each in found["tried"]]
    assert shares[0] > 0.5 >= shares[-1]
    # by hand: longs whose margins are gone at that fall, from the file and the desk's own tiers
    mine = pd.read_csv(desk / "accounts.csv").query("side == 'long' and margin_mode == 'isolated'").iloc[1:]
    kept = np.where(mine["quantity"] * 150 > 100_000, 0.025, 0.01)
    price = mine["entry_price"] * (1 - 1 / mine["leverage"]) / (1 - kept)
    due = mine.assign(price=price, usd=mine["quantity"] * price).sort_values("price", ascending=False)
    by_hand = due.loc[due["usd"].cumsum() > 3e6, "price"].iloc[0] / 150 - 1
    assert found["value"] == pytest.approx(by_hand, abs=0.01)
    assert "Total liquidated above 3M USD" in call(
        f"cascade threshold {market} {until}"
    )  # nothing is run anew
    page = Path(call(f"cascade report {found['path']}").strip())
    assert "shocks.news.move" in (desk / page).read_text(encoding="utf-8")


def test_the_library_gives_the_same_numbers(desk: Path) -> None:
    found = cascade.run(cascade.load(desk / "mine-scenario.yaml"), out=desk / "library").runs
    base = pd.read_parquet(only_run(desk / "base") / "runs.parquet")
    assert found.column("complete_usd").to_pylist() == base["complete_usd"].tolist()


def test_tables_join_the_users_own_file_by_label(desk: Path) -> None:
    base = only_run(desk / "base")
    joined = duckdb.sql(
        f"""select count(*) as n, count(distinct label) as labels
        from '{base}/liquidations/*.parquet' natural join (select * exclude (desk) from '{desk}/accounts.csv') m
        where part = 0 and label <> 'client-0002'"""
    ).df()
    rows = pd.read_parquet(base / "liquidations").query("part == 0 and label != 'client-0002'")
    assert joined["n"][0] == len(rows) > 10
    assert joined["labels"][0] == rows["label"].nunique()


def test_the_command_line_says_what_went_wrong(desk: Path, call: Call) -> None:
    call("cascade run nothing.yaml", code=3)
    call("cascade run mine-scenario.yaml --replicates none", code=2)
    call("cascade run mine-scenario.yaml -s makers.makers.count=0", code=3)
    call("cascade price --venue ./mine.yaml --positions accounts.csv", code=3)  # its column `desk`
    assert json.loads(call("cascade explain mine-scenario.yaml --json"))["name"] == "mine"
