"""Each name of a rule has a kernel, and a kernel that is missing is named."""

from __future__ import annotations

from typing import Literal, get_origin

import pytest

from cascade import names
from cascade.compiler import jit
from cascade.compiler.choice import choice
from cascade.compiler.jit import JIT_ENABLED, entry, kernel
from cascade.core import (
    adl_policies,
    agents,
    backstop,
    collateral,
    deleveraging,
    index,
    mark_rules,
    procedures,
)
from cascade.core.agents import makers

ROOMS = [
    (names.MarkRule, mark_rules, "{}"),
    (names.IndexRule, index, "{}"),
    (names.TakeOver, backstop, "takes_{}"),
    (names.Ranking, adl_policies, "{}"),
    (names.AdlPrice, deleveraging, "value_at_{}"),
    (names.CollateralPrice, collateral, "by_{}"),
    (names.Procedure, procedures, "{}"),
    (names.Maker, makers, "{}"),
    (names.Agent, agents, "{}"),
]


@kernel
def twice(value: int) -> int:
    return 2 * value


@kernel
def thrice(value: int) -> int:
    return 3 * value


chosen = choice(("twice", "thrice"), globals())


@entry
def through(number: int, value: int) -> int:
    return chosen(number, value)


@pytest.mark.parametrize(("rule", "room", "pattern"), ROOMS)
def test_each_name_has_a_kernel_in_its_room(rule, room, pattern):
    for name in names.names_of(rule):
        assert hasattr(room, pattern.format(name)), f"{room.__name__} has no {pattern.format(name)}"


def test_each_family_of_names_has_its_room():
    families = [each for each in vars(names).values() if get_origin(each) is Literal]
    assert len(families) == len(ROOMS)
    assert all(each in families for each, _, _ in ROOMS)


def test_numbers_are_the_places_of_names():
    for rule, _, _ in ROOMS:
        told = names.names_of(rule)
        assert len(set(told)) == len(told) > 1
        assert [names.number_of(rule, name) for name in told] == list(range(len(told)))


def test_a_choice_calls_the_kernel_of_a_number():
    assert (through(0, 7), through(1, 7)) == (14, 21)


def test_a_name_without_a_kernel_is_told():
    with pytest.raises(LookupError, match=r"no kernel is called rule_thrice"):
        choice(("twice", "thrice"), {"rule_twice": twice}, "rule_{}")


@pytest.mark.skipif(not JIT_ENABLED, reason="needs the compiler")
def test_a_choice_is_compiled_once(monkeypatch):
    monkeypatch.setattr(jit, "cache_directory", lambda: None)  # what is loaded compiles no parts
    anew = entry(through)
    assert (anew(0, 7), anew(1, 7)) == (14, 21)
    assert len(anew.calls) == 1
    assert len(chosen.compiled.signatures) == 1
