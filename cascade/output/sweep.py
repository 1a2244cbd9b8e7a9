"""A sweep on disk: the runs of its variants, one table over all of them, and its manifest."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cascade.errors import ResultsError
from cascade.output import manifest as manifests
from cascade.output.files import Files
from cascade.output.parquet import read_files
from cascade.output.reader import Result
from cascade.output.reader import read as read_run
from cascade.output.shards import single_file

if TYPE_CHECKING:
    import pyarrow as pa

VARIANTS: Final = "variants"
"""Folder of the runs of a sweep, one for each variant."""

SWEEP: Final = "sweep.yaml"
RESOLVED: Final = "sweep.resolved.yaml"


class Variants(Mapping[str, Result]):
    """The results of a sweep by the name of their variant, each opened when first asked for."""

    def __init__(self, openers: Mapping[str, Callable[[], Result]]) -> None:
        self._openers = dict(openers)
        self._open: dict[str, Result] = {}

    def __getitem__(self, name: str) -> Result:
        if name not in self._openers:
            raise ResultsError(
                f"the sweep has no variant {name!r}",
                remedy=f"variants are: {', '.join(self._openers)}",
                code="CAS607",
            )
        if name not in self._open:
            self._open[name] = self._openers[name]()
        return self._open[name]

    def __contains__(self, name: object) -> bool:
        return name in self._openers

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)


@dataclass(frozen=True)
class Sweep:
    """A set of runs that differ in some values and share their luck."""

    variants: Variants
    manifest: Mapping[str, Any]
    """Provenance, request, parameters, variants and outcome; empty for a sweep that has not finished."""
    path: Path
    files: Files
    """What it was read from; nothing, of a sweep that has not finished."""

    @property
    def name(self) -> str:
        """Name of the sweep."""
        return str(self.manifest.get("name") or self.path.name)

    @property
    def outcome(self) -> str:
        """How the sweep ended, as a word; `unfinished` where it did not."""
        return str(self.manifest.get("outcome", {}).get("status", "unfinished"))

    @cached_property
    def runs(self) -> pa.Table:
        """One row per variant and replicate: the variant, what varies, outcome and every metric."""
        return self._table("runs")

    @cached_property
    def failures(self) -> pa.Table | None:
        """One row per replicate that failed; None where none did."""
        return self._table("failures") if single_file("failures") in self.files else None

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """What varies: `path` in the scenario, `column` in `runs`, `unit`."""
        return list(self.manifest.get("parameters", []))

    def _table(self, name: str) -> pa.Table:
        if not self.manifest:
            raise ResultsError(
                f"the sweep has no table {name!r} before it has finished",
                where=str(self.path),
                remedy="read the variants that have: sweep.variants[name].runs",
                code="CAS602",
            )
        return read_files([self.files.path(single_file(name))], ordered=False)

    def __repr__(self) -> str:
        return f"Sweep({self.name!r}, {self.outcome}, {len(self.variants)} variants, path='{self.path}')"

    def _repr_html_(self) -> str:
        """Return a heading and the variants, for notebooks."""
        items = "".join(
            f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{len(result.runs):,}</td></tr>"
            for name, result in self.variants.items()
        )
        text = html.escape(str(self.manifest.get("outcome", {}).get("text", "")))
        return (
            f"<b>{html.escape(self.name)}</b>: {html.escape(self.outcome)}. {text}"
            f"<br><small>{html.escape(str(self.path))}</small>"
            f"<table><tr><th style='text-align:left'>variant</th><th>replicates</th></tr>{items}</table>"
        )


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder holds a sweep rather than a run."""
    return (folder / VARIANTS).is_dir() or (folder / RESOLVED).is_file()


def read(folder: str | Path, *, partial: bool = False) -> Result | Sweep:
    """Return the run or the sweep in a folder.

    Parameters
    ----------
    partial
        Read the finished replicates of what was interrupted or is still going on.

    Raises
    ------
    ResultsError
        The folder is not there, not of Cascade, not finished, or of a newer major version.
    """
    folder = Path(folder)
    return read_sweep(folder, partial=partial) if is_sweep(folder) else read_run(folder, partial=partial)


def read_sweep(folder: str | Path, *, partial: bool = False) -> Sweep:
    """Return the sweep in a folder; raises as `read` does."""
    folder = Path(folder)
    unfinished = not (folder / manifests.MANIFEST).is_file()
    manifest = {} if partial and unfinished else manifests.load(folder)
    if manifest.get("kind", "sweep") != "sweep":
        raise ResultsError(
            f"this folder holds a {manifest['kind']}, not a sweep", where=str(folder), code="CAS601"
        )
    names = [each["name"] for each in manifest["variants"]] if manifest else _started(folder)
    if not names:
        raise ResultsError("no replicate has finished", where=str(folder), code="CAS602")
    files = Files(folder, manifest.get(manifests.FILES, {}))
    openers = {name: _opener(files, name, partial=not manifest) for name in names}
    return Sweep(Variants(openers), MappingProxyType(manifest), folder, files)


def _started(folder: Path) -> list[str]:
    """Return the variants of an unfinished sweep that have finished replicates."""
    found: list[str] = []
    for each in sorted((folder / VARIANTS).iterdir()) if (folder / VARIANTS).is_dir() else ():
        try:
            read_run(each, partial=True)
        except ResultsError:
            continue
        found.append(each.name)
    return found


def manifest_of(variant: str) -> str:
    """Return where the manifest of a variant is, from the folder of its sweep."""
    return f"{VARIANTS}/{variant}/{manifests.MANIFEST}"


def _opener(files: Files, variant: str, *, partial: bool) -> Callable[[], Result]:
    """Return what opens a variant; that of a sweep that has finished has to be the one that it was made of."""

    def opened() -> Result:
        if not partial:
            files.path(manifest_of(variant))
        return read_run(files.folder / VARIANTS / variant, partial=partial)

    return opened


class NamedResult(NamedTuple):
    """A result under the name that tells it from the others it stands beside."""

    name: str
    result: Result


def named_results(
    sources: Iterable[str | Path | Result | Sweep], *, partial: bool = False
) -> list[NamedResult]:
    """Return runs and the variants of sweeps as one list, under names that differ.

    Parameters
    ----------
    sources
        Folders of runs and sweeps, or what was read from them, in any mix.

    Raises
    ------
    ResultsError
        One of them cannot be read.
    """
    found: list[NamedResult] = []
    for source in sources:
        opened = source if isinstance(source, Result | Sweep) else read(source, partial=partial)
        if isinstance(opened, Sweep):
            found += [NamedResult(name, opened.variants[name]) for name in opened.variants]
        else:
            found.append(NamedResult(opened.name, opened))
    return _distinct(found)


def _distinct(found: list[NamedResult]) -> list[NamedResult]:
    """Return results whose names differ: where they would not, by folder, then by number."""
    names = [each.name for each in found]
    by_folder = [
        each._replace(name=_folder_name(each)) if names.count(each.name) > 1 else each for each in found
    ]
    seen: dict[str, int] = {}
    for place, each in enumerate(by_folder):
        seen[each.name] = seen.get(each.name, 0) + 1
        if seen[each.name] > 1:
            by_folder[place] = each._replace(name=f"{each.name} ({seen[each.name]})")
    return by_folder


def _folder_name(each: NamedResult) -> str:
    """Return a name made of the folder; for a variant, of its sweep's too."""
    path = each.result.path
    if path is None:
        return each.name
    return f"{path.parent.parent.name}/{path.name}" if path.parent.name == VARIANTS else path.name
