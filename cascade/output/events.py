"""What happened in a run on one clock: shocks, liquidations, auto-deleveraging and funds, from several tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from cascade.output.columns import categories, strings
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import HaltShock, MarketOrderShock, NewsShock, OracleOutage
from cascade.units import format_duration, format_usd

if TYPE_CHECKING:
    import pyarrow as pa

ORDER: Final = ("shock", "liquidation", "adl", "fund")
"""Kinds of events, in the order in which those of one moment stand."""

Row = dict[str, Any]


class Recorded(Protocol):
    """Tables of a run by name."""

    def __contains__(self, name: object) -> bool: ...

    def replicate(self, name: str, number: int) -> pa.Table:
        """Return the rows of one replicate."""
        ...


def events_of(
    tables: Recorded, replicates: Sequence[int], start: datetime | None, scenario: Scenario | None
) -> pa.Table:
    """Return the events of a run by replicate and time; without its scenario, none of its shocks."""
    import pyarrow as pa

    rows: list[Row] = []
    for replicate in replicates:
        found = [
            *_shocks(scenario), *_liquidations(tables, replicate), *_adl(tables, replicate),
            *_funds(tables, replicate),
        ]  # fmt: skip
        found.sort(key=lambda row: (row["t_s"], ORDER.index(row["event"])))
        rows += [{"replicate": replicate, **row} for row in found]

    def column(name: str) -> list[Any]:
        return [row[name] for row in rows]

    columns: dict[str, Any] = {
        "replicate": pa.array(np.array(column("replicate"), np.int32)),
        "t_s": pa.array(np.array(column("t_s"), np.float64)),
        "event": categories(column("event")),
        "market": categories(column("market")),
        "account": pa.array([row["account"] for row in rows], pa.int64()),
        "label": categories(column("label")),
        "usd": pa.array(np.array(column("usd"), np.float64)),
        "text": strings(column("text")),
    }
    if start is not None:
        micros = np.rint(np.array(column("t_s"), np.float64) * 1e6).astype(np.int64)
        times = pa.array(micros + round(start.timestamp() * 1e6), pa.int64())
        columns["time"] = times.cast(pa.timestamp("us", tz="UTC"))
    return pa.table(columns)


def _row(t_s: float, event: str, usd: float, text: str, **more: Any) -> Row:
    return {
        "t_s": t_s,
        "event": event,
        "usd": usd,
        "text": text,
        "market": None,
        "account": None,
        "label": None,
    } | more


def _shocks(scenario: Scenario | None) -> Iterator[Row]:
    """Yield when each shock begins."""
    for shock in () if scenario is None else scenario.shocks:
        at = scenario.seconds(shock.at) if scenario is not None else 0.0
        over = f" over {format_duration(shock.over)}" if shock.over else ""
        if isinstance(shock, MarketOrderShock):
            over = " to the end of the run" if shock.is_open_ended else over
            whole = f"the whole position of {shock.account}"
            asked = whole if shock.notional is None else f"{format_usd(shock.notional)} USD"
            yield _row(at, "shock", shock.notional or 0.0, f"{shock.side} {asked}{over}", market=shock.market)
        elif isinstance(shock, NewsShock):
            yield _row(at, "shock", 0.0, f"news value of {shock.asset} {shock.move:+.4g}{over}")
        elif isinstance(shock, HaltShock | OracleOutage):
            yield _row(at, "shock", 0.0, f"{shock.subject}{over}")
        else:
            markets = ", ".join(shock.markets)
            yield _row(at, "shock", 0.0, f"depth of {markets} times {shock.factor:g}{over}")


def _liquidations(tables: Recorded, replicate: int) -> Iterator[Row]:
    names = ("t_s", "market", "account", "label", "side", "liquidated_usd", "trigger_mark_price")
    for row in _rows(tables, "liquidations", replicate, names):
        text = f"{row['side']} liquidated at mark {row['trigger_mark_price']:,.6g}"
        own = {name: row[name] for name in ("market", "account", "label")}
        yield _row(row["t_s"], "liquidation", row["liquidated_usd"], text, **own)


def _adl(tables: Recorded, replicate: int) -> Iterator[Row]:
    names = ("t_s", "market", "counterparty", "counterparty_label", "side", "mark_value_usd", "account")
    for row in _rows(tables, "adl", replicate, names):
        yield _row(
            row["t_s"], "adl", row["mark_value_usd"], f"{row['side']} closed against account {row['account']}",
            market=row["market"], account=row["counterparty"], label=row["counterparty_label"],
        )  # fmt: skip


def _funds(tables: Recorded, replicate: int) -> Iterator[Row]:
    """Yield what the funds have, where it is not what it was at the snapshot before."""
    before: dict[str, float] = {}
    for row in _rows(tables, "funds", replicate, ("t_s", "fund", "equity_usd")):
        if row["fund"] in before and row["equity_usd"] == before[row["fund"]]:
            continue
        before[row["fund"]] = row["equity_usd"]
        yield _row(row["t_s"], "fund", row["equity_usd"], f"equity of the funds in {row['fund']}")


def _rows(tables: Recorded, table: str, replicate: int, names: tuple[str, ...]) -> Iterator[Row]:
    """Yield rows of a table, none where it was not recorded; a column that it lacks is None."""
    if table not in tables:
        return
    found = tables.replicate(table, replicate)
    there = [name for name in names if name in found.column_names]
    for row in found.select(there).to_pylist():
        yield dict.fromkeys(names) | row
