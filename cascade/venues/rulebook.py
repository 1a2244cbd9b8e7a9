"""The rules of a venue: figures as data, procedures by name.

A figure carries its provenance in ``sources:``, a mapping from dotted patterns to a status and a
source; a rulebook with an unsourced figure does not load. A new venue is a file and, where it does
something that no venue here does, one more name in `cascade/names.py` and its kernel.
"""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from cascade.names import AdlPrice, CollateralPrice, IndexRule, MarkRule, Procedure, Ranking, TakeOver
from cascade.scenario.base import ContractName, Model, Name, Text
from cascade.scenario.patterns import matches
from cascade.units import Multiple, PositiveUsd, Price, Rate, Share, Usd, refuse

Status: TypeAlias = Literal["stated", "code", "derived", "secondary", "unconfirmed"]
"""How a figure is known: the venue says so, read in public code, derived, second hand, or not confirmed."""


class Provenance(Model):
    """Where a figure comes from."""

    status: Status = Field(description="How the figure is known.")
    source: Text = Field(description="Document or URL; for `unconfirmed`, why this value.")
    note: Text = Field(default="", description="What the reader should know.")


class Mark(Model):
    """The mark price, which decides margin."""

    rule: MarkRule = Field(
        default="median",
        description="`median`: of index with funding, index with mean basis, and last price; `carried`: index with "
        "funding; `books`: median of index with an exponential mean basis, of the book, and of other venues' mids; "
        "`oracle`: the index as it was when an oracle last answered.",
    )
    basis_window_s: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="Window of the mean basis, or time constant of the exponential one."
    )
    basis_sample_s: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="Time between its samples."
    )
    deviation: Annotated[Share, Field(gt=0)] = Field(
        default=0.005,
        description="With `oracle`: it answers when the index has moved so far from its answer.",
    )
    heartbeat_s: Annotated[float, Field(gt=0)] = Field(
        default=3600.0, description="With `oracle`: it answers at least so often."
    )


class Index(Model):
    """The index price, from spot markets."""

    rule: IndexRule = Field(
        default="weighted_mean",
        description="`weighted_mean`: mean of spot mids, with a guard; `weighted_median`: the mid on either side of "
        "which lies half of the weight.",
    )
    weights: dict[Text, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Weights of spot markets, by name or by venue; others have none. Where nothing is written each has "
        "its own `index_weight`.",
    )
    outlier_limit: Share = Field(
        default=0.05,
        description="In a mean a source farther than this from the median is left out; of several the median counts.",
    )
    silent_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="A source that has taken no orders for longer is left out; 0: its last mid counts on.",
    )
    every_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="Time between two readings of the oracle; 0: at every step."
    )

    def weight_of(self, market: str, own: float) -> float:
        """Return the weight of a spot market whose own weight counts where the venue says none."""
        if not self.weights:
            return own
        return self.weights.get(market, self.weights.get(market.partition(":")[0], 0.0))


class FundingRule(Model):
    """The formula of the funding rate."""

    interval_h: Annotated[float, Field(gt=0)] = Field(default=8.0, description="Hours between payments.")
    interest: Rate = Field(default=0.0001, description="Interest in the rate of the formula.")
    clamp: Share = Field(default=0.0005, description="Bound of interest minus premium.")
    impact_notional_usd: PositiveUsd = Field(
        default=25000.0, description="Size whose average price is the impact price."
    )
    sample_s: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Time between samples of the premium."
    )
    rate_h: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Hours that the rate of the formula is for, of which an interval pays its part; by default it is "
        "for the interval, however long.",
    )
    payment: Literal["mark", "index"] = Field(default="mark", description="Price the payment is taken at.")
    cap: Share | None = Field(
        default=None, description="Bound of the rate of an interval, instead of `cap_of_mmr`."
    )
    cap_of_mmr: Annotated[float, Field(gt=0)] = Field(
        default=0.75,
        description="The rate stays within this part of the first tier's maintenance margin rate.",
    )


