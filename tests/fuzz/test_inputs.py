"""Damaged scenarios, sweeps, rulebooks and data files: each is valid, or every mistake is told at its place.

A failure names its number: `altered(name, number)` is the text it was about.
"""

from __future__ import annotations

import gzip
import io
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cascade.errors import UNPRINTABLE, Problem, ScenarioError
from cascade.scenario.codes import codes
from cascade.scenario.load import digest, inspect, load, report, to_yaml
from cascade.scenario.sweep_file import read_plan
from tests.support.mutations import Generator, generator, with_other_bytes, with_other_lines

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "data" / "base.yaml"
SCENARIOS = {path.stem: path for path in [BASE, *sorted((ROOT / "scenarios").glob("*.yaml"))]}
SWEEPS = {path.stem: path for path in sorted((ROOT / "scenarios" / "studies").glob("*.yaml"))}
RULEBOOKS = {path.stem: path for path in sorted((ROOT / "cascade" / "venues").glob("*.yaml"))}

SECONDS, MEGABYTES = 10.0, 400
"""What a file of a few kilobytes may cost; most take a hundredth of that."""

ABOUT_FILES = {"CAS003", "CAS008", "CAS022"}
"""What may be wrong with a file as a whole: it is not there, too large, or in no format of ours."""

WORDS = (
    "", "~", "0", "-1", "-0.0", ".nan", ".inf", "1e308", "1e400", "-1e30", "5e-324", "9223372036854775808", "1e15",
    "0x1F", "1_000", "0o_", "true", "no", "[]", "{}", "[[]]", "[1, [2, [3]]]", "{a: 1}", "{type: x}", "{dist: x}",
    "{type: anchors, points: []}", "{dist: uniform, low: 2, high: 1}", "{dist: table, values: [1], weights: [0]}",
    "5 parsecs", "5 %", "-5 %", "1e9 %", "1h", "-8d", "1e12d", "2h 30", "2025-07-01", "2025-07-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00Z", "1T", "99999999T USD", "'*'", "'*:*'", "':'", "binance:*",
    "spot:BTCUSD", "BTC", "../../../etc/passwd", "/dev/zero", "/dev/stdin", "x.csv", ".", "'\\0'", '"\\e[2J"', "'='",
    "=1+1", "<script>", "!!float x", "!!binary aGk=", "!!python/object:os.system x", "*x", "&x 1", "&x [*x]", "<<",
    "'é'", "'\u202e'", "💥", "null", "'" + "9" * 300 + "'", "9" * 400, "[" * 100, "x" * 20_000, "|", ">-", "? x",
    "- - -",
)  # fmt: skip
"""What is written in place of a value."""

BOMB = "b0: &b0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{k}: &b{k} [{', '.join([f'*b{k - 1}'] * 9)}]\n" for k in range(1, 9)
)
ENCODINGS = ("utf-16", "utf-32", "utf-8-sig", "latin-1", "cp500", "utf-7")
ENDS = ("\r\n", "\r", "\x85", "\u2028", "\x0b", "\n\n", "\t\n", "")


# --- mutations of text --------------------------------------------------------------------------------


def one_of(choices: Any, rng: Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]


def replaced(text: str, pattern: str, rng: Generator, make: Callable[[str], str]) -> str:
    """Return text in which one match of a pattern is another."""
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    match = one_of(found, rng)
    return text[: match.start(1)] + make(match[1]) + text[match.end(1) :]


VALUE = r"(?<![\w-])[\w-]+: *([^,{}\[\]\n#]+|\[[^\[\]\n]*\]|\{[^{}\n]*\})"
KEY = r"(?<![\w-])([\w-]+):(?= |$)"
MISSPELT: tuple[Callable[[str], str], ...] = (lambda key: key[:-1], lambda key: key * 2, str.upper)
ITEM = r"(?<=[\[,]) *([^,{}\[\]\n:]+)(?=[,\]])"


def mutated_text(text: str, rng: Generator) -> bytes:
    """Return the text with one change, as the bytes of a file."""
    how = one_of((*[_in_place] * 9, _moved, _around, _encoded, _damaged, _damaged), rng)
    return how(text, rng)


def _in_place(text: str, rng: Generator) -> bytes:
    """Write another value, or another key."""
    what = int(rng.integers(9))
    pattern = VALUE if what < 5 else ITEM if what == 5 else KEY
    choices: Any = WORDS
    if what in (4, 6):
        choices = re.findall(pattern, text)
    elif what > 6:
        choices = [*(change(key) for key in re.findall(KEY, text) for change in MISSPELT), "", "type"]
    return replaced(text, pattern, rng, lambda _: one_of(choices or WORDS, rng)).encode()


def _moved(text: str, rng: Generator) -> bytes:
    blanks = one_of((" ", "\t", "- ", "  "), rng)
    return replaced(text, r"\n( *)\S", rng, lambda before: before + blanks).encode()


