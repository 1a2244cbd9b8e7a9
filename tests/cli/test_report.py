"""`cascade report`: exit codes, files, and what goes where."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.output.manifest import MANIFEST


def call(*words, code=0):
    done = CliRunner().invoke(build([words[0]]), [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


def test_page_in_the_folder_of_the_run_is_not_overwritten(write_run):
    folder = write_run(n=2)
    assert call("report", folder).stdout.strip() == str(folder / "report.html")
    first = (folder / "report.html").read_text(encoding="utf-8")
    assert first.startswith("<!doctype html>")
    refused = call("report", folder, code=2)
    assert "--force" in refused.stderr
    call("report", folder, "--force")


@pytest.mark.slow
def test_static_page_elsewhere(write_run, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "new" / "page.html"
    call("report", write_run(n=2), "--static", "-o", path)
    assert "<script" not in path.read_text(encoding="utf-8")


def test_a_file_that_the_system_refuses_is_named_as_it_was_asked_for(write_run, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    path = tmp_path / "taken" / "page.html"
    assert ".tmp" not in call("report", write_run(n=2), "-o", path, code=2).stderr


def test_memo(write_run, tmp_path):
    folder, path = write_run(n=6), tmp_path / "memo.md"
    text = call("report", folder, "--markdown").stdout
    assert text.startswith("# `test`\n")
    assert "conditional on the scenario" in text
    assert "| Liquidated | total | 214k USD [214k, 214k] |" in text
    call("report", folder, "--markdown", "-o", path)
    assert path.read_text(encoding="utf-8") == text.removesuffix("\n")
    assert not (folder / "report.html").exists()
    assert "--pdf --markdown" in call("report", folder, "--markdown", "--pdf", code=2).stderr


def test_folders_that_hold_no_run(write_run, tmp_path):
    assert "CAS600" in call("report", tmp_path / "nowhere", code=6).stderr
    assert "CAS601" in call("report", tmp_path, code=6).stderr
    unfinished = write_run(n=1, close=False)
    assert not (unfinished / MANIFEST).exists()
    call("report", unfinished, code=3)  # its scenario is no scenario: the units of its tables are not known


def test_every_row_of_the_memo_has_as_many_cells_as_its_head(write_run):
    lines = call("report", write_run(n=2), "--markdown").stdout.splitlines()
    widths = [line.count(" | ") for line in lines if line.startswith("|")]
    blocks = [[]]
    for line in lines:
        if line.startswith("|"):
            blocks[-1].append(line.count(" | "))
        elif blocks[-1]:
            blocks.append([])
    assert widths
    assert all(len(set(block)) == 1 for block in blocks if block)


@pytest.mark.slow
def test_comparison_as_a_page(write_run, tmp_path):
    runs, path = [write_run(n=6), write_run(n=6, folder="other-11111111")], tmp_path / "report.html"
    done = call("compare", *runs, "-o", path)
    assert "every replicate is the same" in done.stdout
    assert str(path) in done.stderr
    assert "Which differences are not luck?" in path.read_text(encoding="utf-8")
    refused = call("compare", *runs, "-o", path, code=2)
    assert "--force" in refused.stderr
    call("compare", *runs, "-o", path, "--force", "--baseline", "other-11111111", "--json")
    assert "Baseline: other-11111111." in path.read_text(encoding="utf-8")


def test_more_runs_than_a_page_can_show(write_run, tmp_path):
    runs = [write_run(n=1, folder=f"run-{k:08d}") for k in range(9)]
    assert "CAS805" in call("compare", *runs, "-o", tmp_path / "page.html", code=2).stderr