class Margin(Model):
    """The margin test."""

    tiers: Literal["marginal", "whole"] = Field(
        default="marginal",
        description="`marginal`: each tier's rate on its own part; `whole`: the tier's rate on the whole position.",
    )
    closing_fee: Share = Field(
        default=0.0, description="Added to every maintenance rate: the fee of closing is set aside."
    )


class Slices(Model):
    """Procedure `slices`: a first part of large positions, then, after a while, the rest."""

    share: Annotated[Share, Field(gt=0)] = Field(
        default=0.2, description="Part of a large position sent first."
    )
    above_usd: Usd = Field(default=100_000.0, description="Notional above which a position is large.")
    cooldown_s: Annotated[float, Field(ge=0)] = Field(
        default=30.0, description="Time after a first part in which the account is treated differently."
    )
    cooldown: Literal["wait", "whole"] = Field(
        default="wait", description="In that time: `wait` with the next order; or orders are for the `whole`."
    )


class Blocks(Model):
    """Procedure `blocks`: a bounded part of a position at each test, at no worse than the fillable price."""

    share: Annotated[Share, Field(gt=0)] = Field(default=0.1, description="Largest part of a position.")
    floor_usd: Usd = Field(default=1_000.0, description="A part may always be this large.")
    notional_usd: PositiveUsd = Field(default=100_000.0, description="Most of one account at one test.")
    bankruptcy_adjustment: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="How fast the fillable price falls as margin is used up."
    )
    spread_to_maintenance: Annotated[float, Field(ge=0)] = Field(
        default=1.5, description="Largest spread, as a multiple of the maintenance margin rate."
    )


class LiquidationRule(Model):
    """What the venue does with an account that fails the margin test."""

    procedure: Procedure = Field(
        default="lower_tier",
        description="`lower_tier`: reduce to the next lower tier and test again; `full`: close at once; `slices` and "
        "`blocks`: in parts over time; `liquidators`: others repay debt and sell collateral where it pays.",
    )
    tiers_down: Annotated[int, Field(ge=1, le=3)] = Field(
        default=1, description="How many tiers a reduction goes down."
    )
    reduces: Literal["always", "where_it_frees"] = Field(
        default="always",
        description="`where_it_frees`: only in tiers whose maintenance rate is above the clearance fee, and else "
        "closes at once: below that, closing a part costs more margin than it frees.",
    )
    order: Literal["ioc", "fok"] = Field(
        default="ioc", description="Whether a reduction may fill in part (ioc) or wholly or not at all (fok)."
    )
    whole_tiers: Annotated[int, Field(ge=0)] = Field(
        default=0, description="In so many lowest tiers the position is taken over without an order."
    )
    patience_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="With `lower_tier` and `full`: for so long an order that did not fill is sent again, at every "
        "margin test, before the account is handed over; 0: at once.",
    )
    backstop: Share = Field(
        default=0.0,
        description="With `slices`, and with `patience_s`: below this part of maintenance margin an account is handed "
        "over, however short it has waited; 0: below zero.",
    )
    slices: Slices = Field(default=Slices.model_construct(), description="Figures of the procedure `slices`.")
    blocks: Blocks = Field(default=Blocks.model_construct(), description="Figures of the procedure `blocks`.")
    clock_s: Annotated[float, Field(gt=0)] = Field(default=1.0, description="Time between two margin tests.")
    price_band: Share = Field(default=0.05, description="Orders farther from the mark are refused.")
    take_bound: Share = Field(default=0.05, description="A market order stops this far from the mark.")


class Unwind(Model):
    """How the fund gets rid of positions it has taken over."""

    fraction_per_minute: Share = Field(default=0.1, description="Part of the inventory offered each minute.")
    max_order_usd: PositiveUsd = Field(default=1e6, description="Largest order it sends.")


