"""Where compiled code is kept, that it is never stale, and what it must not contain."""

import contextlib
import gc
import math
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
from numba.core.errors import NumbaError, TypingError

from cascade.compiler import cache
from cascade.compiler.backend import pipeline
from cascade.compiler.backend.pipeline import undisturbed
from cascade.compiler.cache import is_compiled
from cascade.compiler.jit import JIT_ENABLED, entry, kernel
from cascade.compiler.lock import locked
from cascade.core.exact import charge

ROOT = Path(__file__).parents[2]

PROBE = """
import sys
{before}
from cascade.core.exact import charge
from cascade.compiler.cache import cache_directory, sources_digest
from cascade.compiler.jit import entry

@entry
def probe(amount, rate):
    return charge(amount, rate)

print(sources_digest(), probe(1001, 50_000_000), cache_directory())
"""

COMPILED = "print('numba' in sys.modules)"
"""Whether the process has compiled anything, or loaded everything."""

THEIRS = """
import numba

@numba.njit(cache=True)
def theirs(x):
    return x + 1

assert theirs(1) == 2
"""


@pytest.fixture
def package(tmp_path):
    """Return a folder with a copy of the kernels' sources."""
    folder = tmp_path / "site"
    ignore = shutil.ignore_patterns("__pycache__", "docs", "report", "assets")
    for name in ("compiler", "core"):
        shutil.copytree(ROOT / "cascade" / name, folder / "cascade" / name, ignore=ignore)
    for name in ("__init__", "installation", "names", "rng"):
        shutil.copy(ROOT / "cascade" / f"{name}.py", folder / "cascade" / f"{name}.py")
    return folder


def start(package: Path, before: str = "", after: str = "", **environment: str) -> subprocess.Popen[str]:
    """Start the probe on a copy of the package."""
    script = package / "probe.py"
    text = PROBE.format(before=before) + after
    if (
        not script.exists() or script.read_text() != text
    ):  # one that starts meanwhile would read it half written
        script.write_text(text)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "CASCADE"))}
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script)],
        cwd=package,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean | {"PYTHONPATH": str(package)} | environment,
    )


def said(probe: subprocess.Popen[str]) -> list[str]:
    """Wait for the probe; return the words it printed."""
    with probe:
        out, errors = probe.communicate()
    assert probe.returncode == 0, errors
    return out.split()


def run(package: Path, before: str = "", **environment: str) -> list[str]:
    """Run the probe on a copy of the package; return digest, result and cache directory."""
    return said(start(package, before, **environment))


@pytest.mark.slow
def test_an_edited_helper_is_compiled_anew(package, tmp_path):
    cache = str(tmp_path / "cache")
    digest, result, directory = run(package, CASCADE_CACHE_DIR=cache)
    assert result == "501"
    assert list(Path(directory).glob("*.code"))
    helper = package / "cascade" / "core" / "exact.py"
    text = helper.read_text()
    helper.write_text(
        text.replace("return -times_rate(-amount, rate)", "return -times_rate(-amount, rate) + 1")
    )
    assert helper.read_text() != text
    edited, result, other = run(package, CASCADE_CACHE_DIR=cache)
    assert result == "502"
    assert edited != digest
    assert directory != other
    helper.write_text(text)
    assert run(package, CASCADE_CACHE_DIR=cache) == [digest, "501", directory]


HELPER = """
from cascade.compiler.jit import kernel
import rates

@kernel
def helped(amount: int) -> int:
    return amount + rates.MORE
"""

CALLER = """
from cascade.compiler.jit import entry
import helping

@entry
def caller(amount: int) -> int:
    return helping.helped(amount)

print(caller(1))
"""


@pytest.mark.parametrize("edited", ["rates.py", "helping.py"])
def test_an_edited_helper_or_number_of_another_file_is_compiled_anew(package, tmp_path, edited):
    """Neither is a file of the package, whose digest names the folder, nor that of the entry point."""
    files = {"rates.py": "MORE = 1\n", "helping.py": HELPER, "calling.py": CALLER}
    edits = {"rates.py": "MORE = 2 + 3\n", "helping.py": HELPER.replace("+ rates", "+ 4 * rates")}
    for name, text in files.items():
        (package / name).write_text(text)
    places = {"before": "import calling", "after": COMPILED, "CASCADE_CACHE_DIR": str(tmp_path / "cache")}
    assert said(start(package, **places))[0] == "2"
    assert said(start(package, **places))[::4] == ["2", "False"]
    (package / edited).write_text(edits[edited])
    assert said(start(package, **places))[0] == ("6" if edited == "rates.py" else "5")


