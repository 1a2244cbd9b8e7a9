"""Data files: whatever is wrong with one is a problem at its place, and equal faults of many rows are one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cascade.errors import Problem, ScenarioError, folded, render_problems
from cascade.limits import MOST_DATA_BYTES, MOST_ROWS
from cascade.scenario import tables
from cascade.scenario.positions import read_positions
from cascade.scenario.tables import read_bars, read_depth

BARS = "time_utc,open,high,low,close\n" + "".join(
    f"2025-07-01T00:{minute:02d}:00Z,100,110,90,105\n" for minute in range(30)
)
DEPTH = "distance_bps,cumulative_usd\n1,440000\n10,9e6\n100,240e6\n"


def problems_of(read, path: Path) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        read(path)
    return list(caught.value.problems)


def only(read, path: Path) -> Problem:
    (problem,) = problems_of(read, path)
    return problem


@pytest.fixture
def write(tmp_path: Path):
    def put(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def damaged(kind: str) -> bytes:
    whole = gzip.compress(BARS.encode())
    return {
        "cut": whole[:-20],
        "bytes changed": whole[:30] + b"\xff\x00\xff\x00" + whole[34:],
        "not packed": BARS.encode(),
        "empty": b"",
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "bytes changed", "not packed"])
def test_a_broken_archive_is_a_problem(kind: str, write) -> None:
    problem = only(read_bars, write(damaged(kind), "bars.csv.gz"))
    assert problem.code == "CAS022"
    assert "cannot be unpacked" in problem.message
    assert "pack it again" in problem.hint


def test_an_empty_archive_lacks_its_columns(write) -> None:
    assert {each.code for each in problems_of(read_bars, write(b"", "bars.csv.gz"))} == {"CAS020"}


@pytest.mark.parametrize("cell", ["1_00", "١٠٠", "１００", "0x64", "1e2_", "100 USD"])
def test_a_number_is_plain_digits(cell: str, write) -> None:
    problem = only(read_bars, write(BARS.replace("00:07:00Z,100", f"00:07:00Z,{cell}")))
    assert (problem.line, problem.column, problem.hint) == (9, 22, "write plain digits, such as 1250.5")
    assert f"'{cell}' is not a number" in problem.message


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(ends: str, write) -> None:
    assert len(read_bars(write(BARS.replace("\n", ends))).time_s) == 30
    bad = BARS.replace("00:07:00Z,100", "00:07:00Z,x").replace("\n", ends)
    problem = only(read_bars, write(bad))
    assert (problem.line, problem.column, problem.width) == (9, 22, 1)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_two_columns_of_one_name_are_a_problem(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"depth.{suffix}"
    if suffix == "csv":
        path.write_text(DEPTH.replace("distance_bps,", "distance_bps,distance_bps,"))
    else:
        columns = [pa.array([1.0, 2.0])] * 3
        pq.write_table(pa.table(columns, ["distance_bps", "distance_bps", "cumulative_usd"]), path)
    problem = only(read_depth, path)
    assert problem.code == "CAS020"
    assert "'distance_bps' is the name of 2 columns" in problem.message


def test_two_columns_that_need_not_be_there_are_a_problem_too(tmp_path: Path) -> None:
    names = ["market", "side", "notional_usd", "entry_price", "leverage", "label", "label"]
    columns = [["binance:BTCUSDT"], ["long"], [1e3], [1e5], [5.0], ["a"], ["b"]]
    path = tmp_path / "positions.parquet"
    pq.write_table(pa.table([pa.array(column) for column in columns], names), path)
    assert "'label' is the name of 2 columns" in only(read_positions, path).message


def test_columns_that_nobody_reads_may_be_anything(write) -> None:
    text = DEPTH.replace("\n", ",x,x\n").replace("usd,x,x", "usd,note,note")
    assert len(read_depth(write(text)).distance_bps) == 3


def test_a_cell_that_never_ends_is_a_problem(write) -> None:
    problem = only(read_depth, write(DEPTH + '1000,"' + "9" * 200_000))
    assert problem.code == "CAS022"
    assert problem.line == 5
    assert "field larger" in problem.message


@pytest.mark.parametrize("content", [b"\xff\xfed\x00i\x00s\x00", b"\x00" * 100, b"PK\x03\x04\xa0\xa1", b""])
def test_what_is_no_table_is_a_problem(content: bytes, write) -> None:
    assert {each.code for each in problems_of(read_depth, write(content))} <= {"CAS020", "CAS022"}
    assert only(read_depth, write(content, "depth.parquet")).code == "CAS022"


def test_equal_faults_of_many_rows_are_one_problem(write) -> None:
    rows = "".join("2025-07-01T00:00:00Z,x,110,90,-5\n" for _ in range(5000))
    problems = problems_of(read_bars, write(BARS + rows))
    assert [(each.path, each.line, each.others) for each in problems] == [
        ("time_utc", 32, 4999),
        ("open", 32, 4999),
        ("close", 32, 4999),
    ]
    assert (
        "'x' is not a number — and 4,999 more like it, in lines 33, 34, 35, 36, 37, ..."
        in problems[1].message
    )
    assert render_problems(problems).endswith("15000 errors")


def test_equal_faults_of_rows_of_parquet_are_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "depth.parquet"
    rows = [None] * 100
    pq.write_table(pa.table({"distance_bps": list(range(1, 101)), "cumulative_usd": rows}), path)
    problem = only(read_depth, path)
    assert problem.message.startswith(
        "row 1, cumulative_usd: '' is not a number — and 99 more like it, in rows 2, 3"
    )


def test_few_faults_are_told_one_by_one(write) -> None:
    lines = BARS.splitlines()
    for row in (3, 7, 11):
        lines[row] = lines[row].replace(",100,", ",0,")
    assert [each.line for each in problems_of(read_bars, write("\n".join(lines)))] == [4, 8, 12]


def test_all_kinds_of_faults_are_told_at_once(write) -> None:
    lines = BARS.splitlines()
    lines[2] = lines[2].replace("100", "x")
    lines[4] = lines[4] + ",7"
    lines[6] = lines[6].replace("110", "50")
    lines[8] = lines[2]
    found = [(each.code, each.line, each.path) for each in problems_of(read_bars, write("\n".join(lines)))]
    assert found == [
        ("CAS021", 3, "open"), ("CAS022", 5, ""), ("CAS021", 7, "high"), ("CAS021", 9, "time_utc"),
        ("CAS021", 9, "open"),
    ]  # fmt: skip


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59:59-10:00", "1969-12-31", "2200-01-01"])
def test_a_bar_lies_in_years_of_ours(time: str, write) -> None:
    assert "outside the years" in only(read_bars, write(BARS + f"{time},1,1,1,1\n")).message


def test_the_column_of_times_is_none_of_prices(write) -> None:
    path = write(BARS)
    assert "is the column of a price" in only(lambda file: read_bars(file, "open"), path).message


def test_a_file_of_more_than_is_read_is_refused(write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_DATA_BYTES > 100e6
    assert MOST_ROWS > 1e6
    monkeypatch.setattr(tables, "MOST_ROWS", 20)
    assert "more than 20 rows" in only(read_bars, write(BARS)).message
    path = write(b"", "depth.parquet")
    pq.write_table(pa.table({"distance_bps": [1.0] * 21, "cumulative_usd": [1.0] * 21}), path)
    assert "of 21 rows" in only(read_depth, path).message
    monkeypatch.setattr(tables, "MOST_DATA_BYTES", 1_000)
    bomb = gzip.compress(b"0" * 10_000_000)
    assert "the file is larger than" in only(read_bars, write(bomb, "bars.csv.gz")).message


def test_a_table_of_positions_of_unknown_markets_is_one_problem() -> None:
    problems = [
        Problem("CAS021", f"no market 'm{k}'", "write a market", "book.csv", k + 2, 1, path="market")
        for k in range(3000)
    ]
    (problem,) = folded(problems)
    assert problem.others == 2999
    assert problem.message.startswith("no market 'm0' — and 2,999 more like it, in lines 3, 4")


def test_empty_cells_of_positions(write) -> None:
    text = "market,side,notional_usd,entry_price,leverage\na:b,long,1,1,1\n,short,,inf,nan\na\x1b:b,x,1,1,1\n"
    problems = problems_of(read_positions, write(text))
    assert [(each.line, each.path) for each in problems] == [
        (3, "entry_price"), (3, "leverage"), (4, "market"), (4, "side"),
    ]  # fmt: skip
    assert "\x1b" not in render_problems(problems)


LENGTHS = """\
time_utc,open,high,low,close,interval_s
2025-06-29T00:00:00Z,100,110,90,105,86400
2025-06-30T12:00:00Z,105,106,104,105,300
2025-06-30T12:05:00Z,105,106,104,105,300
"""


def test_bars_are_read_again_only_where_the_file_has_changed(write):
    """So a sweep reads its prices once; nobody can change what others are given."""
    path = write(BARS)
    first = read_bars(path)
    assert read_bars(str(path)) is first
    with pytest.raises(ValueError, match="read-only"):
        first.close[0] = 1.0
    assert read_bars(write(BARS.replace("105", "106.5"))).close[0] == 106.5
    path.unlink()
    assert only(read_bars, path).code == "CAS003"


def test_bars_may_say_how_long_each_is(write):
    assert read_bars(write(LENGTHS)).length_s.tolist() == [86_400, 300, 300]
    assert set(read_bars(write(BARS)).length_s) == {60}


def test_a_bar_that_overlaps_the_next_is_told(write):
    problem = only(read_bars, write(LENGTHS.replace("86400", "186400")))
    assert (problem.line, problem.path) == (2, "interval_s")
    assert problem.message == "ends after the next bar begins"
