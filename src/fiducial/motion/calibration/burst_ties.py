"""What a network of bursts is observed by: common cells of two bursts, GNSS stations, and the GNSS field."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from fiducial.errors import InputError

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

CORRELATION_LENGTH_KM: Final = 10.0
"""Short-wave errors of InSAR velocities: exponential covariance of this length."""
TIE, STATION, FIELD = 0, 1, 2
"""Kinds of observations, in the order that right-hand sides have them."""


def _no_rows() -> Array:
    return np.zeros(0)


def _no_index() -> Index:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class BurstTies:
    """Differences of two bursts of one direction of flight in the cells that both see.

    (v_b - l_b.g) - (v_c - l_c.g) = S_b(x) - S_c(x) + noise, g the GNSS velocity field, which nearly cancels because
    the lines of sight are nearly the same. An ascending and a descending burst are never tied: their difference holds
    2 l_e v_E + ..., and any vertical motion that g does not know would enter it as an error of the bursts.

    Attributes
    ----------
    first, second : ndarray of int, shape (tie,)
        Bursts b and c.
    easting, northing : ndarray, shape (tie,)
        Metres; the same for all ties of a cell.
    difference_mm_per_yr : ndarray, shape (tie,)
        LOS, positive towards the satellite.
    sigma_mm_per_yr : ndarray, shape (tie,)
        Of the part of the noise that neighbouring cells share over the correlation length of the network.
    white_sigma_mm_per_yr : ndarray, shape (tie,)
        Of the part that is private to the cell.
    common_sigma_mm_per_yr : ndarray, shape (tie,)
        Of an error that all ties of two bursts share: l_b - l_c times what is not known of g.
    share : ndarray, shape (tie,)
        Independent observations that the tie stands for: m bursts in a cell give m (m - 1) / 2 ties, of which
        m - 1 are independent (`shares_in_cells`); 1 with two bursts.
    """

    first: Index = field(default_factory=_no_index)
    second: Index = field(default_factory=_no_index)
    easting: Array = field(default_factory=_no_rows)
    northing: Array = field(default_factory=_no_rows)
    difference_mm_per_yr: Array = field(default_factory=_no_rows)
    sigma_mm_per_yr: Array = field(default_factory=_no_rows)
    white_sigma_mm_per_yr: Array = field(default_factory=_no_rows)
    common_sigma_mm_per_yr: Array = field(default_factory=_no_rows)
    share: Array = field(default_factory=_no_rows)

    @classmethod
    def of(
        cls, first: Index, second: Index, position: tuple[Array, Array], difference_mm_per_yr: Array,
        sigma_mm_per_yr: Array,
    ) -> BurstTies:  # fmt: skip
        """Make ties without white and common noise, two bursts in every cell."""
        none = np.zeros(len(first))
        return cls(first, second, *position, difference_mm_per_yr, sigma_mm_per_yr, none, none, none + 1.0)

    @property
    def size(self) -> int:
        """Number of ties."""
        return len(self.difference_mm_per_yr)

    def select(self, mask: NDArray[Any]) -> BurstTies:
        """Return the ties chosen by a boolean mask or an index array."""
        return BurstTies(**{name: getattr(self, name)[mask] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class StationTies:
    """InSAR minus GNSS at stations: v_b - l.V = S_b(x) + noise.

    Attributes
    ----------
    burst : ndarray of int, shape (row,)
    easting, northing : ndarray, shape (row,)
        Metres.
    difference_mm_per_yr : ndarray, shape (row,)
    sigma_mm_per_yr, white_sigma_mm_per_yr : ndarray, shape (row,)
        Of the InSAR, as those of `BurstTies`.
    gnss_covariance : coo_array, shape (row, row)
        Of l.V, (mm/yr)^2; elements between rows of different bursts are not used. Without elements, the sigmas
        hold the error of GNSS as well.
    names : ndarray of str, shape (row,)
    share : ndarray, shape (row,)
        Independent observations that the row stands for: less than 1 where several rows lean on one station.
    """

    burst: Index = field(default_factory=_no_index)
    easting: Array = field(default_factory=_no_rows)
    northing: Array = field(default_factory=_no_rows)
    difference_mm_per_yr: Array = field(default_factory=_no_rows)
    sigma_mm_per_yr: Array = field(default_factory=_no_rows)
    white_sigma_mm_per_yr: Array = field(default_factory=_no_rows)
    gnss_covariance: coo_array = field(default_factory=lambda: coo_array((0, 0)))
    names: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype="<U1"))
    share: Array = field(default_factory=_no_rows)

    @classmethod
    def of(
        cls, burst: Index, position: tuple[Array, Array], difference_mm_per_yr: Array, sigma_mm_per_yr: Array,
        gnss_variance: Array,
    ) -> StationTies:  # fmt: skip
        """Make rows of independent stations with GNSS variances in (mm/yr)^2, numbered for names."""
        rows = np.arange(len(burst))
        covariance = coo_array((gnss_variance, (rows, rows)), shape=(len(rows), len(rows)))
        names = np.array([f"station {i}" for i in rows], dtype=np.str_)
        return cls(
            burst, *position, difference_mm_per_yr, sigma_mm_per_yr, np.zeros(len(rows)), covariance, names,
            np.ones(len(rows)),
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.difference_mm_per_yr)


@dataclass(frozen=True)
class FieldTies:
    """InSAR minus GNSS field, one for a burst: its mean is the offset at the burst's origin.

    Attributes
    ----------
    burst : ndarray of int, shape (row,)
    difference_mm_per_yr, sigma_mm_per_yr : ndarray, shape (row,)
        The sigma holds what is shared with other rows (`burst_planes` says how).
    """

    burst: Index = field(default_factory=_no_index)
    difference_mm_per_yr: Array = field(default_factory=_no_rows)
    sigma_mm_per_yr: Array = field(default_factory=_no_rows)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.difference_mm_per_yr)


@dataclass(frozen=True)
class BurstNetwork:
    """Bursts, each with a correction S_b(x) = a + b u + c v of its own, and all that observes them.

    Attributes
    ----------
    names : tuple of str
    easting_origin, northing_origin : ndarray, shape (burst,)
        Metres: u = (easting - easting_origin) / scale_m, v likewise.
    scale_m : ndarray, shape (burst,)
    ties : BurstTies
    stations : StationTies
    from_field : FieldTies
    correlation_length_km : float
        Of the short-wave noise.

    Raises
    ------
    InputError
        FID-1063 when arrays do not belong together; FID-1132 when a name stands twice.
    """

    names: tuple[str, ...]
    easting_origin: Array
    northing_origin: Array
    scale_m: Array
    ties: BurstTies = field(default_factory=BurstTies)
    stations: StationTies = field(default_factory=StationTies)
    from_field: FieldTies = field(default_factory=FieldTies)
    correlation_length_km: float = CORRELATION_LENGTH_KM

    def __post_init__(self) -> None:
        self._require_shapes()
        names = Counter(self.names)
        twice = [name for name, times in names.items() if times > 1]
        if twice:
            raise InputError("FID-1132", "a burst stands twice in the network", where=f"burst {twice[0]}",
                             fix="give every burst once, of one release")  # fmt: skip

    @property
    def size(self) -> int:
        """Number of bursts."""
        return len(self.names)

    @property
    def observations(self) -> int:
        """Number of observations: ties, then stations, then rows of the field."""
        return self.ties.size + self.stations.size + self.from_field.size

    def _require_shapes(self) -> None:
        wrong = [
            name
            for part in (self.ties, self.stations, self.from_field)
            for name in part.__dataclass_fields__
            if getattr(part, name).shape != ((part.size,) if name != "gnss_covariance" else (part.size,) * 2)
        ]
        for name in ("easting_origin", "northing_origin", "scale_m"):
            values = getattr(self, name)
            if values.shape != (self.size,) or not np.isfinite(values).all():
                wrong.append(name)
        numbers = (self.ties.first, self.ties.second, self.stations.burst, self.from_field.burst)
        wrong += ["burst number" for index in numbers if np.any((index < 0) | (index >= self.size))]
        if not wrong and (np.any(self.ties.first == self.ties.second) or np.any(self.scale_m <= 0)):
            wrong.append("first, second or scale_m")
        if wrong:
            raise InputError(
                "FID-1063",
                "the arrays of the network do not belong together: " + ", ".join(dict.fromkeys(wrong)),
                where=f"network of {self.size} bursts",
                fix="give one value a row, burst numbers within the network, two different bursts a tie",
            )


@dataclass(frozen=True)
class Rows:
    """All observations of a network in one table: ties, stations, field.

    Attributes
    ----------
    kind : ndarray of int, shape (row,)
        `TIE`, `STATION` or `FIELD`.
    first, second : ndarray of int, shape (row,)
        Bursts, first < second; second is -1 except for ties.
    easting, northing, value_mm_per_yr : ndarray, shape (row,)
        The value is of S_first - S_second: turned around where the tie had it the other way.
    turned : ndarray, shape (row,)
        1, or -1 where it was.
    sigma, white_variance, common, share : ndarray, shape (row,)
        As in `BurstTies`; the variance of a station's GNSS is not among them.
    variance : ndarray, shape (row,)
        Of the value, everything together, (mm/yr)^2.
    usable : ndarray of bool, shape (row,)
    gnss_covariance : coo_array, shape (row, row)
    station : ndarray of str, shape (row,)
        Name; empty except for stations.
    notes : tuple of str
    """

    kind: Index
    first: Index
    second: Index
    easting: Array
    northing: Array
    value_mm_per_yr: Array
    turned: Array
    sigma: Array
    white_variance: Array
    common: Array
    share: Array
    variance: Array
    usable: Mask
    gnss_covariance: coo_array
    station: NDArray[np.str_]
    notes: tuple[str, ...]

    def select(self, index: Index) -> Rows:
        """Return the rows chosen by an index array, in its order."""
        place = np.full(len(self.kind), -1)
        place[index] = np.arange(len(index))
        gnss = self.gnss_covariance
        i, j = place[gnss.coords[0]], place[gnss.coords[1]]
        kept = (i >= 0) & (j >= 0)
        covariance = coo_array((gnss.data[kept], (i[kept], j[kept])), shape=(len(index),) * 2)
        columns = [name for name in self.__dataclass_fields__ if name not in {"gnss_covariance", "notes"}]
        return replace(self, gnss_covariance=covariance, **{name: getattr(self, name)[index] for name in columns})


def rows_of(network: BurstNetwork) -> Rows:
    """Gather the observations of a network and decide which of them are usable.

    Raises
    ------
    InputError
        FID-1134 when there are ties, but none with a sigma.

    Notes
    -----
    A sigma of zero, or none at all, means unknown, never an infinite weight: such a tie takes the median of the known
    ones, such a station is left out, because a station is not held against others that tell the same.
    """
    ties, stations, along = network.ties, network.stations, network.from_field
    sizes = (ties.size, stations.size, along.size)
    turned = np.where(ties.first <= ties.second, 1.0, -1.0)
    none, one = np.zeros(sum(sizes)), np.ones(sum(sizes))
    at = along.burst
    gnss = stations.gnss_covariance
    shifted = coo_array((gnss.data, (gnss.coords[0] + sizes[0], gnss.coords[1] + sizes[0])), shape=(sum(sizes),) * 2)
    sigma, white, notes = _tie_sigmas(ties)
    own = np.concatenate([np.zeros(sizes[0]), gnss.diagonal(), np.zeros(sizes[2])])
    sigma = np.concatenate([sigma, stations.sigma_mm_per_yr, np.zeros(sizes[2])])
    white = np.concatenate([white, stations.white_sigma_mm_per_yr, along.sigma_mm_per_yr])
    common = np.concatenate([ties.common_sigma_mm_per_yr, none[sizes[0] :]])
    variance = sigma**2 + white**2 + common**2 + own
    kind = np.repeat([TIE, STATION, FIELD], sizes)
    value = np.concatenate(
        [turned * ties.difference_mm_per_yr, stations.difference_mm_per_yr, along.difference_mm_per_yr]
    )
    place = [np.concatenate([getattr(ties, axis), getattr(stations, axis), getattr(network, f"{axis}_origin")[at]])
             for axis in ("easting", "northing")]  # fmt: skip
    usable = np.isfinite(value) & np.isfinite(variance) & np.isfinite(place).all(axis=0) & (sigma + white > 0)
    # GNSS of unknown sigma is no GNSS, however well InSAR is known beside it.
    usable &= (own > 0) | (kind != STATION) | (gnss.nnz == 0)
    counts = np.bincount(kind[~usable], minlength=3)
    words = ("ties", "stations", "rows of the field")
    notes += [
        f"{n} {what} without value, position or sigma left out" for n, what in zip(counts, words, strict=True) if n
    ]
    return Rows(
        kind=kind,
        first=np.concatenate([np.minimum(ties.first, ties.second), stations.burst, at]),
        second=np.concatenate([np.maximum(ties.first, ties.second), np.full(sizes[1] + sizes[2], -1)]),
        easting=place[0],
        northing=place[1],
        value_mm_per_yr=value,
        turned=np.concatenate([turned, one[sizes[0] :]]),
        sigma=sigma,
        white_variance=white**2,
        common=common,
        share=np.concatenate([ties.share, stations.share, np.ones(sizes[2])]),
        variance=variance,
        usable=usable,
        gnss_covariance=shifted,
        station=np.concatenate([np.full(sizes[0], ""), stations.names, np.full(sizes[2], "")]),
        notes=tuple(notes),
    )


def shares_in_cells(cell: Index, first_variance: Array, second_variance: Array) -> Array:
    """Return the independent observations that each tie stands for when every two bursts of a cell are tied.

    Parameters
    ----------
    cell : ndarray of int, shape (tie,)
        Number of the cell, 0 ... cells - 1; the ties of a cell are all pairs of its bursts.
    first_variance, second_variance : ndarray, shape (tie,)
        Of the two bursts in the cell, any unit.

    Returns
    -------
    ndarray, shape (tie,)
        They sum to m - 1 over the ties of a cell with m bursts; all 1 where m is 2.

    Notes
    -----
    The velocity of the ground in the cell is one more unknown. Eliminating it from m observations with weights w
    leaves diag(w) - w w' / sum(w), the Laplacian of ties with weights w_b w_c / sum(w): (1/w_b + 1/w_c)^-1, the
    weight of a tie alone, times (w_b + w_c) / sum(w). Ties weighted so give the exact normal equations.
    """
    one, two = 1.0 / first_variance, 1.0 / second_variance
    count = np.bincount(cell)
    # Every burst stands in m - 1 of the m (m - 1) / 2 ties of its cell.
    bursts = 0.5 * (1.0 + np.sqrt(1.0 + 8.0 * count))
    total = np.bincount(cell, one + two) / np.maximum(bursts - 1.0, 1.0)
    return np.asarray((one + two) / total[cell], dtype=np.float64)


def _tie_sigmas(ties: BurstTies) -> tuple[Array, Array, list[str]]:
    sigma, white = ties.sigma_mm_per_yr, ties.white_sigma_mm_per_yr
    known = np.isfinite(sigma) & np.isfinite(white) & (sigma >= 0) & (white >= 0) & (sigma + white > 0)
    if known.all():
        return sigma, white, []
    if not known.any():
        raise InputError("FID-1134", f"none of {ties.size} ties has a sigma above zero", where="ties of the network",
                         fix="give the sigma of the InSAR velocities")  # fmt: skip
    note = f"{int((~known).sum())} ties with zero or missing sigma: the median of the others taken"
    return (
        np.where(known, sigma, np.median(sigma[known])),
        np.where(known, white, np.median(white[known])),
        [note],
    )
