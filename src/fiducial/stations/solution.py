"""A station solution: estimates with their matrices, sites, spans, equipment, discontinuities, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fiducial.errors import InputError
from fiducial.stations.solution_tables import (
    POSITION_TYPES,
    VELOCITY_TYPES,
    Array,
    DiscontinuityTable,
    EccentricityTable,
    Epochs,
    EquipmentTable,
    Integers,
    ParameterTable,
    PostSeismicTable,
    SiteTable,
    SpanTable,
    Texts,
)

__all__ = [
    "Coordinates", "DiscontinuityTable", "EccentricityTable", "EquipmentTable", "NormalEquations", "ParameterTable",
    "PostSeismicTable", "SiteTable", "SolutionHeader", "SpanTable", "StationSolution", "coordinate_rows",
    "post_seismic_terms",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SolutionHeader:
    """What a solution says of itself.

    Attributes
    ----------
    version : str
        Of the format, ``2.02``.
    agency, data_agency : str
        Who made the file, who the data; empty when not stated.
    created_utc, start_utc, end_utc : datetime64[ns]
        Making of the file and span of the data; NaT where not stated.
    technique : str
        C combined, D DORIS, L SLR, M LLR, P GNSS, R VLBI; empty when not stated.
    parameters : int or None
        As stated.
    constraint : int
        0 fixed or tight, 1 significant, 2 unconstrained; -1 not stated.
    contents : tuple of str
        Letters: S station coordinates, V velocities, E Earth rotation, T troposphere, O orbits, A antenna, X others.
    """

    version: str = "2.02"
    agency: str = ""
    data_agency: str = ""
    created_utc: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "ns"))
    start_utc: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "ns"))
    end_utc: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "ns"))
    technique: str = ""
    parameters: int | None = None
    constraint: int = -1
    contents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """Normal equations N dx = b about the a-priori values.

    Attributes
    ----------
    vector : ParameterTable
        ``values`` are b, in one over ``units``; no sigmas.
    matrix : ndarray, shape (n, n), or None
        N, symmetric, in one over the product of the units.
    """

    vector: ParameterTable
    matrix: Array | None


class Coordinates(NamedTuple):
    """Positions or velocities of a solution.

    Attributes
    ----------
    codes, points, solns : ndarray of str, shape (n,)
    epochs_utc : ndarray of datetime64[ns], shape (n,)
        Reference epoch.
    xyz : ndarray, shape (n, 3)
        Geocentric, m or m/yr; NaN where a component is not in the solution.
    covariance : ndarray, shape (n, 3, 3), or None
        m^2 or (m/yr)^2; None when the solution has no covariance.
    """

    codes: Texts
    points: Texts
    solns: Texts
    epochs_utc: Epochs
    xyz: Array
    covariance: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class StationSolution:
    """A solution of one technique, day or span, in one frame.

    Attributes
    ----------
    header : SolutionHeader
    estimate : ParameterTable
        Empty when the solution consists of normal equations.
    covariance : ndarray, shape (n, n), or None
        Of the estimates, in the product of their units; symmetric.
    information : ndarray, shape (n, n), or None
        The inverse, when the file gives that instead.
    apriori : ParameterTable or None
        A list of its own: not necessarily the parameters of the estimate.
    apriori_covariance, apriori_information : ndarray or None
        Of the constraints.
    normal : NormalEquations or None
    statistics : mapping of str to float
        Names in capitals as printed: ``NUMBER OF OBSERVATIONS``, ``VARIANCE FACTOR`` ...; printed units.
    sites, spans, receivers, antennas, eccentricities, discontinuities : tables or None
        None where the file has no such block.
    reference_frame : str
        As stated (``ITRF20``), empty when not stated.
    reference : mapping of str to str
        Other lines of FILE/REFERENCE; lines of one key are joined by line feeds.
    comments : tuple of str

    Raises
    ------
    InputError
        FID-1301 when a matrix does not have as many rows and columns as its list has parameters.
    """

    header: SolutionHeader
    estimate: ParameterTable
    covariance: Array | None = None
    information: Array | None = None
    apriori: ParameterTable | None = None
    apriori_covariance: Array | None = None
    apriori_information: Array | None = None
    normal: NormalEquations | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    sites: SiteTable | None = None
    spans: SpanTable | None = None
    receivers: EquipmentTable | None = None
    antennas: EquipmentTable | None = None
    eccentricities: EccentricityTable | None = None
    discontinuities: DiscontinuityTable | None = None
    reference_frame: str = ""
    reference: Mapping[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        normal = (None, None) if self.normal is None else (self.normal.vector, self.normal.matrix)
        for name, table, matrix in (
            ("covariance", self.estimate, self.covariance),
            ("information", self.estimate, self.information),
            ("a-priori covariance", self.apriori, self.apriori_covariance),
            ("a-priori information", self.apriori, self.apriori_information),
            ("normal matrix", *normal),
        ):
            size = 0 if table is None else len(table)
            if matrix is not None and matrix.shape != (size, size):
                problem = f"the {name} has the shape {matrix.shape} for {size} parameters"
                raise InputError("FID-1301", problem, where="station solution", fix="give a row and column a parameter")

    def positions(self) -> Coordinates:
        """Return the positions of the estimate, in m, in the order of their first component."""
        return self._coordinates(POSITION_TYPES)

    def velocities(self) -> Coordinates:
        """Return the velocities of the estimate, in m/yr, in the order of their first component."""
        return self._coordinates(VELOCITY_TYPES)

    def post_seismic(self) -> PostSeismicTable:
        """Return the post-seismic terms among the estimates; see :func:`post_seismic_terms`."""
        return post_seismic_terms(self.estimate, self.covariance)

    def _coordinates(self, types: tuple[str, str, str]) -> Coordinates:
        table = self.estimate
        rows = coordinate_rows(table, types)
        first = rows.max(axis=1) if rows.size else np.zeros(0, dtype=np.int64)
        xyz = np.where(rows >= 0, table.values[rows], np.nan) if len(table) else np.zeros((0, 3))
        blocks = None
        if self.covariance is not None:
            given = (rows[:, :, None] >= 0) & (rows[:, None, :] >= 0)
            blocks = np.where(given, self.covariance[rows[:, :, None], rows[:, None, :]], np.nan)
        return Coordinates(
            table.codes[first], table.points[first], table.solns[first], table.epochs_utc[first], xyz, blocks
        )


def coordinate_rows(table: ParameterTable, types: tuple[str, str, str] = POSITION_TYPES) -> Integers:
    """Return where the components of each position or velocity stand in a list of parameters.

    Parameters
    ----------
    table : ParameterTable
    types : tuple of str
        ``POSITION_TYPES`` or ``VELOCITY_TYPES``.

    Returns
    -------
    ndarray of int, shape (n, 3)
        A row a (code, point, soln, epoch), in the order of first appearance; -1 where a component is absent.

    Raises
    ------
    InputError
        FID-1302 when a component stands twice.
    """
    wanted = np.flatnonzero((table.types == types[0]) | (table.types == types[1]) | (table.types == types[2]))
    kinds = table.types[wanted]
    index = np.full((0, 3), -1, dtype=np.int64)
    x, y, z = wanted[::3], wanted[1::3], wanted[2::3]
    if len(wanted) % 3 == 0 and all((kinds[place::3] == types[place]).all() for place in range(3)):
        columns = (table.codes, table.points, table.solns, table.epochs_utc.view(np.int64))
        if all((column[x] == column[y]).all() and (column[x] == column[z]).all() for column in columns):
            index = np.stack([x, y, z], axis=1).astype(np.int64)
            keys = zip(*(column[x].tolist() for column in columns), strict=True)
            if len(set(keys)) == len(index):
                return index
    return _matched_rows(table, wanted, types)


def _matched_rows(table: ParameterTable, wanted: Integers, types: tuple[str, str, str]) -> Integers:
    """Match components that stand in any order."""
    found: dict[tuple[str, str, str, int], list[int]] = {}
    for row in wanted.tolist():
        key = (
            str(table.codes[row]), str(table.points[row]), str(table.solns[row]),
            int(table.epochs_utc[row].astype(np.int64)),
        )  # fmt: skip
        place = types.index(str(table.types[row]))
        rows = found.setdefault(key, [-1, -1, -1])
        if rows[place] >= 0:
            where = " ".join(key[:3])
            problem = f"{types[place]} stands twice at one epoch, in rows {rows[place] + 1} and {row + 1}"
            raise InputError(
                "FID-1302", problem, where=where, fix="remove one of the two, or give them solution numbers"
            )
        rows[place] = row
    return np.array(list(found.values()), dtype=np.int64).reshape(-1, 3)


def post_seismic_terms(table: ParameterTable, covariance: Array | None = None) -> PostSeismicTable:
    """Pair amplitudes and time constants of post-seismic models (``AEXP_E`` and ``TEXP_E``, ``ALOG_N`` ...).

    Parameters
    ----------
    table : ParameterTable
        ITRF2020 writes ``m`` as the unit of time constants, which are Julian years (Altamimi et al. 2023); the table
        has ``yr``.
    covariance : ndarray, shape (n, n), optional

    Raises
    ------
    InputError
        FID-1303 when an amplitude has no time constant or the reverse.
    """
    pairs: dict[tuple[str, str, str, str, int], tuple[list[int], list[int]]] = {}
    for row, kind in enumerate(table.types.tolist()):
        if kind[:5] in {"AEXP_", "TEXP_", "ALOG_", "TLOG_"} and kind[5:] in {"E", "N", "U"}:
            epoch = int(table.epochs_utc[row].astype(np.int64))
            key = (str(table.codes[row]), str(table.points[row]), kind[5], kind[1:4], epoch)
            pairs.setdefault(key, ([], []))[kind[0] == "T"].append(row)
    amplitudes: list[int] = []
    constants: list[int] = []
    for (code, point, component, model, _), (first, second) in pairs.items():
        if len(first) != len(second):
            problem = f"{len(first)} amplitudes and {len(second)} time constants of {model} along {component}"
            fix = "give each amplitude its time constant at the same site and earthquake"
            raise InputError("FID-1303", problem, where=f"{code} {point}", fix=fix)
        amplitudes += first
        constants += second
    a, t = np.array(amplitudes, dtype=np.int64), np.array(constants, dtype=np.int64)
    both = np.stack([a, t], axis=1)
    if covariance is None:
        blocks = np.full((len(a), 2, 2), np.nan)
        blocks[:, [0, 1], [0, 1]] = table.sigmas[both] ** 2
    else:
        blocks = covariance[both[:, :, None], both[:, None, :]]
    kinds = table.types[a].astype("U6")
    letters = kinds.view("U1").reshape(len(a), 6)
    models = np.char.add(np.char.add(letters[:, 1], letters[:, 2]), letters[:, 3])
    return PostSeismicTable(
        table.codes[a], table.points[a], letters[:, 5], models, table.epochs_utc[a], table.values[a], table.values[t],
        blocks, a, t,
    )  # fmt: skip
