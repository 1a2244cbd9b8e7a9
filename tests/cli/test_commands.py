"""The commands that need no run: help, init, schema, docs, doctor; and that start-up is quick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import COMMANDS, build
from cascade.scenario.document import open_document, shipped_scenarios
from cascade.scenario.format import json_schema
from cascade.scenario.gallery import copy_to
from cascade.scenario.load import digest, load, to_yaml
from tests.support.scenarios import small_scenario

BASE = Path(__file__).parent.parent / "data" / "base.yaml"


def call(*words: object, code: int = 0):
    said = [str(word) for word in words]
    result = CliRunner().invoke(build(said[:1]), said)
    assert result.exit_code == code, result.output
    return result


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_lists_every_command_and_imports_none() -> None:
    result = call("--help")
    assert all(name in result.stdout for name in COMMANDS)
    loaded = modules_after("from cascade.cli.app import build\nbuild([])")
    assert not loaded & {
        "numpy",
        "pydantic",
        "ruamel.yaml",
        "scipy",
        "pyarrow",
        "mesa",
        "cascade.cli.validate",
    }


def test_validation_imports_nothing_heavy() -> None:
    loaded = modules_after(f"from cascade.scenario.load import load\nload({str(BASE)!r})")
    assert sorted(loaded & {"scipy", "scipy.stats", "pyarrow", "pandas", "mesa", "numba", "matplotlib"}) == []


def modules_of(*words: object) -> set[str]:
    """Return the modules that a command has imported when it ends, in a process of its own."""
    code = f"""
from cascade.cli.app import main
sys.argv = ["cascade", *{[str(word) for word in words]!r}]
sys.stdout, kept = open(os.devnull, "w"), sys.stdout
try:
    main()
except SystemExit as left:
    assert not left.code
sys.stdout = kept
"""
    return modules_after(f"import os{code}")


def test_commands_import_what_they_use(tmp_path: Path) -> None:
    rare = {"scipy.stats", "scipy.special", "matplotlib", "pandas", "mesa", "networkx", "urllib.request"}
    scenario = tmp_path / "small.yaml"
    scenario.write_text(to_yaml(small_scenario()), encoding="utf-8")
    loaded = modules_of("validate", scenario)
    assert sorted(loaded & {*rare, "numba", "pyarrow", "rich", "cascade.core"}) == []
    loaded = modules_of("run", scenario, "-q", "-o", tmp_path / "runs")
    assert sorted(loaded & {*rare, "jinja2", "cascade.explain", "cascade.calibration", "cascade.data"}) == []
    (folder,) = (tmp_path / "runs").iterdir()
    loaded = modules_of("report", folder)
    assert sorted(loaded & {*rare, "pyarrow.compute", "cascade.data.klines"}) == []
    loaded = modules_of("compare", folder, folder)
    assert sorted(loaded & {*rare, "numba", "cascade.scenario.schema", "jinja2"}) == []


def test_a_short_command_searches_no_garbage_and_starts_no_threads() -> None:
    code = f"""
import gc, os, sys
from cascade.cli.app import main
usual = gc.get_threshold()
sys.argv = ["cascade", "validate", {str(BASE)!r}]
before = sum(each["collections"] for each in gc.get_stats())
try:
    main()
except SystemExit as left:
    assert not left.code