EDIT = """
from pathlib import Path
import cascade.core.exact, cascade.compiler.jit, helping
edits = {"cascade/core/exact.py": ("(-amount, rate)", "(-amount, rate) + 1"), "helping.py": ("+ r", "+ 3 * r")}
for path, (old, new) in edits.items():
    text = Path(path).read_text()
    Path(path).write_text(text.replace(old, new))
"""


def test_what_is_edited_after_it_was_imported_is_not_kept_as_what_was_compiled(package, tmp_path):
    """A session that is open while its sources change compiles the old ones: the next process finds none of that."""
    for name, text in {"rates.py": "MORE = 1\n", "helping.py": HELPER, "calling.py": CALLER}.items():
        (package / name).write_text(text)
    places = {"after": "import calling", "CASCADE_CACHE_DIR": str(tmp_path / "cache")}
    assert said(start(package, before=EDIT, **places))[1::2] == ["501", "2"]
    assert said(start(package, **places))[1::2] == ["502", "4"]


@pytest.mark.slow
def test_of_several_processes_at_once_one_compiles_and_the_others_load(package, tmp_path):
    probes = [start(package, after=COMPILED, CASCADE_CACHE_DIR=str(tmp_path / "cache")) for _ in range(4)]
    words = [said(probe) for probe in probes]
    assert {result for _, result, *_ in words} == {"501"}
    assert sorted(compiled for *_, compiled in words) == ["False", "False", "False", "True"]


@pytest.mark.slow
def test_who_waits_for_another_is_told_and_who_loads_is_not(package, tmp_path):
    heard = "from cascade.compiler.waiting import watch; watch(lambda name, seconds: print('told', name))"
    places = {"before": f"import sys\n{heard}", "CASCADE_CACHE_DIR": str(tmp_path / "cache")}
    both = [said(probe) for probe in [start(package, **places), start(package, **places)]]
    later = said(start(package, **places))
    assert [words.count("probe") for words in (*both, later)] == [1, 1, 0]


@pytest.mark.slow
def test_the_same_sources_in_another_folder_are_loaded_without_the_compiler(package, tmp_path):
    cache = str(tmp_path / "cache")
    *_, first = said(start(package, after=COMPILED, CASCADE_CACHE_DIR=cache))
    elsewhere = shutil.copytree(package, tmp_path / "elsewhere")
    _, result, _, again = said(start(elsewhere, after=COMPILED, CASCADE_CACHE_DIR=cache))
    assert (first, result, again) == ("True", "501", "False")


@pytest.mark.parametrize(
    "damage", [lambda code: code[:-9], lambda code: b"", lambda code: code[:90] + b"?" + code[91:]]
)
def test_damaged_code_is_compiled_anew_and_mended(package, tmp_path, damage):
    cache = str(tmp_path / "cache")
    _, _, directory, _ = said(start(package, after=COMPILED, CASCADE_CACHE_DIR=cache))
    (kept,) = Path(directory).glob("*.code")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    for compiles in ("True", "False"):
        _, result, _, compiled = said(start(package, after=COMPILED, CASCADE_CACHE_DIR=cache))
        assert (result, compiled) == ("501", compiles)
    assert len(kept.read_bytes()) == len(whole)


def test_functions_that_a_system_does_not_name_are_those_that_numba_knows(package, tmp_path):
    """As on Windows, where a process cannot be asked."""
    asked = "import ctypes, math, llvmlite.binding\nctypes.CDLL = None"
    text = "from cascade.compiler.jit import entry\n@entry\ndef root(x):\n    return math.log(x)\n"
    after = f"{text}\nprint(root(2.0) == math.log(2.0), 'numba' in sys.modules)"
    for _ in range(2):
        *_, same, known = said(
            start(package, before=asked, after=after, CASCADE_CACHE_DIR=str(tmp_path / "cache"))
        )
        assert (same, known) == ("True", "True")


