"""The description of a small market in plain numbers, shared by the kernels' builder and the oracle."""

from __future__ import annotations

from dataclasses import dataclass, field

from cascade.core import params as par

NEVER = -1
"""A stop, take-profit or top-up that is not set."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A margin tier: notional cap (inclusive), maintenance rate (1e-8), deduction and maximum leverage."""

    cap: int
    rate: int
    deduction: int = 0
    leverage: float = 50.0


@dataclass(frozen=True, kw_only=True)
class Market:
    """One market: spot, perpetual or pool; prices in ticks, money units per tick and lot in `unit`.

    `settlement` is the number of the asset it settles in, `face` the USD of a lot of an inverse contract.
    """

    spot: bool
    start: int
    asset: int = 0
    venue: int = 0
    unit: int = 100
    tick_size: float = 1.0
    inverse: bool = False
    settlement: int = 0
    face: int = 10**5
    index_weight: float = 1.0
    tiers: tuple[Tier, ...] = ()
    step_tiers: bool = False
    liquidation_fee: int = 0
    price_band: int = 0
    take_bound: int = 0
    max_order: int = 10**6
    most_held: int = 0
    most_open: int = 0
    funding_rate: int = 0
    sold_in: int | None = None  # the spot market of a pool
    bonus: int = 0
    protocol_fee: int = 0

    @property
    def pool(self) -> bool:
        """Whether this is collateral of a lending venue, which nobody trades."""
        return self.sold_in is not None


@dataclass(frozen=True, kw_only=True)
class Venue:
    """One venue's rules, and what its fund owns at the start."""

    mark: str = "index"
    n_basis: int = 3
    basis_steps: int = 1
    procedure: str = "lower_tier"
    tiers_down: int = 0
    only_where_it_frees: int = 0
    fill_or_kill: int = 0
    whole_tiers: int = 0
    patience: int = 0
    slice_share: float = 0.2
    slice_above: int = 1_000_000
    cooldown_steps: int = 2
    cooldown_waits: int = 1
    block_share: float = 0.3
    block_floor: int = 100_000
    block_notional: int = 2_000_000
    backstop: int = 66_666_667
    bankruptcy_adjustment: int = 100_000_000
    spread_to_maintenance: int = 150_000_000
    max_loss: int = 0
    most_held: int = 0
    most_taken: int = 0
    taken_steps: int = 1
    drawdown: int = 0
    drawdown_of_mean: int = 0
    drawdown_floor: int = 0
    level_steps: int = 1
    index_steps: int = 1
    index_rule: str = "weighted_mean"
    index_weights: dict[int, float] = field(default_factory=dict)  # by spot market; empty: their own
    silent_steps: int = 0
    mark_decay: float = 0.5
    key: int = 7
    funding_at_index: int = 0
    take_over: str = "capacity"
    outlier_limit: float = 0.05
    n_waves: int = 10**6
    wave_steps: int = 1
    fees: tuple[int, int] = (0, 0)
    adl_ranking: str = "queue_pnl_leverage"
    adl_price: str = "bankruptcy"
    unwind_fraction: float = 0.5
    unwind_max: int = 10**12
    funding_steps: int = 1000
    first_funding: int = 1000
    fund_balance: int = 0
    oracle_deviation: float = 0.005
    oracle_steps: int = 1000
    close_factor: int = 50_000_000
    close_health: int = 95_000_000
    close_least: int = 0
    leftover: int = 0
    gas: int = 0
    min_profit: int = 0
    capital: int | None = None  # of liquidators, where the venue lends


