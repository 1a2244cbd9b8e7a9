"""Layers of leveraged accounts as seats: drawn, laid out on a ladder, or read from a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.assembly.groups import Quantiles
from cascade.assembly.price_paths import Prices
from cascade.assembly.trails import Trails
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.margin import MAX_TICK
from cascade.core.population import BIRTH, BLOCK, DRAWN, HISTORY, draw_seats
from cascade.core.seats import HOLDING
from cascade.core.start import empty, entry_values
from cascade.core.state import NONE, TRADER, Array
from cascade.errors import Problem, ScenarioError
from cascade.rng import decision_key
from cascade.scenario.amounts import COIN, MONEY
from cascade.scenario.distributions import AnyDistribution
from cascade.scenario.positions import Positions, holdings_of, margins_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_population import BorrowersLayer, LadderLayer, LeveragedLayer, TableLayer
from cascade.units import format_duration

FOREVER = 2_000_000_000
N_LEVERAGES = 4_096
"""Values that stand for a continuous distribution: so many that its thin end is no comb."""

FIRST_GUESS = 4_096

SPARE = 1.05
"""Room made for seats, over what those drawn so far suggest."""

MOST_AT_ONCE = 16
"""Times by which it grows at most: one draw of a heavy tail suggests anything."""

MANY = 65_536
"""Seats after which a layer shows whether its accounts survive."""

ENOUGH = 200
"""One account alive in so many seats is the least."""


class Seats(NamedTuple):
    """The seats of one layer: traders, and `n_markets` positions for each in turn."""

    traders: Array
    positions: Array  # DRAWN
    markets: Array  # int64, one per position
    counts: Array  # int64: positions of each trader
    margin: Array  # int64: margin mode of each trader
    labels: tuple[str, ...] = ()  # the user's own name of each trader; none, unless a file gives them


class LayerBuilder:
    """Turns the layers of a scenario into parameters and seats."""

    def __init__(
        self, scenario: Scenario, replicate: int, markets: Array, prices: Prices, quantiles: Quantiles,
        trails: Trails,
    ) -> None:  # fmt: skip
        self.scenario, self.replicate = scenario, replicate
        self.markets, self.prices, self.quantiles, self.trails = markets, prices, quantiles, trails
        self.names = list(scenario.markets)
        self.layers = empty(k.LAYER, len(scenario.population))
        self.births: dict[int, Array] = {}
        for number, layer in enumerate(scenario.population):
            row = self.layers[number]
            row.key = decision_key(scenario.seed, f"population/{layer.name}", replicate)
            if isinstance(layer, LeveragedLayer):
                self._habits(number, layer)

    def _habits(self, number: int, layer: LeveragedLayer) -> None:
        """Set how the traders of a layer live, and how they are drawn."""
        row = self.layers[number]
        row.long_share, row.min_hold_s, row.turnover = layer.long_share, layer.hold.min, int(layer.turnover)
        row.pause_s = layer.pause
        row.max_order = layer.max_order * MONEY
        if layer.reaction is not None:
            first = self.names.index(self.scenario.select_markets(layer.markets)[0])
            row.trail = self.trails.add(first, layer.reaction.window)
            row.on_return = layer.reaction.per_percent * 100.0
            row.on_funding = layer.reaction.per_funding_bps * 1e-4
        for name, part in (("stop", layer.stop_loss), ("take", layer.take_profit)):
            if part is not None:
                row[f"{name}_share"] = part.share
                row[f"{name}_distance"] = self.quantiles.add(part.distance)
        if layer.top_up is not None:
            row.top_up_share, row.top_up_at, row.top_up_factor = (
                layer.top_up.share, layer.top_up.at, layer.top_up.factor,
            )  # fmt: skip
        hedged = 0.0
        row.legs = 1
        if layer.hedge is not None:
            row.legs, row.hedge_share, row.hedge_size = 2, layer.hedge.share, layer.hedge.size
            hedged = layer.hedge.share * layer.hedge.size
        birth = empty(BIRTH, 1)
        b = birth[0]
        b.layer, b.sizes = number, self.quantiles.add(layer.size, MONEY)
        b.n_markets = len(self.scenario.select_markets(layer.markets)) * row.legs
        b.size_exponent, b.size_reference = -layer.size_leverage_exponent, layer.size_leverage_reference
        b.hold_s, b.hold_reference = layer.hold.mean, layer.hold.reference_leverage
        b.hold_exponent = -layer.hold.exponent
        longs, shorts = layer.long_share, 1.0 - layer.long_share
        crowded = max(longs + hedged * shorts, shorts + hedged * longs) / (1.0 + hedged)
        b.wanted_notional = np.inf
        if layer.open_interest is not None:
            b.wanted_notional = layer.open_interest * layer.scale * MONEY / crowded
        b.wanted_accounts = FOREVER if layer.accounts is None else max(round(layer.accounts * layer.scale), 1)
        self.births[number] = birth

    def seats(self, p: k.Params) -> list[Seats]:
        """Return the seats of every layer; `p` must be complete but for the first traders."""
        found = []
        first = 0
        for number, layer in enumerate(self.scenario.population):
            if isinstance(layer, LeveragedLayer):
                seats = self._draw(p, number, layer)
            elif isinstance(layer, LadderLayer):
                seats = self._ladder(p, number, layer)
            elif isinstance(layer, BorrowersLayer):
                seats = self._borrowers(p, number, layer)
            else:
                seats = self._table(p, number, layer)
            self.layers[number].first_trader = first
            first += len(seats.traders)
            found.append(seats)
        return found

    def _draw(self, p: k.Params, number: int, layer: LeveragedLayer) -> Seats:
        """Draw a layer until its open interest or its number of accounts is reached."""
        names = self.scenario.select_markets(layer.markets)
        markets = np.repeat([self.names.index(name) for name in names], int(self.layers[number].legs))
        histories = [self.prices.history[self.markets[m].asset] for m in markets]
        depth = min(len(history) for history in histories)
        history = (
            np.stack([np.asarray(h[:depth]) for h in histories], axis=1).astype(HISTORY).view(np.recarray)
        )
        blocks = block_extremes(history)
        leverage = leverage_table(layer, self.scenario.dt)
        progress = np.zeros(4)
        n, each = FIRST_GUESS, len(markets)
        traders, drawn = empty(TRADER, n), empty(DRAWN, n * each)
        while not draw_seats(
            p, self.births[number], markets, history, blocks, leverage, traders, drawn, progress
        ):
            _refuse_extinction(layer, progress, history, float(np.interp(0.5, leverage[1], leverage[0])))
            n = _longer(n, progress, self.births[number])
            traders, drawn = _lengthened(traders, n), _lengthened(drawn, n * each)
        n = int(progress[0])
        traders.notional[:n] *= layer.openings
        mode = k.ISOLATED if layer.margin == "isolated" else k.CROSS
        return Seats(
            traders[:n], drawn[: n * each], np.tile(markets, n), np.full(n, each), np.full(n, int(mode))
        )

    def _ladder(self, p: k.Params, number: int, layer: LadderLayer) -> Seats:
        """Lay positions out so that their liquidation prices are spread evenly over a range."""
        draws = np.random.Philox(key=int(self.layers[number].key))
        m = self.names.index(layer.market)
        market = self.markets[m]
        inverse = market.contract == INVERSE
        least = float(market.lot_size) * (1.0 if inverse else max(layer.from_price, layer.to_price))
        sizes = drawn_sizes(layer.size, layer.notional, np.random.Generator(draws), least)
        n = len(sizes)
        # from a stretch of its own: how many sizes are drawn at a time must not matter
        leverage = layer.leverage.ppf(np.random.Generator(draws.jumped()).uniform(size=n))
        shares = (np.cumsum(sizes) - sizes / 2.0) / layer.notional
        targets = layer.from_price + (layer.to_price - layer.from_price) * shares
        sign = 1.0 if layer.side == "long" else -1.0
        tiers = p.tiers[int(market.first_tier) : int(market.first_tier + market.n_tiers)]
        notionals = sizes / targets * COIN if inverse else sizes * MONEY
        tier = np.minimum(np.searchsorted(tiers.cap, notionals), len(tiers) - 1)
        rates = tiers.rate[tier] * 1e-8
        amounts = tiers.deduction[tier] / np.maximum(notionals, 1.0)
        with np.errstate(divide="ignore"):
            if inverse:
                entries = targets * (1.0 + sign / leverage) / (1.0 + sign * (rates - amounts))
            else:
                entries = targets * (1.0 - sign * (rates - amounts)) / (1.0 - sign / leverage)
        _refuse_entries(layer, entries / market.tick_size, leverage)
        return self._placed(p, number, np.full(n, m), sign * sizes, entries, leverage, np.ones(n, np.int64))

    def _borrowers(self, p: k.Params, number: int, layer: BorrowersLayer) -> Seats:
        """Draw borrowers until their collateral is reached; their health says what they owe."""
        draws = np.random.Philox(key=int(self.layers[number].key))
        names = self.scenario.select_pools(layer.markets)
        pools = np.array([self.names.index(name) for name in names], np.int64)
        prices = np.array([self.prices.start[self.markets[m].asset] for m in pools])
        least = float((self.markets.lot_size[pools] * prices).max()) * len(pools)
        sizes = drawn_sizes(layer.size, layer.collateral, np.random.Generator(draws), least)
        health = layer.health.ppf(np.random.Generator(draws.jumped()).uniform(size=len(sizes)))
        thresholds = 1.0 - p.tiers.rate[self.markets.first_tier[pools]] * 1e-8
        leverage = 1.0 / (1.0 - thresholds.mean() / health)
        each = np.repeat(sizes / len(pools), len(pools))
        return self._placed(
            p, number, np.tile(pools, len(sizes)), each, np.tile(prices, len(sizes)), np.repeat(leverage, len(pools)),
            np.full(len(sizes), len(pools)),
        )  # fmt: skip

    def _table(self, p: k.Params, number: int, layer: TableLayer) -> Seats:
        """Take positions from the user's file; rows of one account share their margin."""
        table = holdings_of(self.scenario, layer)
        markets = np.array([self.names.index(name) for name in table.market], np.int64)
        sign, owner = np.where(table.is_long, 1.0, -1.0), table.owners()
        order, counts = _by_account(owner, markets), np.bincount(owner)
        seats = self._placed(
            p, number, markets[order], (sign * table.notional_usd)[order], table.entry_price[order],
            table.leverage[order], counts, margins_of(table)[order],
        )  # fmt: skip
        first = order[np.concatenate([[0], np.cumsum(counts)[:-1]])]
        for name in ("stop", "take"):
            ticks = self._exit_ticks(table, name, markets)
            seats.traders[f"{name}_tick"] = ticks[first]
        mode = np.where(table.is_cross[first], k.CROSS, k.ISOLATED)
        return seats._replace(margin=mode, labels=tuple(table.label[row] for row in first))

    def _exit_ticks(self, table: Positions, name: str, markets: Array) -> Array:
        """Return the tick of each row's stop or take-profit, NONE where it has none."""
        prices = table.stop_price if name == "stop" else table.take_profit_price
        has = ~np.isnan(prices)
        ticks = np.full(len(prices), NONE, np.int64)
        ticks[has] = np.clip(np.rint(prices[has] / self.markets.tick_size[markets[has]]), 1, MAX_TICK)
        return ticks

    def _placed(
        self, p: k.Params, number: int, markets: Array, notional: Array, entries: Array, leverage: Array,
        counts: Array, margins: Array | None = None,
    ) -> Seats:  # fmt: skip
        """Return seats whose positions are given by signed USD at entry, entry price and leverage.

        `margins` in USD count instead of leverage where they are no NaN.
        """
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        drawn = empty(DRAWN, len(markets))[: len(markets)]
        tick_size, lot_size = self.markets.tick_size[markets], self.markets.lot_size[markets]
        drawn.entry_tick = np.maximum(np.rint(entries / tick_size), 1).astype(np.int64)
        # a leveraged position is at least one lot, as drawn ones are
        inverse = self.markets.contract[markets] == INVERSE
        lots = np.maximum(np.rint(np.abs(notional) / np.where(inverse, 1.0, entries) / lot_size), 1.0)
        drawn.lots = np.copysign(lots, notional).astype(np.int64)
        values = entry_values(p, markets, drawn.lots, drawn.entry_tick)
        backing, posted = np.abs(notional) / leverage, np.abs(values) / leverage
        if margins is not None:
            said = ~np.isnan(margins)
            backing = np.where(said, margins, backing)
            posted = np.where(said, np.rint(margins * np.where(inverse, COIN / entries, MONEY)), posted)
        drawn.balance = np.ceil(posted).astype(np.int64) - values
        traders = empty(TRADER, len(counts))[: len(counts)]
        held = np.add.reduceat(np.abs(notional), first) * MONEY if len(first) else np.zeros(0)
        total = np.add.reduceat(backing, first) * MONEY if len(first) else np.zeros(0)
        traders.notional, traders.leverage = held, held / np.maximum(total, 1.0)
        traders.layer, traders.phase, traders.side = number, HOLDING, np.sign(notional[first])
        traders.life_ends, traders.mean_hold_s = FOREVER, FOREVER
        traders.stop_tick[:], traders.take_tick[:], traders.top_up_tick[:] = NONE, NONE, NONE
        mode = np.where(counts > 1, k.CROSS, k.ISOLATED)
        return Seats(traders, drawn, markets, counts, mode)