@pytest.mark.slow
def test_who_only_loads_waits_for_nobody(package, tmp_path):
    cache = str(tmp_path / "cache")
    digest, result, directory = run(package, CASCADE_CACHE_DIR=cache)
    locks = list(Path(directory).glob("*.lock"))
    assert locks
    with contextlib.ExitStack() as held:
        for lock in locks:
            held.enter_context(locked(lock))
        assert run(package, CASCADE_CACHE_DIR=cache) == [digest, result, directory]


@pytest.mark.slow
def test_functions_of_others_keep_their_own_cache(package, tmp_path):
    """Numba imported and used before us, and after: its setting is as it was."""
    cache = tmp_path / "cache"
    run(package, before=THEIRS, CASCADE_CACHE_DIR=str(cache))
    kept = [path.name for path in cache.rglob("*")]
    assert any("probe-" in name for name in kept)
    assert not any("theirs" in name for name in kept)
    assert [path for path in (package / "__pycache__").glob("*.nbi") if "theirs" in path.name]


def test_without_a_writable_directory_it_compiles_uncached(package):
    blocked = "import tempfile; tempfile.tempdir = '/dev/null/no'"
    _, result, directory = run(
        package, before=blocked, CASCADE_CACHE_DIR="/dev/null/a", XDG_CACHE_HOME="/dev/null/b"
    )
    assert (result, directory) == ("501", "None")
    assert not list(package.rglob("*.code"))


@pytest.mark.slow
def test_a_directory_that_cannot_be_written_is_passed_over(package, tmp_path):
    _, result, directory = run(package, CASCADE_CACHE_DIR="/dev/null/a", XDG_CACHE_HOME=str(tmp_path))
    assert result == "501"
    assert Path(directory).is_relative_to(tmp_path / "cascade")


def test_a_folder_that_is_gone_meanwhile_is_done_without(package, tmp_path):
    gone = (
        "import shutil\nfrom cascade.compiler.cache import cache_directory\nshutil.rmtree(cache_directory())"
    )
    _, result, _ = run(package, before=gone, CASCADE_CACHE_DIR=str(tmp_path / "cache"))
    assert result == "501"


def test_each_compiler_and_each_kind_of_processor_has_a_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CASCADE_CACHE_DIR", str(tmp_path))
    folders = [cache.cache_directory.__wrapped__()]
    for variable, value in (("CPU_NAME", "generic"), ("CPU_FEATURES", "+sse2"), ("ENABLE_AVX", "0")):
        monkeypatch.setenv(f"NUMBA_{variable}", value)
        folders.append(cache.cache_directory.__wrapped__())
    monkeypatch.setattr(cache.llvmlite, "__version__", "0.50.9")
    folders.append(cache.cache_directory.__wrapped__())
    monkeypatch.setattr(cache.metadata, "version", lambda _: "0.68.9")
    folders.append(cache.cache_directory.__wrapped__())
    assert len(set(folders)) == len(folders)


INSPECT = """
import gc
from numba.core.dispatcher import Dispatcher
from cascade.compiler.backend.pipeline import whole
from cascade.core import start, step
from tests.support.runner import Runner
from tests.support.small_worlds import crash_world, quotes

world = crash_world(long=True, cross=True)
runner = Runner(world)
runner.step(quotes(world, 1000, deep=False))
found = [f for f in gc.get_objects() if isinstance(f, Dispatcher)]
ours = [f for f in found if f.py_func.__module__.startswith("cascade.")]
several = {f.py_func.__qualname__: len(f.signatures) for f in ours if len(f.signatures) > 1}
used = [f for f in ours if f.signatures]
assert len(used) > 100, len(used)
assert not several, several
for entry in (start.take_seats, step.advance):
    (kinds,) = entry.calls
    text = whole(entry.py_func, kinds).library.get_llvm_str()
    assert "NRT_incref" not in text, entry
    assert "!tbaa" in text, entry  # accesses tell what they may not overlap
    assert "!invariant.load" in text, entry
print("clean", len(used))
"""


