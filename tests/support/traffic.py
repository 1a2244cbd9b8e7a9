"""Random intents for a small world, from what its market shows: quotes, orders, cancellations and jumps."""

from __future__ import annotations

import random
from typing import Protocol

from cascade.core import params as par
from tests.support.random_worlds import N_LEVELS
from tests.support.runner import Intent
from tests.support.world import World

LAST_TICK = 2_147_483_646
JUMPS = (0.4, 0.7, 0.85, 0.93, 0.97, 1.03, 1.07, 1.15, 1.3, 1.6)


class Resting(Protocol):
    """A resting order as traffic sees it: whose it is, and the kernels' number for it."""

    position: int
    number: int
    generation: int


class Traffic:
    """Draws the intents of one step after another."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        roster = world.roster()
        self.places = [(a, h.market) for a in range(len(roster)) for h in roster[a].holdings]
        self.legs = [h.leg for a in roster for h in a.holdings]
        self.kinds = [roster[a].kind for a, _ in self.places]
        self.traders = [
            k
            for k, (a, m) in enumerate(self.places)
            if roster[a].seat and not world.markets[m].pool and not world.markets[m].spot
        ]
        self.others = [k for k, kind in enumerate(self.kinds) if kind in (par.FLOW_ACCOUNT, par.AGENT)]
        self.price = [float(m.start) for m in world.markets]

    def draw(self, marks: list[int], lots: list[int], resting: list[Resting]) -> list[Intent]:
        """Return the intents of the next step, given marks, positions and resting orders."""
        sent = self._jump() if self.rng.random() < 0.25 else []
        for place, quote in self.world.quotes.items():
            if self.rng.random() < 0.7:
                sent += self._ladder(place, quote)
        for _ in range(self.rng.randint(0, 8)):
            sent.append(self._order(marks))
        for _ in range(self.rng.randint(0, 3)):
            sent.append(self._trade(marks, lots))
        for _ in range(self.rng.randint(0, 2)):
            if resting:
                order = self.rng.choice(resting)
                stale = self.rng.random() < 0.1
                sent.append(
                    Intent(
                        position=order.position,
                        kind=par.CANCEL,
                        ref=order.number,
                        generation=order.generation - stale,
                        offset=self.rng.random(),
                    )
                )
        return sent

    def _jump(self) -> list[Intent]:
        """Move the price that makers believe in, and take away what rests at the old one."""
        assets = {m.asset for m in self.world.markets}
        if self.rng.random() < 0.5:
            assets = {self.rng.choice(sorted(assets))}
        factor = self.rng.choice(JUMPS)
        sent = []
        dry = self.rng.random() < 0.5
        for m, market in enumerate(self.world.markets):
            if market.asset in assets:
                self.price[m] = min(max(self.price[m] * factor, 60.0), 40_000.0)
        for place, (_, m) in enumerate(self.places):
            market = self.world.markets[m]
            quoting = self.kinds[place] in (par.MAKER_ACCOUNT, par.FLOW_ACCOUNT)
            if market.asset in assets and quoting and (dry or market.spot):
                sent.append(Intent(position=place, kind=par.CANCEL_ALL, offset=0.0))
                if place in self.world.quotes and market.spot:
                    sent += self._ladder(place, self.world.quotes[place], offset=0.001)
        return sent

    def _ladder(self, place: int, quote: int, offset: float | None = None) -> list[Intent]:
        """Renew a maker's quotes around its price; now and then one of them is taken away."""
        sent = []
        m = self.places[place][1]
        deep = 5000 if self.world.markets[m].spot else 60
        for level in range(N_LEVELS):
            for side in (1, -1):
                size = self.rng.choice((0, 1, self.rng.randint(1, deep), self.rng.randint(1, deep)))
                away = 1 + 4 * level + self.rng.randint(0, 2)
                sent.append(
                    Intent(
                        position=place,
                        kind=par.QUOTE,
                        lots=side * size,
                        ref=4 * quote + 2 * level + (side < 0),
                        tick=max(round(self.price[m]) - side * away, 1),
                        offset=self.rng.random() if offset is None else offset,
                    )
                )
        return sent

    def _order(self, marks: list[int]) -> Intent:
        """Return a limit, post-only, immediate or cancel-all order of an agent or taker."""
        rng = self.rng
        place = rng.choice(self.others)
        mark = marks[self.places[place][1]]
        kind = int(
            rng.choice((par.LIMIT, par.LIMIT, par.LIMIT, par.POST_ONLY, par.IOC, par.IOC, par.CANCEL_ALL))
        )
        lots = rng.choice((-1, 1)) * rng.choice((1, rng.randint(1, 20), rng.randint(1, 100)))
        tick = max(mark + rng.randint(-8, 8), 1)
        if rng.random() < 0.1:
            tick = max(round(mark * rng.uniform(0.6, 1.5)), 1)
        if kind == par.IOC and rng.random() < 0.5:
            tick = LAST_TICK if lots > 0 else 1
        return Intent(
            position=place,
            kind=kind,
            lots=lots,
            tick=tick,
            offset=rng.choice((0.0, 0.25, rng.random())),
            reduce_only=int(rng.random() < 0.2),
            life_steps=rng.choice((-1, 1, 2, 5)),
        )

    def _trade(self, marks: list[int], lots: list[int]) -> Intent:
        """Return a trader's opening or closing order."""
        rng = self.rng
        place = rng.choice(self.traders)
        closing = lots[place] != 0 and rng.random() < 0.4
        size = -lots[place] if closing else rng.choice((-1, 1)) * rng.randint(1, 30)
        if self.legs[place] and not closing:
            size = self.legs[place] * abs(size)
        return Intent(
            position=place,
            kind=par.IOC,
            lots=size,
            tick=LAST_TICK if size > 0 else 1,
            purpose=int(par.CLOSING if closing else par.OPENING),
            reduce_only=int(closing),
            offset=rng.random(),
        )
