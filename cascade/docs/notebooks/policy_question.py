"""A policy question: how much fund it takes until nobody is auto-deleveraged."""

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
        "cascade": 1, "name": "policy", "duration": "3m",
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
            {"type": "ladder", "name": "longs", "market": "binance:BTCUSDT", "notional": "40M",
             "from_price": 106000, "to_price": 104000, "size": "50k", "leverage": 50},
            {"type": "ladder", "name": "shorts", "market": "binance:BTCUSDT", "side": "short", "notional": "40M",
             "from_price": 112000, "to_price": 116000, "size": "50k"},
        ],
        "shocks": [{"name": "jump", "type": "news", "at": "60s", "over": "1s", "asset": "BTC", "move": "-5 %"}],
    }  # fmt: skip
    scenario = cascade.Scenario.model_validate(market)
    scenario
    return (scenario,)


@app.cell
def _(cascade, results, scenario):
    # every variant has the same luck: replicate k differs by the fund alone
    sweep = cascade.sweep(scenario, ["venues.binance.fund=0,1M,20M"], replicates=6, out=results)
    sweep
    return (sweep,)


@app.cell
def _(cascade, sweep):
    comparison = cascade.compare([sweep])
    print(comparison)
    return (comparison,)


@app.cell
def _(sweep):
    runs = sweep.runs.to_pandas()
    answer = runs.groupby("variant")[["adl_usd", "complete_usd"]].mean()
    answer
    return (answer,)


if __name__ == "__main__":
    app.run()
