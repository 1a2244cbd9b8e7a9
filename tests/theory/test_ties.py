"""What those who tie markets do to prices, on a small market: each effect has the sign it should, and a size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cascade.engine import Engine
from tests.support.ties import FUEL, HUNTER, SALE, SPOT, A, B, course, ties_data, to_spot, with_desk


def basis_after_a_sale(transfer: str) -> np.ndarray:
    """Return the basis of venue A, in bps below spot, at each ten seconds of half an hour."""
    wallets = {"capital": "10M", "transfer": transfer, "fee": "0 %"}
    sale = SALE | {"notional": "40M"}
    data = ties_data(shocks=[sale], arbitrage=[to_spot("a", wallets=wallets)], duration="30m")
    return -course(data).basis_bps()


def test_a_longer_transfer_widens_the_basis_after_a_shock_and_lengthens_it() -> None:
    """What lies on the venue is used up in a minute; then the basis is as wide as what has not arrived."""
    found = {delay: basis_after_a_sale(delay) for delay in ("10s", "2m", "10m")}
    width = [float(each.max()) for each in found.values()]
    area = [float(each.sum()) for each in found.values()]
    wide = [int((each > 150).sum()) for each in found.values()]
    assert width[0] * 1.1 < width[1]
    assert width[1] * 1.1 < width[2]
    assert 1.5 * max(area[:2]) < area[2]
    assert wide[0] < wide[1] < wide[2]


def test_more_capital_narrows_it_in_proportion_to_what_it_can_hold() -> None:
    """A dollar of the sale that an arbitrageur takes over is a dollar that moves venue A no more."""
    least = {}
    for capital in (0.5e6, 5e6, 10e6):
        wallets = {"capital": capital, "ready": 0.5, "leverage": 2, "transfer": "1d", "fee": 0}
        data = ties_data(shocks=[SALE], arbitrage=[to_spot("a", wallets=wallets)])
        least[capital] = -float(course(data).basis_bps().min())
    # 20M move A by 2 bps a million and 0.2 of depth; half the capital at twice leverage is taken over
    per_million = (least[0.5e6] - least[5e6]) / 4.5
    assert (least[5e6] - least[10e6]) / 5.0 == pytest.approx(per_million, rel=0.35)
    assert per_million > 5.0


def test_carry_pulls_basis_and_funding_back_and_holds_the_open_interest() -> None:
    """Somebody buys 4M of the perpetual: with carry the funding of the hour is nearer to its base."""
    buy = SALE | {"side": "buy", "notional": "4M"}
    rates, basis, shorts = {}, {}, {}
    for capital in (None, 1e6, 20e6):
        wallets = {"capital": capital, "ready": 0.4}
        carry = (
            [to_spot("a", type="carry", wallets=wallets, rate="1 /s", max_order="200k")] if capital else []
        )
        data = ties_data(shocks=[buy], arbitrage=carry, duration="70m", dt="5s")
        data["venues"]["a"]["rules"] = {"funding": {"interval_h": 1}}
        found = course(data, lambda engine: [engine.state.markets.funding_rate[A]])
        rates[capital] = float(found.seen[-1, 0])
        basis[capital] = float(found.basis_bps()[-1])
        kind = found.engine.params.agents
        held = found.engine.state.positions.lots[kind.position[0]] if capital else 0
        shorts[capital] = -held * 0.001 * 1e5
    assert rates[None] > 3 * rates[20e6]
    assert rates[20e6] < rates[1e6] < rates[None]
    assert abs(basis[20e6]) < 0.5 * basis[None]
    assert basis[1e6] < basis[None]
    assert 1e6 < shorts[20e6] < 4e6
    assert 0.5e6 < shorts[1e6] < 1.8e6  # three times what a wallet has, and half of the rest of the treasury


def test_hedging_carries_a_sale_to_the_other_venue_and_a_halt_there_widens_the_basis() -> None:
    hedge = {"threshold": "100k", "delay": "2s", "capital": "20M"}
    halt = {"type": "halt", "at": "50s", "over": "10m", "markets": "b:*"}
    apart = {
        "none": course(ties_data(shocks=[SALE], makers=with_desk())),
        "hedged": course(ties_data(shocks=[SALE], makers=with_desk(**hedge))),
        "halted": course(ties_data(shocks=[SALE, halt], makers=with_desk(**hedge))),
    }
    width = {name: float(-found.basis_bps(A, B)[35]) for name, found in apart.items()}
    assert width["hedged"] < 0.3 * width["none"]
    assert width["halted"] > 3 * width["hedged"]
    fallen = 1e4 * np.log(apart["hedged"].mids[35, [SPOT, B]] / 1e5)
    assert abs(fallen[0]) < 1  # nobody hedges in spot
    assert fallen[1] < -50


def test_what_a_desk_holds_of_one_market_thins_its_quotes_in_the_other() -> None:
    def quoted(engine: Engine) -> list[int]:
        """Return the lots that the first maker of the desk bids for on venue B."""
        maker, st = engine.params.makers[2], engine.state
        quotes = st.quotes[maker.first_quote : maker.first_quote + 2 * maker.n_levels : 2]
        return [int(st.orders.lots[quotes[quotes >= 0]].sum())]

    left = {}
    for capital in ("5M", "1B"):
        data = ties_data(shocks=[SALE], makers=with_desk(capital=capital), channels={"hedging": False})
        seen = course(data, quoted).seen[:, 0]
        left[capital] = seen[-1] / seen[0]
    assert left["1B"] == pytest.approx(1, abs=0.05)
    assert left["5M"] < 0.7


def lowest(agents: list[dict[str, Any]], move: float) -> tuple[float, int]:
    """Return the lowest mid of venue A in bps, and how many are liquidated, where the news falls by a share."""
    fall = {"type": "news", "at": "1m", "over": "2m", "asset": "BTC", "move": -move}
    crowd = FUEL | {"from_price": 99_400, "to_price": 98_500, "notional": "90M"}
    data = ties_data(
        agents=agents, population=[crowd], shocks=[fall], arbitrage=[to_spot("a")],
        news_takers=[{"name": "takers", "markets": "*"}],
    )  # fmt: skip
    found = course(data)
    return 1e4 * float(np.log(found.mids[:, A].min() / 1e5)), len(found.logged("liquidations"))


def test_a_hunter_brings_a_cascade_forward() -> None:
    """The news falls by 0.3 %, and the first level lies at 0.6 %: nobody is near it but with a hunter."""
    alone, hunted = lowest([], 0.003), lowest([HUNTER], 0.003)
    assert alone[1] == 0
    assert hunted[1] > 100
    assert hunted[0] < alone[0] - 30


@pytest.mark.parametrize("replicate", range(3))
def test_a_hunter_that_sees_what_is_not_there_pays_for_it(replicate: int) -> None:
    """Two positions are no fuel: who takes them for a crowd pushes, and closes again, for fees and impact."""
    found = {
        error: course(
            ties_data(
                agents=[HUNTER | {"error": error, "worth": 0.05}], population=[FUEL | {"notional": "100k"}],
                arbitrage=[to_spot("a")],
            ),
            replicate=replicate,
        ).gain_usd("hunters")
        for error in (0, 3)
    }  # fmt: skip
    assert found[0] == 0.0
    assert -50e3 < found[3] < -1e3