def _around(text: str, rng: Generator) -> bytes:
    more = (BOMB + text, text + BOMB, f"{text}\nx: {'[' * 3000}", f"{text}---\n{text}", "x" * 600_000)
    return one_of(more, rng).encode()


def _encoded(text: str, rng: Generator) -> bytes:
    encoding = one_of(ENCODINGS, rng)
    return text.replace("\n", one_of(ENDS, rng)).encode(
        encoding if rng.random() < 0.5 else "utf-8", "replace"
    )


def _damaged(text: str, rng: Generator) -> bytes:
    if rng.random() < 0.5:
        return with_other_bytes(text.encode(), rng)[0]
    return with_other_lines(text, rng)[0].encode()


def altered(text: str, number: int, mutated: Callable[[str, Generator], bytes] = mutated_text) -> bytes:
    """Return a text with the changes of a number: one, or a few."""
    rng = generator(number)
    for _ in range(int(rng.integers(1, 5))):
        content = mutated(text, rng)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content
    return content


# --- what is said of them -----------------------------------------------------------------------------


def assert_located(problems: tuple[Problem, ...], what: str) -> None:
    """Each problem is one of ours, says where it is, and shows the line that is there."""
    for each in problems:
        said = f"{what}: {each}"
        assert each.code in codes(), said
        assert each.message, said
        assert each.file, said
        assert (
            (each.line >= 1 and each.column >= 1)
            or each.code in ABOUT_FILES
            or each.file.endswith(".parquet")
        ), said
        assert not UNPRINTABLE.search(each.render().replace("\n", "")), said
        assert len(each.render()) < 50_000, said