class Drawdown(Model):
    """A fall of the fund that sends losses to auto-deleveraging."""

    share: Annotated[Share, Field(gt=0)] = Field(description="Fall from the past level.", examples=["30 %"])
    window_h: Annotated[float, Field(gt=0)] = Field(
        default=8.0, description="How far back the level reaches."
    )
    of: Literal["peak", "mean"] = Field(default="peak", description="Which level of that time.")
    floor_usd: Usd = Field(default=0.0, description="Smaller falls do not count.")


class FundLimits(Model):
    """What the fund may take over; an account beyond it is auto-deleveraged."""

    held_usd: Usd = Field(
        default=0.0,
        description="Most notional that it holds, over the markets that settle in one asset; 0: any.",
        examples=["200M"],
    )
    taken_usd: Usd = Field(
        default=0.0, description="Most notional that it takes over in a window; 0: any.", examples=["50M"]
    )
    window_s: Annotated[float, Field(gt=0)] = Field(default=60.0, description="Length of a window.")


class FundRule(Model):
    """What the insurance fund takes over."""

    take_over: TakeOver = Field(
        default="capacity",
        description="`capacity`: while its losses stay below its size; `notional`: up to its size; `solvent`: accounts "
        "that still have equity; `never`.",
    )
    drawdown: Drawdown | None = Field(default=None, description="Fall after which it takes over no more.")
    limits: FundLimits = Field(
        default=FundLimits.model_construct(), description="What it may hold and take over."
    )
    max_loss_usd: Usd = Field(
        default=0.0, description="With `blocks`: most it may lose at one test; 0: all it has."
    )
    unwind: Unwind = Field(default=Unwind.model_construct(), description="How it sells what it took over.")


class AdlRule(Model):
    """Auto-deleveraging."""

    ranking: Ranking = Field(
        default="queue_pnl_margin",
        description="Who gives way: a queue by profit over wallet times margin ratio, by profit over notional or over "
        "entry value times leverage, or by mark over entry price times leverage; at random; "
        "all winners by profit, or by profit times leverage; accounts of the highest leverage, down to a common one; "
        "everybody pays by size; or the smallest positions first.",
    )  # fmt: skip
    price: AdlPrice = Field(
        default="bankruptcy", description="Price of the forced fill: bankruptcy, mark, or the mark before it."
    )


class Lending(Model):
    """What a call on a borrower whose health factor is below 1 may do."""

    close_factor: Annotated[Share, Field(gt=0)] = Field(
        default=0.5, description="Most of the debt that one call repays while the borrower is not far gone."
    )
    close_health: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.95, description="Up to this health factor a call may repay all of it."
    )
    small_usd: Usd = Field(
        default=2_000.0, description="Debt or collateral below this may be closed whole as well."
    )
    leftover_usd: Usd = Field(
        default=1_000.0,
        description="A call leaves none, or at least this, of the debt and of the collateral.",
    )


class Liquidators(Model):
    """Those who repay the debt of others and sell the collateral that they seize, all as one."""

    capital_usd: PositiveUsd = Field(default=50e6, description="What they can repay in one call.")
    gas_usd: Usd = Field(default=20.0, description="What a call costs them.")
    min_profit: Share = Field(
        default=0.0, description="Profit after gas that they want, as a part of what they repay."
    )


class Pool(Model):
    """A collateral of a lending venue."""

    ltv: Share = Field(description="Most that may be borrowed on it.", examples=["80 %"])
    liquidation_threshold: Annotated[Share, Field(gt=0, lt=1)] = Field(
        description="Part of its value that counts towards health.", examples=["83 %"]
    )
    bonus: Share = Field(description="What seizing takes on top of the debt repaid.", examples=["5 %"])
    protocol_fee: Share = Field(description="Part of the bonus that the venue keeps.", examples=["10 %"])