def _by_account(owner: Array, markets: Array) -> Array:
    """Return the order in which each account's rows follow each other, those of one market side by side."""
    held: dict[tuple[int, int], int] = {}
    for row, place in enumerate(zip(owner.tolist(), markets.tolist(), strict=True)):
        held.setdefault(place, row)
    first = np.array([held[place] for place in zip(owner.tolist(), markets.tolist(), strict=True)], np.int64)
    return np.lexsort((np.arange(len(owner)), first, owner))


def _longer(n: int, progress: Array, birth: Array) -> int:
    """Return how many seats to make room for: what the n drawn so far suggest, and at least twice as many."""
    _, notional, accounts, _ = progress
    done = max(notional / birth.wanted_notional[0], accounts / birth.wanted_accounts[0])
    return max(2 * n, int(min(SPARE * n / done, MOST_AT_ONCE * n)) if done > 0.0 else 0)


def _lengthened(table: Array, n: int) -> Array:
    """Return a table of n rows that begins with the given one."""
    longer = empty(table.dtype, n)
    longer[: len(table)] = table
    return longer


def block_extremes(history: Array) -> Array:
    """Return the lowest and highest price of each whole block of minutes, by market."""
    n, n_markets = len(history) // BLOCK, history.shape[1]
    prices = history["price"][: n * BLOCK].reshape(n, BLOCK, n_markets)
    blocks = np.zeros((max(n, 1), n_markets), HISTORY).view(np.recarray)
    if n:
        blocks["low"], blocks["high"] = prices.min(axis=1), prices.max(axis=1)
    return blocks


