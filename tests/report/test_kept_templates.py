"""Compiled templates are found again, and a page is filled where they cannot be kept."""

import shutil

import pytest
from jinja2 import DictLoader, Environment

import cascade.report.kept_templates as room
from cascade.report.kept_templates import KeptTemplates, kept_templates


def filled(cache: KeptTemplates) -> str:
    """Return what a template says, compiled or found in a cache."""
    loader = DictLoader({"page": "a loss of {{ loss }} USD"})
    return (
        Environment(loader=loader, autoescape=True, bytecode_cache=cache).get_template("page").render(loss=7)
    )


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return a folder in which a template is kept."""
    monkeypatch.setenv("CASCADE_CACHE_DIR", str(tmp_path))
    cache = kept_templates("autoescape")
    assert cache is not None
    assert filled(cache) == "a loss of 7 USD"
    (folder,) = tmp_path.iterdir()
    return folder


def test_a_template_is_compiled_once(kept, monkeypatch):
    monkeypatch.setattr(Environment, "_compile", None)
    assert filled(KeptTemplates(kept)) == "a loss of 7 USD"


@pytest.mark.parametrize("damage", [lambda code: code[:-9], lambda code: b"", lambda code: code[:-1] + b"?"])
def test_a_damaged_one_is_compiled_anew_and_mended(kept, damage):
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert filled(KeptTemplates(kept)) == "a loss of 7 USD"
    assert file.read_bytes() == whole


def test_a_folder_that_is_gone_is_done_without(kept):
    shutil.rmtree(kept)
    assert filled(KeptTemplates(kept)) == "a loss of 7 USD"


def test_other_settings_and_other_versions_of_their_compiler_have_a_folder_of_their_own(
    kept, tmp_path, monkeypatch
):
    kept_templates("no autoescape")
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(room, "version", lambda _: "3.0.0")
    kept_templates("autoescape")
    assert len(list(tmp_path.iterdir())) == 3
