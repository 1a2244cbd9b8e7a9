"""Public archives as they are published: read verbatim, checked, every fault located, converted to parquet."""

from cascade.data.klines import Klines, Trades, read_klines, read_trades

__all__ = ["Klines", "Trades", "read_klines", "read_trades"]
