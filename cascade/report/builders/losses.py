"""Who bore the losses, down the waterfall, and how auto-deleveraging spread what it took."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.analysis.statistics import Estimate
from cascade.report.builders.ensemble import median_of
from cascade.report.builders.study import Missing, Study, Variant, by_replicate
from cascade.report.builders.table import Column, Floats, Table, estimate_columns, text_column

LAYERS = (
    ("margin", "margin left at the trigger"),
    ("slippage", "slippage against the mark"),
    ("fees", "clearance fees"),
    ("fund", "losses the fund took over"),
    ("holding", "what the fund lost on what it held"),
    ("adl", "loss of those auto-deleveraged"),
    ("bad_debt", "bad debt"),
)
"""Layers of the waterfall: what liquidated accounts still had, then what was lost, in the order it is borne."""


def waterfall(study: Study) -> list[Table] | Missing | None:
    """Return each layer by run: a median with its interval."""
    missing = study.without("liquidations")
    if missing:
        return missing
    rows: list[tuple[str, str, str, Estimate | None]] = []
    for variant in study.variants:
        amounts = _amounts(variant)
        for key, label in LAYERS:
            rows.append((variant.label, key, label, median_of(amounts[key])))
    if not any(row[3] and row[3].value for row in rows):
        return None
    keys = [f"{row[0]}: {row[2]}" if study.is_comparison else row[2] for row in rows]
    columns = (
        Column("key", "", keys, kind="text", hidden=True),
        text_column("run", "run", [row[0] for row in rows]),
        text_column("label", "layer", [row[2] for row in rows]),
        *estimate_columns("median", "median [95 % interval]", [row[3] for row in rows], "USD"),
    )
    return [Table("waterfall", "Who bore the losses", columns)]


def _amounts(variant: Variant) -> dict[str, Floats]:
    """Return each layer by replicate."""
    get = _Rows(variant)
    sign = np.where(get.names("side") == "long", 1.0, -1.0)
    mark, bankrupt = get("trigger_mark_price"), get("bankruptcy_price")
    closed = get("liquidated_usd")
    margin = np.nan_to_num(np.maximum(sign * (mark - bankrupt) / mark, 0.0)) * closed
    slippage = np.nan_to_num(get("slippage_bps")) * 1e-4 * get("filled_usd")
    return {
        "margin": get.total(margin),
        "slippage": get.total(slippage),
        "fees": get.total(get("fee_usd")),
        "fund": get.total(np.maximum(get("fund_draw_usd"), 0.0)),
        "holding": np.maximum(-_known(variant.metric("fund_result_usd"), variant.n), 0.0),
        "adl": _known(variant.metric("adl_forgone_usd"), variant.n),
        "bad_debt": _known(variant.metric("bad_debt_usd"), variant.n),
    }


def _known(values: Floats, n: int) -> Floats:
    return np.nan_to_num(values) if len(values) else np.zeros(n)


class _Rows:
    """The rows of liquidations of a run."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._replicate = variant.numbers("liquidations", "replicate")

    def __call__(self, column: str) -> Floats:
        return self._variant.numbers("liquidations", column).astype(np.float64)

    def names(self, column: str) -> np.ndarray:
        return self._variant.names("liquidations", column)

    def total(self, values: Floats) -> Floats:
        return by_replicate(values, self._replicate, self._variant.result.replicates)


class Fairness(NamedTuple):
    """How auto-deleveraging spread its losses."""

    lorenz: Table
    haircuts: Table
    facts: Table


SHARES = np.linspace(0.0, 1.0, 101)
"""Points of a Lorenz curve."""


def fairness(study: Study) -> list[Fairness] | Missing | None:
    """Return how losses spread over the accounts that auto-deleveraging closed, each replicate's pooled."""
    missing = study.without("adl")
    if missing:
        return missing
    found = [(variant, *_forgone(variant)) for variant in study.variants]
    found = [each for each in found if (each[1] > 0).any()]
    if not found:
        return None
    lorenz = [Column("share", "share of the accounts, from the least hurt", SHARES * 100, "%")]
    lorenz += [Column(f"v{v.number}", v.label, _lorenz(lost), "%") for v, lost, _ in found]
    shares = [_haircuts(lost, size) for _, lost, size in found]
    top = np.quantile(np.concatenate([*shares, np.zeros(1)]), 0.99)
    edges = np.linspace(0.0, max(float(top), 1e-6), 41)
    haircuts = [
        Column("haircut", "loss of an account, of what it gave up", (edges[1:] + edges[:-1]) / 2, "%")
    ]
    for (variant, _, _), share in zip(found, shares, strict=True):
        counts = np.histogram(np.minimum(share, edges[-1]), edges)[0] / variant.n
        haircuts.append(
            Column(f"v{variant.number}", f"{variant.label}: accounts, mean of replicates", counts, "accounts")
        )
    return [
        Fairness(
            Table("adl-lorenz", "Concentration of the losses of auto-deleveraging", tuple(lorenz)),
            Table("adl-haircuts", "Losses of auto-deleveraged accounts", tuple(haircuts)),
            _facts(found, shares),
        )
    ]


def _forgone(variant: Variant) -> tuple[Floats, Floats]:
    """Return what each deleveraged account of each replicate lost, and how much it gave up, at mark."""
    if not variant.has("adl"):
        return np.empty(0), np.empty(0)
    accounts = variant.numbers("adl", "counterparty").astype(np.int64)
    keys = variant.numbers("adl", "replicate").astype(np.int64) * (accounts.max() + 1) + accounts
    _, rows = np.unique(keys, return_inverse=True)
    return tuple(
        np.bincount(rows, variant.numbers("adl", name)) for name in ("forgone_usd", "mark_value_usd")
    )  # type: ignore[return-value]


def _haircuts(lost: Floats, size: Floats) -> Floats:
    """Return what accounts lost of what they gave up, in percent; a socialised loss takes nothing but money."""
    closed = size > 0
    return lost[closed] / size[closed] * 100


def _lorenz(lost: Floats) -> Floats:
    """Return the share of all losses borne by the least hurt share of accounts, in percent."""
    ordered = np.concatenate([[0.0], np.cumsum(np.sort(np.maximum(lost, 0.0)))])
    return np.interp(SHARES, np.linspace(0.0, 1.0, len(ordered)), ordered / ordered[-1]) * 100


def gini(lost: Floats) -> float:
    """Return the concentration of losses: 0 where all lose the same, near 1 where one bears all."""
    ordered = np.sort(np.maximum(lost, 0.0))
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


def _quantile(values: Floats, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _facts(found: list[tuple[Variant, Floats, Floats]], shares: list[Floats]) -> Table:
    columns = (
        text_column("label", "run", [variant.label for variant, _, _ in found]),
        Column(
            "accounts", "accounts, mean", [len(lost) / variant.n for variant, lost, _ in found], "accounts"
        ),
        Column("loss", "loss of an account, mean", [float(lost.mean()) for _, lost, _ in found], "USD"),
        Column("median", "median loss, of what was given up", [_quantile(each, 0.5) for each in shares], "%"),
        Column("p95", "95 % lose less than", [_quantile(each, 0.95) for each in shares], "%"),
        Column("gini", "Gini coefficient of losses", [gini(lost) for _, lost, _ in found], "1"),
        Column("n", "n replicates", [variant.n for variant, _, _ in found], ""),
        text_column("remark", "remark", ["" if len(each) else "no position was closed" for each in shares]),
    )
    return Table("adl-facts", "Fairness of auto-deleveraging", columns)
