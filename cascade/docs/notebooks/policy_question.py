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
            {"type": "ladder", "name": "fuel", "market": "binance:BTCUSDT", "notional": "40M",
             "from_price": 106500, "to_price": 105000, "size": "50k"}
        ],
        "shocks": [
            {"name": "sale", "type": "market_order", "at": "30s", "over": "30s", "market": "binance:BTCUSDT",
             "side": "sell", "notional": "15M"}
        ],
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