class CollateralRule(Model):
    """How the venue counts an asset other than USD as margin."""

    haircut: Share = Field(
        default=0.0, description="Part of its value that does not count.", examples=["5 %"]
    )
    price: CollateralPrice = Field(
        default="own_spot",
        description="`own_spot`: mid of the spot market it is held in; `median`: of all spot markets of the asset; "
        "`redemption`: what its issuer pays; `floor`: `own_spot`, but at least a part of redemption.",
    )
    redemption_usd: Price | None = Field(default=None, description="What its issuer pays for a unit.")
    floor: Share = Field(default=1.0, description="With `floor`: the part of redemption that always counts.")

    @model_validator(mode="after")
    def _is_redeemed(self) -> CollateralRule:
        if self.price in ("redemption", "floor") and self.redemption_usd is None:
            raise refuse(f"price: {self.price} needs what the issuer pays", "add redemption_usd: 1", "CAS203")
        return self


class Fees(Model):
    """Trading fees, as parts of notional."""

    maker: Rate = Field(default=0.0, description="Of a resting order; negative is a rebate.")
    taker: Rate = Field(default=0.0, description="Of an incoming order.")


class Tier(Model):
    """One step of the maintenance margin: applies to notionals up to its cap, inclusive."""

    cap_usd: PositiveUsd | None = Field(default=None, description="Largest notional.", examples=["300k"])
    cap: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Of an inverse contract, instead of `cap_usd`: largest notional in units of its asset.",
        examples=[200],
    )
    max_leverage: Multiple = Field(description="Largest leverage.", examples=["125x"])
    mmr: Annotated[Share, Field(gt=0)] = Field(description="Maintenance margin rate.", examples=["0.4 %"])

    @model_validator(mode="after")
    def _has_one_cap(self) -> Tier:
        if (self.cap_usd is None) == (self.cap is None):
            which = "no cap" if self.cap is None else "two caps"
            hint = "write cap_usd: 300k, or for an inverse contract cap: 200"
            raise refuse(f"a tier with {which}", hint, "CAS203")
        return self

    @property
    def limit(self) -> float:
        """Return the cap, in the asset that the contract settles in."""
        return self.cap_usd or self.cap or 0.0


class Contract(Model):
    """Figures of one contract."""

    inverse: bool = Field(
        default=False,
        description="Whether it settles in its asset, a lot being a fixed amount of USD; caps of tiers are then `cap`.",
    )
    tiers: tuple[Tier, ...] = Field(min_length=1, description="Maintenance margin tiers, rising.")
    liquidation_fee: Share = Field(description="Clearance fee on the liquidated notional, to the fund.")
    max_market_qty: Annotated[float, Field(gt=0)] = Field(
        description="Largest market order, in base units; of an inverse contract in USD."
    )
    max_liquidation_qty: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Largest forced order, where the venue sends limit orders and not market orders; else as "
        "`max_market_qty`.",
    )
    price_band: Share | None = Field(
        default=None, description="Instead of the venue's `liquidation.price_band`."
    )
    take_bound: Share | None = Field(
        default=None, description="Instead of the venue's `liquidation.take_bound`."
    )
    impact_notional_usd: PositiveUsd | None = Field(
        default=None, description="Instead of the venue's `funding.impact_notional_usd`."
    )
    max_position_usd: PositiveUsd | None = Field(
        default=None,
        description="Orders by which a position of an account on margin would grow beyond this notional are refused.",
        examples=["5M"],
    )
    max_open_interest_usd: PositiveUsd | None = Field(
        default=None,
        description="Orders of accounts on margin that would add to open interest beyond this are refused.",
        examples=["20M"],
    )
    tick: Price | None = Field(default=None, description="Smallest price step in USD, for its markets.")
    lot: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Smallest size in units of the asset, or of an inverse contract in USD."
    )

    @property
    def max_leverage(self) -> float:
        """Return the largest leverage of any size."""
        return max(tier.max_leverage for tier in self.tiers)

    def maintenance_amounts(self) -> tuple[float, ...]:
        """Return the amount of each tier that makes maintenance margin continuous: N * mmr - amount."""
        amounts = [0.0]
        for below, tier in pairwise(self.tiers):
            amounts.append(amounts[-1] + below.limit * (tier.mmr - below.mmr))
        return tuple(amounts)

    def caps_usd(self, price: float = 1.0) -> tuple[float, ...]:
        """Return the cap of each tier in USD; of an inverse contract at the price of its asset."""
        return tuple(tier.limit * (price if self.inverse else 1.0) for tier in self.tiers)

    def tier_of(self, notional: float, price: float = 1.0) -> Tier:
        """Return the tier of a notional in USD; beyond the last cap, the last tier."""
        caps = zip(self.caps_usd(price), self.tiers, strict=True)
        return next((tier for cap, tier in caps if notional <= cap), self.tiers[-1])

    def largest_notional(self, leverage: float, price: float = 1.0) -> float:
        """Return the largest notional in USD that may be opened at a leverage; 0 if none may."""
        caps = zip(self.caps_usd(price), self.tiers, strict=True)
        return max((cap for cap, tier in caps if leverage <= tier.max_leverage), default=0.0)


