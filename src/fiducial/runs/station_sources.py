"""Station solutions of analysis centres, from SINEX files to what a combination takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, InputError
from fiducial.formats import igs_names, sinex
from fiducial.formats.strictness import Strictness
from fiducial.runs.station_reference import ReferenceFrame, Site, domes_of
from fiducial.stations.helmert_design import COORDINATES, ParameterKey
from fiducial.stations.normal_solutions import solution_of_normal
from fiducial.stations.solution import ParameterTable, StationSolution
from fiducial.stations.systems import CentreSolution, triangular_inverse

Array = NDArray[np.float64]

MOVED_M: Final = 0.5
"""A station of a day that is farther from where all others see it is another one, or was moved."""
_KINDS: Final = (*COORDINATES, "XPO", "YPO", "UT", "XPOR", "YPOR", "LOD")
_DAY: Final = np.timedelta64(1, "D")
_HOUR: Final = np.timedelta64(1, "h")
_FREE_PART: Final = 1e-12
_NEARLY_LONG: Final = re.compile(r"[A-Z0-9]{3}\d[A-Z0-9]{6}_", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class CentreFile:
    """A daily solution as read.

    Attributes
    ----------
    name : str
        Centre: of the file name, or the agency that the file states, or the stem of the name.
    path : Path
    sha256 : str
    solution : StationSolution
    epoch_utc : datetime64[ns]
        Median reference epoch of its coordinates.
    positions : dict of (code, point) to ndarray, shape (3,)
        Sites with one position; metres.
    matrix : str
        What its covariance comes from: ``covariance``, ``information``, ``normal equations``, ``standard deviations``.
    constraints : str
        What constraints are removed: ``matrix``, ``standard deviations``, ``none``.
    findings : tuple of str
    """

    name: str
    path: Path
    sha256: str
    solution: StationSolution
    epoch_utc: np.datetime64
    positions: dict[Site, Array]
    matrix: str
    constraints: str
    findings: tuple[str, ...]


def read_centre(path: Path | str, *, strictness: Strictness = "warn") -> CentreFile:
    """Read a daily solution of a centre.

    Raises
    ------
    InputError
        FID-1351 when it has no station positions with standard deviations or matrix; FID-1352 when its positions hold at
        epochs more than a day apart.
    FormatError
        As `sinex.read`.
    """
    file = sinex.read(path, strictness=strictness)
    solution, findings = _with_estimate(file.solution), list(file.findings)
    coordinates = solution.positions()
    known = np.isfinite(coordinates.xyz).all(axis=1) & ~np.isnat(coordinates.epochs_utc)
    if not known.any():
        raise _unusable("it has no station positions", file.name)
    epochs = np.sort(coordinates.epochs_utc[known])
    if epochs[-1] - epochs[0] > _DAY:
        raise InputError(
            "FID-1352", f"positions hold at epochs from {_shown(epochs[0])} to {_shown(epochs[-1])} in one solution",
            where=file.name, fix="give daily solutions; a cumulative one is a reference",
        )  # fmt: skip
    positions: dict[Site, Array] = {}
    doubled: dict[Site, None] = {}
    sites = zip(coordinates.codes.tolist(), coordinates.points.tolist(), strict=True)
    for site, xyz, whole in zip(sites, coordinates.xyz, known.tolist(), strict=True):
        if site in positions:
            doubled[site] = None
        if whole:
            positions[site] = xyz
        else:
            findings.append(f"{file.name}: {' '.join(site)} lacks a coordinate or its epoch; left out")
    for site in doubled:
        positions.pop(site, None)
        findings.append(f"{file.name}: {' '.join(site)} has several solutions in one day; left out")
    matrix, constraints = _matrix_kind(solution), _constraint_kind(solution)
    if matrix == "standard deviations":
        findings.append(f"{file.name}: no matrix; covariances are taken as diagonal, from the standard deviations")
    return CentreFile(
        centre_name(Path(file.name), solution), Path(path), file.sha256, solution, epochs[len(epochs) // 2], positions,
        matrix, constraints, tuple(findings),
    )  # fmt: skip


def common_epoch(files: Sequence[CentreFile]) -> np.datetime64:
    """Return the epoch of a combination: the median of the solutions'.

    Raises
    ------
    InputError
        FID-1353 when two centres have one name, or solutions hold at epochs more than a day apart.
    """
    names = Counter(one.name for one in files)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        both = ", ".join(one.path.name for one in files if one.name == twice[0])
        raise InputError("FID-1353", f"two solutions of {twice[0]}", where=both, fix="give one file a centre and day")
    ordered = sorted(files, key=lambda one: one.epoch_utc)
    first, last = ordered[0], ordered[-1]
    if last.epoch_utc - first.epoch_utc > _DAY:
        raise InputError(
            "FID-1353",
            f"{first.name} holds at {_shown(first.epoch_utc)}, {last.name} at {_shown(last.epoch_utc)}",
            where=f"{first.path.name}, {last.path.name}",
            fix="combine solutions of one day",
        )
    return ordered[len(ordered) // 2].epoch_utc


def match_sites(
    files: Sequence[CentreFile], reference: ReferenceFrame
) -> tuple[dict[str, set[Site]], set[Site], tuple[str, ...]]:
    """Compare places and DOMES numbers of every site over all files.

    Returns
    -------
    excluded : dict of centre to set of (code, point)
        Sites that are somewhere else in a centre's file.
    excluded_reference : set of (code, point)
    findings : tuple of str
    """
    excluded: dict[str, set[Site]] = {one.name: set() for one in files}
    lost: set[Site] = set()
    findings: list[str] = []
    domes = {one.name: domes_of(one.solution) for one in files}
    for site in sorted({site for one in files for site in one.positions}):
        places = {one.name: one.positions[site] for one in files if site in one.positions}
        numbers = {name: listed[site] for name, listed in domes.items() if site in listed and name in places}
        if site in reference.sites:
            places[reference.name] = reference.sites[site].position_m
            if reference.sites[site].domes:
                numbers[reference.name] = reference.sites[site].domes
        middle = np.median(list(places.values()), axis=0)
        for name, place in places.items():
            apart = float(np.linalg.norm(place - middle))
            if apart > MOVED_M:
                if name == reference.name:
                    lost.add(site)
                else:
                    excluded[name].add(site)
                findings.append(
                    f"{' '.join(site)} of {name} is {apart:.2f} m from where the others have it: moved, or another "
                    "station of that code; left out"
                )
        findings += _domes_finding(site, numbers)
    return excluded, lost, tuple(findings)


def centre_solution(file: CentreFile, numbers: dict[Site, str]) -> CentreSolution:
    """Return what a combination takes: coordinates and Earth rotation with their covariance and constraints.

    Parameters
    ----------
    file : CentreFile
    numbers : dict of (code, point) to str
        Solution numbers of the reference; sites that it lacks get ``1``, so that all centres name them alike.

    Raises
    ------
    InputError
        FID-1351 when no site has standard deviations or a matrix.
    NumericsError
        FID-3134 when information or normal equations are singular beyond the datum.
    """
    table = file.solution.estimate
    rows: list[int] = []
    keys: list[ParameterKey] = []
    known = np.isfinite(table.values) & (np.isfinite(table.sigmas) | (file.matrix != "standard deviations"))
    whole = _whole_sites(table, known)
    for row, kind in enumerate(table.types.tolist()):
        if kind not in _KINDS or not known[row]:
            continue
        site = str(table.codes[row]), str(table.points[row])
        if kind not in COORDINATES:
            keys.append(ParameterKey(kind, "", "", _hour(table.epochs_utc[row])))
        elif site in file.positions and site in whole:
            keys.append(ParameterKey(kind, *site, numbers.get(site, "1")))
        else:
            continue
        rows.append(row)
    if not any(key.code for key in keys):
        raise _unusable("no site with standard deviations or matrix is left", file.path.name)
    return _solution(file, np.array(rows, dtype=np.intp), tuple(keys))


def _solution(file: CentreFile, rows: NDArray[np.intp], keys: tuple[ParameterKey, ...]) -> CentreSolution:
    solution, part = file.solution, np.ix_(rows, rows)
    value = solution.estimate.values[rows]
    if file.matrix in {"information", "normal equations"}:
        # All parameters of the file first: leaving a row of information out would fix it.
        every = _keys_of(solution.estimate)
        if solution.information is not None:
            normal, right = solution.information, np.zeros(len(every))
        elif solution.normal is not None and solution.normal.matrix is not None:
            normal, right = solution.normal.matrix, solution.normal.vector.values
        found = solution_of_normal(file.name, every, solution.estimate.values, normal, right)
        return CentreSolution(file.name, keys, found.value[rows], found.covariance[part], *_constraints(file, rows))
    if solution.covariance is not None:
        return CentreSolution(file.name, keys, value, solution.covariance[part], *_constraints(file, rows))
    return CentreSolution(file.name, keys, value, np.diag(solution.estimate.sigmas[rows] ** 2))


def _constraints(file: CentreFile, rows: NDArray[np.intp]) -> tuple[Array, Array] | tuple[None, None]:
    """Values and covariance that constraints pulled towards; what has none gets next to no information."""
    solution, apriori = file.solution, file.solution.apriori
    if file.constraints == "none" or apriori is None or solution.covariance is None:
        return None, None
    places = {key: row for row, key in enumerate(_keys_of(apriori))}
    own = _keys_of(solution.estimate)
    found = np.array([places.get(own[row], -1) for row in rows], dtype=np.intp)
    given = found >= 0
    value = solution.estimate.values[rows].copy()
    value[given] = apriori.values[found[given]]
    information = np.zeros((len(rows), len(rows)))
    if solution.apriori_information is not None:
        block = solution.apriori_information[np.ix_(found[given], found[given])]
    elif solution.apriori_covariance is not None:
        block = triangular_inverse(solution.apriori_covariance[np.ix_(found[given], found[given])])
    else:
        block = np.diag(1.0 / apriori.sigmas[found[given]] ** 2)
    information[np.ix_(given, given)] = block
    information += np.diag(_FREE_PART / np.diag(solution.covariance)[rows])
    return value, triangular_inverse(information)


def _keys_of(table: ParameterTable) -> tuple[ParameterKey, ...]:
    rows = zip(table.types.tolist(), table.codes.tolist(), table.points.tolist(), table.solns.tolist(), strict=True)
    epochs = table.epochs_utc
    return tuple(
        ParameterKey(kind, code, point, soln) if kind in COORDINATES
        else ParameterKey(kind, "" if kind in _KINDS else code, "" if kind in _KINDS else f"{point} {soln}", _hour(epochs[row]))
        for row, (kind, code, point, soln) in enumerate(rows)
    )  # fmt: skip


def _hour(epoch: np.datetime64) -> str:
    """Epochs of GPS time and UTC are one: they differ by 18 s."""
    return "" if np.isnat(epoch) else str((epoch + _HOUR / 2).astype("datetime64[h]"))


def _whole_sites(table: ParameterTable, known: NDArray[np.bool_]) -> set[Site]:
    count: Counter[Site] = Counter()
    for row in np.flatnonzero(known & np.isin(table.types, list(COORDINATES))).tolist():
        count[str(table.codes[row]), str(table.points[row])] += 1
    return {site for site, components in count.items() if components == 3}


def _with_estimate(solution: StationSolution) -> StationSolution:
    """Normal equations without estimates: their own list, about the a-priori values."""
    from dataclasses import replace

    normal = solution.normal
    if len(solution.estimate) or normal is None or normal.matrix is None or solution.apriori is None:
        return solution
    places = {key: row for row, key in enumerate(_keys_of(solution.apriori))}
    rows = [places.get(key, -1) for key in _keys_of(normal.vector)]
    if min(rows, default=-1) < 0:
        return solution
    about = solution.apriori
    values, sigmas = about.values[rows], np.full(len(rows), np.nan)
    return replace(solution, estimate=replace(normal.vector, values=values, sigmas=sigmas, units=about.units[rows]))


def _matrix_kind(solution: StationSolution) -> str:
    if solution.covariance is not None:
        return "covariance"
    if solution.information is not None:
        return "information"
    normal = solution.normal
    if normal is not None and normal.matrix is not None and len(normal.vector) == len(solution.estimate):
        return "normal equations"
    return "standard deviations"


def _constraint_kind(solution: StationSolution) -> str:
    if solution.apriori is None or not len(solution.apriori) or solution.covariance is None:
        return "none"
    if solution.apriori_covariance is not None or solution.apriori_information is not None:
        return "matrix"
    free = (solution.estimate.constraints == 2).all() or not (solution.apriori.sigmas > 0).all()
    return "none" if free else "standard deviations"


def _domes_finding(site: Site, numbers: dict[str, str]) -> list[str]:
    if len(set(numbers.values())) < 2:
        return []
    usual = Counter(numbers.values()).most_common(1)[0][0]
    wrong = ", ".join(f"{number} in {name}" for name, number in numbers.items() if number != usual)
    return [f"{' '.join(site)} has the DOMES number {usual}, but {wrong}"]


def centre_name(path: Path, solution: StationSolution) -> str:
    """Return the centre of the file name, or the agency that the file states, or the stem of the name."""
    try:
        return igs_names.parse_name(path.name).centre
    except FiducialError:
        # Names that are long ones but for a detail.
        if _NEARLY_LONG.match(path.name):
            return path.name[:3].upper()
        return solution.header.agency or path.stem


def _unusable(problem: str, where: str) -> InputError:
    return InputError("FID-1351", problem, where=where, fix="give a SINEX file with positions and their covariance")


def _shown(epoch: np.datetime64) -> str:
    return str(epoch.astype("datetime64[m]"))
