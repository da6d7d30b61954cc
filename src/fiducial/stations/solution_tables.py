"""Tables of a station solution: parameters, sites, spans, equipment, discontinuities; equal lengths, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError

Array = NDArray[np.float64]
Texts = NDArray[np.str_]
Epochs = NDArray[np.datetime64]
Integers = NDArray[np.int64]

POSITION_TYPES: Final = ("STAX", "STAY", "STAZ")
VELOCITY_TYPES: Final = ("VELX", "VELY", "VELZ")


class _Rows:
    """What every table shares: columns of one length."""

    __slots__ = ()

    def __post_init__(self) -> None:
        lengths = {column.name: len(getattr(self, column.name)) for column in fields(self)}  # type: ignore[arg-type]
        if len(set(lengths.values())) > 1:
            problem = "columns have different lengths: " + ", ".join(f"{name} {size}" for name, size in lengths.items())
            raise InputError("FID-1300", problem, where=type(self).__name__, fix="give one value a row in every column")

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class ParameterTable(_Rows):
    """A list of parameters, in the order of its matrix.

    Attributes
    ----------
    types : ndarray of str, shape (n,)
        ``STAX``, ``VELX``, ``XPO``, ``XPOR``, ``LOD``, ``UT``, ``AEXP_E`` ... as printed.
    codes, points, solns : ndarray of str, shape (n,)
        Site, its point and solution number, as printed without padding: ``ALBH``, ``A``, ``1``; ``----``, ``--``,
        ``----`` where a parameter belongs to none. A site is known by code *and* point; a position by all three.
    epochs_utc : ndarray of datetime64[ns], shape (n,)
        Reference epoch (of post-seismic parameters, the earthquake); NaT where open.
    printed_units : ndarray of str, shape (n,)
        Unit of the file: ``m``, ``m/y``, ``mas``, ``ma/d``, ``ms``.
    units : ndarray of str, shape (n,)
        Unit of ``values`` and ``sigmas``: ``m``, ``m/yr``, ``rad``, ``rad/d``, ``s``, ``s/d``, ``yr`` ...
    constraints : ndarray of int8, shape (n,)
        0 fixed or tight, 1 significant, 2 unconstrained; -1 not stated.
    values, sigmas : ndarray, shape (n,)
        In ``units``; a standard deviation that is not given is NaN. Of a vector of normal equations, ``values`` are its
        elements, in one over ``units``.
    """

    types: Texts
    codes: Texts
    points: Texts
    solns: Texts
    epochs_utc: Epochs
    printed_units: Texts
    units: Texts
    constraints: NDArray[np.int8]
    values: Array
    sigmas: Array


@dataclass(frozen=True, slots=True, eq=False)
class SiteTable(_Rows):
    """Sites by code and point.

    Attributes
    ----------
    codes, points, domes, techniques, descriptions : ndarray of str, shape (n,)
        A DOMES number that is not assigned is empty. Techniques: C combined, D DORIS, L SLR, M LLR, P GNSS, R VLBI.
    longitude_deg, latitude_deg, height_m : ndarray, shape (n,)
        Approximate, geodetic; longitude 0 ... 360 as printed; NaN where not given.
    """

    codes: Texts
    points: Texts
    domes: Texts
    techniques: Texts
    descriptions: Texts
    longitude_deg: Array
    latitude_deg: Array
    height_m: Array


@dataclass(frozen=True, slots=True, eq=False)
class SpanTable(_Rows):
    """Spans of the data behind a solution of a point: ``start_utc``, ``end_utc``, ``mean_utc``; NaT where open."""

    codes: Texts
    points: Texts
    solns: Texts
    start_utc: Epochs
    end_utc: Epochs
    mean_utc: Epochs


@dataclass(frozen=True, slots=True, eq=False)
class EquipmentTable(_Rows):
    """Receivers or antennas in time.

    Attributes
    ----------
    codes, points, solns : ndarray of str, shape (n,)
    start_utc, end_utc : ndarray of datetime64[ns], shape (n,)
        NaT where open.
    kinds : ndarray of str, shape (n,)
        20 characters without padding; of an antenna with its radome in columns 17-20.
    serials, firmware : ndarray of str, shape (n,)
        Empty where not given; an antenna has no firmware.
    """

    codes: Texts
    points: Texts
    solns: Texts
    start_utc: Epochs
    end_utc: Epochs
    kinds: Texts
    serials: Texts
    firmware: Texts


@dataclass(frozen=True, slots=True, eq=False)
class EccentricityTable(_Rows):
    """Vectors from the marker to the antenna reference point, in time.

    Attributes
    ----------
    codes, points, solns : ndarray of str, shape (n,)
    start_utc, end_utc : ndarray of datetime64[ns], shape (n,)
    local : ndarray of bool, shape (n,)
        True: ``vector_m`` is east, north, up (the file prints up, north, east); False: geocentric x, y, z.
    vector_m : ndarray, shape (n, 3)
    """

    codes: Texts
    points: Texts
    solns: Texts
    start_utc: Epochs
    end_utc: Epochs
    local: NDArray[np.bool_]
    vector_m: Array


@dataclass(frozen=True, slots=True, eq=False)
class DiscontinuityTable(_Rows):
    """Intervals between discontinuities; an open end is NaT.

    ``kinds`` is ``P`` where positions, ``V`` where velocities are valid in the interval.
    """

    codes: Texts
    points: Texts
    solns: Texts
    start_utc: Epochs
    end_utc: Epochs
    kinds: Texts
    comments: Texts


@dataclass(frozen=True, slots=True, eq=False)
class PostSeismicTable(_Rows):
    """Post-seismic terms: A (1 - exp(-t/T)) or A ln(1 + t/T) from the earthquake on, along east, north or up.

    Attributes
    ----------
    codes, points, components, models : ndarray of str, shape (n,)
        Components ``E``, ``N``, ``U``; models ``EXP``, ``LOG``.
    epochs_utc : ndarray of datetime64[ns], shape (n,)
        Of the earthquake.
    amplitude_m, time_constant_yr : ndarray, shape (n,)
        Julian years.
    covariance : ndarray, shape (n, 2, 2)
        Of amplitude and time constant, m and yr; NaN where neither matrix nor standard deviations are given, and beside
        the diagonal without a matrix.
    amplitude_index, time_constant_index : ndarray of int, shape (n,)
        Rows of the parameter list, for the full covariance.
    """

    codes: Texts
    points: Texts
    components: Texts
    models: Texts
    epochs_utc: Epochs
    amplitude_m: Array
    time_constant_yr: Array
    covariance: Array
    amplitude_index: Integers
    time_constant_index: Integers
