"""``fiducial simulate``: a known world in the real formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines


def simulate(
    out: Annotated[Path, Parameter(name="OUT", help="Folder of the world: new, empty, or of the same world.")],
    /,
    *,
    size: Literal["small", "medium", "country"] = "small",
    seed: int | None = None,
    bursts: int | None = None,
    points: int | None = None,
    epochs: int | None = None,
    stations: int | None = None,
    global_stations: int | None = None,
    series_years: int | None = None,
    centres: int | None = None,
    satellites: int | None = None,
    days: int | None = None,
    day_interval: int | None = None,
    only: Literal["insar", "stations", "centres"] | None = None,
    jobs: int | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a world of which everything is known, as the files that the real one would have.

    Stations with series and velocities, orbits, clocks, Earth rotation and station solutions of analysis centres, ascending
    and descending EGMS bursts, and the truth behind them. The same options give the same bytes; a run that was interrupted
    goes on where it was.

    Example: ``fiducial simulate world --size small --seed 7``

    Example: ``fiducial simulate continent --size country --bursts 400 --only insar``

    Parameters
    ----------
    size
        What the numbers below are by default.
    seed
        Of everything that is drawn; 1 by default.
    bursts
        EGMS Level 2a bursts, half ascending, half descending.
    points
        Points of each burst.
    epochs
        Acquisitions of each burst.
    stations
        GNSS stations of the region.
    global_stations
        Further stations that the analysis centres share; a third of them have series too.
    series_years
        Years of the daily series, from 2020.
    centres
        Analysis centres.
    satellites
        Half GPS, half Galileo.
    days
        Days of the analysis centres, from 2023-06-04.
    day_interval
        Days from one of them to the next.
    only
        A part of the world: insar (bursts and station velocities), stations (series and velocities), or centres (orbits,
        clocks, station solutions), each with its truth; all of it by default. Other parts may be added to the folder later.
    jobs
        Processes; one a core by default. The bytes do not depend on it.
    json
        Print the manifest as JSON.
    """
    from fiducial.runs.world import simulate_world
    from fiducial.runs.world_options import world_options

    options = world_options(
        size, seed=seed, bursts=bursts, points=points, epochs=epochs, stations=stations, global_stations=global_stations,
        series_years=series_years, centres=centres, satellites=satellites, days=days, day_interval=day_interval,
    )  # fmt: skip
    found = simulate_world(options, out, jobs=jobs, only=only)
    print_json(found.to_dict()) if json else print_lines(found.lines())
