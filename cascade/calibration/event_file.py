"""Event files: what was known before a day, what is asked of it, and, in a file of its own, what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from cascade.calibration.figures import MEASURES, Figure
from cascade.data.opening import sha256_of
from cascade.errors import Problem, ScenarioError
from cascade.output.run_units import Feed
from cascade.scenario.base import Model, Name, Text
from cascade.scenario.document import top_mapping
from cascade.scenario.files import absolute
from cascade.scenario.messages import problems_of
from cascade.scenario.reading import read_yaml
from cascade.scenario.source import MISSING_FILE, Node, Place, shown_name
from cascade.scenario.tables import UNREADABLE
from cascade.scenario.words import did_you_mean, listing
from cascade.units import Instant, Quantity, refuse, refuse_all

EVENT_FILE: Final = "event.yaml"
NO_FIT, OTHER_FILE = "CAS314", "CAS311"

VALUE: Final = Quantity(
    "a value",
    "",
    {"": 1.0, "USD": 1.0, "%": 1.0},
    ("42.1M", "-2.3 %"),
    "plain digits, with k, M, B or T, and % of what is in per cent",
    multipliers=True,
)
"""A value of a figure in the figure's own unit: per cent of what is called so, USD else."""

Value = Annotated[float, VALUE]
Checksum = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]


class Observation(Model):
    """A value, and where it comes from."""

    value: Value = Field(description="The value, in the unit of its figure.", examples=["42.1M"])
    source: Text = Field(description="Who published it.", examples=["daily liquidations, CoinGlass series"])
    file: Text = Field(default="", description="File it was read from.", examples=["liquidations.csv.gz"])
    sha256: Checksum | None = Field(default=None, description="Checksum of that file.")
    assumed: bool = Field(default=False, description="Whether nobody measured it.")


class Known(Observation):
    """Something that was known before the start, and that the scenario rests on."""

    what: Text = Field(description="What it is.", examples=["open_interest_usd"])
    asset: Name | None = Field(default=None, description="The coin it is of.", examples=["BTC"])
    at: Instant | None = Field(default=None, description="When it was so.", examples=["2025-07-01T00:00:00Z"])


class Scope(Model):
    """What an event is about: coins, and venues with what each publishes of its liquidations."""

    coins: tuple[Name, ...] = Field(min_length=1, description="Coins.", examples=[["BTC", "ETH"]])
    venues: dict[Name, Feed] = Field(
        default_factory=dict,
        description="Venues, and whether each publishes every liquidation or the latest of each second.",
        examples=[{"binance": "latest_per_second", "bybit": "complete"}],
    )


