"""The arrays of a small market: Params and State of a `World`, as the kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade import names
from cascade.assembly.entities import records
from cascade.assembly.venues import RULES as VENUE_RULES
from cascade.core import params as par
from cascade.core import start
from cascade.core import state as cols
from cascade.core.bitmap import words
from cascade.core.flow import N_QUANTILES
from tests.support.world import Account, Halt, World, lot_value

RULES = {
    "mark": names.MarkRule, "index_rule": names.IndexRule, "procedure": names.Procedure, "take_over": names.TakeOver,
    "adl_ranking": names.Ranking, "adl_price": names.AdlPrice,
}  # fmt: skip
"""Rules that a world's venues name."""

PREFIXES = {"marks": "mark_", "funding": "funding_", "slices": "slice_", "blocks": "block_"}
"""What a world's venue puts before the name of a field of these records, where it puts anything."""

WITHDRAWAL = {
    "steps": 10, "calm_variance": 1e-8, "decay": 0.9, "threshold": 1.0, "exponent": 1.0, "floor": 0.5,
}  # fmt: skip

SMALLEST = start.Capacity(*[1] * len(start.Capacity._fields))
SMALL = start.Capacity(
    orders=64,
    inbox=64,
    waiting=8,
    residuals=8,
    ranked=16,
    liquidations=32,
    adl=32,
    trades=512,
    bars=32,
    funds=8,
)


def build(world: World, capacity: start.Capacity = SMALL) -> tuple[par.Params, cols.State, cols.Array]:
    """Return parameters, the state at step zero with its seats taken, and the spot endowments."""
    roster = world.roster()
    p = _params(world, roster)
    accounts, positions = _entities(world, roster)
    balances = np.array([world.balances(a) for a in roster], np.int64)
    traders = _traders(world, roster)
    st = start.allocate(p, accounts, positions, balances, traders, world.n_quotes, capacity)
    n_assets = 1 + max(m.asset for m in world.markets)
    prices = [
        next(m.start * m.tick_size for m in world.markets if m.asset == a and m.spot) for a in range(n_assets)
    ]
    start.set_prices(st, p, np.array(prices), np.array([m.funding_rate for m in world.markets]))
    st.ledger["deposits"][:] = balances.sum(axis=0)
    start.take_seats(st, p)
    endowment = np.array([positions.lots[positions.market == m].sum() for m in range(len(world.markets))])
    return p, st, endowment


def _entities(world: World, roster: tuple[Account, ...]) -> tuple[cols.Array, cols.Array]:
    """Return account and position records."""
    accounts: list[dict[str, Any]] = []
    positions: list[dict[str, Any]] = []
    for number, a in enumerate(roster):
        accounts.append(
            {
                "first_position": len(positions),
                "n_positions": len(a.holdings),
                "first_order": cols.NONE,
                "venue": a.venue,
                "kind": a.kind,
                "margin": a.margin,
                "fees": a.fees,
                "settlement": world.settles(a),
                "tag": -1,
            }
        )
        for h in a.holdings:
            entry = h.lots * lot_value(world.markets[h.market], h.entry) if h.lots else 0
            positions.append(
                {
                    "account": number,
                    "market": h.market,
                    "lots": h.lots,
                    "entry_value": entry,
                }
            )
    return records(cols.ACCOUNT, accounts), records(cols.POSITION, positions)


def _traders(world: World, roster: tuple[Account, ...]) -> cols.Array:
    """Return trader records that sleep through the run but for their standing orders."""
    return records(
        cols.TRADER,
        [
            {
                "leverage": a.seat.leverage,
                "stop_tick": a.seat.stop,
                "take_tick": a.seat.take,
                "top_up_tick": a.seat.top_up,
                "phase": 2,
                "side": 1,
                "life_ends": 2_000_000_000,
                "due_next": cols.NONE,
                "mean_hold_s": 60.0,
            }
            for a in roster
            if a.seat
        ],
    )


def _first(roster: tuple[Account, ...], kind: int, venue: int) -> int:
    """Return the number of the first account of a kind on a venue, or NONE."""
    return next((k for k, a in enumerate(roster) if a.kind == kind and a.venue == venue), cols.NONE)


def _run(world: World, roster: tuple[Account, ...]) -> dict[str, Any]:
    """Return the row of the run."""
    n0, n1, n2 = words(world.n_ticks)
    f0, f1, f2 = words(len(roster))
    first_trader = next((k for k, a in enumerate(roster) if a.seat), len(roster))
    return {
        "dt": 1.0,
        "n_steps": world.n_steps,
        "n_ticks": world.n_ticks,
        "n0": n0,
        "n1": n1,
        "flags_at": 4 * len(world.markets) * (n0 + n1 + n2),
        "f0": f0,
        "f1": f1,
        "flags_words": f0 + f1 + f2,
        "first_agent": next((k for k, a in enumerate(roster) if a.kind == par.AGENT), first_trader),
        "first_trader": first_trader,
        "n_waves": world.n_waves,
        "bar_steps": 5,
        "fund_steps": 5,
        "record_trades": 1,
        "python_agents": 1,
        "forced_orders": int(world.forced_orders),
        "deleveraging": int(world.deleveraging),
        "priced_collateral": int(any(c.price != "own_spot" for c in world.collateral.values())),
    }


