"""Public archives as they are published: read verbatim, checked, every fault located."""

from cascade.data.binance import Klines, Trades, read_klines, read_trades

__all__ = ["Klines", "Trades", "read_klines", "read_trades"]
