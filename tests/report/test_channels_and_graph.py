"""Who tripped whom, and through which channel: builders against the tables, and the pages they make."""

from __future__ import annotations

import shutil
from dataclasses import replace

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import cascade
from cascade import assembly
from cascade.analysis.graph import nodes_table, of_result, trees, write
from cascade.assembly import assemble
from cascade.cli.app import build
from cascade.errors import ResultsError, SimulationError
from cascade.experiment.attribution import FILE, attribute
from cascade.exposure import criticality as rerun
from cascade.exposure import known
from cascade.exposure.criticality import criticality
from cascade.output.reader import Tables
from cascade.report.attribution import answer
from cascade.report.builders import attribution, graph
from cascade.report.builders.liquidation_map import liquidation_map
from cascade.report.figures.graph import generations_figure
from cascade.report.markdown import memo
from cascade.report.page import MOST_BYTES, Options, page, study_of
from cascade.scenario.load import load
from tests.report.conftest import MADE, OUTPUTS
from tests.report.reading import Page, decoded
from tests.support.forge import forge
from tests.support.scenarios import DEPTH, small_scenario

MARKET = "venue:BTCUSDT"


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Return six replicates of a fall over a minute into a thin book, in which accounts trip each other."""
    depth = {"profile": DEPTH, "scale": 0.05}
    scenario = small_scenario(
        name="chain", makers=[{"name": "makers", "markets": "*", "count": 3, "depth": depth}],
        shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-2 %", "over": "1m"}],
    )  # fmt: skip
    return cascade.run(scenario, replicates=6, counterfactual=True, out=tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def study(chain):
    return study_of([chain])


@pytest.fixture(scope="module")
def attributed(tmp_path_factory):
    """Return six replicates of a fall under every coalition of two channels."""
    shocks = [{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}]
    scenario = small_scenario(name="channels", outputs=OUTPUTS, shocks=shocks)
    out = tmp_path_factory.mktemp("attributed")
    return attribute(scenario, channels=["forced_orders", "mark_rule"], replicates=6, out=out)


# --- who tripped whom -----------------------------------------------------------------------------


def test_graph_is_that_of_the_median_replicate(study, chain):
    rows = chain.tables["liquidations"].to_pandas()
    totals = rows.groupby("replicate").liquidated_usd.sum().reindex(range(6), fill_value=0.0)
    number = graph.typical(study.first)
    assert totals[number] == sorted(totals)[3]
    (item,) = graph.cascade_graph(study)
    mine = rows[rows.replicate == number]
    assert item.facts.refer("replicate", "value").value == number
    assert item.table.numbers("usd").sum() == pytest.approx(mine.liquidated_usd.sum())
    assert item.table.numbers("accounts").sum() == len(mine[["account", "life"]].drop_duplicates())


def test_first_bar_is_what_was_tripped_from_outside(study):
    (item,) = graph.cascade_graph(study)
    roots, others = (
        item.facts.refer(name, "value").value for name in ("not tripped by another", "tripped by another")
    )
    accounts = item.table.numbers("accounts")
    assert roots == accounts[0] > 0
    assert others == accounts[1:].sum() > 0


def test_the_tree_that_is_drawn_leads_back_to_its_root(study, chain):
    (item,) = graph.largest_tree(study)
    found = of_result(chain, graph.typical(study.first))
    sizes = np.bincount(found.tree)
    assert len(item.tree) == sizes[sizes <= graph.MOST_NODES].max() > 2
    by = dict(zip(item.tree.names("account"), item.tree["by"].values, strict=True))
    usd = dict(zip(item.tree.names("account"), item.tree.numbers("usd"), strict=True))
    root = item.tree.names("account")[0]
    assert by[root] is None
    for row, account in enumerate(item.tree.names("account")):
        place, steps = account, 0
        while by[place] is not None:
            place, steps = by[place], steps + 1
        assert place == root
        assert steps <= item.tree.numbers("generation")[row]
        if by[account] is not None:
            assert item.tree.numbers("by_usd")[row] == usd[by[account]]
            assert item.tree.numbers("by_generation")[row] < item.tree.numbers("generation")[row]


def test_heaviest_parent_is_that_of_the_largest_weight(chain):
    found = of_result(chain, 0)
    for node in range(len(found)):
        mine = found.target == node
        expected = found.source[mine][np.argmax(found.weight[mine])] if mine.any() else -1
        assert found.parent[node] == expected


def test_no_tree_is_drawn_where_none_fits(study, monkeypatch):
    found = of_result(study.first.result, graph.typical(study.first))
    monkeypatch.setattr(graph, "MOST_NODES", 1)
    assert graph._largest_tree(study, found) is None


def test_generations_of_a_long_cascade_share_bars(chain, monkeypatch):
    monkeypatch.setattr(graph, "MOST_BARS", 5)
    found = of_result(chain, 0)
    deep = np.arange(len(found))
    assert deep[-1] > graph.MOST_BARS
    one_by_one = {"source": deep[:-1], "target": deep[1:], "weight": np.ones(len(found) - 1)}
    table = graph._generations(replace(found, **one_by_one))
    assert len(table) <= graph.MOST_BARS
    assert table.numbers("usd").sum() == pytest.approx(found.size_usd.sum())
    for name, count in zip(table.names("generation"), table.numbers("accounts"), strict=True):
        first, _, last = name.partition(" to ")
        assert count == np.count_nonzero((deep >= int(first)) & (deep <= int(last or first)))


def test_those_who_set_off_most_come_first(study):
    (item,) = graph.cascade_graph(study)
    table = item.transmitters
    usd = table.numbers("transmitted")
    assert 0 < len(table) <= graph.N_TRANSMITTERS
    assert (np.diff(usd) <= 0).all()
    found = of_result(study.first.result, graph.typical(study.first))
    assert usd[0] == found.transmitted_usd.max()
    assert (table.numbers("descendants") >= table.numbers("offspring") - 1e-9).all()


def test_branching_ratios_stand_side_by_side(study, chain):
    (item,) = graph.branching(study)
    assert (item.market, item.direction) == (MARKET, "fall")
    assert item.table.names("label") == ["structural", "counterfactual", "genealogical"]
    runs = chain.runs.to_pandas()
    total, added = runs.venue_btcusdt_fall_bps.mean(), runs.venue_btcusdt_added_fall_bps.mean()
    value = item.table.refer("counterfactual", "n").value
    assert value == pytest.approx(added / total)
    assert item.table.refer("counterfactual", "count").value == 6
    for row in range(3):
        low, n, high = (item.table.value(row, name) for name in ("n_low", "n", "n_high"))
        assert low <= n <= high


def test_structural_ratio_is_looked_at_once_just_before_most_was_liquidated(chain, monkeypatch):
    asked = []

    def looked(scenario, replicate, steps, **more):
        asked.append(list(steps))
        return criticality(scenario, replicate, steps, **more)

    monkeypatch.setattr(rerun, "criticality", looked)
    study = study_of([chain])
    graph.branching(study)
    ((step,),) = asked
    found = of_result(chain, graph.typical(study.first))
    longs = found.side == "long"
    by_minute = [
        found.size_usd[longs & (found.step >= k) & (found.step < k + 60)].sum()
        for k in range(found.step.max() + 1)
    ]
    begun = found.step[longs & (found.step >= step)]
    assert step == begun[0]
    assert np.argmax(by_minute) - 60 <= step <= np.argmax(by_minute) + 60
    before = found.step[longs & (found.step < step)]
    assert not len(before) or step - before[-1] > 30 or np.argmax(by_minute) - before[-1] > 60


def _of_one(result):
    """Return the tables of a run as if its first replicate had been all."""
    return Tables(
        {name: lambda columns, _, name=name: _first(result, name, columns) for name in result.tables}
    )


def _first(result, name, columns):
    rows = result.replicate(name, 0)
    return rows if columns is None else rows.select(columns)


def test_a_page_draws_and_runs_a_replicate_again_once_however_coarse_its_series(chain, monkeypatch):
    """The market whose map is shown runs on to where most was liquidated, and says what one drawn for that would."""
    drawn, asked = [], []

    def counted(*args, **more):
        drawn.append(args)
        return assemble(*args, **more)

    def looked(*args, **more):
        asked.append(args)
        return criticality(*args, **more)

    monkeypatch.setattr(assembly, "assemble", counted)
    monkeypatch.setattr(rerun, "assemble", counted)
    monkeypatch.setattr(rerun, "criticality", looked)
    monkeypatch.setattr("cascade.report.page.MOST_BYTES", 0)  # every page is too large
    one = replace(chain, tables=_of_one(chain))
    study = study_of([one])
    page(study, Options(made=MADE))
    assert (len(drawn), len(asked)) == (1, 1)
    (item,) = graph.branching(study)
    (alone,) = graph.branching(study_of([one]))
    assert len(asked) == 2
    assert item.table.csv() == alone.table.csv()


def test_a_page_of_what_is_known_is_the_page_of_what_was_found(chain, monkeypatch, tmp_path):
    """A second page, by another process, draws nobody and runs nothing again."""
    monkeypatch.setattr(known, "cache_folder", lambda _: tmp_path)
    one = replace(chain, tables=_of_one(chain))
    first = page(study_of([one]), Options(made=MADE))
    assert len(list(tmp_path.iterdir())) == 2

    def fail(*_args, **_more):
        raise AssertionError

    monkeypatch.setattr(assembly, "assemble", fail)
    monkeypatch.setattr(rerun, "criticality", fail)
    assert page(study_of([one]), Options(made=MADE)) == first


def test_what_is_known_of_a_run_of_another_build_is_shown_in_the_units_of_this_one(
    chain, monkeypatch, tmp_path
):
    """Another build may have said more of a market, or less."""
    monkeypatch.setattr(known, "cache_folder", lambda _: tmp_path)
    markets = [each | {"clock_s": 2.0} for each in chain.manifest["units"]["markets"]]
    units = chain.manifest["units"] | {"markets": markets}
    earlier = replace(chain, manifest=chain.manifest | {"units": units})
    assert earlier.units.markets != chain.units.markets
    (before,) = liquidation_map(study_of([earlier]))
    study = study_of([chain])
    (shown,) = liquidation_map(study)
    assert shown.table.csv() == before.table.csv()
    assert [shown.market] == [*study.markets]


def test_a_run_with_coarser_series_knows_what_it_knew(chain):
    fine = study_of([chain]).first
    known = fine.summary, fine.graphs, fine.scenario
    coarse = fine.coarser()
    assert coarse.bins == fine.bins // 2
    assert len(coarse.bars(MARKET).t_s) <= len(fine.bars(MARKET).t_s)
    assert all(
        one is other
        for one, other in zip(known, (coarse.summary, coarse.graphs, coarse.scenario), strict=True)
    )


def test_nobody_looks_before_anyone_has_quoted(chain):
    scenario = study_of([chain]).first.scenario
    looks = criticality(scenario, 0, [0, 5, 10**9])
    assert sorted({look.step for look in looks}) == [1, 5, round(scenario.duration / scenario.dt)]
    assert all(look.depth_usd > 0.0 for look in looks)


def test_trees_are_what_goes_back_along_heaviest_parents(chain):
    """Sizes and depths by one definition: a tree of more than its root is at least one deep."""
    found = of_result(chain, 0)
    listed = trees(found)
    assert sum(tree.liquidations for tree in listed) == len(found)
    assert sum(tree.size_usd for tree in listed) == pytest.approx(found.size_usd.sum())
    assert all((tree.depth > 0) == (tree.liquidations > 1) for tree in listed)
    assert all(tree.depth < tree.liquidations for tree in listed)
    assert max(tree.depth for tree in listed) <= found.generation.max()


def test_what_was_not_tripped_by_forced_orders_alone_is_not_called_outside(study):
    (item,) = graph.cascade_graph(study)
    title = generations_figure(study, item).title.text
    near = item.facts.refer("of them later or never without any forced order", "value")
    assert (
        f"({near.value} of them would have failed later, or never, had there been no forced orders)" in title
    )
    assert "outside" not in title


def test_replicate_that_cannot_be_run_again_is_said(chain, monkeypatch):
    def fail(*_args, **_more):
        raise SimulationError("the book is gone")

    monkeypatch.setattr(rerun, "criticality", fail)
    (item,) = graph.branching(study_of([chain]))
    assert item.table.refer("structural", "n").value is None
    assert "the book is gone" in item.table.refer("structural", "reason").value
    found = Page.of(page(study_of([chain]), Options(made=MADE)))
    assert "branching" in found.figures


@pytest.mark.slow
def test_estimates_that_lack_their_data_say_so(write_run, attributed):
    (item,) = graph.branching(study_of([cascade.read(write_run(n=2))]))
    assert "can't be read again" in item.table.refer("structural", "reason").value
    (item,) = graph.branching(study_of([attributed.path]))
    assert item.table.refer("counterfactual", "n").value is None
    assert "--counterfactual" in item.table.refer("counterfactual", "reason").value


# --- as files -------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["with causes", "without"])
def exported(request, chain, tmp_path):
    """Return the graph of a run with a counterfactual, and of the same without, whose causes are null."""
    result = (
        chain if request.param else cascade.run(load(chain.resolved()), replicates=1, out=tmp_path / "runs")
    )
    return result, of_result(result, 0)


def test_a_graph_is_read_back_from_graphml(exported, tmp_path):
    result, found = exported
    path = tmp_path / "chain.graphml"
    said = CliRunner().invoke(
        build(["graph"]), ["graph", str(result.path), "-o", str(path), "--no-structural"]
    )
    assert said.exit_code == 0, said.output
    read = nx.read_graphml(path, node_type=int)
    assert (read.graph["scenario"], read.graph["replicate"]) == ("chain", 0)
    assert len(read) == len(found) > 10
    assert sorted(read.edges) == sorted(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert len(read.edges) > 5
    weights = [read.edges[edge]["weight"] for edge in zip(found.source, found.target, strict=True)]
    np.testing.assert_allclose(weights, found.weight, rtol=1e-12)
    for number, row in enumerate(nodes_table(found).to_pylist()):
        known = {name: value for name, value in row.items() if value is not None}
        assert read.nodes[number].items() <= known.items()
        assert known.keys() - read.nodes[number].keys() == {"scenario", "replicate", "node"}
    assert all(("cause" in read.nodes[k]) == (result.manifest["request"]["counterfactual"]) for k in read)


def test_a_graph_is_read_back_from_parquet(exported, tmp_path):
    _, found = exported
    files = write(found, tmp_path / "tables")
    assert [pq.ParquetFile(file).metadata.num_rows for file in files] == [len(found), len(found.source)]
    assert pq.ParquetFile(files[0]).read().equals(nodes_table(found))


@pytest.mark.parametrize(
    ("target", "broken"),
    [("chain.graphml", "networkx.write_graphml"), ("tables", "cascade.analysis.graph.export.write_parquet")],
)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("a defect")])
def test_a_graph_that_cannot_be_written_leaves_nothing(chain, tmp_path, monkeypatch, target, broken, error):
    """Nor does it take what was there: a file appears when all of it is written."""
    found, place = of_result(chain, 0), tmp_path / target
    files = write(found, place)
    before = {file: file.read_bytes() for file in files}

    def failing(first, second, *_):
        path = second if target.endswith("graphml") else first
        path.write_text("half of it")
        if path.name != ".nodes.parquet.tmp":
            raise error

    monkeypatch.setattr(broken, failing)
    with pytest.raises((ResultsError, KeyError), match=r"No space left|a defect"):
        write(found, place, force=True)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


# --- through which channel ----------------------------------------------------------------------------


def test_waterfall_and_shapley_values_sum_to_the_effect(attributed):
    study = study_of([attributed.path])
    steps, shares = attribution.waterfalls(study), attribution.shares(study)
    assert len(steps) == len(shares) >= 2
    for item, share in zip(steps, shares, strict=True):
        mean, base = item.table.numbers("mean"), item.table.numbers("base")
        assert item.table.names("label") == [
            "all channels off",
            "forced orders",
            "mark rule",
            "all channels on",
        ]
        assert mean[:-1].sum() == pytest.approx(mean[-1])
        assert base == pytest.approx([0.0, mean[0], mean[0] + mean[1], 0.0])
        values = share.table.numbers("mean")
        assert values[:-1].sum() == pytest.approx(values[-1])
        assert values[-1] == pytest.approx(mean[-1] - mean[0])


def test_means_are_those_of_the_table(attributed):
    frame = attributed.table.to_pandas()
    usd = frame[frame.metric == "complete_usd"].groupby("channel")[["waterfall", "shapley"]].mean()
    study = study_of([attributed.path])
    for found, column in (
        (attribution.waterfalls(study), "waterfall"),
        (attribution.shares(study), "shapley"),
    ):
        (item,) = (each for each in found if each.unit == "USD" and "complete" in each.table.name)
        for channel, value in usd[column].items():
            assert item.table.refer(channel.replace("_", " "), "mean").value == pytest.approx(value)


def test_page_of_an_attribution(attributed):
    study = study_of([attributed.path])
    assert not study.is_comparison
    text = page(study, Options(made=MADE))
    found = Page.of(text)
    assert next(given.get("id") for tag, given in found.elements if tag == "section") == "attribution"
    assert f'<p class="verdict">{answer(attributed)}</p>' in text
    assert "with all channels on" in answer(attributed)
    for number in found.numbers:
        assert number.value == found.cell(number.place), number
    assert len(text.encode()) < MOST_BYTES
    names = [name for name in found.figures if name.startswith(("attribution-", "shapley-"))]
    assert len(names) >= 4
    for name in names:
        means = [float(row["mean"]) for row in found.csv[name]]
        drawn = np.concatenate([decoded(trace["x"]) for trace in found.figures[name]["data"]])
        assert sorted(drawn) == pytest.approx(sorted(means), rel=1e-6, abs=1e-6)
        order = found.figures[name]["layout"]["yaxis"]["categoryarray"]
        assert order == [row["label"] for row in found.csv[name]]


@pytest.mark.slow
def test_static_page_and_memo_of_an_attribution(attributed):
    pytest.importorskip("matplotlib")
    study = study_of([attributed.path])
    static = page(study, Options(static=True, made=MADE))
    assert 'id="f-shapley-complete-usd"' in static
    assert "<script" not in static
    assert "forced orders" in memo(study)


@pytest.mark.slow
def test_coalitions_can_still_be_compared(attributed, tmp_path):
    out = tmp_path / "compared.html"
    done = CliRunner().invoke(build(["compare"]), ["compare", str(attributed.path), "-o", str(out)])
    assert done.exit_code == 0, done.output
    found = Page.of(out.read_text(encoding="utf-8"))
    assert "comparison" in found.csv
    assert "attribution" not in [given.get("id") for tag, given in found.elements if tag == "section"]


def test_a_sweep_that_was_not_attributed_is_compared(attributed, tmp_path):
    folder = shutil.copytree(attributed.path, tmp_path / "plain")
    (folder / FILE).unlink()
    with pytest.raises(ResultsError, match="it is gone"):
        study_of([folder])
    forge(folder)  # as the sweep is before `attribute` has looked at it
    assert study_of([folder]).is_comparison