@dataclass(frozen=True, kw_only=True)
class Collateral:
    """How a venue counts a spot holding: price source, part kept (1e-8), and the price that is given."""

    price: str = "own_spot"
    kept: int = 10**8
    given: int = 0


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A place for a position in a market, and what it holds at the start."""

    market: int
    lots: int = 0
    entry: int = 0
    leg: int = 0  # in hedge mode: 1 for longs, -1 for shorts


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A trader's habits and standing orders, in ticks."""

    leverage: float = 10.0
    stop: int = NEVER
    take: int = NEVER
    top_up: int = NEVER


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account; `seat` makes it a trader, `fees` is 1 for those who pay them."""

    name: str
    kind: int
    venue: int
    holdings: tuple[Holding, ...]
    margin: int = par.UNMARGINED
    balance: int = 0
    fees: int = 0
    seat: Seat | None = None


@dataclass(frozen=True, kw_only=True)
class Halt:
    """What is off in a market from a step until another."""

    market: int
    start: int
    stop: int
    shut: bool = False
    still: bool = False
    spared: bool = False
    queued: bool = False
    locked: bool = False
    frozen: bool = False
    mute: bool = False


@dataclass(frozen=True, kw_only=True)
class World:
    """A small market: rules, accounts and sizes of a run."""

    markets: tuple[Market, ...]
    venues: tuple[Venue, ...]
    accounts: tuple[Account, ...]
    n_ticks: int = 128
    n_waves: int = 1
    n_steps: int = 100
    n_quotes: int = 0
    forced_orders: bool = True
    deleveraging: bool = True
    top_up_factor: float = 2.0
    quotes: dict[int, int] = field(default_factory=dict)
    halts: tuple[Halt, ...] = ()
    collateral: dict[tuple[int, int], Collateral] = field(default_factory=dict)

    def index_weight(self, venue: int, market: int) -> float:
        """Return what a market weighs in a venue's indices: of its own accord, where the venue says nothing."""
        own = self.markets[market].index_weight if self.markets[market].spot else 0.0
        weights = self.venues[venue].index_weights
        return weights.get(market, 0.0) if weights else own

    def counts(self, venue: int, market: int) -> Collateral:
        """Return how a venue counts a spot market's asset."""
        return self.collateral.get((venue, market), Collateral())

    @property
    def n_settlements(self) -> int:
        """Return how many assets the markets settle in."""
        return 1 + max(m.settlement for m in self.markets)

    def settles(self, account: Account) -> int:
        """Return the asset an account's margin is in: the first of those its markets settle in."""
        return min((self.markets[h.market].settlement for h in account.holdings), default=0)

    def balances(self, account: Account) -> list[int]:
        """Return what an account has of each settlement asset; a fund has as much of each."""
        own = self.settles(account)
        everywhere = account.kind == par.FUND
        return [account.balance if everywhere or s == own else 0 for s in range(self.n_settlements)]

    def roster(self) -> tuple[Account, ...]:
        """Return every account in order of its number: the venues' own, others, agents, traders."""
        own: list[Account] = []
        everywhere = tuple(Holding(market=m) for m in range(len(self.markets)))
        for v, venue in enumerate(self.venues):
            for name, kind, holdings, balance in (
                ("fund", par.FUND, everywhere, venue.fund_balance),
                ("absorber", par.ABSORBER, everywhere, 0),
                ("fees", par.FEES, everywhere[:1], 0),
                ("rounding", par.ROUNDING, everywhere[:1], 0),
            ):
                own.append(
                    Account(name=f"{name} {v}", kind=int(kind), venue=v, holdings=holdings, balance=balance)
                )
            if venue.capital is not None:
                own += [self._vault(v), self._liquidator(v, venue.capital, everywhere)]
        rest = sorted(self.accounts, key=lambda a: 2 if a.seat else int(a.kind == par.AGENT))
        return (*own, *rest)

    def _vault(self, v: int) -> Account:
        """Return the account that holds the spot behind all collateral and is owed all debt."""
        lots, owed = [0] * len(self.markets), 0
        for account in self.accounts:
            if account.venue == v and account.margin != par.UNMARGINED:
                owed -= account.balance
                for h in account.holdings:
                    sold_in = self.markets[h.market].sold_in
                    assert sold_in is not None
                    lots[h.market] -= h.lots
                    lots[sold_in] += h.lots
        held = tuple(Holding(market=m, lots=n) for m, n in enumerate(lots))
        return Account(name=f"vault {v}", kind=par.VAULT, venue=v, holdings=held, balance=owed)

    def _liquidator(self, v: int, capital: int, everywhere: tuple[Holding, ...]) -> Account:
        """Return the account of those who call a venue's borrowers."""
        kind = par.LIQUIDATOR
        return Account(
            name=f"liquidator {v}", kind=kind, venue=v, holdings=everywhere, balance=capital, fees=1
        )


def tiers(*steps: tuple[int, int, float]) -> tuple[Tier, ...]:
    """Return tiers (cap, rate, leverage) with the deductions that make maintenance margin continuous."""
    made: list[Tier] = []
    floor, before, deduction = 0, 0, 0
    for cap, rate, leverage in steps:
        if made:
            deduction += floor * (rate - before) // 100_000_000
        made.append(Tier(cap=cap, rate=rate, deduction=deduction, leverage=leverage))
        floor, before = cap, rate
    return tuple(made)


def wallet(world_markets: tuple[Market, ...], holdings: tuple[Holding, ...], margin: int) -> int:
    """Return the quote balance of an account that posted `margin` and entered its holdings."""
    return margin - sum(h.lots * lot_value(world_markets[h.market], h.entry) for h in holdings if h.lots)


def usd_value(market: Market, tick: int) -> int:
    """Return the USD, in money units, that one lot stands for at a tick."""
    return market.face if market.inverse else market.unit * tick


def from_usd(market: Market, tick: int, amount: int) -> int:
    """Return USD in the settlement asset of a market at a mark."""
    return (
        int(float(amount) * float(-lot_value(market, tick)) / float(market.face))
        if market.inverse
        else amount
    )


def lot_value(market: Market, tick: int) -> int:
    """Return what one lot is worth at a tick, in money units."""
    if market.inverse:
        return -((2 * market.unit + tick) // (2 * tick))
    return market.unit * tick
