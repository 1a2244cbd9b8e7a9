"""Imports point downwards only, the core touches nothing but numbers, and start-up stays light."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter

import pytest

import cascade
from cascade.cli.app import COMMANDS
from cascade.compiler.jit import JIT_ENABLED
from cascade.experiment.run import run
from tests.support.house import LAYERS, PACKAGE, module_of, part_of, sources
from tests.support.scenarios import small_scenario

RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

PURE = {"__future__", "collections", "functools", "importlib", "math", "typing", "numpy"}
FOUNDATION = {
    "cascade.compiler.choice", "cascade.compiler.instructions", "cascade.compiler.jit", "cascade.compiler.tables",
    "cascade.names", "cascade.rng",
}  # fmt: skip
IMPURE = {"open", "print", "input", "exec", "eval"}


def imported(tree):
    """Yield (line, name) of what a module imports, in functions and for type checkers as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path):
    return tuple(imported(parsed(path)))


def test_every_part_has_a_place():
    assert {part_of(path) for path in sources()} - {"__init__"} <= set(RANK), "give it a place in LAYERS"


def test_imports_point_downwards():
    """But for those of the public interface, which reaches everywhere, lazily."""
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line} imports {module} from above"
        for path in sources() if (part := part_of(path)) != "__init__"
        for line, module in imports_of(path)
        if (of := module.partition(".")[2].partition(".")[0]) in RANK
        and module.startswith("cascade.") and RANK[of] > RANK[part]
    ]  # fmt: skip
    assert wrong == []


def test_no_import_goes_in_a_circle():
    """Neither at the start nor later in a function, nor for a type checker alone: each module stands on others.

    A package is what its `__init__` imports, so that to import a module is not to import its package.
    """
    modules = {module_of(path): path for path in sources() if path != PACKAGE / "__init__.py"}
    graph = {}
    for name, path in modules.items():
        names = [module for _, module in imports_of(path)]
        graph[name] = {each if each in modules else each.rpartition(".")[0] for each in names} & {*modules}
    assert len(graph) > 200
    assert [*TopologicalSorter(graph).static_order()]  # names the modules of a circle


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_core_is_pure(path):
    tree = parsed(path)
    for line, module in imports_of(path):
        pure = module.split(".")[0] in PURE or module.rpartition(".")[0] in FOUNDATION
        assert pure or f"{module}.".startswith("cascade.core."), f"{path.name}:{line} imports {module}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE, f"{path.name}:{node.lineno} calls {node.func.id}"
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "random"
            and ast.unparse(node.value) in {"np", "numpy"}
        ):
            pytest.fail(f"{path.name}:{node.lineno} draws outside of cascade.rng")


def test_only_a_process_that_compiles_imports_the_compiler():
    """All that imports numba by itself is the backend; who has to compile imports that."""
    backend = PACKAGE / "compiler" / "backend"
    heavy = ("numba", "cascade.compiler.backend")
    assert [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path in sources() if backend not in path.parents
        for node in parsed(path).body if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        for _, module in imported(node) if module.startswith(heavy)
    ] == []  # fmt: skip


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_a_market_that_is_compiled_already_runs_without_the_compiler(tmp_path):
    """Importing numba costs a quarter of a short run."""
    code = f"""
import sys
sys.modules["numba"] = None
from cascade.experiment.run import run
from tests.support.scenarios import small_scenario
run(small_scenario(), out={str(tmp_path / "runs")!r})
"""
    run(small_scenario(), out=tmp_path / "before")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        (
            "import cascade",
            {"numpy", "pyarrow", "pydantic", "mesa", "scipy", "pandas", "numba", "rich", "typer"},
        ),
        (
            "import cascade.output.reader, cascade.output.writer",
            {"pyarrow", "mesa", "scipy", "pandas", "numba"},
        ),
        (
            "import cascade.analysis.metrics, cascade.report.summary",
            {"pyarrow", "mesa", "scipy", "pandas", "numba"},
        ),
        (
            "import " + ", ".join(sorted({where.partition(":")[0] for where, _ in COMMANDS.values()})),
            {"numpy", "pyarrow", "pydantic", "mesa", "scipy", "pandas", "numba"},
        ),
    ],
)
def test_start_is_light(statement, forbidden):
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not forbidden & set(done.stdout.split())


def test_results_are_written_and_read_without_pandas(write_run):
    """Importing pandas costs more than most runs; pyarrow does so at the slightest occasion."""
    folder = write_run()
    code = f"""
import sys
sys.modules["pandas"] = None
import numpy as np
from pathlib import Path
from cascade.core.state import BAR
from cascade.output.convert import to_batch
from cascade.output.reader import read
from cascade.output.writer import RunWriter
from cascade.report.summary import summarise
result = read({str(folder)!r})
summarise(result).to_text()
log = np.zeros(3, BAR)
log["mark"] = 1
row = dict(seed=1, outcome="completed", outcome_text="", steps=1, events=1, waiting_steps=0,
           unfilled_shocks=0)
with RunWriter(Path({str(folder) + "-2"!r}), result.units, scenario_text="", resolved_text="",
               tables=["bars", "adl"], replicates=[0, 1], request={{}}) as writer:
    for k in (1, 0):
        with writer.piece(k) as piece:
            piece.write("bars", to_batch("bars", log, result.units, k))
            piece.finish(row)
        writer.add(k)
    writer.close({{"status": "completed"}})
print(len(read({str(folder) + "-2"!r}).replicate("bars", 1)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_public_names():
    assert set(dir(cascade)) == {*cascade.__all__, "__version__"}
    assert cascade.read.__module__ == "cascade.output.sweep"
    with pytest.raises(AttributeError, match="no attribute 'sweeep'"):
        cascade.sweeep  # noqa: B018
