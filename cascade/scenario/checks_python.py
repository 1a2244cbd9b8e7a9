"""Checks of agents written in Python: that their class is there, and their account can be. Nothing of them is run."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.checks_positions import contract_of
from cascade.scenario.code import NO_AGENT, classes_in, parts_of, source_of
from cascade.scenario.schema_agents import PythonAgent
from cascade.scenario.schema_population import TableLayer
from cascade.scenario.schema_venues import LinearPerpetual, SpotMarket
from cascade.scenario.source import Steps
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd


@register(NO_AGENT, "the class of an agent in Python is where the scenario says", "agents")
def classes_are_there(context: Context) -> Found:
    """Test the module, its syntax, and the name in it."""
    for number, agent in enumerate(context.scenario.agents):
        if isinstance(agent, PythonAgent):
            told = _fault(agent.python)
            if told is not None:
                yield Finding(("agents", number, "python"), *told)


def _fault(reference: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a class, and what to do."""
    module, name = parts_of(reference)
    path = source_of(reference)
    if path is None:
        message = f"there is no module '{module}', neither beside this scenario nor installed"
        return message, f"write {name} in {module.rpartition('.')[2]}.py in the folder of the scenario"
    try:
        classes = classes_in(path)
    except SyntaxError as error:
        return f"{path.name} is no Python, in line {error.lineno}: {error.msg}", f"mend {path}"
    if name in classes:
        return None
    return (
        f"{path.name} has no class '{name}'{did_you_mean(name, classes)}",
        f"classes there: {listing(classes) or 'none'}",
    )


@register("CAS166", "the account of an agent in Python can be opened", "agents venues markets")
def accounts_can_be_opened(context: Context) -> Found:
    """Test the venue, the markets that are held at the start, and that cash backs them."""
    for number, agent in enumerate(context.scenario.agents):
        if isinstance(agent, PythonAgent):
            steps: Steps = ("agents", number)
            venues = context.scenario.venues
            if agent.venue is not None and agent.venue not in venues:
                if not context.is_absent("venues", agent.venue):
                    message = f"no venue '{agent.venue}'{did_you_mean(agent.venue, venues)}"
                    yield Finding((*steps, "venue"), message, f"venues: {listing(venues)}")
                continue
            yield from _holdings(context, steps, agent)


def _holdings(context: Context, steps: Steps, agent: PythonAgent) -> Iterator[Finding]:
    """Yield what is wrong with the positions of an agent at the start."""
    markets, home = context.scenario.markets, agent.venue or context.scenario.home
    tradable = [
        name
        for name, market in markets.items()
        if isinstance(market, SpotMarket)
        or (isinstance(market, LinearPerpetual) and name.partition(":")[0] == home)
    ]
    for name, quantity in agent.positions.items():
        where = (*steps, "positions", name)
        if name not in tradable and not context.is_absent("markets", name):
            message = f"an account on {home} cannot hold '{name}'{did_you_mean(name, tradable)}"
            yield Finding(
                where, message, f"spot, and perpetuals there that settle in USD: {listing(tradable)}"
            )
        elif name in tradable and quantity < 0.0 and isinstance(markets[name], SpotMarket):
            yield Finding(where, "spot cannot be sold short", "write a quantity above 0")
    needed = sum(_margin(context, name, quantity) for name, quantity in agent.positions.items())
    if needed > agent.cash:
        message = f"{format_usd(agent.cash)} USD are too little: the positions take {format_usd(needed)} USD of margin"
        hint = f"write cash: {format_usd(1.5 * needed)}, or smaller positions"
        yield Finding((*steps, "cash"), message, hint)


@register(
    "CAS167", "no agent in Python has the label of an account of a table", "agents assets markets population"
)
def names_are_no_labels(context: Context) -> Found:
    """Test names against labels: results and orders could not tell the two apart."""
    layers = [layer for layer in context.scenario.population if isinstance(layer, TableLayer)]
    agents = context.scenario.python_agents
    tables = {layer.name: context.holdings(layer) for layer in layers} if agents else {}
    for number, agent in enumerate(context.scenario.agents):
        for name, table in tables.items():
            if isinstance(agent, PythonAgent) and table is not None and agent.name in table.label:
                row = table.rows[table.label.index(agent.name)]
                message = (
                    f"'{agent.name}' is also the label of an account of {name}, in row {row} of its file"
                )
                yield Finding(("agents", number, "name"), message, "give the agent a name of its own")


def _margin(context: Context, name: str, quantity: float) -> float:
    """Return the initial margin of a position in USD; none of what is no perpetual that is known."""
    contract, market = contract_of(context, name), context.scenario.markets.get(name)
    price = context.start_price(market.asset) if isinstance(market, LinearPerpetual) else None
    if contract is None or price is None:
        return 0.0
    notional = abs(quantity) * price
    return notional / contract.tier_of(notional, price).max_leverage