def drawn_sizes(size: AnyDistribution, total: float, generator: np.random.Generator, least: float) -> Array:
    """Return sizes that sum to a total: drawn until they reach it, and the last one cut.

    No size is below `least`, the value of one lot: positions have at least that.
    """
    drawn: list[Array] = []
    ends: list[Array] = [np.zeros(1)]
    while ends[-1][-1] < total:
        with np.errstate(over="ignore"):  # of a very heavy tail: cut below
            sizes = size.ppf(generator.uniform(size=FIRST_GUESS))
        drawn.append(np.maximum(sizes, least))
        ends.append(ends[-1][-1] + np.cumsum(drawn[-1]))
    end = np.concatenate(ends)
    last = int(np.searchsorted(end, total)) - 1
    sizes = np.concatenate(drawn)[: last + 1]
    sizes[last] = total - end[last]
    return sizes


def _refuse_entries(layer: LadderLayer, ticks: Array, leverage: Array) -> None:
    """Raise where a leverage puts no entry price above a liquidation price."""
    bad = np.flatnonzero(~((ticks > 0.0) & (ticks < float(MAX_TICK))))
    if len(bad):
        message = f"at {leverage[bad[0]]:g}x a {layer.side} position has no entry for its liquidation price"
        hint = "write a leverage above 1x, such as leverage: 20x"
        raise ScenarioError([Problem("CAS135", message, hint, path=f"population.{layer.name}.leverage")])


