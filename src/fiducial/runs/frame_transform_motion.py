"""Which solution of a station holds at an epoch, and its post-seismic deformation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, FormatError
from fiducial.formats import sinex
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.propagation import (
    Discontinuity,
    LinearMotion,
    PostSeismicModel,
    PostSeismicTerm,
    require_no_crossing,
    select_solution,
)
from fiducial.runs.frame_transform_checks import frame_doubt, require_stated_frame
from fiducial.runs.station_reference import intervals_of, model_covariance
from fiducial.stations.solution import StationSolution

Array = NDArray[np.float64]
Site = tuple[str, str]
Key = tuple[str, str, str]
Start = Literal["regularised", "observed"]


def read_intervals(path: Path | str | None, solution: StationSolution) -> dict[Site, list[Discontinuity]]:
    """Return in which intervals the solutions of each site hold: of a file of its own, or of the solution.

    Raises
    ------
    FormatError
        FID-2463 when the file has neither SOLUTION/DISCONTINUITY nor SOLUTION/EPOCHS; others as `sinex.read`.
    """
    if path is None:
        return intervals_of(solution)
    file = sinex.read(path, blocks=("SOLUTION/DISCONTINUITY", "SOLUTION/EPOCHS"))
    found = intervals_of(file.solution)
    if not found:
        raise FormatError("FID-2463", "no discontinuities: neither SOLUTION/DISCONTINUITY nor SOLUTION/EPOCHS", where=file.name,
                          fix="give the table of discontinuities of the frame solution")  # fmt: skip
    return found


def holding_rows(
    keys: list[Key], epoch_yr: Array, intervals: dict[Site, list[Discontinuity]], to_yr: float, start: list[Start]
) -> tuple[list[int], dict[str, str]]:
    """Return the rows whose solution holds at an epoch, in order, and why a station has none.

    Parameters
    ----------
    keys : list of (code, point, solution)
    epoch_yr : ndarray, shape (row,)
    intervals : dict
        Without rows of a station, its only solution holds.
    to_yr : float
    start : list of {"regularised", "observed"}
        An observed position does not cross a discontinuity.
    """
    rows_of: dict[Site, list[int]] = {}
    for row, (code, point, _) in enumerate(keys):
        rows_of.setdefault((code, point), []).append(row)
    kept: list[int] = []
    left_out: dict[str, str] = {}
    nowhere = np.zeros(3)
    for site, rows in rows_of.items():
        name = " ".join(site)
        motions = [LinearMotion(name, keys[row][2], nowhere, nowhere, float(epoch_yr[row])) for row in rows]
        listed = [replace(row, station=name) for row in intervals.get(site, ())]
        try:
            chosen = select_solution(motions, listed, to_yr)
            row = rows[motions.index(chosen)]
            if start[row] == "observed":
                require_no_crossing([chosen], listed, np.array([to_yr]))
        except FiducialError as error:
            left_out[name] = error.problem
            continue
        kept.append(row)
    return sorted(kept), left_out


@dataclass(frozen=True, slots=True, eq=False)
class PostSeismicFile:
    """Post-seismic models of a file.

    Attributes
    ----------
    name : str
    models : dict of (code, point) to PostSeismicModel
    notes : tuple of str
        A doubt about the frame.
    """

    name: str
    models: dict[Site, PostSeismicModel]
    notes: tuple[str, ...]


def read_post_seismic(path: Path | str, sites: dict[Site, Array], frame: str) -> PostSeismicFile:
    """Read the post-seismic models of stations.

    Parameters
    ----------
    path : path
        SINEX with ``AEXP_E``, ``TEXP_E`` ... and their covariance; correlation between sites is left out.
    sites : dict of (code, point) to ndarray, shape (3,)
        Geocentric positions; models of other sites are overlooked.
    frame : str
        Of the positions. Terms and velocities of different frame solutions do not fit together: a file that states
        another frame is refused, one that is only named so is noted.

    Raises
    ------
    FormatError
        FID-2464 when the file has no post-seismic terms; others as `sinex.read`.
    InputError
        FID-1316 another frame; FID-1319 a faulty term; FID-1303 a term without its time constant.
    """
    file = sinex.read(path)
    table, covariance = file.solution.post_seismic(), file.solution.covariance
    if not len(table):
        raise FormatError("FID-2464", "no post-seismic terms", where=file.name,
                          fix="give the post-seismic file of the frame solution, with AEXP_, TEXP_, ALOG_, TLOG_")  # fmt: skip
    require_stated_frame(file.solution.reference_frame, frame, file.name)
    years = decimal_year(table.epochs_utc)
    rows_of: dict[Site, list[int]] = {}
    for row, site in enumerate(zip(table.codes.tolist(), table.points.tolist(), strict=True)):
        rows_of.setdefault(site, []).append(row)
    models = {}
    for site, rows in rows_of.items():
        if site not in sites:
            continue
        longitude, latitude, _ = geodetic_from_geocentric(sites[site])
        terms = tuple(_term(table.components[k], table.models[k], years[k], table.amplitude_m[k], table.time_constant_yr[k])
                      for k in rows)  # fmt: skip
        part = model_covariance(table, rows, covariance)
        models[site] = PostSeismicModel(" ".join(site), float(longitude), float(latitude), terms, part)
    return PostSeismicFile(file.name, models, frame_doubt(file.name, frame))


def _term(component: str, model: str, year: float, amplitude_m: float, constant_yr: float) -> PostSeismicTerm:
    direction, kind = str(component), str(model).lower()
    # The model refuses any other component or kind.
    return PostSeismicTerm(float(year), direction, kind, float(amplitude_m), float(constant_yr))  # type: ignore[arg-type]
