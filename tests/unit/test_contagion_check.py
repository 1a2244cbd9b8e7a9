"""What the matrix of contagion says of a shock against whole runs of other luck, channel by channel."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from cascade.analysis.statistics import Mean
from cascade.errors import UsageError
from cascade.experiment.contagion import prepare_contagion
from cascade.experiment.contagion_check import Check, Figures, checked, rows_of, whole_run
from cascade.experiment.contagion_found import Contagion
from cascade.experiment.run import run
from cascade.output.columns import to_numpy
from cascade.output.parquet import read_files
from cascade.report.contagion import contagion_dict, verdict_of_check
from cascade.report.write import write_contagion
from tests.support.contagion import contagion_scenario, sale_of_bitcoin

ON, OFF = frozenset({"cross_margin"}), frozenset[str]()


@cache
def found_of(n: int, *channels: str) -> Contagion:
    """Return what a sale of bitcoin brings by branches, and in as many whole runs."""
    return prepare_contagion(
        sale_of_bitcoin(), channels=channels, alone=True, shock="sale", check=n, replicates=n
    ).run(jobs=1)


def test_a_shock_that_is_branched_does_what_it_does_in_whole_runs_of_that_luck() -> None:
    asked = prepare_contagion(sale_of_bitcoin(), shock="sale", check=1, replicates=2)
    found, check = asked.run(jobs=1), asked.check
    assert check is not None
    for k, entries in enumerate(found.total.values):
        whole = whole_run(check, check.scenarios[OFF], k, None, lambda: False)
        np.testing.assert_array_equal(whole.usd / whole.sold, entries[0])
        assert whole.usd[1] > 0.0


def test_whole_runs_are_those_of_the_scenario_with_the_shock_and_without(tmp_path) -> None:
    scenario = sale_of_bitcoin()
    without = scenario.replace(shocks=scenario.model_dump(mode="json", exclude_none=True)["shocks"][:-1])
    check = prepare_contagion(scenario, shock="sale", check=1, replicates=4).check
    assert check is not None
    assert check.replicates == range(4, 5)
    usd = [
        to_numpy(run(each, replicate=4, out=tmp_path / name, jobs=1).runs.column("complete_eth_usd"))[0]
        for name, each in (("with", scenario), ("without", without))
    ]
    whole = whole_run(check, scenario, 4, None, lambda: False)
    assert whole.usd[1] == pytest.approx(usd[0] - usd[1])
    assert whole.sold == pytest.approx(6e6, rel=0.01)


def test_a_closed_channel_lowers_ether_by_what_the_matrix_says_in_whole_runs_of_other_luck() -> None:
    found = found_of(6, "cross_margin")
    brings, lowers = (
        next(each for each in found.checked if (each.channel, each.target) == (channel, "ETH"))
        for channel in (None, "cross_margin")
    )
    assert lowers.acts
    assert lowers.agrees, lowers
    assert brings.agrees
    assert verdict_of_check(found).endswith(
        "all 3 figures are what the matrix predicts; 3 of them are other than nothing."
    )


@pytest.mark.slow
def test_every_channel_lowers_ether_by_what_the_matrix_says() -> None:
    found = found_of(24, "cross_margin", "collateral", "arbitrage")
    closed = {each.channel: each for each in found.checked if each.channel is not None}
    assert set(closed) == {"cross_margin", "collateral", "arbitrage"}
    assert [name for name, each in closed.items() if each.agrees is False] == []
    assert closed["cross_margin"].acts


@pytest.mark.slow
def test_channels_one_at_a_time_are_those_of_every_coalition() -> None:
    def of(*, alone: bool) -> Contagion:
        return prepare_contagion(
            sale_of_bitcoin(),
            channels=("cross_margin", "collateral"),
            alone=alone,
            shock="sale",
            replicates=2,
        ).run(jobs=1)

    few, all_of_them = of(alone=True), of(alone=False)
    assert few.closed == all_of_them.closed
    assert few.channels == ()
    assert len(all_of_them.channels) == 2
    for metric in all_of_them.channels:
        assert math.fsum(share.shapley.value for share in metric.shares) == metric.effect.value


def test_a_figure_that_is_predicted_wrongly_is_told() -> None:
    rng = np.random.default_rng(5)
    check = Check({ON: sale_of_bitcoin(), OFF: sale_of_bitcoin()}, "asset", 0, "BTC", 120, range(20, 40))
    seen = {ON: rng.gamma(4.0, 1.0, (20, 2)), OFF: rng.gamma(4.0, 0.25, (20, 2))}
    sold = dict.fromkeys(seen, np.ones(20))

    def agreed(factor: float) -> list[bool | None]:
        said = {ON: factor * rng.gamma(4.0, 1.0, (20, 2)), OFF: rng.gamma(4.0, 0.25, (20, 2))}
        return [each.agrees for each in checked(check, ("BTC", "ETH"), Figures(said, seen, sold))]

    assert agreed(1.0) == [True, True, True]
    assert agreed(2.5) == [False, False, False]


def test_what_ties_throughout_has_no_verdict() -> None:
    check = Check({ON: sale_of_bitcoin(), OFF: sale_of_bitcoin()}, "asset", 0, "BTC", 120, range(6, 12))
    nothing = dict.fromkeys((ON, OFF), np.zeros((6, 2)))
    rows = list(checked(check, ("BTC", "ETH"), Figures(nothing, nothing, dict.fromkeys(nothing, np.ones(6)))))
    assert [(each.agrees, each.acts) for each in rows] == [(None, False)] * 3


def test_tables_hold_what_the_figures_are_means_of(tmp_path) -> None:
    found = found_of(6, "cross_margin")
    page = write_contagion(found, tmp_path / "here")
    assert "whole runs of other luck" in page.read_text(encoding="utf-8")
    rows = read_files([page.with_name("contagion_check.parquet")], ordered=False).to_pylist()

    def usd(runs: str, channel: str) -> np.ndarray:
        mine = (runs, channel, "ETH")
        return np.array(
            [
                each["liquidated_usd"]
                for each in rows
                if (each["runs"], each["channel"], each["target"]) == mine
            ]
        )

    lowers = found.checked[-1]
    assert (lowers.channel, lowers.target) == ("cross_margin", "ETH")
    for name, figure in (("branched", lowers.predicted), ("whole", lowers.found)):
        assert Mean().estimate(usd(name, "none") - usd(name, "cross_margin")) == figure
    head, *lines = page.with_name("contagion_check.csv").read_text(encoding="utf-8").splitlines()
    assert head.startswith("figure,target,predicted (USD)")
    assert len(lines) == len(found.checked) == 3
    told = contagion_dict(found)["check"]
    assert [each["agrees"] for each in told] == [each.agrees for each in found.checked]


@pytest.mark.parametrize(
    ("scenario", "asked", "problem"),
    [
        (sale_of_bitcoin(), {"shock": "sael"}, "is called 'sael' — did you mean 'sale'"),
        (contagion_scenario(), {"check": 4}, "has 0 orders among its shocks"),
        (sale_of_bitcoin(), {"shock": "sale", "horizon_s": 90.0}, "would end 30s after the run"),
    ],
)
def test_a_shock_that_cannot_be_asked_is_told(scenario, asked, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        prepare_contagion(scenario, **asked)


def test_an_order_where_nothing_is_liquidated_is_told() -> None:
    spot = [
        {
            "name": "sale",
            "type": "market_order",
            "side": "sell",
            "market": "spot:BTCUSD",
            "at": "1m",
            "notional": "1M",
        }
    ]
    scenario = contagion_scenario(shocks=spot)
    with pytest.raises(UsageError, match="where nothing is liquidated by force"):
        prepare_contagion(scenario, by="market", shock="sale")
    assert prepare_contagion(scenario, shock="sale").question.at_s == (60.0,)


def test_a_table_says_of_each_figure_which_luck_it_is_of() -> None:
    check = Check({OFF: sale_of_bitcoin()}, "asset", 0, "BTC", 120, range(2, 4))
    one = {OFF: np.ones((2, 1))}
    rows = list(rows_of(check, ("BTC",), Figures(one, one, {OFF: np.array([1.0, 2.0])})))
    assert [(each["runs"], each["replicate"], each["sold_usd"]) for each in rows] == [
        ("branched", 0, 1.5), ("branched", 1, 1.5), ("whole", 2, 1.0), ("whole", 3, 2.0),
    ]  # fmt: skip