def _refuse_extinction(layer: LeveragedLayer, progress: Array, history: Array, leverage: float) -> None:
    """Raise where hardly any account outlives the history: the draw would not end.

    A seat whose life the past has ended opens again during the run. With under one account in
    ENOUGH alive, the market would soon hold hundreds of times the open interest that is asked for.
    """
    drawn, alive = int(progress[0] - progress[3]), int(progress[2])
    if progress[0] < MANY or alive * ENOUGH >= drawn:
        return
    hold = layer.hold
    scale = (hold.reference_leverage / leverage) ** hold.exponent
    key, share = ("mean", scale) if hold.mean * scale >= hold.min else ("min", 1.0)
    minutes = max(hold.min, hold.mean * scale) / 60.0
    held = format_duration(60 * round(minutes))
    message = f"{alive} of {drawn:,} accounts outlive the prices before the start"
    message += f", at a median leverage of {leverage:.3g}x held for {held} on average"
    way = history["high"][:, 0] / history["low"][:, 0] - 1.0
    bearable = int(np.searchsorted(way, 1.0 / leverage))
    hint = "write a lower leverage, or stop_loss and take_profit farther away"
    if bearable < len(way):
        shorter = format_duration(60 * max(int(bearable / share), 1))
        most = max(1.0 / way[min(int(minutes), len(way) - 1)], 1.0)
        hint = f"write hold: {{{key}: {shorter}}} or less, or leverage of about {most:.2g}x"
    raise ScenarioError([Problem("CAS402", message, hint, path=f"population.{layer.name}")])


