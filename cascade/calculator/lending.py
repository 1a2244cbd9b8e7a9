"""Worked examples of lending pools (Aave v3): health, how much may be repaid, what that takes."""

from __future__ import annotations

import math
from fractions import Fraction

from cascade.calculator import kernels
from cascade.calculator.inputs import Inputs, positive
from cascade.calculator.whole import RATES, rate, unit_for, whole


def health_factor(x: Inputs) -> float:
    """Return collateral x liquidation threshold / debt; infinite without debt.

    Several collaterals come as a list of mappings in `collaterals`.
    """
    parts = x.parts("collaterals") or [x]
    weighted = sum(
        (part.number("collateral_usd") * part.number("liq_threshold") for part in parts), Fraction(0)
    )
    debt = x.number("debt_usd")
    if debt == 0:
        return math.inf
    unit = unit_for([weighted, positive(debt, "debt_usd")])
    most = weighted / debt
    one = 10 ** max(17 - max(len(str(int(most))), 1), 0)
    return kernels.quotient(whole(weighted, unit), whole(debt, unit), one) / one


def repayable(x: Inputs) -> float | list[float]:
    """Return how much debt a liquidation may repay: half if health is above 0.95 and no side is small."""
    if "cases" in x:
        return [_repayable(case) for case in x.parts("cases")]
    return _repayable(x)


def _repayable(x: Inputs) -> float:
    debt, collateral = x.either("debt", "debt_usd"), x.either("coll", "collateral_usd")
    total, least = x.number("total_debt", debt), x.number("min_usd", 2000)
    health, unit = rate(x.number("hf")), unit_for([debt, collateral, total, least])
    threshold, share = rate(x.number("close_factor_hf", 0.95)), rate(x.number("close_factor", 0.5))
    found = kernels.repayable_debt(
        whole(debt, unit), whole(total, unit), whole(collateral, unit), health, threshold, share,
        whole(least, unit),
    )  # fmt: skip
    return float(found * unit)


def seized(x: Inputs) -> list[float]:
    """Return the collateral taken, in money: what the liquidator and what the protocol receive.

    If the collateral is worth less than the debt and its bonus, all of it goes and the debt is scaled.
    """
    debt, bonus, fee = x.number("debt_usd"), rate(x.number("bonus")), rate(x.number("protocol_fee", 0))
    unit = unit_for([debt * positive(Fraction(bonus, RATES), "bonus")])
    repaid = whole(debt, unit)
    if "collateral_usd" in x:
        repaid = min(repaid, kernels.covered_debt(whole(x.number("collateral_usd"), unit), bonus))
    return [float(amount * unit) for amount in kernels.seized_collateral(repaid, bonus, fee)]