class EventFile(Model):
    """What an `event.yaml` holds: nothing that was observed after the start."""

    event: Literal[1] = Field(description="Version of the format.", examples=[1])
    name: Name = Field(description="Short name.", examples=["btc-2025-07-01"])
    title: Text = Field(
        default="", description="The event in a line.", examples=["Bitcoin slides to 105,010"]
    )
    scenario: Text = Field(default="scenario.yaml", description="The market, relative to this file.")
    observed: Text = Field(default="observed.yaml", description="The observed values, relative to this file.")
    history: Text = Field(
        default="", description="Table of other days that baselines are fitted to, relative to this file."
    )
    start: Instant = Field(description="Begin of the window.", examples=["2025-07-01T00:00:00Z"])
    end: Instant = Field(description="End of the window.", examples=["2025-07-02T00:00:00Z"])
    scope: Scope = Field(description="Coins and venues.", examples=[{"coins": ["BTC"]}])
    known: tuple[Known, ...] = Field(default=(), description="What was known before the start.")
    asked: dict[Name, Figure] = Field(
        min_length=1,
        description="Figures that are to be foretold, by name.",
        examples=[{"btc_low": {"what": "low_usd", "asset": "BTC"}}],
    )

    files: dict[Text, Checksum] = Field(
        default_factory=dict,
        description="Checksums of the files that it was made of, and of those beside it.",
    )

    @model_validator(mode="after")
    def _fits(self) -> EventFile:
        if not self.start < self.end:
            raise refuse("the event ends before it begins", "write a later time", "CAS014", ("end",))
        faults = [fault for name, figure in self.asked.items() for fault in self._faults(name, figure)]
        faults += [
            refuse(f"{known.what} is of a time after the start", "move it to the observed file", NO_FIT,
                   ("known", row, "at"))
            for row, known in enumerate(self.known) if known.at is not None and known.at > self.start
        ]  # fmt: skip
        if faults:
            raise refuse_all(faults)
        return self

    def _faults(self, name: str, figure: Figure) -> Iterator[PydanticCustomError]:
        """Yield what of a figure lies outside of the event."""
        coins, venues = self.scope.coins, [*self.scope.venues]
        if figure.asset is not None and figure.asset not in coins:
            message = f"the event has no coin {figure.asset}{did_you_mean(figure.asset, coins)}"
            yield refuse(message, f"coins of its scope: {listing(coins)}", NO_FIT, ("asked", name, "asset"))
        for row, venue in enumerate(figure.venues):
            if venue not in venues:
                message = f"the event has no venue {venue}{did_you_mean(venue, venues)}"
                hint = f"venues of its scope: {listing(venues) or 'none'}"
                yield refuse(message, hint, NO_FIT, ("asked", name, "venues", row))
        for key, moment in (("from", figure.from_), ("to", figure.to)):
            if moment is not None and not self.start <= moment <= self.end:
                hint = "write a time between its start and its end, or widen these"
                yield refuse("the window reaches beyond the event", hint, NO_FIT, ("asked", name, key))


class ObservedFile(Model):
    """What an `observed.yaml` holds."""

    observed: Literal[1] = Field(description="Version of the format.", examples=[1])
    event: Name = Field(description="Name of the event.", examples=["btc-2025-07-01"])
    figures: dict[Name, Observation] = Field(
        description="Values by the name of the figure that is asked for.",
        examples=[{"btc_low": {"value": 105010, "source": "Binance klines"}}],
    )


@dataclass(frozen=True)
class Event:
    """An event: its scenario and observed file by path, and figures whose windows are written out."""

    name: str
    title: str
    scenario: Path
    observed: Path
    start: datetime
    end: datetime
    scope: Scope
    known: tuple[Known, ...]
    asked: Mapping[str, Figure]
    path: Path
    """The event file itself."""
    history: Path | None = None


def load_event(path: str | Path) -> Event:
    """Return the event of a folder, or of its event file; the observed file is not opened.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the event file, and where.
    """
    file = Path(path) / EVENT_FILE if Path(path).is_dir() else Path(path)
    asked, root, problems = _read(file, EventFile, "event")
    scenario, observed = (file.parent / name for name in (asked.scenario, asked.observed))
    if not scenario.is_file():
        where = root.child("scenario") or root
        hint = f"the event's market is a scenario: write it to {shown_name(scenario)}, or name another"
        problems.append(
            where.place.problem(MISSING_FILE, f"there is no file {asked.scenario}", hint, path="scenario")
        )
    if asked.history and not (file.parent / asked.history).is_file():
        where = root.child("history") or root
        hint = "put the days before back, write the event anew (cascade event new NAME --force), or take the line out"
        problems.append(
            where.place.problem(MISSING_FILE, f"there is no file {asked.history}", hint, path="history")
        )
    problems += _altered(root, file.parent)
    if problems:
        raise ScenarioError(problems)
    windows = {"from_": asked.start, "to": asked.end}
    figures = {
        name: figure.model_copy(
            update={key: given for key, given in windows.items() if getattr(figure, key) is None}
        )
        for name, figure in asked.asked.items()
    }
    return Event(
        asked.name, asked.title, absolute(scenario), absolute(observed), asked.start, asked.end, asked.scope,
        asked.known, figures, absolute(file), absolute(file.parent / asked.history) if asked.history else None,
    )  # fmt: skip


