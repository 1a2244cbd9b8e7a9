"""The kinds of worked examples: a name, what computes it, and what that rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from cascade.calculator import backstops, formulas, funding, lending, liquidation_prices
from cascade.calculator.inputs import Inputs

Basis: TypeAlias = Literal["kernel", "formula"]
Rule: TypeAlias = Callable[[Inputs], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of worked example.

    Attributes
    ----------
    basis : str
        `kernel`: computed by functions that markets are made and run by; `formula`: by a venue's formula,
        which no market needs or for which there is no market.
    other : tuple, optional
        A formula of another venue under the same name, and inputs that only its examples have.
    """

    name: str
    rule: Rule
    basis: Basis = "kernel"
    other: tuple[Rule, tuple[str, ...]] | None = None

    @property
    def summary(self) -> str:
        """Return what is computed, in a sentence."""
        return (self.rule.__doc__ or "").partition("\n")[0]

    def rule_for(self, x: Inputs) -> tuple[Rule, Basis]:
        """Return the rule that an example's inputs ask for, and its basis."""
        if self.other is not None and any(name in x for name in self.other[1]):
            return self.other[0], "formula"
        return self.rule, self.basis


def _kinds(basis: Basis, rules: dict[str, Rule]) -> dict[str, Kind]:
    return {name: Kind(name, rule, basis) for name, rule in rules.items()}


KINDS: dict[str, Kind] = {
    **_kinds(
        "kernel",
        {
            "liq_price_isolated": liquidation_prices.isolated,
            "liq_price_isolated_tiered": liquidation_prices.tiered,
            "liq_price_cross_oneway": liquidation_prices.cross,
            "liq_price_isolated_with_taker_fee": liquidation_prices.with_taker_fee,
            "liq_price_isolated_mm_at_entry": liquidation_prices.at_entry,
            "liq_price_after_funding_debit": liquidation_prices.at_entry,
            "liq_price": liquidation_prices.from_account_value,
            "liq_price_cross": liquidation_prices.from_account_value,
            "liq_price_inverse_cross": liquidation_prices.liquidation_inverse_cross,
            "bankruptcy_price_linear": liquidation_prices.bankruptcy_linear,
            "bankruptcy_price_inverse_isolated": liquidation_prices.bankruptcy_inverse_isolated,
            "bankruptcy_price_inverse_cross": liquidation_prices.bankruptcy_inverse_cross,
            "maint_amount": funding.maintenance_amounts,
            "maint_amount_step": funding.maintenance_amount_step,
            "maintenance_margin_step_model": funding.step_model,
            "mark_price_component": funding.mark_component,
            "funding_rate_8h": funding.funding_rate_8h,
            "funding_cap": funding.funding_cap,
            "funding_payment_inverse": funding.funding_payment_inverse,
            "pnl_inverse": funding.pnl_inverse,
            "liquidation_trigger": backstops.trigger,
            "bankruptcy_price_quote": backstops.bankruptcy_quote,
            "fillable_price": backstops.fillable_price,
            "insurance_fund_delta": backstops.fund_delta,
            "insurance_fund_delta_sign": backstops.fund_delta_sign,
            "adl_settlement": backstops.settlement,
            "adl_bankruptcy_transfer": backstops.bankruptcy_transfer,
            "adl_score_pre2025": backstops.score,
            "adl_allocation": backstops.allocation,
            "adl_trigger_threshold": backstops.drawdown,
            "health_factor": lending.health_factor,
            "max_liquidatable_debt": lending.repayable,
            "collateral_seized": lending.seized,
        },
    ),
    "funding_rate": Kind(
        "funding_rate", funding.funding_rate, other=(formulas.vega_funding_rate, ("f", "cases"))
    ),
    "partial_liquidation_size": Kind(
        "partial_liquidation_size", backstops.partial_size, other=(formulas.drift_base, ("margin_shortage",))
    ),
    **_kinds(
        "formula",
        {
            "impact_margin_notional": funding.impact_notional,
            "adl_quantile": backstops.quantiles,
            "adl_needed_budget": backstops.needed_budget,
            "spot_liability_transfer": formulas.drift_liability,
            "insurance_fund_fee": formulas.drift_fund_fee,
            "loss_socialisation_per_unit": formulas.drift_loss_per_unit,
            "deposit_haircut": formulas.drift_haircut,
            "liquidatable": formulas.gmx_liquidatable,
            "adl_enabled": formulas.gmx_adl_enabled,
            "liquidation_disposal_schedule": formulas.vega_disposal,
            "network_party_pnl": formulas.vega_network,
            "funding_twap": formulas.vega_twap,
            "funding_payment": formulas.vega_funding_payment,
            "maintenance_margin": formulas.vega_maintenance,
            "isolated_margin": formulas.vega_isolated,
            "margin_with_funding": formulas.vega_with_funding,
            "loss_socialisation": formulas.vega_loss,
        },
    ),
}
"""Every kind of worked example by its name."""