@pytest.mark.slow
def test_each_kernel_has_one_signature_and_no_reference_counting(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INSPECT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CASCADE_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("clean")


def test_what_was_compiled_before_it_was_stopped_is_not_all(monkeypatch, tmp_path):
    """A first run that is interrupted leaves some entry points behind: the next one compiles the step."""
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path)
    (tmp_path / "cascade.core.start.take_seats-0.code").touch()
    (tmp_path / "cascade.core.step.advance.lock").touch()
    assert not is_compiled()
    (tmp_path / "cascade.core.step.advance-0.code").touch()
    assert is_compiled()


def test_the_entry_point_that_is_waited_for_is_one():
    module, _, name = cache.STEP.rpartition(".")
    assert getattr(import_module(module), name).__name__ == name


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_of_garbage_rests_while_a_kernel_is_compiled(was_on):
    before = gc.isenabled()
    (gc.enable if was_on else gc.disable)()
    try:
        with undisturbed():
            assert not gc.isenabled()
        assert gc.isenabled() == was_on
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_what_is_compiled_is_resolved_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, plain = [], pipeline.Context.resolve_function_type

    def counted(self: object, func: object, args: object, kws: object) -> object:
        asked.append((func, tuple(args)))
        return plain(self, func, args, kws)

    monkeypatch.setattr(pipeline.Context, "resolve_function_type", counted)

    @kernel
    def half(amount: int) -> int:
        return charge(amount, 50_000_000)

    @entry
    def several(amount: int) -> int:
        return half(half(amount))

    assert several(1004) == 251
    assert asked
    assert len(asked) == len(set(asked))


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_a_kernel_is_no_function_for_python_which_is_told_what_to_call() -> None:
    with pytest.raises(TypeError, match=r"charge is called by kernels only; .* entry\(charge\)"):
        charge(1004, 50_000_000)
    assert entry(charge)(1004, 50_000_000) == 502


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_a_part_is_text_in_each_entry_point_that_reaches_it() -> None:
    @kernel
    def third(amount: int) -> int:
        total = 0
        for k in range(3):
            total += amount if k == 1 else 0
        return total

    @entry
    def once(amount: int) -> int:
        return third(amount)

    @entry
    def again(amount: int) -> int:
        return third(third(amount) + 1)

    assert (once(5), again(5)) == (5, 6)
    (code,) = third.compiled.overloads.values()  # type: ignore[attr-defined]
    assert "linkonce_odr" in code.library.text


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_a_kernel_does_not_raise() -> None:
    @entry
    def refusing(amount: int) -> int:
        if amount < 0:
            raise ValueError
        return amount

    with pytest.raises(NumbaError, match=r"(?s)raise .*test_jit\.py"):
        refusing(1)


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_a_kernel_calls_nothing_that_only_a_process_with_numba_has() -> None:
    @entry
    def fraction(x: float) -> float:
        return math.frexp(x)[0]

    with pytest.raises(LookupError, match="only a process with numba has"):
        fraction(3.0)


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
def test_what_cannot_be_compiled_is_told_with_its_line() -> None:
    @entry
    def broken(amount: int) -> int:
        return amount.unheard_of  # type: ignore[attr-defined]

    with pytest.raises(TypingError, match=r"(?s)unheard_of.*test_jit\.py"):
        broken(1)


class Pair(NamedTuple):
    """What a kernel may make and Python gets no object of."""

    number: int
    share: float


RETURNED = {
    "a number or nothing": lambda number: number if number > 0 else None,
    "a tuple in a tuple": lambda number: (number, (number, 1)),
    "a tuple with names": lambda number: Pair(number, 0.5),
    "text": lambda number: "seven",
    "a complex number": lambda number: complex(number, 1.0),
}


@pytest.mark.skipif(not JIT_ENABLED, reason="kernels run as plain Python")
@pytest.mark.parametrize("returned", RETURNED)
def test_what_an_entry_point_returns_are_numbers(returned: str) -> None:
    with pytest.raises(NumbaError, match=r"(?s)returns nothing, a number, or a plain tuple .*test_jit\.py"):
        entry(RETURNED[returned])(1)


@pytest.mark.parametrize(
    ("said", "is_compiled"), [("", True), ("0", True), ("false", True), ("off", True), ("1", False)]
)
def test_compiling_is_switched_off_by_what_switches_numba_off(said: str, is_compiled: bool) -> None:
    script = "from cascade.compiler.jit import JIT_ENABLED; print(JIT_ENABLED)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": said},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(is_compiled)
