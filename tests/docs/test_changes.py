"""Entries of the page `changes` stand below the version and the kind of change that they belong to."""

from __future__ import annotations

import re

from tests.pages import text_of

PAGE = text_of("changes")
KINDS = {"Regression", "Migration", "Added", "Fixed"}


def test_every_entry_stands_below_a_version_and_a_kind() -> None:
    version = kind = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            version, kind = line, ""
        elif found := re.match(r"\*\*(\w+)\*\*", line):
            kind = found[1]
            assert version, line
            assert kind in KINDS, line
        elif line.startswith("- "):
            assert version, line
            assert kind, line


def test_no_entry_is_told_twice_or_has_a_line_twice() -> None:
    """As a merge of two versions of it leaves it."""
    entries = [each.split() for each in re.split(r"^- ", PAGE, flags=re.MULTILINE)[1:]]
    begun = [each[:5] for each in entries]
    assert [each for each in begun if begun.count(each) > 1] == []
    for words in entries:
        runs = [words[k : k + 6] for k in range(len(words) - 5)]
        assert [each for each in runs if runs.count(each) > 1] == [], " ".join(words)
