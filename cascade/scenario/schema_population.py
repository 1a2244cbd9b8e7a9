"""Layers of leveraged accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from cascade.limits import MOST_ACCOUNTS
from cascade.scenario.base import File, MarketName, MarketPatterns, Model, Name, Shorthand, Text
from cascade.scenario.distributions import (
    AnyDistribution,
    Constant,
    LeverageDistribution,
    Lognormal,
    ShareDistribution,
    Uniform,
    UsdDistribution,
)
from cascade.units import NUMBER, Duration, Multiple, PositiveDuration, PositiveUsd, Price, Share


class Hold(Model):
    """How long positions are held: exponential, mean * (reference_leverage / leverage)^exponent."""

    mean: PositiveDuration = Field(
        default=432000.0, description="Mean at the reference leverage.", examples=["5d"]
    )
    reference_leverage: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Leverage `mean` belongs to."
    )
    exponent: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="Higher leverage is held for less time."
    )
    min: Duration = Field(default=0.0, description="The mean never falls below this.", examples=["1h"])


class Exit(Model):
    """A stop-loss or take-profit that a share of the accounts carries."""

    share: Share = Field(description="Share of the accounts.", examples=["40 %"])
    distance: ShareDistribution = Field(
        default=Uniform.model_construct(dist="uniform", low=0.3, high=0.95),
        description="Distance from the entry, in parts of the distance to liquidation.",
    )


class Reaction(Model):
    """How the long share of openings answers to what the layer's first market has done."""

    window: PositiveDuration = Field(
        default=21_600.0,
        description="Memory of the mean of log prices that a price is held against.",
        examples=["6h"],
    )
    per_percent: Annotated[float, Field(ge=-100, le=100)] = Field(
        default=0.0,
        description="What the logit of the long share gains for each 1 % that the price stands above its mean: "
        "they follow above 0, and buy dips below.",
        examples=[0.3],
    )
    per_funding_bps: Annotated[float, Field(ge=-100, le=100)] = Field(
        default=0.0,
        description="And for each bp of the present funding rate: below 0 they avoid the side that pays.",
        examples=[-0.2],
    )


class TopUp(Model):
    """Margin that a share of the accounts adds when the price comes near to liquidation."""

    share: Share = Field(description="Share of the accounts.", examples=["15 %"])
    at: Share = Field(
        default=0.7, description="Part of the distance to liquidation that has been lost by then."
    )
    factor: Annotated[float, Field(gt=1)] = Field(
        default=1.6, description="The distance from entry to liquidation is multiplied by this."
    )


class Hedge(Model):
    """Opposite legs that a share of the accounts holds beside its positions (hedge mode)."""

    share: Share = Field(description="Share of the accounts.", examples=["30 %"])
    size: Annotated[Share, Field(gt=0)] = Field(
        default=0.5, description="Notional of the opposite leg, as a part of that of the first."
    )


def _max_only(value: Any) -> Any:
    return {"max": value} if isinstance(value, int | float | str) and not isinstance(value, bool) else value


class LeverageCap(Model):
    """The most leverage that a layer may have at its entry, as a rule that is new at the start."""

    max: Annotated[float, Field(ge=1), NUMBER] = Field(description="The most.", examples=["20x"])
    then: Literal["leave", "reduce"] = Field(
        default="leave",
        description="Whether who has more closes its positions and opens none, or sells down to the cap and keeps its "
        "margin.",
    )


Cap: TypeAlias = Annotated[LeverageCap, Shorthand(_max_only)]


