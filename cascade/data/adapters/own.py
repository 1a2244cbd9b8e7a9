"""Files of a user's own under common names: bars, funding and open interest with times in UTC."""

from __future__ import annotations

from typing import Final

from cascade.data.adapter import Adapter, Csv, Label
from cascade.data.origins import Cell, Fixed, Known, Plain, amount, moment, number, price, spare, text

_CLOSE, _VOLUME = (
    Cell(("close",), "number", "above 0"),
    Cell(("volume",), "number", "at least 0", null=True, absent=True),
)

ADAPTERS: Final = (
    Adapter(
        "any", "bars", "bars", Csv(),
        {
            "time": moment("time_utc", "time", "timestamp", "ts_ms", units=("text", "s", "ms", "us")),
            "symbol": Known("symbol"), "price_of": Fixed("trade"), "interval_s": Known("interval_s"),
            **{each: price(each) for each in ("open", "high", "low", "close")},
            "size": Plain(_VOLUME), "notional_usd": spare("quote_volume", "volume_usd"),
            "trades": spare("count", "trades"),
            "taker_buy_size": spare("taker_buy_volume"),
            "taker_buy_usd": spare("taker_buy_quote_volume"),
        },
        file="SYMBOL-INTERVAL-DATE.csv", fetch="files of your own", label=Label(), key=("symbol", "time"),
        moves=("high", "low", "size", "notional_usd"),
    ),
    Adapter(
        "any", "funding", "funding", Csv(),
        {
            "time": moment("time_utc", units=("text", "s", "ms", "us")), "symbol": Known("symbol"),
            "rate": number("funding_rate_8h", "funding_rate"), "interval_s": Fixed(8 * 3600.0),
        },
        file="funding_PAIR_SPAN.csv", fetch="files of your own", key=("symbol", "time"), quiet_s=9 * 3600.0,
    ),
    Adapter(
        "any", "venue_funding", "funding", Csv(),
        {
            "time": moment("timestamp", units=("text",)), "symbol": text("coin"), "venue": text("venue"),
            "rate": number("funding_rate"),
        },
        file="funding_rates_by_venue.csv", fetch="files of your own", key=("venue", "symbol", "time"),
        series=("venue", "symbol"), is_sorted=False,
    ),
    Adapter(
        "any", "venue_open_interest", "open_interest", Csv(),
        {
            "time": moment("timestamp", units=("text",)), "symbol": text("coin"), "venue": text("venue"),
            "open_interest_usd": amount("oi_usd"),
        },
        file="open_interest_hourly.csv", fetch="files of your own", key=("venue", "symbol", "time"),
        series=("venue", "symbol"), is_sorted=False,
    ),
)  # fmt: skip
