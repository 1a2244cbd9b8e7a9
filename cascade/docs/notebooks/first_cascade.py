"""A first cascade: a sale into a thin book, who is liquidated by it, and what that added to the fall."""

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
        "cascade": 1, "name": "first-cascade", "duration": "3m",
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
def _(cascade, results, scenario):
    # the same luck runs a second time with forced orders kept out of the book: the difference is what they added
    run = cascade.run(scenario, counterfactual=True, replicates=4, out=results)
    print(cascade.summarise(run).to_text())
    return (run,)


@app.cell
def _(run):
    # shocks, liquidations and the fund on one clock
    events = run.events().to_pandas()
    events[events["event"] != "liquidation"].head(20)
    return (events,)


@app.cell
def _(run):
    bars = run.tables["bars"].to_pandas()
    mark = bars[bars["market"] == "binance:BTCUSDT"].pivot(
        index="t_s", columns="replicate", values="mark_price"
    )
    mark
    return (mark,)


if __name__ == "__main__":
    app.run()
