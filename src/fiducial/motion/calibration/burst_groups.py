"""Observations of a burst network in groups, and what each group tells with correlated noise in it.

A group is all ties of two bursts, all stations of one burst, or its row of the field. Within a group the covariance C
of the noise is full; between groups it is neglected. Each group estimates its own offset and slopes with weights W
that ignore the correlation, x = M^-1 B'W y with M = B'W B, and these have the covariance M^-1 K M^-1 with
K = B'W C W B (Huber 1967; Liang & Zeger 1986). It enters the network with that information,

    N = M K^- M,   right-hand side M K^- B'W y,

which for an offset alone is one over W-weighted sum of correlations: n cells count as n_eff = n^2 / sum_ij rho_ij of
them (Bayley & Hammersley 1946). A robust factor h of a weight inflates the covariance by 1 / sqrt(h_i h_j), correlations
kept (Yang, Song & Xu 2002): without it a doubted station that is alone in its group would keep its full weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from fiducial.motion.calibration.burst_ties import TIE, BurstNetwork, Rows

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Shape = tuple[int, ...]

_UNIT_M: Final = 50_000.0
_DEPENDENT: Final = 1e-10


@dataclass(frozen=True)
class Groups:
    """Usable observations, ordered by group, with everything that does not depend on weights.

    Attributes
    ----------
    row : ndarray of int, shape (member,)
        Rows of the table, group after group.
    members : Rows
        These rows; the covariance of GNSS only within groups.
    begins : ndarray of int, shape (group + 1,)
    of_member : ndarray of int, shape (member,)
        Group of each member.
    kind, first, second : ndarray of int, shape (group,)
    design : ndarray, shape (member, term)
        1, u, v about the mean position of the group.
    to_first, to_second : ndarray, shape (group, term, term)
        Terms of a burst at a point are this matrix times those of the group; zero for a second burst that is none.
    ties : int
        Number of groups of ties: they come first, one for each pair of bursts.
    """

    row: Index
    members: Rows
    begins: Index
    of_member: Index
    kind: Index
    first: Index
    second: Index
    design: Array
    to_first: Array
    to_second: Array
    ties: int

    @classmethod
    def of(cls, network: BurstNetwork, rows: Rows, terms: int) -> Groups:
        """Sort the usable rows into groups; ``terms`` is 1 for offsets, 3 for planes."""
        used = np.flatnonzero(rows.usable)
        key = (rows.kind[used] * network.size + rows.first[used]) * (network.size + 1) + rows.second[used] + 1
        order = np.argsort(key, kind="stable")
        row, key = used[order], key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
        begins = np.append(starts, len(row))
        count = np.diff(begins)
        of_member = np.repeat(np.arange(len(starts)), count)
        members = rows.select(row)
        gnss = members.gnss_covariance
        same = of_member[gnss.coords[0]] == of_member[gnss.coords[1]]
        kept = (gnss.data[same], (gnss.coords[0][same], gnss.coords[1][same]))
        members = replace(members, gnss_covariance=coo_array(kept, shape=gnss.shape))
        place = np.column_stack([members.easting, members.northing])
        centre = np.add.reduceat(place, starts, axis=0) / count[:, None] if len(starts) else np.zeros((0, 2))
        design = np.ones((len(row), terms))
        design[:, 1:] = ((place - centre[of_member]) / _UNIT_M)[:, : terms - 1]
        first, second, kind = members.first[starts], members.second[starts], members.kind[starts]
        to_first = _change_of_origin(network, first, centre, terms)
        to_second = _change_of_origin(network, second, centre, terms) * (second >= 0)[:, None, None]
        ties = int((kind == TIE).sum())
        return cls(row, members, begins, of_member, kind, first, second, design, to_first, to_second, ties)

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.kind)

    def sums(self, values: Array) -> Array:
        """Return the sums over the members of each group, shape (group, ...), of values (member, ...)."""
        if not self.size:
            return np.zeros((0, *values.shape[1:]))
        return np.asarray(np.add.reduceat(values, self.begins[:-1], axis=0), dtype=np.float64)

    def at_members(self, unknowns: Array) -> Array:
        """Return S_first - S_second at the members, shape (member, k), from unknowns (burst, term, k)."""
        own = np.einsum("gab,gak->gbk", self.to_first, unknowns[self.first])
        own -= np.einsum("gab,gak->gbk", self.to_second, unknowns[self.second])
        return np.asarray(np.einsum("mb,mbk->mk", self.design, own[self.of_member]), dtype=np.float64)

    def covariance(self, on: Array, beside: Array) -> Array:
        """Return the covariance of the terms of S_first - S_second, shape (group, term, term).

        Parameters
        ----------
        on : ndarray, shape (burst, term, term)
            Diagonal blocks of the covariance of the unknowns.
        beside : ndarray, shape (ties, term, term)
            Its blocks (first, second) of each group of ties.
        """
        one, two = self.to_first, self.to_second
        covariance = one.transpose(0, 2, 1) @ on[self.first] @ one + two.transpose(0, 2, 1) @ on[self.second] @ two
        across = one[: self.ties].transpose(0, 2, 1) @ beside @ two[: self.ties]
        covariance[: self.ties] -= across + across.transpose(0, 2, 1)
        return np.asarray(covariance, dtype=np.float64)

    def variance_at_members(self, covariance: Array) -> Array:
        """Return the variance of S_first - S_second at the members from `covariance`, shape (member,)."""
        return np.asarray(np.einsum("ma,mab,mb->m", self.design, covariance[self.of_member], self.design))


@dataclass(frozen=True)
class Information:
    """What the groups tell, with given weights.

    Attributes
    ----------
    weights : ndarray, shape (member,)
        Diagonal of W, 1/(mm/yr)^2.
    plain : ndarray, shape (group, term, term)
        M: the information if the noise were independent.
    gain : ndarray, shape (group, term, term)
        M K^-.
    normal : ndarray, shape (group, term, term)
        N = M K^- M.
    """

    weights: Array
    plain: Array
    gain: Array
    normal: Array

    def moments(self, groups: Groups, values: Array, scale: Array) -> Array:
        """Return the right-hand sides M K^- B'W y of the groups, shape (group, term, k), for y of shape (row, k).

        ``scale``, shape (group,), multiplies them: the reciprocal of the variance factors.
        """
        if values.shape[1] == 1:
            sums = groups.sums((self.weights * values[groups.row, 0])[:, None] * groups.design)[:, :, None]
        else:
            terms = groups.design.shape[1]
            sums = np.asarray(self._operator(groups, len(values)) @ values).reshape(groups.size, terms, -1)
        return np.asarray((self.gain * scale[:, None, None]) @ sums, dtype=np.float64)

    def _operator(self, groups: Groups, rows: int) -> csr_array:
        """Return B'W, the terms of a group side by side so that its values are read once; shape (group * term, row)."""
        terms = groups.design.shape[1]
        lengths = np.repeat(np.diff(groups.begins), terms)
        begins = np.concatenate([[0], np.cumsum(lengths)])
        member = np.arange(begins[-1]) + np.repeat(np.repeat(groups.begins[:-1], terms) - begins[:-1], lengths)
        term = np.repeat(np.tile(np.arange(terms), groups.size), lengths)
        data = self.weights[member] * groups.design[member, term]
        return csr_array((data, groups.row[member], begins), shape=(groups.size * terms, rows))


