"""The smallest scenario there is: one spot market, one maker, a minute."""

TINY = """\
cascade: 1
name: tiny
duration: 1m
assets: {X: {news: {type: constant, price: 100}}}
venues: {spot: {rulebook: spot}}
markets: {"spot:XUSD": {type: spot, asset: X, tick: 0.1, lot: 0.001}}
makers:
  - {name: makers, markets: "*", count: 1, depth: {profile: [[1, 0.1M], [100, 5M]]}}
"""