def _date(value: object) -> object:
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise refuse(f"'{value}' is not a date", "write it as 2025-07-17", "CAS013") from None


class Rulebook(Model):
    """A venue's rules on a date."""

    name: Name = Field(description="Name, as scenarios use it.", examples=["binance-2025-07"])
    venue: Text = Field(description="The venue.", examples=["Binance USDT-M futures"])
    date: Annotated[datetime.date, BeforeValidator(_date)] = Field(
        description="Date the rules held.", examples=["2025-07-17"]
    )
    kind: Literal["perpetual", "spot", "lending"] = Field(description="What is traded there.")
    description: Text = Field(default="", description="What the reader should know.")
    mark: Mark = Field(default=Mark.model_construct(), description="Mark price.")
    index: Index = Field(default=Index.model_construct(), description="Index price.")
    funding: FundingRule = Field(default=FundingRule.model_construct(), description="Funding rate.")
    margin: Margin = Field(default=Margin.model_construct(), description="Margin test.")
    liquidation: LiquidationRule = Field(
        default=LiquidationRule.model_construct(), description="Liquidation."
    )
    fund: FundRule = Field(default=FundRule.model_construct(), description="Insurance fund.")
    adl: AdlRule = Field(default=AdlRule.model_construct(), description="Auto-deleveraging.")
    fees: Fees = Field(default=Fees.model_construct(), description="Trading fees.")
    collateral: dict[Name, CollateralRule] = Field(
        default_factory=dict, description="Assets that back a cross margin besides USD, by name."
    )
    contracts: dict[ContractName, Contract] = Field(default_factory=dict, description="Contracts by name.")
    feed: Literal["complete", "latest_per_second"] | None = Field(
        default=None,
        description="What it publishes of its liquidations: all, or of each contract the latest of a second.",
    )
    lending: Lending = Field(default=Lending.model_construct(), description="Calls on borrowers.")
    liquidators: Liquidators = Field(
        default=Liquidators.model_construct(), description="Those who call them."
    )
    pools: dict[ContractName, Pool] = Field(default_factory=dict, description="Collaterals by name.")
    sources: dict[Text, Provenance] = Field(
        default_factory=dict, description="Provenance by dotted path or pattern; the last match counts."
    )

    def price_band(self, contract: str) -> float:
        """Return how far from the mark an order may be priced."""
        own = self.contracts[contract].price_band
        return self.liquidation.price_band if own is None else own

    def take_bound(self, contract: str) -> float:
        """Return how far from the mark a market order may fill."""
        own = self.contracts[contract].take_bound
        return self.liquidation.take_bound if own is None else own

    def impact_notional(self, contract: str) -> float:
        """Return the size whose average price enters the premium."""
        own = self.contracts[contract].impact_notional_usd
        return self.funding.impact_notional_usd if own is None else own

    def provenance(self, path: str) -> Provenance | None:
        """Return the provenance of a figure by its dotted path."""
        pattern = self.pattern_of(path)
        return self.sources[pattern] if pattern is not None else None

    def pattern_of(self, path: str) -> str | None:
        """Return the pattern of `sources` that counts for a figure: the last that matches."""
        return next((pattern for pattern in reversed(self.sources) if matches(path, pattern)), None)
