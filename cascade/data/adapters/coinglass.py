"""Daily tables of all venues together, as CoinGlass and its like give them."""

from __future__ import annotations

from typing import Any, Final

from cascade.data.adapter import Adapter, Csv, Group, Label
from cascade.data.origins import Fixed, Origin, amount, moment, number, price, text

_KEY: Final[dict[str, Origin]] = {"time": moment("ts_utc", units=("text",)), "symbol": text("symbol")}
_FACTS: Final[dict[str, Any]] = {
    "fetch": "exported from the provider's page", "label": Label(), "key": ("symbol", "time"), "every_s": 86_400.0,
    "is_sorted": False, "traps": ("zero or blank before a source existed",),
}  # fmt: skip
_BOTH_SIDES: Final[dict[str, Any]] = _FACTS | {
    "key": ("symbol", "time", "side"),
    "series": ("symbol", "side"),
}
_BY_VENUE: Final[dict[str, Any]] = _FACTS | {
    "key": ("symbol", "time", "venue"),
    "series": ("symbol", "venue"),
}
STABLE_MARGINED: Final = "binance, okx and bybit, stable-margined"
COIN_MARGINED: Final = "binance, okx and bybit, coin-margined"
"""Parts of the open interest of three venues: what is stable-margined is given in units of the asset."""

_PER_CENT: Final[dict[str, Any]] = {"traps": ("rates are in per cent of 8 hours",)}


def _moves(*columns: str) -> dict[str, Any]:
    """Return that a day of a market that lives is not like the five before to the last digit."""
    return {"moves": columns, "frozen_s": 5 * 86_400.0}


def _bars(kind: str) -> Adapter:
    columns: dict[str, Origin] = _KEY | {
        "price_of": Fixed("trade"), "interval_s": Fixed(86_400.0),
        **{each: price(each) for each in ("open", "high", "low", "close")},
        "notional_usd": amount("volume_usd", null=True),
    }  # fmt: skip
    return Adapter(
        "coinglass", kind, "bars", Csv(), columns, file=f"{kind}.csv", folder=kind, **_FACTS,
        **_moves("open", "high", "low", "close"),
    )  # fmt: skip


def _liquidated(side: str) -> Group:
    return Group({"side": Fixed(side), "notional_usd": amount(f"liq_{side}_usd", null=True)})


def _book(side: str) -> Group:
    return Group({
        "side": Fixed(side), "size": amount(f"{side}s_qty", null=True),
        "notional_usd": amount(f"{side}s_usd", null=True),
    })  # fmt: skip


ADAPTERS: Final = (
    Adapter(
        "coinglass", "liquidations", "liquidations", Csv(), _KEY,
        groups=(_liquidated("long"), _liquidated("short")), file="liquidations.csv", price_is="none",
        side="in the names of the columns: positions that were liquidated", **_BOTH_SIDES,
        **_moves("notional_usd"),
    ),
    Adapter(
        "coinglass", "open_interest", "open_interest", Csv(), _KEY,
        groups=(
            Group({"venue": Fixed("all"), "open_interest_usd": amount("oi_total_close", null=True)}),
            Group({"venue": Fixed(STABLE_MARGINED), "open_interest": amount("oi_stable_close", null=True)}),
            Group({"venue": Fixed(COIN_MARGINED), "open_interest_usd": amount("oi_coinm_close", null=True)}),
        ),
        file="open_interest.csv", **_BY_VENUE, **_moves("open_interest", "open_interest_usd"),
    ),
    Adapter(
        "coinglass", "taker_volume", "flow", Csv(),
        _KEY | {"taker_buy_usd": amount("taker_buy_usd"), "taker_sell_usd": amount("taker_sell_usd")},
        file="taker_volume.csv", **_FACTS, **_moves("taker_buy_usd", "taker_sell_usd"),
    ),
    Adapter(
        "coinglass", "book", "depth", Csv(), _KEY | {"distance_bps": number("range_pct", bound="above 0", times=100.0)},
        groups=(_book("bid"), _book("ask")), file="book_within_1pct.csv",
        **_BOTH_SIDES, **_moves("size", "notional_usd"),
    ),
    Adapter(
        "coinglass", "funding", "funding", Csv(),
        _KEY | {
            "venue": Fixed("all"), "rate": number("funding_close", null=True, times=0.01),
            "interval_s": Fixed(8 * 3600.0),
        },
        file="funding_oi_weighted.csv", **(_FACTS | _PER_CENT),
    ),
    Adapter(
        "coinglass", "long_short_ratios", "ratios", Csv(),
        _KEY | {
            "long_short_accounts": amount("lsr_global", null=True),
            "long_short_top_accounts": amount("lsr_top_accounts", null=True),
            "long_short_top_positions": amount("lsr_top_positions", null=True),
        },
        file="long_short_ratios.csv", **_FACTS,
    ),
    _bars("perp_ohlcv"),
    _bars("spot_ohlcv"),
)  # fmt: skip