def information(groups: Groups, robust: Array, length_km: float) -> Information:
    """Return what each group tells.

    Parameters
    ----------
    groups : Groups
    robust : ndarray, shape (member,)
        Factors 0 ... 1 of the weights.
    length_km : float
        Of the exponential correlation of the noise.
    """
    rows, design = groups.members, groups.design
    counted = robust * rows.share
    weights = counted / rows.variance
    # A tie that counts for less than one observation, or is doubted, has a larger variance that goes with its weight.
    large = weights / np.sqrt(np.maximum(counted, 1e-300))
    plain, crossed = _group_sums(
        groups.begins, design, weights, large * rows.sigma, large**2 * rows.white_variance,
        rows.easting, rows.northing, 1000.0 * length_km, (0,) * design.shape[1],
    )  # fmt: skip
    if np.any(rows.common):
        shared = groups.sums((large * rows.common)[:, None] * design)
        crossed += shared[:, :, None] * shared[:, None, :]
    i, j = rows.gnss_covariance.coords
    products = (rows.gnss_covariance.data * large[i] * large[j])[:, None, None] * design[i][:, :, None]
    add_at(crossed, groups.of_member[i], products * design[j][:, None, :])
    gain = _gains(plain, crossed, _DEPENDENT)
    normal = gain @ plain
    return Information(weights, plain, gain, 0.5 * (normal + normal.transpose(0, 2, 1)))