assert sum(each["collections"] for each in gc.get_stats()) == before
assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
kept = [[] for _ in range(200_000)]  # what goes on for longer is searched as ever, but for what was there
assert gc.get_threshold() == usual and gc.get_freeze_count() > 10_000
"""
    modules_after(code)


def test_version_and_unknown_command() -> None:
    assert call("--version").stdout.startswith("cascade ")
    result = call("valdiate", code=2)
    assert "validate" in result.stderr


@pytest.mark.parametrize("command", ["init", "validate", "schema", "doctor", "docs"])
def test_every_command_has_help(command: str) -> None:
    assert "Usage" in call(command, "--help").stdout


def test_init_writes_a_valid_example_and_keeps_existing_files(tmp_path: Path) -> None:
    result = call("init", str(tmp_path / "new"))
    path = Path(result.stdout.strip())
    assert load(path).name == "example"
    assert "cascade validate" in result.stderr
    path.write_text("mine", encoding="utf-8")
    assert "--force" in call("init", str(tmp_path / "new"), code=2).stderr
    assert path.read_text(encoding="utf-8") == "mine"
    call("init", str(tmp_path / "new"), "--force")
    assert load(path).name == "example"


def test_init_writes_to_a_file_that_is_named_and_calls_the_scenario_like_it(tmp_path: Path) -> None:
    mine = tmp_path / "desk" / "mine.yaml"
    assert Path(call("init", str(mine)).stdout.strip()) == mine
    assert load(mine).name == "mine"
    assert "cascade run mine.yaml" in mine.read_text(encoding="utf-8")
    assert "--force" in call("init", str(mine), code=2).stderr
    call("init", str(mine), "--from", "thin-book", "--force")
    assert load(mine).name == "mine"
    spaced = tmp_path / "not a name.yaml"
    call("init", str(spaced))
    assert load(spaced).name == "example"


@pytest.mark.parametrize("name", shipped_scenarios())
def test_a_copy_extends_what_is_there_wherever_it_lies(name: str, tmp_path: Path) -> None:
    assert open_document(copy_to(tmp_path, name)).problems == []


def test_init_lists_and_names_what_there_is() -> None:
    assert call("init", "--list").stdout.startswith("example ")
    assert "did you mean 'example'" in call("init", "--from", "exampel", code=2).stderr


def test_validate_prints_one_line_for_a_sound_file() -> None:
    result = call("validate", str(BASE))
    assert result.stdout.strip().endswith("base.yaml: ok")
    assert result.stderr == ""


def test_validate_takes_rulebooks() -> None:
    from cascade.venues.load import rulebook_path, shipped_rulebooks

    paths = [str(rulebook_path(name)) for name in shipped_rulebooks()]
    assert call("validate", "--rulebook", *paths).stdout.count(": ok") == len(paths)


def test_schema_is_json_and_markdown_names_every_key() -> None:
    schema = json.loads(call("schema").stdout)
    page = call("schema", "--markdown").stdout
    for key in schema["properties"]:
        assert key in ("extends", "lists") or f"| `{key}` |" in page
    assert schema["properties"]["dt"]["default"] == "1s"
    assert "Tier" in call("schema", "--markdown", "--rulebook").stdout


def test_schema_describes_every_key() -> None:
    for definition in json_schema()["$defs"].values():
        for key, field in definition.get("properties", {}).items():
            if key not in ("type", "dist"):
                assert field.get("description"), (definition["title"], key)


def test_docs_of_an_unknown_page() -> None:
    assert "no page 'nothing'" in call("docs", "nothing", code=2).stderr


def test_resolved_scenario_loads_to_the_same_scenario(tmp_path: Path) -> None:
    scenario = load(BASE)
    path = tmp_path / "scenario.resolved.yaml"
    path.write_text(to_yaml(scenario), encoding="utf-8")
    again = load(path)
    assert again == scenario
    assert to_yaml(again) == to_yaml(scenario)
    assert digest(again) == digest(scenario)


def test_digest_sees_values_and_contents_but_not_spelling(tmp_path: Path) -> None:
    plain = digest(load(BASE))
    assert digest(load(BASE, ["duration=120m", "dt=1000ms", "venues.binance.fund=1000M USD"])) == plain
    assert digest(load(BASE, ["seed=8"])) != plain
    digests = []
    for name, depth in (("a", 240), ("b", 240), ("c", 250)):
        folder = tmp_path / name
        folder.mkdir()
        text = BASE.read_text(encoding="utf-8")
        text = text.replace("profile: [[1, 0.44M], [10, 9M], [100, 240M]]", "file: depth.csv")
        (folder / "s.yaml").write_text(text, encoding="utf-8")
        rows = f"distance_bps,cumulative_usd\n1,440000\n100,{depth}e6\n"
        rows = f"distance_bps,cumulative_usd\n1,440000\n100,{depth}e6\n"
        (folder / "depth.csv").write_text(rows, encoding="utf-8")
        digests.append(digest(load(folder / "s.yaml")))
    assert digests[0] == digests[1] != digests[2]


def test_extends_merges_mappings_replaces_lists_and_kinds(tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text(
        f"extends: {BASE}\nname: child\n"
        "assets: {BTC: {news: {type: gbm, price: 107000, volatility: 20 %}}}\n"
        "makers:\n  - {name: only, markets: '*', depth: {profile: [[1, 1M], [100, 300M]]}}\n"
        "shocks: null\nsources: null\n",
        encoding="utf-8",
    )
    scenario, base = load(child, allow=[BASE.parent]), load(BASE)
    assert scenario.assets["BTC"].news.type == "gbm"
    assert scenario.assets["BTC"].history == base.assets["BTC"].history
    assert [maker.name for maker in scenario.makers] == ["only"]
    assert scenario.shocks == ()
    assert scenario.population == base.population


def test_overrides_reach_items_by_number_and_name() -> None:
    scenario = load(
        BASE, ["population.0.open_interest=4B", "makers.spot-makers.depth.scale=2x", "shocks.-1.factor=0.4x"]
    )
    assert scenario.population[0].open_interest == 4e9
    assert scenario.makers[1].depth.scale == 2
    assert scenario.shocks[1].factor == 0.4
    changed = load(BASE, ["population.retail.leverage={dist: constant, value: 10x}"])
    assert changed.population[0].leverage.value == 10


def test_replace_checks_the_copy() -> None:
    from cascade.errors import ScenarioError

    scenario = load(BASE)
    copy = scenario.replace(**{"makers.perpetual-makers.depth.scale": 0.5, "dt": "500ms"})
    assert (copy.makers[0].depth.scale, copy.dt) == (0.5, 0.5)
    assert scenario.makers[0].depth.scale == 1
    with pytest.raises(ScenarioError, match="allows at most 125x"):
        scenario.replace(**{"population.retail.leverage": 500})


def test_a_run_tells_once_what_forbids_it(tmp_path: Path) -> None:
    result = call("run", BASE, "-s", 'flow.0.markets=["venue:NOPE"]', "-o", tmp_path, code=3)
    assert result.output.count("error[") == 1
