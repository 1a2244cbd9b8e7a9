"""A liquidation map is written down, band by band, before the table of what was liquidated is opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from cascade.calibration.event_file import Event
from cascade.calibration.map_score import MapForecast, Realised, read_realised
from cascade.calibration.sealed import REGISTERED, Opened, Sealed, hash8_of, opened_for, read_sealed, seal
from cascade.data.opening import sha256_of

VERSION: Final = 1

_ENDING: Final = f".map{REGISTERED}"


class MapRequest(NamedTuple):
    """What is asked for when a map is foretold; the digest of the scenario holds seed, positions and data."""

    event_sha256: str
    scenario_sha256: str
    market: str


MapRegistration: TypeAlias = Sealed[MapRequest, MapForecast]
"""A map as it is written down: USD of each band, and its share of the side."""


def register_map(
    folder: Path, event: Event, request: MapRequest, expected: MapForecast, realised: Path
) -> MapRegistration:
    """Write a map down, once, and return it as it was written; what is there already is taken.

    Parameters
    ----------
    realised
        The table of what was liquidated, of which the checksum is taken and nothing is read.

    Raises
    ------
    ResultsError
        What was registered is not what was written.
    """
    path = folder / f"{event.name}-{hash8_of(VERSION, *request)}{_ENDING}"
    if not path.exists():
        sides = {"below": expected.below_usd, "above": expected.above_usd}
        said = {
            "cascade_map_registration": VERSION, "event": event.name, "title": event.title, **request._asdict(),
            "price": expected.price,
            **{side: {"usd": usd.tolist(), "share": (usd / max(float(usd.sum()), 1e-9)).tolist()}
               for side, usd in sides.items()},
        }  # fmt: skip
        seal(path, said, realised)
    return read_sealed(path, ("cascade_map_registration", VERSION), _parsed)


def open_realised(realised: Path, registration: MapRegistration) -> Opened[Realised]:
    """Return what was liquidated at which price; it takes a registration, and no other function opens the table.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the table, and where.
    """
    moment = datetime.now(UTC)
    values = read_realised(realised)
    kin = f"{registration.event}-????????{_ENDING}"
    return opened_for(registration, kin, values, moment, sha256_of(realised))


def _parsed(said: Mapping[str, Any]) -> tuple[MapRequest, MapForecast]:
    request = MapRequest(*(said[name] for name in MapRequest._fields))
    below, above = (np.array(said[side]["usd"], np.float64) for side in ("below", "above"))
    return request, MapForecast(request.market, said["price"], below, above)
