"""What the combination loses with a centre: any subset of a day's centres, evaluated from the moments alone.

The combined orbit of a subset is a linear combination of the centres' deviations and of the Helmert displacements. Its
difference to the full combination, or to a centre that is compared only, is one too, and the RMS of the difference, raw
or after Helmert, is a quadratic form of the day's moments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.orbits.combination import PreparedDay
from fiducial.orbits.moments import HELMERT, DayMoments
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.rejection import Cleaned, reject_outliers
from fiducial.orbits.sensitivity_results import FULL, Agreement, ConstellationEffect, SubsetEffect
from fiducial.orbits.weights import cap_shares

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SensitivityBasis:
    """What every subset is evaluated from: small, and without any position.

    Attributes
    ----------
    moments : DayMoments
    weighted : ndarray of bool, shape (centre, satellite)
    group_of : ndarray of int, shape (satellite,)
    options : CombinationOptions
    references : tuple of str
    full : ndarray, shape (group, centre + 7)
        The full combination as a combination of the columns of the moments; NaN where it has no record.
    """

    moments: DayMoments
    weighted: Mask
    group_of: NDArray[np.intp]
    options: CombinationOptions
    references: tuple[str, ...]
    full: Array

    @property
    def centres(self) -> tuple[str, ...]:
        """Centres that may be left out: weighted, and with records."""
        return _candidates(self.moments, self.weighted)


def sensitivity_basis(
    day: PreparedDay, options: CombinationOptions, references: Sequence[str] = ()
) -> SensitivityBasis:
    """Combine all centres and keep what the subsets are compared with.

    Parameters
    ----------
    day : PreparedDay
    options : CombinationOptions
    references : sequence of str
        Centres of the day that are compared only, such as an official product; each counts where it has records.

    Raises
    ------
    InputError
        FID-1220 when a reference is not a compared centre of the day; FID-1224 when no centre is left to combine.

    Notes
    -----
    Records that screening found wrong with the help of all centres stay out of every subset.
    """
    compared = [name for k, name in enumerate(day.moments.centres) if not day.weighted[k].any()]
    for name in references:
        if name not in compared:
            raise InputError(
                "FID-1220",
                f"{name} is not among the centres that are compared only ({', '.join(compared) or 'there are none'})",
                where=f"reference {name}",
                fix="read its orbit too and name it with --compare-only: what is combined cannot judge itself",
            )
    combined, _ = _combined(day.moments, day.weighted, day.group_of, options)
    if not np.isfinite(combined).any():
        raise InputError(
            "FID-1224",
            "no centre is left in the full combination: there is nothing to compare subsets with",
            where=", ".join(day.moments.centres),
            fix="check that the files are of one day, frame and unit, or raise the limits",
        )
    return SensitivityBasis(
        day.moments, day.weighted, day.group_of, options, tuple(dict.fromkeys(references)), combined
    )


def subset_effects(
    day: PreparedDay, options: CombinationOptions, subsets: Iterable[frozenset[str]], references: Sequence[str] = ()
) -> tuple[SubsetEffect, ...]:
    """Evaluate subsets of a day's centres.

    Parameters
    ----------
    day : PreparedDay
    options : CombinationOptions
    subsets : iterable of frozenset of str
        Centres to be combined.
    references : sequence of str
        See :func:`sensitivity_basis`.

    Raises
    ------
    InputError
        FID-1220, FID-1224: see :func:`sensitivity_basis`; FID-1221: see :func:`effect_of`.
    """
    basis = sensitivity_basis(day, options, references)
    return tuple(effect_of(basis, subset) for subset in subsets)


def effect_of(basis: SensitivityBasis, subset: frozenset[str]) -> SubsetEffect:
    """Evaluate one subset.

    Parameters
    ----------
    basis : SensitivityBasis
    subset : frozenset of str

    Raises
    ------
    InputError
        FID-1221 when the subset is empty or names a centre that is not combined.
    """
    unknown = sorted(subset - set(basis.centres))
    if unknown or not subset:
        raise InputError(
            "FID-1221",
            f"not combined on this day: {', '.join(unknown)}" if unknown else "a subset without a centre",
            where="subset of centres",
            fix=f"choose among {', '.join(basis.centres)}",
        )
    moments = basis.moments
    member = np.array([name in subset for name in moments.centres])
    combined, cleaned = _combined(moments, basis.weighted & member[:, None], basis.group_of, basis.options)
    letters = np.array([name[0] for name in moments.satellites])[moments.satellite]
    return SubsetEffect(
        centres=tuple(name for name in basis.centres if name in subset),
        left_out=tuple(name for name in basis.centres if name not in subset),
        constellations=tuple(
            _constellation(basis, letter, np.flatnonzero(letters == letter), combined)
            for letter in dict.fromkeys(letters.tolist())
        ),
        exclusions=cleaned.exclusions,
    )


def _constellation(
    basis: SensitivityBasis, letter: str, rows: NDArray[np.intp], combined: Array
) -> ConstellationEffect:
    moments, count = basis.moments, len(basis.moments.centres)
    has, had = (np.isfinite(columns[rows, 0]) for columns in (combined, basis.full))
    epochs, satellite = moments.epochs[rows], moments.satellite[rows]
    covered = np.unique(satellite[has])
    lost = np.setdiff1d(satellite[had], covered)
    takes_part = np.nan_to_num(combined[rows, :count]) > 0
    agreements = [_agreement(moments, FULL, rows, combined - basis.full)]
    for name in basis.references:
        k = moments.centres.index(name)
        if moments.present[rows, k].any():
            own = np.where(moments.present[:, [k]], np.eye(count + HELMERT)[k], np.nan)
            agreements.append(_agreement(moments, name, rows, combined - own))
    return ConstellationEffect(
        constellation=letter,
        centres=int(takes_part.any(axis=0).sum()),
        satellites=int(covered.size),
        records=int(epochs[has].sum()),
        satellites_lost=tuple(moments.satellites[s] for s in lost),
        records_lost=int(epochs[had & ~has].sum()),
        agreements=tuple(agreements),
    )


def _agreement(moments: DayMoments, reference: str, rows: NDArray[np.intp], difference: Array) -> Agreement:
    common = rows[np.isfinite(difference[rows, 0])]
    records = int(moments.epochs[common].sum())
    if not records:
        return Agreement(reference, 0, math.nan, math.nan)
    columns, products = difference[common], moments.products[common]
    image = (products @ columns[:, :, None])[:, :, 0]
    square = float((columns * image).sum())
    helmert = slice(len(moments.centres), None)
    towards = image[:, helmert].sum(axis=0)
    normal = products[:, helmert, helmert].sum(axis=0)
    # Few records leave parameters undetermined; the least ones then fit as well as any.
    fitted = float(towards @ np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ towards)
    rms, rms_helmert = (math.sqrt(max(value, 0.0) / (3 * records)) for value in (square, square - fitted))
    return Agreement(reference, records, rms, rms_helmert)


def _combined(
    moments: DayMoments, weighted: Mask, group_of: NDArray[np.intp], options: CombinationOptions
) -> tuple[Array, Cleaned]:
    """Combination as coefficients of the columns of the moments, NaN where it has no record; shape (group, column)."""
    member: Mask = np.asarray(weighted.any(axis=1))
    cleaned = reject_outliers(_of_centres(moments, member), weighted[member], group_of, options)
    result = cleaned.estimate
    weight = result.weight[:, moments.satellite].T * moments.present[:, member]
    shares, _ = cap_shares(weight, options.share_limit)
    letters = list(dict.fromkeys(name[0] for name in moments.satellites))
    constellation = np.array([letters.index(name[0]) for name in moments.satellites], dtype=np.intp)[moments.satellite]
    helmert = np.where((shares > 0)[:, :, None], result.helmert[:, constellation].transpose(1, 0, 2), 0.0)
    columns = np.zeros((len(shares), moments.products.shape[1]))
    columns[:, np.flatnonzero(member)] = shares
    columns[:, len(moments.centres) :] = (shares[:, :, None] * helmert).sum(axis=1)
    columns[~(shares > 0).any(axis=1)] = np.nan
    return columns, cleaned


def _of_centres(moments: DayMoments, member: Mask) -> DayMoments:
    """Moments of some centres; groups of a satellite that differ in the other centres only become one.

    A satellite that none of them has stays in the list of satellites.
    """
    count = len(moments.centres)
    present = moments.present[:, member]
    keep = np.flatnonzero(present.any(axis=1))
    key = np.column_stack([moments.satellite[keep], present[keep]])
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    column = np.concatenate([np.flatnonzero(member), np.arange(count, count + HELMERT)])
    products = np.zeros((first.size, column.size, column.size))
    np.add.at(products, inverse.ravel(), moments.products[keep][:, column[:, None], column])
    return DayMoments(
        centres=tuple(name for name, chosen in zip(moments.centres, member, strict=True) if chosen),
        satellites=moments.satellites,
        satellite=moments.satellite[keep][first],
        present=present[keep][first],
        epochs=np.bincount(inverse.ravel(), moments.epochs[keep], first.size).astype(np.int64),
        products=products,
    )


def _candidates(moments: DayMoments, weighted: Mask) -> tuple[str, ...]:
    used: Mask = np.asarray((moments.present & weighted[:, moments.satellite].T).any(axis=0))
    return tuple(name for name, chosen in zip(moments.centres, used, strict=True) if chosen)


def leave_one_out(day: PreparedDay) -> tuple[frozenset[str], ...]:
    """Return the subsets that lack one centre, in the order of the day's centres.

    Raises
    ------
    InputError
        FID-1223 with fewer than two centres.
    """
    names = _several(day)
    return tuple(frozenset(names) - {name} for name in names)


def random_subsets(day: PreparedDay, per_count: int, seed: int) -> tuple[frozenset[str], ...]:
    """Draw subsets of every number of centres below all.

    Parameters
    ----------
    day : PreparedDay
    per_count : int
        Most subsets of one size; all of them when there are no more.
    seed : int
        Zero or more. The draw does not depend on the order of the centres, nor on the other sizes.

    Returns
    -------
    tuple of frozenset of str
        Distinct, by size.

    Raises
    ------
    InputError
        FID-1222 for a number below 1 or a seed below 0; FID-1223 with fewer than two centres.
    """
    if per_count < 1 or seed < 0:
        raise InputError(
            "FID-1222",
            f"{per_count} subsets of each size with seed {seed} cannot be drawn",
            where="number of subsets, seed",
            fix="ask for one subset or more, and give a seed of zero or more",
        )
    names = sorted(_several(day))
    drawn: list[frozenset[str]] = []
    for size in range(1, len(names)):
        rng = np.random.default_rng([seed, size])
        every = math.comb(len(names), size)
        if every <= 2 * per_count:
            listed = list(combinations(range(len(names)), size))
            chosen = [listed[i] for i in sorted(rng.permutation(every)[:per_count])]
        else:
            found: set[tuple[int, ...]] = set()
            while len(found) < per_count:
                found.add(tuple(sorted(int(i) for i in rng.permutation(len(names))[:size])))
            chosen = sorted(found)
        drawn.extend(frozenset(names[i] for i in one) for one in chosen)
    return tuple(drawn)


def _several(day: PreparedDay) -> tuple[str, ...]:
    names = _candidates(day.moments, day.weighted)
    if len(names) < 2:
        raise InputError(
            "FID-1223",
            "with fewer than two combined centres none can be left out",
            where=", ".join(names) or "no centre",
            fix="give the orbits of several centres of that day",
        )
    return names
