"""A market in SolaraViz: `solara run market_app.py`, with the extra `viz` of Cascade installed."""

from matplotlib.axes import Axes
from mesa.visualization import SolaraViz, make_plot_component

import cascade

SCENARIO = {
    "cascade": 1, "name": "app", "duration": "30m",
    "assets": {"BTC": {"news": {"type": "gbm", "price": 107000, "volatility": "60 %"}}},
    "venues": {"spot": {"rulebook": "spot"}, "binance": {"rulebook": "binance-2025-07", "fund": "100M"}},
    "markets": {
        "spot:BTCUSD": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001},
        "binance:BTCUSDT": {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001},
    },
    "makers": [
        {"name": "makers", "markets": "*", "depth": {"profile": [[1, 0.4e6], [10, 9e6], [100, 240e6]]}}
    ],
    "news_takers": [{"name": "snipers", "markets": "*"}],
    "arbitrage": [{"name": "basis", "spot": "spot:BTCUSD", "perpetual": "binance:BTCUSDT"}],
    "shocks": [
        {"type": "market_order", "at": "1m", "over": "2m", "market": "binance:BTCUSDT", "side": "sell",
         "notional": "50M"}
    ],
}  # fmt: skip


class Market(cascade.CascadeModel):
    """The market above; the replicate is what a user may choose."""

    def __init__(self, replicate: int = 0) -> None:
        super().__init__(cascade.Scenario.model_validate(SCENARIO), replicate=replicate)


def in_full(axes: Axes) -> None:
    """Write prices in full, where the plot would write what they have above the lowest."""
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_ylabel("mark, USD")


page = SolaraViz(
    Market(),
    components=[make_plot_component("binance:BTCUSDT mark", post_process=in_full)],
    model_params={
        "replicate": {"type": "SliderInt", "value": 0, "label": "replicate", "min": 0, "max": 20, "step": 1}
    },
    name="A sale of 50M USD",
)
