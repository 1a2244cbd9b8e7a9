"""Rules that a scenario changes: what counts, where it is said, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

import cascade
from cascade.errors import Problem, ScenarioError
from cascade.explain.rules import assumptions_of, rulebook_counts
from cascade.names import Ranking, number_of
from cascade.scenario.load import digest, inspect, to_yaml
from cascade.scenario.schema import Scenario
from cascade.venues.load import load_rulebook, rulebook_of
from tests.support.scenarios import small_data

VENUE = "venue"


def scenario(tmp_path: Path, *overrides: str) -> Scenario:
    return cascade.load(written(tmp_path), overrides)


def written(tmp_path: Path, rules: str = "") -> Path:
    import json

    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(small_data(name="small")), encoding="utf-8")
    if not rules:
        return path
    changed = tmp_path / "changed.yaml"
    changed.write_text(f"extends: small\nvenues:\n  {VENUE}:\n    rules:\n{rules}", encoding="utf-8")
    return changed


def problems(path: Path, *overrides: str) -> tuple[Problem, ...]:
    return tuple(problem for problem in inspect(path, overrides)[1] if problem.severity == "error")


def test_a_rule_replaces_that_of_the_rulebook_and_leaves_the_others(tmp_path: Path) -> None:
    venue = scenario(tmp_path, f"venues.{VENUE}.rules.adl.ranking=socialise").venues[VENUE]
    rules, base = rulebook_of(venue.rulebook, venue.rules), load_rulebook(venue.rulebook)
    assert rules.adl.ranking == "socialise"
    assert rules.model_copy(update={"adl": base.adl, "sources": base.sources}) == base


def test_the_assembled_market_has_the_rule(tmp_path: Path) -> None:
    from cascade.assembly import assemble

    assembled = assemble(scenario(tmp_path, f"venues.{VENUE}.rules.adl.ranking=socialise"), 0)
    assert number_of(Ranking, "socialise") in assembled.params.venues.adl_ranking


def test_a_rule_counts_as_set_by_the_scenario(tmp_path: Path) -> None:
    changed = scenario(tmp_path, f"venues.{VENUE}.rules.fund.drawdown={{share: 30 %}}")
    (own,) = [each for each in assumptions_of(changed) if each.source == "set by the scenario"]
    assert (own.venue, own.figures, own.value) == (VENUE, "fund.drawdown.share", "30 %")
    title = f"{changed.venues[VENUE].rulebook}, changed for {VENUE}"
    assert title in rulebook_counts(changed)


def test_a_rule_changes_the_digest_however_it_is_written(tmp_path: Path) -> None:
    texts = ("", "fund.drawdown.share=30 %", "fund.drawdown={share: 0.3}")
    none, first, second = (
        digest(scenario(tmp_path, *([f"venues.{VENUE}.rules.{text}"] if text else []))) for text in texts
    )
    assert none != first
    assert first == second


def test_the_resolved_scenario_keeps_its_rules(tmp_path: Path) -> None:
    changed = scenario(tmp_path, f"venues.{VENUE}.rules.adl={{ranking: random, price: mark}}")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(to_yaml(changed), encoding="utf-8")
    assert cascade.load(resolved) == changed
    venue = changed.replace(seed=7).venues[VENUE]
    assert rulebook_of(venue.rulebook, venue.rules).adl.price == "mark"


@pytest.mark.parametrize(
    ("rules", "code", "line", "column", "path", "message"),
    [
        ("      adl: {rank: random}\n", "CAS010", 5, 13, "adl.rank", "unknown key 'rank'"),
        ("      adl: {ranking: fair}\n", "CAS012", 5, 22, "adl.ranking", "'fair' is not one of"),
        ("      adll: {ranking: random}\n", "CAS010", 5, 7, "adll", "did you mean 'adl'?"),
        ("      date: 2026-01-01\n", "CAS010", 5, 7, "date", "unknown key 'date'"),
        (
            "      fund:\n        take_over: often\n",
            "CAS012",
            6,
            20,
            "fund.take_over",
            "'often' is not one of",
        ),
        ("      margin: {closing_fee: 200 %}\n", "CAS014", 5, 29, "margin.closing_fee", "must be at most 1"),
    ],
)
def test_a_wrong_rule_is_located_in_the_scenario(
    tmp_path: Path, rules: str, code: str, line: int, column: int, path: str, message: str
) -> None:
    (problem,) = problems(written(tmp_path, rules))
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert problem.path == f"venues.{VENUE}.rules.{path}"
    assert message in problem.message
    assert problem.file.endswith("changed.yaml")


def test_a_wrong_rule_of_an_override_is_located_in_it(tmp_path: Path) -> None:
    override = f"venues.{VENUE}.rules.adl.ranking=socialize"
    (problem,) = problems(written(tmp_path), override)
    assert problem.column == override.index("=") + 2
    assert "did you mean 'socialise'?" in problem.message


def test_rules_of_a_spot_venue_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(written(tmp_path), "venues.spot.rules.adl.price=mark")
    assert (problem.code, problem.path) == ("CAS202", "venues.spot.rules.adl")


def test_wrong_rules_raise_where_a_rulebook_is_asked_for(tmp_path: Path) -> None:
    venue = scenario(tmp_path).venues[VENUE].model_copy(update={"rules": {"adl": {"ranking": "fair"}}})
    with pytest.raises(ScenarioError, match="'fair' is not one of"):
        rulebook_of(venue.rulebook, venue.rules)