def add_at(target: Array, index: Index, values: Array) -> None:
    """Add values (n, ...) to the rows of the target that an index (n,) names, summing where one stands several times."""
    if not len(index):
        return
    one = np.arange(len(index))
    gather = csr_array(coo_array((np.ones(len(index)), (index, one)), shape=(len(target), len(index))))
    target += np.asarray(gather @ values.reshape(len(values), -1)).reshape(target.shape)


def _change_of_origin(network: BurstNetwork, burst: Index, centre: Array, terms: int) -> Array:
    scale = network.scale_m[burst]
    matrix = np.zeros((len(burst), terms, terms))
    matrix[:, 0, 0] = 1.0
    for term, origin in enumerate((network.easting_origin, network.northing_origin)[: terms - 1], start=1):
        matrix[:, term, 0] = (centre[:, term - 1] - origin[burst]) / scale
        matrix[:, term, term] = _UNIT_M / scale
    return matrix


@numba.njit(cache=True, nogil=True)
def _group_sums(
    begins: Index, design: Array, weights: Array, correlated: Array, private: Array, easting: Array, northing: Array,
    length_m: float, shape: Shape,
) -> tuple[Array, Array]:  # fmt: skip  # pragma: no cover
    """Return B'W B and B'W C W B of each group; ``correlated`` is w sigma, ``private`` is w^2 times white variance."""
    terms, groups = len(shape), len(begins) - 1
    plain, crossed = np.zeros((groups, terms, terms)), np.zeros((groups, terms, terms))
    for g in range(groups):
        for i in range(begins[g], begins[g + 1]):
            own = private[i] + correlated[i] * correlated[i]
            for a in range(terms):
                for b in range(terms):
                    product = design[i, a] * design[i, b]
                    plain[g, a, b] += weights[i] * product
                    crossed[g, a, b] += own * product
            if correlated[i] == 0.0:
                continue
            for j in range(begins[g], i):
                distance = np.sqrt((easting[i] - easting[j]) ** 2 + (northing[i] - northing[j]) ** 2)
                both = correlated[i] * correlated[j] * np.exp(-distance / length_m)
                for a in range(terms):
                    for b in range(terms):
                        crossed[g, a, b] += both * (design[i, a] * design[j, b] + design[j, a] * design[i, b])
    return plain, crossed


@numba.njit(cache=True, nogil=True)
def _lower(
    matrix: Array, scale: Array, tolerance: float, lower: Array, kept: NDArray[np.bool_]
) -> None:  # pragma: no cover
    """Factorise a scaled semi-definite matrix; unknowns that depend on earlier ones are not kept."""
    for a in range(len(matrix)):
        for b in range(a + 1):
            total = matrix[a, b] * scale[a] * scale[b]
            for c in range(b):
                total -= lower[a, c] * lower[b, c]
            if a == b:
                kept[a] = total > tolerance
                lower[a, a] = np.sqrt(total) if kept[a] else 0.0
            else:
                lower[a, b] = total / lower[b, b] if kept[b] else 0.0


@numba.njit(cache=True, nogil=True)
def _gains(plain: Array, crossed: Array, tolerance: float) -> Array:  # pragma: no cover
    """Return M K^- with a generalised inverse of K: what a group cannot tell (cells on a line) it does not tell.

    M and K have the same null space, so that every generalised inverse gives the same M K^- M.
    """
    groups, terms = plain.shape[:2]
    gain = np.zeros_like(plain)
    lower, solution, scale = np.zeros((terms, terms)), np.zeros(terms), np.zeros(terms)
    kept = np.zeros(terms, dtype=np.bool_)
    for g in range(groups):
        for a in range(terms):
            scale[a] = 1.0 / np.sqrt(crossed[g, a, a]) if crossed[g, a, a] > 0.0 else 0.0
        _lower(crossed[g], scale, tolerance, lower, kept)
        for column in range(terms):
            for a in range(terms):
                total = plain[g, a, column] * scale[a]
                for c in range(a):
                    total -= lower[a, c] * solution[c]
                solution[a] = total / lower[a, a] if kept[a] else 0.0
            for a in range(terms - 1, -1, -1):
                total = solution[a]
                for c in range(a + 1, terms):
                    total -= lower[c, a] * solution[c]
                solution[a] = total / lower[a, a] if kept[a] else 0.0
                gain[g, column, a] = solution[a] * scale[a]
    return gain
