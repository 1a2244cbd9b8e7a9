"""Code of users: whether it may run, the classes of agents that it defines, and what has to stay as it was."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cascade.errors import Problem, ScenarioError, SimulationError
from cascade.scenario.checks import Finding, located
from cascade.scenario.code import NO_AGENT, NOT_ALLOWED, digest_of, parts_of, source_of
from cascade.scenario.document import read_document
from cascade.scenario.load import tree_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import PythonAgent
from cascade.scenario.source import Node

if TYPE_CHECKING:
    from cascade.agent import Trader
    from cascade.floor import AgentFactory

_numbers = count()


def admit(
    scenarios: Iterable[Scenario],
    source: str | Path | Scenario,
    overrides: Iterable[str] = (),
    *,
    allowed: bool,
) -> None:
    """Refuse scenarios that would run code without leave, or whose code gives no agents.

    Parameters
    ----------
    source
        Where they come from, to locate what is said about them.

    Raises
    ------
    ScenarioError
        With a problem for each agent, located.
    """
    found: dict[str, tuple[int, PythonAgent]] = {}
    for scenario in scenarios:
        for number, agent in enumerate(scenario.agents):
            if isinstance(agent, PythonAgent):
                found.setdefault(agent.model_dump_json(), (number, agent))
    if not found:
        return
    root = _tree(source, overrides)
    problems = [
        problem for number, agent in found.values() for problem in _faults(root, number, agent, allowed)
    ]
    if problems:
        raise ScenarioError(problems)


def makers_of(scenario: Scenario) -> list[AgentFactory]:
    """Return what makes the agents that a scenario names; this runs their modules, each anew."""
    return [_maker(agent) for agent in scenario.python_agents]


def code_of(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the module, class and digest of each agent of a scenario, by its name, for the manifest."""
    found: dict[str, dict[str, str]] = {}
    for agent in scenario.python_agents:
        module, name = parts_of(agent.python)
        found[agent.name] = {"module": module, "class": name, "source": digest_of(agent.python)}
    return found


def refuse_changed(scenario: Scenario, begun_with: Mapping[str, Mapping[str, str]]) -> None:
    """Stop where the code of an agent is not what it was when the run began.

    Raises
    ------
    SimulationError
        If a file was edited meanwhile, or is another one on this machine.
    """
    for name, now in code_of(scenario).items():
        if now["source"] != begun_with[name]["source"]:
            raise SimulationError(
                f"the code of agent '{name}' is not what it was when the run began",
                where=now["module"],
                remedy="ask for the same again: it is a run of its own with the code as it is now",
                code="CAS405",
            )


def _tree(source: str | Path | Scenario, overrides: Iterable[str]) -> Node:
    if isinstance(source, Scenario):
        return tree_of(source)
    root = read_document(Path(source), overrides, allow=None).root
    assert root is not None
    return root


def _faults(root: Node, number: int, agent: PythonAgent, allowed: bool) -> Iterator[Problem]:
    """Yield what keeps an agent from running."""
    module, name = parts_of(agent.python)
    steps = ("agents", number, "python")
    if not allowed:
        message = (
            f"running this scenario runs code of its author: {name} in {source_of(agent.python) or module}"
        )
        hint = "read that file; if you trust it, add --allow-code (in Python: allow_code=True)"
        yield located(NOT_ALLOWED, Finding(steps, message, hint), root)
        return
    try:
        kind = _class(agent.python)
    except Exception as error:
        from cascade.floor import where_raised

        message = f"{name} cannot be loaded: {type(error).__name__}: {error}"
        yield located(NO_AGENT, Finding(steps, message, f"mend {where_raised(error)}"), root)
        return
    from cascade.agent import Trader

    if not (isinstance(kind, type) and issubclass(kind, Trader)):
        hint = f"write `class {name}(cascade.Trader):`"
        yield located(NO_AGENT, Finding(steps, f"{name} is no kind of cascade.Trader", hint), root)
        return
    try:
        inspect.signature(kind).bind(None, **_arguments(agent))
    except TypeError as error:
        hint = f"{name} takes: {', '.join(_parameters(kind)) or 'none'}"
        message = f"{name} cannot be made with these parameters: {error}"
        yield located(NO_AGENT, Finding(("agents", number, "parameters"), message, hint, on_key=True), root)


def _parameters(kind: type[Any]) -> list[str]:
    """Return the parameters of a class that are its own."""
    known = {"cash", "venue", "name", "every"}
    given = list(inspect.signature(kind).parameters.values())[1:]
    return [each.name for each in given if each.kind != each.VAR_KEYWORD and each.name not in known]


def _arguments(agent: PythonAgent) -> dict[str, Any]:
    """Return what the class of an agent is made with besides the market."""
    own = {} if agent.every is None else {"every": agent.every}
    return {**agent.parameters, "name": agent.name, **own}


def _maker(agent: PythonAgent) -> AgentFactory:
    kind: type[Trader] = _class(agent.python)
    return partial(kind, **_arguments(agent))


def _class(reference: str) -> Any:
    """Return what a module calls by a name; a file is run anew each time, so that replicates share nothing."""
    module, name = parts_of(reference)
    return getattr(_run(Path(module)) if module.endswith(".py") else import_module(module), name)


def _run(path: Path) -> ModuleType:
    """Return a module made of a file as it is now, whatever was compiled of it before."""
    module = ModuleType(f"cascade_agents_{next(_numbers)}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look for the module of their class
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module
