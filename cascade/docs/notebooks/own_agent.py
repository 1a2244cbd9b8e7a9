"""An agent of your own: it buys what is liquidated, and the price falls less or not."""

import marimo

app = marimo.App()


@app.cell
def _():
    import tempfile

    import cascade

    results = tempfile.mkdtemp()
    return cascade, results


@app.cell
def _(cascade):
    market = {
        "cascade": 1, "name": "own-agent", "duration": "3m",
        "assets": {"BTC": {"news": {"type": "gbm", "price": 107000, "volatility": "40 %"}}},
        "venues": {"spot": {"rulebook": "spot"}, "binance": {"rulebook": "binance-2025-07", "fund": "1M"}},
        "markets": {
            "spot:BTCUSD": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001},
            "binance:BTCUSDT": {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001},
        },
        "makers": [{"name": "makers", "markets": "*", "depth": {"profile": [[1, 1e5], [10, 2e6], [100, 5e7]]}}],
        "news_takers": [{"name": "snipers", "markets": "*"}],
        "arbitrage": [{"name": "basis", "spot": "spot:BTCUSD", "perpetual": "binance:BTCUSDT"}],
        "population": [
            {"type": "ladder", "name": "fuel", "market": "binance:BTCUSDT", "notional": "150M",
             "from_price": 106500, "to_price": 105000, "size": "50k"}
        ],
        "shocks": [
            {"name": "sale", "type": "market_order", "at": "30s", "over": "30s", "market": "binance:BTCUSDT",
             "side": "sell", "notional": "120M"}
        ],
    }  # fmt: skip
    scenario = cascade.Scenario.model_validate(market)
    scenario
    return (scenario,)


@app.cell
def _(cascade):
    class Buyer(cascade.Trader):
        """Buys half of what forced orders sold in the step before."""

        every = None

        def on_liquidations(self, liquidations):
            sold = sum(each.quantity for each in liquidations if each.side == "long")
            self.buy("binance:BTCUSDT", sold / 2)

    return (Buyer,)


@app.cell
def _(Buyer, cascade, scenario):
    def ended(*agents):
        model = cascade.CascadeModel(scenario, agents)
        model.run_model()
        return model

    without = ended()
    with_it = ended(lambda model: Buyer(model, cash=20e6))
    (buyer,) = with_it.agents
    return buyer, with_it, without


@app.cell
def _(with_it, without):
    # one replicate is one story; for an interval, name the agent in a scenario and run several
    fall = {
        name: model.result().metrics()["binance_btcusdt_fall_bps"]
        for name, model in {"without": without, "with": with_it}.items()
    }
    fall
    return (fall,)


if __name__ == "__main__":
    app.run()