class Bounds:
    """Time and memory of what is done within."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.began, self.peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        assert kind is None or issubclass(kind, AssertionError), f"{self.what}: {error!r}"
        assert time.process_time() - self.began < SECONDS, self.what
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.peak
        assert grown < MEGABYTES * 1024, f"{self.what}: {grown} kB"


def tell_scenario(path: Path, what: str) -> bool:
    """Look at a scenario; one that is valid is the same after it was written out."""
    scenario, problems = inspect(path)
    assert_located(problems, what)
    if scenario is None or any(problem.severity == "error" for problem in problems):
        assert problems, what
        return False
    resolved = path.with_name("resolved.yaml")
    resolved.write_text(to_yaml(scenario), encoding="utf-8")
    assert digest(load(resolved)) == digest(scenario), what
    return True


def tell_sweep(path: Path, what: str) -> bool:
    try:
        problems = tuple(read_plan(path).problems)
    except ScenarioError as error:
        problems = error.problems
    assert_located(problems, what)
    return not problems


def tell_rulebook(path: Path, what: str) -> bool:
    said = report(path, rulebook=True)
    assert_located(said.problems, what)
    return said.is_valid


def look(folder: Path, files: dict[str, Path], numbers: range, tell: Callable[[Path, str], bool]) -> None:
    """Alter a file by each number, and see that what is said of it is sound."""
    path, valid = folder / "altered.yaml", 0
    for number in numbers:
        name = list(files)[number % len(files)]
        path.write_bytes(altered(files[name].read_text(encoding="utf-8"), number))
        what = f"{name}, mutation {number}"
        with Bounds(what):
            valid += tell(path, what)
    assert valid < len(numbers) or len(numbers) < 10, "mistakes are found"


def test_an_altered_scenario_is_valid_or_its_mistakes_are_located(tmp_path: Path, n_mutations: int) -> None:
    look(tmp_path, SCENARIOS, range(n_mutations), tell_scenario)


def test_an_altered_sweep_is_valid_or_its_mistakes_are_located(tmp_path: Path, n_mutations: int) -> None:
    look(tmp_path, SWEEPS, range(10**6, 10**6 + n_mutations // 4), tell_sweep)


def test_an_altered_rulebook_is_valid_or_its_mistakes_are_located(tmp_path: Path, n_mutations: int) -> None:
    look(tmp_path, RULEBOOKS, range(2 * 10**6, 2 * 10**6 + n_mutations // 4), tell_rulebook)


# --- data files ---------------------------------------------------------------------------------------

CELLS = (
    "", " ", "0", "-1", "nan", "inf", "-inf", "1e308", "1e400", "1e999999999", "1,5", "1_000", "0x10", "١٢", "true",
    "long", "LONG", "shrt", "spot:BTCUSD", "binance:BTCUSDT", ":", "*", "2025-07-01", "2025-07-01T00:00:00+25:00",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1751328000", "'", '"', '""', "=1+1", "<b>", "\x00",
    "\x1b[2J",    "x" * 200_000, "9" * 5000, "é", "💥",
)  # fmt: skip

TABLES = {
    "bars": "time_utc,open,high,low,close\n"
    + "".join(f"2025-07-01T0{k // 60}:{k % 60:02}:00Z,107000,107100,106900,107050\n" for k in range(125)),
    "depth": "distance_bps,cumulative_usd\n" + "".join(f"{k},{k * 1e6:g}\n" for k in range(1, 40)),
    "positions": "market,side,notional_usd,entry_price,leverage,label\n"
    + "".join(
        f"binance:BTCUSDT,{'long' if k % 2 else 'short'},{1000 + k},107000,{5 + k % 5},\n" for k in range(30)
    ),
}
"""Data files that are sound."""

NAMED = {
    "bars": (r"news:\n(.*\n)*?      volatility: 12 %\n", "news: {type: bars, file: FILE}\n"),
    "depth": (r"      profile: .*\n", "      file: FILE\n"),
    "positions": (r"  - type: ladder\n(    .*\n)*", "  - {type: table, name: fuel, file: FILE}\n"),
}
"""What names them in the base scenario, in place of what."""


def mutated_table(text: str, rng: Generator) -> bytes:
    """Return a table as text with one change, as the bytes of a file."""
    lines = text.split("\n")
    at = int(rng.integers(len(lines)))
    cells = lines[at].split(",")
    place = int(rng.integers(len(cells)))
    how = int(rng.integers(10))
    if how < 4:
        cells[place] = one_of(CELLS, rng)
    elif how == 4:
        cells.insert(place, one_of(cells, rng))
    elif how == 5:
        del cells[place]
    elif how == 6:
        return text.replace(
            *one_of(((",", ";"), (",", "\t"), ("\n", "\r"), ("\n", "\r\n"), ("Z", "")), rng)
        ).encode()
    elif how == 7:
        return one_of((text.encode("utf-16"), b"", b"\n", text[:20].encode(), (text + text).encode()), rng)
    elif how == 8:
        return with_other_bytes(text.encode(), rng)[0]
    else:
        return with_other_lines(text, rng)[0].encode()
    lines[at] = ",".join(cells)
    return "\n".join(lines).encode()


def as_parquet(text: str, rng: Generator) -> bytes:
    """Return a sound table as parquet, with a column of another type, name or value, or with other bytes."""
    names, *records = [line.split(",") for line in text.strip().split("\n")]
    columns: dict[str, list[Any]] = {
        name: list(column) for name, column in zip(names, zip(*records, strict=True), strict=True)
    }
    name = one_of(names, rng)
    odd: list[Any] = [
        None,
        True,
        7,
        -1.5,
        float("nan"),
        "",
        b"\xff",
        [1],
        {"a": 1},
        2**62,
        np.datetime64("2500-01-01", "s"),
    ]
    how = int(rng.integers(4))
    if how == 0:
        columns[name] = [one_of(odd, rng)] * len(records)
    elif how == 1:
        columns[name][int(rng.integers(len(records)))] = None
    elif how == 2:
        del columns[name]
    table = pa.table({key: pa.array(values) for key, values in columns.items()})
    if rng.random() < 0.2:
        table = table.append_column(name, pa.array(range(len(records))))
    stream = io.BytesIO()
    pq.write_table(table.slice(0, int(one_of((0, len(records)), rng))), stream)
    return with_other_bytes(stream.getvalue(), rng)[0] if how == 3 else stream.getvalue()


def data_file(kind: str, number: int) -> tuple[str, bytes]:
    """Return a damaged data file of a kind, and its name."""
    rng = generator(number)
    form = int(rng.integers(4))
    if form == 0:
        return "data.parquet", as_parquet(TABLES[kind], rng)
    content = altered(TABLES[kind], number, mutated_table)
    if form > 1:
        return "data.csv", content
    packed = gzip.compress(content, mtime=0)
    return "data.csv.gz", with_other_bytes(packed, rng)[0] if rng.random() < 0.5 else packed


@pytest.mark.parametrize(("kind", "first"), [("bars", 0), ("depth", 10**6), ("positions", 2 * 10**6)])
def test_an_altered_data_file_is_valid_or_its_mistakes_are_located(
    tmp_path: Path, n_mutations: int, kind: str, first: int
) -> None:
    pattern, naming = NAMED[kind]
    path, valid = tmp_path / "scenario.yaml", 0
    text, n = re.subn(pattern, naming, BASE.read_text(encoding="utf-8"), count=1)
    assert n == 1
    (tmp_path / "data.csv").write_text(TABLES[kind])
    path.write_text(text.replace("FILE", "data.csv"))
    assert tell_scenario(path, "as it was")
    numbers = range(first, first + n_mutations // 4)
    for number in numbers:
        name, content = data_file(kind, number)
        (tmp_path / name).write_bytes(content)
        path.write_text(text.replace("FILE", name))
        what = f"{kind}, mutation {number}"
        with Bounds(what):
            valid += tell_scenario(path, what)
    assert valid < len(numbers), "mistakes are found"