def leverage_table(layer: LeveragedLayer, dt: float) -> Array:
    """Return the values of leverage and their cumulative weights by number of seats.

    A distribution that counts notional is divided by the mean size at each leverage. All are divided by the
    share of its time that a seat of that leverage holds a position: a pause counts for more after a short hold.
    """
    values, weights = _points(layer.leverage)
    if layer.leverage_weight == "notional":
        scale = (layer.size_leverage_reference / values) ** layer.size_leverage_exponent
        weights = weights / scale
    if layer.turnover:
        hold = layer.hold
        mean = np.maximum(hold.mean * (hold.reference_leverage / values) ** hold.exponent, hold.min)
        weights = weights * (1.0 + max(layer.pause, dt) / mean)
    return np.stack([values, np.cumsum(weights) / weights.sum()])


def _points(distribution: AnyDistribution) -> tuple[Array, Array]:
    """Return the values and weights of a distribution, a continuous one by its even quantiles."""
    if distribution.is_discrete:
        values, weights = distribution.points()
        return np.asarray(values, np.float64), np.asarray(weights, np.float64)
    u = (np.arange(N_LEVERAGES) + 0.5) / N_LEVERAGES
    return np.asarray(distribution.ppf(u), np.float64), np.full(N_LEVERAGES, 1.0 / N_LEVERAGES)