class LeveragedLayer(Model):
    """Accounts that open, hold and close leveraged positions."""

    type: Literal["leveraged"]
    name: Name = Field(description="Name of the layer.", examples=["retail"])
    markets: MarketPatterns = Field(examples=["binance:BTCUSDT"])
    margin: Literal["isolated", "cross"] = Field(default="isolated", description="What backs a position.")
    open_interest: PositiveUsd | None = Field(
        default=None,
        description="One-sided open interest at the start; or give `accounts`.",
        examples=["12B"],
    )
    accounts: Annotated[int, Field(ge=1, le=MOST_ACCOUNTS)] | None = Field(
        default=None, description="Number of accounts.", examples=[10000]
    )
    scale: Multiple = Field(
        default=1.0,
        description="Multiplies the open interest or the accounts: what is fitted of days whose open interest differs.",
    )
    leverage: LeverageDistribution = Field(
        description="Leverage at entry.", examples=[{"dist": "table", "values": [5, 10, 20]}]
    )
    leverage_cap: Cap | None = Field(
        default=None,
        description="Cap on leverage, applied to what was drawn: open interest is not made up for.",
        examples=["20x"],
    )
    leverage_weight: Literal["notional", "accounts"] = Field(
        default="notional", description="Whether the distribution of leverage counts USD or accounts."
    )
    size: UsdDistribution = Field(
        default=Lognormal.model_construct(dist="lognormal", median=1000.0, sigma=2.1),
        description="Notional of a position in USD.",
    )
    size_leverage_exponent: float = Field(
        default=0.0, description="Sizes are multiplied by (size_leverage_reference / leverage) to this power."
    )
    size_leverage_reference: Annotated[float, Field(gt=0)] = Field(default=20.0, description="See above.")
    long_share: Share = Field(default=0.5, description="Share of openings that are long.")
    openings: Multiple = Field(
        default=1.0,
        description="Multiplies the size of positions that open during the run: below 1 less opens than closes.",
    )
    reaction: Reaction | None = Field(
        default=None,
        description="How the long share answers to past returns and funding; not at all by default.",
    )
    hold: Hold = Field(default=Hold.model_construct(), description="How long positions are held.")
    pause: Duration = Field(
        default=600.0,
        description="Mean time from closing a position to opening the next; at least a step.",
        examples=["10min"],
    )
    stop_loss: Exit | None = Field(default=None, description="Orders that close at a loss.")
    take_profit: Exit | None = Field(default=None, description="Orders that close at a profit.")
    top_up: TopUp | None = Field(default=None, description="Margin added in need.")
    hedge: Hedge | None = Field(
        default=None, description="Opposite legs in the same markets, on the same cross margin."
    )
    collateral: dict[MarketName, Share] = Field(
        default_factory=dict,
        description="Parts of the margin that are held in other assets, by the spot market where they would be sold; "
        "the rest is USD. The venue's `rules: {collateral: ...}` say how they count.",
        examples=[{"spot:USDEUSD": "60 %"}],
    )
    max_order: PositiveUsd = Field(
        default=500e3, description="Larger openings are worked in orders of this size."
    )
    turnover: bool = Field(
        default=True, description="Whether positions keep opening and closing during the run."
    )


class LadderLayer(Model):
    """Positions whose liquidation prices are spread evenly over a price range."""

    type: Literal["ladder"]
    name: Name = Field(description="Name of the layer.", examples=["fuel"])
    market: MarketName = Field(description="The market.", examples=["binance:BTCUSDT"])
    side: Literal["long", "short"] = Field(default="long", description="Side of all positions.")
    notional: PositiveUsd = Field(
        description="Notional of all positions together, at their entry prices.", examples=["250M"]
    )
    from_price: Price = Field(description="One end of the liquidation prices.", examples=[106500])
    to_price: Price = Field(description="The other end.", examples=[105200])
    size: UsdDistribution = Field(
        default=Constant.model_construct(dist="constant", value=100e3),
        description="Notional of a position in USD.",
    )
    leverage: LeverageDistribution = Field(
        default=Constant.model_construct(dist="constant", value=20.0), description="Leverage of a position."
    )
    leverage_cap: Cap | None = Field(
        default=None, description="Cap on leverage, applied to what is laid out.", examples=["20x"]
    )


class TableLayer(Model):
    """Positions from a file, a row each: side, size, entry price, and what backs them."""

    type: Literal["table"]
    name: Name = Field(description="Name of the layer.", examples=["book"])
    file: File = Field(description="CSV or parquet, relative to this scenario.", examples=["accounts.csv"])
    market: MarketName | None = Field(
        default=None,
        description="Market of rows that name none; by default the only perpetual market.",
        examples=["binance:BTCUSDT"],
    )
    leverage_cap: Cap | None = Field(
        default=None,
        description="Cap on the leverage at entry: of a cross account, all its positions by its balance.",
        examples=["20x"],
    )
    ignore: tuple[Text, ...] = Field(
        default=(), description="Columns of the file that are not read.", examples=[["desk", "region"]]
    )


class BorrowersLayer(Model):
    """Borrowers of a lending venue, who neither repay nor add collateral during the run."""

    type: Literal["borrowers"]
    name: Name = Field(description="Name of the layer.", examples=["borrowers"])
    markets: MarketPatterns = Field(
        description="Lending pools by name or pattern; collateral is spread evenly over them.",
        examples=["aave:ETHUSD"],
    )
    collateral: PositiveUsd = Field(description="Collateral of all borrowers together.", examples=["1B"])
    size: UsdDistribution = Field(
        default=Lognormal.model_construct(dist="lognormal", median=20e3, sigma=1.8),
        description="Collateral of a borrower in USD.",
    )
    health: AnyDistribution = Field(
        description="Health factor at the start: below 1 a borrower is liquidated.",
        examples=[{"dist": "uniform", "low": 1.05, "high": 2}],
    )


Layer: TypeAlias = Annotated[
    LeveragedLayer | LadderLayer | TableLayer | BorrowersLayer, Field(discriminator="type")
]