def _markets(world: World, roster: tuple[Account, ...]) -> list[dict[str, Any]]:
    """Return the rows of the markets."""
    rows: list[dict[str, Any]] = []
    first_tier = 0
    for market in world.markets:
        rows.append(
            {
                "kind": par.SPOT if market.spot else par.POOL if market.pool else par.PERPETUAL,
                "contract": int(market.inverse),
                "asset": market.asset,
                "venue": market.venue,
                "unit": market.unit,
                "tick_size": market.tick_size,
                "settlement": market.settlement,
                "face": market.face if market.inverse else 0,
                "lot_size": 1.0,
                "first_tier": first_tier,
                "n_tiers": len(market.tiers),
                "step_tiers": int(market.step_tiers),
                "liquidation_fee": market.liquidation_fee,
                "price_band": market.price_band,
                "take_bound": market.take_bound,
                "max_order": market.max_order,
                "most_held": market.most_held,
                "most_open": market.most_open,
                "impact_notional": 10**6,
                "impact_decay": 1.0,
                "funding": par.FUNDING_FIXED,
                "funding_cap": 10**8,
                "spot": market.sold_in or 0,
                "bonus": market.bonus,
                "protocol_fee": market.protocol_fee,
            }
        )
        first_tier += len(market.tiers)
    return rows


BITS = {
    "shut": par.SHUT, "still": par.STILL, "spared": par.SPARED, "queued": par.QUEUED, "locked": par.LOCKED,
    "frozen": par.FROZEN, "mute": par.MUTE,
}  # fmt: skip
"""What a halt may say, as the kernels have it."""


def _halt(halt: Halt) -> dict[str, Any]:
    """Return the row of a halt."""
    bits = sum(bit for name, bit in BITS.items() if getattr(halt, name))
    return {
        "kind": par.HALT_SHOCK,
        "target": halt.market,
        "start": halt.start,
        "stop": halt.stop,
        "halt": bits,
    }


def _rules(world: World, roster: tuple[Account, ...]) -> dict[str, cols.Array]:
    """Return the rules of the venues: what each has under the name of a field, and its accounts."""
    accounts = {
        "fund": par.FUND, "fees": par.FEES, "rounding": par.ROUNDING, "absorber": par.ABSORBER,
        "vault": par.VAULT, "liquidator": par.LIQUIDATOR,
    }  # fmt: skip
    given = {"premium_steps": 5, "part": 1, "whole": 1, "interest": 0, "clamp": 0}
    every = [
        vars(venue) | {name: names.number_of(rule, getattr(venue, name)) for name, rule in RULES.items()}
        | {name: _first(roster, kind, v) for name, kind in accounts.items()}
        | {"n_waves": min(venue.n_waves, world.n_waves), **given}
        for v, venue in enumerate(world.venues)
    ]  # fmt: skip
    every = [row | {"rule": row["mark"], "first": row["first_funding"]} for row in every]
    return {
        table: records(dtype, [_named(row, dtype, PREFIXES.get(table, "")) for row in every])
        for table, dtype in VENUE_RULES.items()
    }


def _named(row: dict[str, Any], dtype: np.dtype[np.void], prefix: str) -> dict[str, Any]:
    """Return the fields of a record from a venue's, which may have them with a prefix."""
    return {name: row[prefix + name if prefix + name in row else name] for name in dtype.names}


def _params(world: World, roster: tuple[Account, ...]) -> par.Params:
    """Return the parameters: no agents but those the test drives, a constant news value."""
    steps = [
        {"cap": t.cap, "rate": t.rate, "deduction": t.deduction, "max_leverage": t.leverage}
        for m in world.markets
        for t in m.tiers
    ]
    n_assets = 1 + max(m.asset for m in world.markets)
    places = [(v, m) for v in range(len(world.venues)) for m in range(len(world.markets))]
    prices = [names.number_of(names.CollateralPrice, world.counts(*place).price) for place in places]
    rules = [
        vars(world.counts(*place)) | {"price": price} for place, price in zip(places, prices, strict=True)
    ]
    layer = {
        "top_up_factor": world.top_up_factor,
        "max_order": 1e12,
    }
    return par.Params(
        run=records(par.RUN, [_run(world, roster)]),
        assets=records(par.ASSET_P, [{"key": a} for a in range(n_assets)]),
        points=records(par.POINT, []),
        activity=records(par.ACTIVITY, [{}]),
        scales=records(par.SCALE, []),
        waves=records(par.WAVE, []),
        busy=records(par.BUSY, []),
        impacts=records(par.IMPACT, [{}] * n_assets),
        modes=records(par.MODE, []),
        memories=records(par.MEMORY, []),
        leans=records(par.LEAN, [{}] * n_assets),
        cross=np.eye(n_assets),
        markets=records(par.MARKET_P, _markets(world, roster)),
        sources=np.array(
            [[world.index_weight(v, m) for m in range(len(world.markets))] for v in range(len(world.venues))]
        ),
        withdrawals=records(par.WITHDRAWAL, [WITHDRAWAL] * len(world.markets)),
        rates=records(par.RATE_POINT, []),
        **_rules(world, roster),
        tiers=records(par.TIER, steps),
        fees=np.array([venue.fees for venue in world.venues], np.int64),
        collateral=records(par.COLLATERAL, rules),
        makers=records(par.MAKER, []),
        quote_levels=records(par.QUOTE_LEVEL, []),
        agents=records(par.AGENT_P, []),
        ties=records(par.TIE, []),
        flows=records(par.FLOW, []),
        splitters=records(par.SPLITTERS, []),
        layers=records(par.LAYER, [layer]),
        trails=records(par.TRAIL, [{}]),
        shocks=records(par.SHOCK, [_halt(halt) for halt in world.halts]),
        quantiles=np.zeros((1, N_QUANTILES)),
    )
