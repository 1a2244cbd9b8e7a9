"""What every test shares: one cache of compiled kernels, and small logs to make tables from."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

# Before anything of Cascade is imported, and inherited by workers and subprocesses: the kernels of
# one set of sources compile once for the whole suite.
os.environ.setdefault("CASCADE_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "kernels"))

# Modules compile once, too, whatever the environment says: workers and subprocesses import them hundreds of times.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.support.suite"]


@pytest.fixture
def units():
    """Return the units of a composite venue with two reporting tags, and of its spot market."""
    from cascade.output.run_units import MarketUnits, ReportingTag, RunUnits

    return RunUnits(
        scenario="test",
        markets=(
            MarketUnits("spot:BTCUSDT", "BTC", "spot", 0.01, 0.001, 10, leveraged=False),
            MarketUnits("all:BTCUSDT", "BTC", "all", 0.1, 0.001, 100),
            MarketUnits("all:ETHUSDT", "ETH", "all", 0.01, 0.01, 100),
        ),
        dt=0.5,
        start=datetime(2025, 7, 1, tzinfo=UTC),
        reporting=(ReportingTag("binance", "latest_per_second"), ReportingTag("bybit", "complete")),
        purposes=("any", "news", "forced"),
        kinds=("fund", "trader"),
        funds=("all",),
    )


@pytest.fixture
def liquidation_log():
    """Return a maker of LIQUIDATION records: each argument is a dict of what differs from the default."""
    from cascade.core.state import LIQUIDATION

    default = {
        "market": 1, "side": 1, "leverage": 20.0, "position_lots": 1000, "order_lots": 1000,
        "filled_lots": 1000, "filled_value": 1000 * 1_069_000 * 100, "trigger_mark": 1_070_000,
        "bankruptcy_tick": 1_060_000, "worst_tick": 1_068_000, "tag": -1,
        "liquidation_tick": 1_070_500, "shortfall": 50_000, "best_before": 1_069_500, "best_after": 1_067_900,
    }  # fmt: skip

    def make(*rows):
        log = np.zeros(len(rows), LIQUIDATION)
        for i, row in enumerate(rows):
            for name, value in (default | row).items():
                log[name][i] = value
        return log

    return make


@pytest.fixture
def bar_log():
    """Return a maker of BAR records from marks; traded prices equal the mark unless given."""
    from cascade.core.state import BAR

    def make(marks, market=1, every=120, **columns):
        marks = np.asarray(marks)
        log = np.zeros(len(marks), BAR)
        log["step"] = (np.arange(len(marks)) + 1) * every
        log["market"] = market
        for name in ("open", "high", "low", "last", "mark", "mark_high", "mark_low"):
            log[name] = marks
        log["index"], log["news_value"] = marks * 0.1, marks * 0.1
        log["best_bid"], log["best_ask"] = marks - 1, marks + 1
        log["open_interest"], log["depth_factor"] = 1000, 1.0
        for name, value in columns.items():
            log[name] = value
        return log

    return make


@pytest.fixture
def write_run(tmp_path, units, liquidation_log, bar_log):
    """Return a maker of small complete runs, metrics included; `logs` replaces some of its logs."""
    from cascade.analysis.metrics import Replicate, compute, metric_columns
    from cascade.core.state import ADL, FUND, TRADE
    from cascade.output.convert import to_batch
    from cascade.output.parquet import concatenate
    from cascade.output.writer import RunWriter

    usual = {
        "bars": np.concatenate(
            [bar_log([1_070_000, 1_050_000, 1_060_000]), bar_log([250_000] * 3, market=2)]
        ),
        "liquidations": liquidation_log({"step": 130, "tag": 0, "account": 1}, {"step": 131, "tag": 1}),
        "adl": np.ones(1, ADL),
        "trades": np.ones(2, TRADE),
        "funds": np.zeros(1, FUND),
    }

    def write(
        n=2, folder="test-00000000", close=True, manifest=None, order=None, cut=None, logs=None, request=None,
        resolved="name: test\nseed: 1\n", **options,
    ):  # fmt: skip
        shown = usual | (logs or {})
        columns = metric_columns(units, counterfactual=True)
        path = tmp_path / folder
        with RunWriter(
            path,
            units,
            scenario_text="name: test\n",
            resolved_text=resolved,
            tables=list(shown),
            replicates=range(n),
            request={"seed": 1, "replicates": n} | (request or {}),
            metrics=columns,
            **options,
        ) as writer:
            for k in order or writer.pending:
                batches = {name: to_batch(name, log, units, k) for name, log in shown.items()}
                tables = {name: concatenate([batch]) for name, batch in batches.items() if name != "trades"}
                twin = Replicate(units, tables["bars"], tables["liquidations"], tables["adl"])
                row = compute(Replicate(units, **tables, twin=twin))
                row |= {"seed": 1, "outcome": "completed", "outcome_text": "done", "steps": 360, "events": 9}
                row |= {"waiting_steps": 0, "unfilled_shocks": 0}
                with writer.piece(k) as piece:
                    for name, batch in batches.items():
                        for at in range(0, len(batch), cut or len(batch)):
                            piece.write(name, batch.slice(at, cut))
                    piece.finish(row)
                writer.add(k)
            if close:
                writer.close({"status": "completed", "text": "All replicates ran to the end."}, manifest)
        return path

    return write
