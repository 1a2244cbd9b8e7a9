"""A folder of a sweep opens as its variants, and any mix of runs and sweeps as one list of names that differ."""

import pytest

import cascade
from cascade.errors import ResultsError
from cascade.output import manifest as manifests
from cascade.output.checksums import crc_of
from cascade.output.reader import read as read_run
from cascade.output.sweep import Sweep, manifest_of, named_results


@pytest.fixture
def write_sweep(write_run, tmp_path):
    def write(folder="s-00000000", names=("depth=1x", "depth=0.5x"), close=True):
        for name in names:
            write_run(folder=f"{folder}/variants/{name}")
        path = tmp_path / folder
        if close:
            manifest = {
                "results_version": "1.0", "kind": "sweep", "name": "s",
                "variants": [{"name": name} for name in names], "outcome": {"status": "completed"},
                "files": {name: crc_of(path / name) for name in map(manifest_of, names)},
            }  # fmt: skip
            manifests.write(path, manifest)
        return path

    return write


def test_a_sweep_is_its_variants(write_sweep):
    sweep = cascade.read(write_sweep())
    assert isinstance(sweep, Sweep)
    assert list(sweep.variants) == ["depth=1x", "depth=0.5x"]
    assert sweep.variants["depth=0.5x"].replicates == [0, 1]
    assert (sweep.name, sweep.outcome) == ("s", "completed")
    assert "2 variants" in repr(sweep)
    assert "depth=0.5x" in sweep._repr_html_()
    with pytest.raises(ResultsError, match=r"variants are: depth=1x, depth=0\.5x"):
        sweep.variants["depth"]


def test_an_unfinished_sweep_is_read_on_request_only(write_sweep):
    folder = write_sweep(close=False)
    with pytest.raises(ResultsError) as refused:
        cascade.read(folder)
    assert refused.value.code == "CAS602"
    sweep = cascade.read(folder, partial=True)
    assert sweep.outcome == "unfinished"
    assert sorted(sweep.variants) == ["depth=0.5x", "depth=1x"]
    with pytest.raises(ResultsError, match="before it has finished"):
        assert sweep.runs


def test_a_sweep_is_not_a_run(write_sweep):
    with pytest.raises(ResultsError, match="holds a sweep"):
        read_run(write_sweep())


def test_names_of_a_mix_differ(write_sweep, write_run):
    sweep, other, run = write_sweep(), write_sweep("t-00000000", ("depth=1x",)), write_run()
    found = named_results([sweep, cascade.read(other), run, cascade.read(run)])
    assert [each.name for each in found] == [
        "s-00000000/depth=1x", "depth=0.5x", "t-00000000/depth=1x", "test-00000000", "test-00000000 (2)",
    ]  # fmt: skip
    assert all(each.result.replicates == [0, 1] for each in found)


def test_runs_that_changed_places_are_found(write_sweep):
    """Each is sound in itself, and stands under the name of the other."""
    folder = write_sweep()
    variants, between = folder / "variants", folder / "between"
    (variants / "depth=1x" / "notes.txt").write_text("these files are of no concern")
    for old, new in (("variants/depth=1x", between), ("variants/depth=0.5x", variants / "depth=1x")):
        (folder / old).rename(new)
    between.rename(variants / "depth=0.5x")
    sweep = cascade.read(folder)
    for name in sweep.variants:
        with pytest.raises(ResultsError, match="its checksum differs") as refused:
            sweep.variants[name]
        assert refused.value.where == str(variants / name / "manifest.json")
