"""The solutions of a stack: files looked over without their matrices, grouped by week or day, read one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import sinex
from fiducial.formats.strictness import Strictness
from fiducial.geodesy.epochs import decimal_year
from fiducial.runs.frame_stack_reference import StackReference
from fiducial.runs.station_reference import Site
from fiducial.runs.station_sources import CentreFile, centre_name, centre_solution, read_centre
from fiducial.stations.helmert_design import COORDINATES
from fiducial.stations.systems import CentreSolution

Array = NDArray[np.float64]
Grouping = Literal["week", "day"]

_BLOCKS: Final = (
    "FILE/REFERENCE", "SITE/ID", "SOLUTION/ESTIMATE", "SOLUTION/APRIORI", "SOLUTION/NORMAL_EQUATION_VECTOR",
)  # fmt: skip
_GPS_START: Final = np.datetime64("1980-01-06", "D")
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class DayFile:
    """A solution that waits to be read.

    Attributes
    ----------
    path : Path
    sha256 : str
    name : str
        Centre and date: ``IGS 2018-01-02``.
    epoch_utc : datetime64[ns]
        Median reference epoch of its coordinates.
    sites : frozenset of (code, point)
    """

    path: Path
    sha256: str
    name: str
    epoch_utc: np.datetime64
    sites: frozenset[Site]


@dataclass(frozen=True, slots=True)
class Group:
    """Solutions of one week or day.

    Attributes
    ----------
    start : datetime64[D]
        First day: a Sunday for a GPS week.
    days : int
    epoch_utc : datetime64[ns]
        Epoch of its combination: the median of the solutions'.
    files : tuple of DayFile
    """

    start: np.datetime64
    days: int
    epoch_utc: np.datetime64
    files: tuple[DayFile, ...]

    @property
    def name(self) -> str:
        """GPS week, or date."""
        if self.days == 1:
            return str(self.start)
        return f"week {int((self.start - _GPS_START) // (7 * _DAY)):04d}"

    @property
    def epoch_yr(self) -> float:
        """Decimal year of its epoch."""
        return float(decimal_year(self.epoch_utc))


def instant_of(epoch_yr: float) -> np.datetime64:
    """Return the whole second nearest to a decimal year."""
    year = int(epoch_yr)
    start, after = np.datetime64(f"{year:04d}-01-01", "s"), np.datetime64(f"{year + 1:04d}-01-01", "s")
    seconds = round((epoch_yr - year) * int((after - start).astype(int)))
    found: np.datetime64 = (start + np.timedelta64(seconds, "s")).astype("datetime64[ns]")
    return found


def look_over(path: Path, *, strictness: Strictness) -> DayFile:
    """Read when and where a solution is, without its matrix.

    Raises
    ------
    InputError
        FID-1351 when it has no station positions.
    FormatError
        As `sinex.read`.
    """
    file = sinex.read(path, blocks=_BLOCKS, strictness=strictness)
    solution = file.solution
    table = solution.estimate
    if not len(table) and solution.normal is not None:
        table = solution.normal.vector
    rows = np.isin(table.types, list(COORDINATES)) & ~np.isnat(table.epochs_utc)
    if not rows.any():
        raise InputError("FID-1351", "it has no station positions", where=file.name,
                         fix="give SINEX files with positions and their covariance")  # fmt: skip
    epochs = np.sort(table.epochs_utc[rows])
    epoch = epochs[len(epochs) // 2]
    sites = frozenset(zip(table.codes[rows].tolist(), table.points[rows].tolist(), strict=True))
    name = f"{centre_name(Path(file.name), solution)} {epoch.astype('datetime64[D]')}"
    return DayFile(path, file.sha256, name, epoch, sites)


def grouped(files: Sequence[DayFile], grouping: Grouping) -> tuple[Group, ...]:
    """Put the solutions of each GPS week, or of each day, together, in the order of time.

    Raises
    ------
    InputError
        FID-1364 when a file is given twice, or two solutions of one centre and day.
    """
    for kind, key in (("the same content", "sha256"), ("one centre and day", "name")):
        seen: dict[str, DayFile] = {}
        for one in files:
            first = seen.setdefault(getattr(one, key), one)
            if first is not one:
                raise InputError(
                    "FID-1364", f"two solutions of {kind}: {one.name}", where=f"{first.path}, {one.path}",
                    fix="give each day of a centre once",
                )  # fmt: skip
    days = 7 if grouping == "week" else 1
    gathered: dict[int, list[DayFile]] = {}
    for one in files:
        number = int((one.epoch_utc.astype("datetime64[D]") - _GPS_START) // (days * _DAY))
        gathered.setdefault(number, []).append(one)
    found = []
    for number, listed in sorted(gathered.items()):
        ordered = tuple(sorted(listed, key=lambda one: (one.epoch_utc, one.name)))
        found.append(Group(_GPS_START + number * days * _DAY, days, ordered[len(ordered) // 2].epoch_utc, ordered))
    return tuple(found)


def read_day(
    day: DayFile, epoch_utc: np.datetime64, reference: StackReference, *, strictness: Strictness
) -> tuple[CentreFile, CentreSolution, dict[Site, str]]:
    """Read a solution and move its stations to the epoch of its group.

    Returns
    -------
    file : CentreFile
        Without matrices.
    solution : CentreSolution
        Coordinates at the epoch of the group, by the velocities and post-seismic models of the reference; a station that
        it lacks is not moved. Solution numbers are those of the segments.
    left_out : dict of (code, point) to str
        Stations that no segment holds, with the reason; they are still in the solution, under number 1.

    Raises
    ------
    InputError, NumericsError, FormatError
        As `read_centre` and `centre_solution`.
    """
    file = replace(read_centre(day.path, strictness=strictness), name=day.name)
    then, now = float(decimal_year(file.epoch_utc)), float(decimal_year(epoch_utc))
    numbers, left_out = {}, {}
    for site in file.positions:
        number = reference.segments.number(site, then)
        if number is None:
            left_out[site] = f"no segment holds at {then:.4f}, or several do"
        numbers[site] = number or "1"
    solution = centre_solution(file, numbers)
    shift = np.zeros(len(solution.keys))
    moved = {site: reference.displacement_m((*site, number), then, now) for site, number in numbers.items()}
    for row, key in enumerate(solution.keys):
        if key.kind in COORDINATES:
            shift[row] = moved[key.code, key.point][COORDINATES[key.kind]]
    apriori = None if solution.apriori is None else solution.apriori + shift
    solution = replace(solution, value=solution.value + shift, apriori=apriori)
    light = replace(file.solution, covariance=None, information=None, apriori=None, apriori_covariance=None,
                    apriori_information=None, normal=None)  # fmt: skip
    positions = {site: xyz + moved[site] for site, xyz in file.positions.items()}
    return replace(file, solution=light, positions=positions, epoch_utc=file.epoch_utc), solution, left_out