def check_observed(event: Event) -> None:
    """Refuse an event whose observed file is not there or holds nothing; none of its values is read.

    Raises
    ------
    ScenarioError
        With the path.
    """
    name = shown_name(event.observed)
    hint = "write the values there, or register predictions without them: --register"
    if not event.observed.is_file():
        told = f"there is no file of observed values of {event.name}"
        raise ScenarioError([Problem(MISSING_FILE, told, hint, name)])
    if not event.observed.stat().st_size:
        told = f"the file of observed values of {event.name} is empty"
        raise ScenarioError([Problem(UNREADABLE, told, hint, name)])


def load_observed(event: Event) -> Mapping[str, Observation]:
    """Return what was observed, by the names of the figures; what is asked for and not observed has no entry.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the file, and where.
    """
    file, root, problems = _read(event.observed, ObservedFile, "observed")
    if file.event != event.name:
        where = root.child("event") or root
        message = f"these values are of the event {file.event}, not of {event.name}"
        problems.append(where.place.problem(NO_FIT, message, f"write event: {event.name}", path="event"))
    figures = root.child("figures") or root
    for name, found in file.figures.items():
        node = figures.child(name) or figures
        fault, hint = _fault(event, name, found)
        if fault:
            where = node.key_place if name not in event.asked else (node.child("value") or node).place
            problems.append((where or node.place).problem(NO_FIT, fault, hint, path=f"figures.{name}"))
    problems += _altered(root, event.observed.parent)
    if problems:
        raise ScenarioError(problems)
    return file.figures


def _fault(event: Event, name: str, found: Observation) -> tuple[str, str]:
    """Return why a value is not one of a figure of the event, and what to do; nothing where it is."""
    figure = event.asked.get(name)
    if figure is None:
        message = f"the event does not ask for {name}{did_you_mean(name, event.asked)}"
        return message, f"it asks for: {listing(event.asked)}"
    low, high = MEASURES[figure.what].bounds
    if low <= found.value <= high:
        return "", ""
    unit = "a fraction of 1" if figure.unit == "1" else figure.unit
    return f"{found.value:g} cannot be a {figure.what}", f"write it in {unit}, from {low:g} to {high:g}"


Document = TypeVar("Document", bound=Model)


def _read(path: Path, model: type[Document], what: str) -> tuple[Document, Node, list[Problem]]:
    """Return a file as its model and as located nodes, with what is wrong besides."""
    reading = read_yaml(path, what=what)
    root = top_mapping(reading, path, what)
    try:
        return model.model_validate(root.plain()), root, list(reading.problems)
    except ValidationError as error:
        raise ScenarioError([*reading.problems, *problems_of(error, model, root)]) from None


def _altered(root: Node, folder: Path) -> Iterator[Problem]:
    """Yield the files that lie in the folder and are no longer those that the checksums were made of."""
    for name, checksum, place in _checksums(root):
        if (folder / name).is_file() and sha256_of(folder / name) != checksum:
            message = f"{name} is not the file that this was made of: its checksum differs"
            hint = "put the file back, or write the event anew: cascade event new NAME --force"
            yield place.problem(OTHER_FILE, message, hint)


def _checksums(root: Node) -> Iterator[tuple[str, str, Place]]:
    """Yield every file with its checksum and where it stands: those of values, and those of `files`."""
    known, figures, files = (root.child(key) for key in ("known", "figures", "files"))
    values = [
        *((known.items if known else None) or ()),
        *((figures.mapping if figures else None) or {}).values(),
    ]
    for node in values:
        file, checksum = node.child("file"), node.child("sha256")
        if file is not None and checksum is not None:
            yield str(file.value), str(checksum.value), file.place
    for name, node in ((files.mapping if files else None) or {}).items():
        yield name, str(node.value), node.key_place or node.place
