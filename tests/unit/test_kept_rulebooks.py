"""Shipped rulebooks are read once a machine; what was kept counts only where it is whole and of the same files."""

import pytest

from cascade.errors import Problem, ScenarioError
from cascade.scenario.document import open_document
from cascade.scenario.source import walk
from cascade.venues import kept
from cascade.venues.load import load_rulebook, rulebook_path

NAME = "bybit-2025-02"  # it extends another


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of what is kept, which is empty."""
    monkeypatch.setattr(kept, "cache_folder", lambda _: tmp_path)
    return tmp_path


@pytest.fixture
def reads(monkeypatch):
    """Return the files that are read rather than loaded."""
    paths = []

    def reading(path, **options):
        paths.append(path)
        return open_document(path, **options)

    monkeypatch.setattr(kept, "open_document", reading)
    return paths


def written(reading):
    """Return every single value with its place in the files."""
    return [
        (steps, node.value, node.place.source.name, node.place.line, node.place.column)
        for steps, node in walk(reading.root)
        if node.mapping is None and node.items is None
    ]


def test_what_is_kept_is_what_was_read(folder, reads):
    path = rulebook_path(NAME)
    first, again = kept.read_shipped(path), kept.read_shipped(path)
    assert reads == [path]
    assert written(again) == written(first) == written(open_document(path, what="rulebook"))
    assert [text.lines for text in again.texts] == [text.lines for text in first.texts]


@pytest.mark.parametrize("damage", [lambda whole: whole[:-10], lambda _: b"", lambda whole: whole + b"x"])
def test_what_is_damaged_is_read_anew(folder, reads, damage):
    path = rulebook_path(NAME)
    first = kept.read_shipped(path)
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert written(kept.read_shipped(path)) == written(first)
    assert reads == [path, path]
    kept.read_shipped(path)
    assert reads == [path, path]


def test_from_another_folder_messages_name_the_file_as_it_is_called_there(
    folder, monkeypatch, tmp_path_factory
):
    path = rulebook_path(NAME)
    kept.read_shipped(path)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert kept.read_shipped(path).texts[-1].name == open_document(path, what="rulebook").texts[-1].name


def test_without_a_cache_it_is_read(monkeypatch, reads):
    monkeypatch.setattr(kept, "cache_folder", lambda _: None)
    path = rulebook_path(NAME)
    kept.read_shipped(path)
    kept.read_shipped(path)
    assert reads == [path, path]


def test_a_rulebook_is_checked_once(folder):
    path, checks = rulebook_path(NAME), []

    def check():
        checks.append(path)
        return load_rulebook(NAME)

    first, again = kept.checked_shipped(path, check), kept.checked_shipped(path, check)
    assert checks == [path]
    assert again == first == load_rulebook(NAME)
    assert again.model_dump() == first.model_dump()
    with pytest.raises(AttributeError, match="does not change"):
        again.name = "other"


def test_a_rulebook_that_is_refused_is_not_kept(folder):
    def refuse():
        raise ScenarioError([Problem("CAS201", "a figure without a source", "", "adl.price")])

    for _ in range(2):
        with pytest.raises(ScenarioError):
            kept.checked_shipped(rulebook_path(NAME), refuse)
    assert not [*folder.iterdir()]
