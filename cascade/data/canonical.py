"""The tables that archives become: one for each subject, the same columns and units whatever the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from cascade.output.schemas import Column, Kind, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

TableName = Literal[
    "trades", "bars", "book", "depth", "open_interest", "ratios", "flow", "funding", "liquidations", "positions",
    "ticker",
]  # fmt: skip

PriceOf = Literal["trade", "mark", "index", "premium"]
"""What the prices of bars are of."""


def _number(name: str, unit: str, description: str, *, null: bool = False, kind: Kind = "float") -> Column:
    return Column(name, kind, description, unit, null)


def _text(name: str, description: str, *, null: bool = False) -> Column:
    return Column(name, "text", description, "", null)


TIME: Final = Column("time", "time", "when it was; of an interval its start", "UTC")
SYMBOL: Final = _text("symbol", "what is traded, as the venue calls it")

_PRICE: Final = "USD per unit of the asset"
_COIN: Final = "units of the asset"

_RATIOS: Final = tuple(
    _number(f"long_short_{of}", "1", f"longs over shorts: {text}", null=True)
    for of, text in (
        ("accounts", "accounts"),
        ("top_accounts", "accounts of top traders"),
        ("top_positions", "positions of top traders"),
    )
)

CANONICAL: Final[dict[TableName, tuple[Column, ...]]] = {
    "trades": (
        _text("id", "the venue's number of the trade", null=True),
        _text("taker_side", "buy or sell: what the taker did"),
        _number("price", _PRICE, "price"),
        _number("size", _COIN, "size"),
        _number("notional_usd", "USD", "price times size"),
    ),
    "bars": (
        _text("price_of", "trade, mark, index or premium"),
        _number("interval_s", "s", "length of the interval", null=True),
        *(_number(each, _PRICE, f"{each}; a fraction where price_of is premium")
          for each in ("open", "high", "low", "close")),
        _number("size", _COIN, "traded size", null=True),
        _number("notional_usd", "USD", "traded value", null=True),
        _number("trades", "", "trades", null=True, kind="int64"),
        _number("taker_buy_size", _COIN, "what takers bought of it", null=True),
        _number("taker_buy_usd", "USD", "what takers bought of the value", null=True),
    ),
    "book": (
        _text("update", "snapshot: the book begins anew with it; update: the size at this price is now this one"),
        _number("sequence", "", "the venue's number of the message", null=True, kind="int64"),
        _text("side", "bid or ask"),
        _number("level", "", "place in the book from the best, from 0", null=True, kind="int64"),
        _number("price", _PRICE, "price"),
        _number("size", _COIN, "size that rests there; 0: none is left"),
        _number("orders", "", "orders it is made of", null=True, kind="int64"),
    ),
    "depth": (
        _text("side", "bid or ask"),
        _number("distance_bps", "bps", "distance from the mid"),
        _number("size", _COIN, "size between the mid and this distance", null=True),
        _number("notional_usd", "USD", "the same as a value"),
    ),
    "open_interest": (
        _text("venue", "venue, or the venues taken together", null=True),
        _number("open_interest", _COIN, "open interest", null=True),
        _number("open_interest_usd", "USD", "open interest", null=True),
        *_RATIOS,
        _number("taker_buy_sell", "1", "takers' buys over their sells", null=True),
    ),
    "ratios": _RATIOS,
    "flow": (
        _number("taker_buy_usd", "USD", "what takers bought"),
        _number("taker_sell_usd", "USD", "what takers sold"),
    ),
    "funding": (
        _text("venue", "venue, or the venues taken together", null=True),
        _number("rate", "1", "funding of the interval as a fraction; longs pay where positive"),
        _number("interval_s", "s", "length of the interval", null=True),
    ),
    "liquidations": (
        _text("id", "the venue's number of the trade", null=True),
        _text("side", "long or short: the position that was liquidated"),
        _number("price", _PRICE, "price; price_is in the metadata says which", null=True),
        _number("size", _COIN, "size", null=True),
        _number("notional_usd", "USD", "value"),
        _text("account", "who was liquidated", null=True),
        _text("method", "how", null=True),
    ),
    "positions": (
        _text("account", "whose position it is", null=True),
        _text("side", "long or short"),
        _number("size", _COIN, "size, without a sign"),
        _number("notional_usd", "USD", "value, without a sign"),
        _number("entry_price", _PRICE, "average price of entry", null=True),
        _number("leverage", "1", "leverage that is set", null=True),
        _text("margin_mode", "cross or isolated", null=True),
        _number("liquidation_price", _PRICE, "as the venue states it", null=True),
        _number("margin_usd", "USD", "margin used", null=True),
        _number("account_value_usd", "USD", "value of the account", null=True),
    ),
    "ticker": (
        *(_number(f"{each}_price", _PRICE, f"{each} price", null=True) for each in ("last", "mark", "index", "mid")),
        _number("funding_rate", "1", "funding as the venue shows it, a fraction", null=True),
        _number("open_interest", _COIN, "open interest", null=True),
        _number("premium", "1", "premium over the index, a fraction", null=True),
        _number("impact_bid_price", _PRICE, "average price of a sale of the venue's impact size", null=True),
        _number("impact_ask_price", _PRICE, "average price of a purchase of that size", null=True),
        _number("day_notional_usd", "USD", "value traded in the last 24 hours", null=True),
    ),
}  # fmt: skip
"""The columns of each table, after `time` and `symbol`."""


def columns_of(table: TableName) -> tuple[Column, ...]:
    """Return the columns of a table in their order."""
    return (TIME, SYMBOL, *CANONICAL[table])


def schema_of(table: TableName, metadata: dict[str, str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, units and descriptions in its fields, with the metadata of a file."""
    import pyarrow as pa

    fields = [
        pa.field(
            each.name,
            arrow_type(each.kind),
            nullable=each.nullable,
            metadata={"unit": each.unit, "description": each.description},
        )
        for each in columns_of(table)
    ]
    return pa.schema(fields, metadata=metadata)
