"""The combination of one day's clocks, constellation by constellation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.orbits.clock_noise import ClockNoise, clock_noise, datum_and_constants, masked_median
from fiducial.orbits.clock_results import ClockCombination, ClockOptions, ConstellationClocks
from fiducial.orbits.clock_segments import ClockJump, bridge, find_segments
from fiducial.orbits.orbit import Epochs
from fiducial.orbits.screening import Exclusion
from fiducial.orbits.weights import cap_shares

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SWEEPS: Final = 5
_COMPLETE: Final = 0.95


def combine_clocks(
    clock_s: Array,
    epochs_gps: Epochs,
    centres: tuple[str, ...],
    satellites: tuple[str, ...],
    compared: Sequence[str] = (),
    options: ClockOptions | None = None,
) -> ClockCombination:
    """Combine clocks that refer to one orbit.

    Parameters
    ----------
    clock_s : ndarray, shape (centre, epoch, satellite)
        Satellite clock minus system time with the radial correction: what a centre's clock would be on the combined
        orbit; NaN where missing.
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
    centres, satellites : tuple of str
    compared : sequence of str
        Centres that get datum, constants and RMS but no weight.
    options : ClockOptions, optional

    Raises
    ------
    InputError
        FID-1206 when no weighted centre has clocks.

    Notes
    -----
    Model: clock = combined + datum(centre, constellation, epoch) + constant(centre, satellite, segment) + noise. The
    datum takes up the time scale and the inter-system bias, the constant the ambiguities and code biases. The datum of
    one centre, for all constellations, is zero: the one with the straightest time scale among those with the most
    clocks. The constants have zero weighted mean over the centres. Weights are the inverse noise variances of
    :func:`clock_noise`, the share of one centre capped; records that depart are rejected, and stretches that depart by
    a constant get a constant of their own (Banville, Geng, Loyer et al. 2020, J Geod 94:10, section 3, without its
    integer constraint).
    """
    chosen = options or ClockOptions()
    weighted = np.array([name not in compared for name in centres])
    if not np.isfinite(clock_s[weighted]).any():
        raise InputError(
            "FID-1206",
            "no weighted centre has clocks",
            where=", ".join(centres),
            fix="give orbit files with clocks or clock files, or combine with --no-clocks",
        )
    letters = list(dict.fromkeys(name[0] for name in satellites))
    column = {letter: np.array([s for s, name in enumerate(satellites) if name[0] == letter]) for letter in letters}
    having = [letter for letter in letters if np.isfinite(clock_s[weighted][:, :, column[letter]]).any()]
    noises: dict[str, ClockNoise] = {}
    members: dict[str, Mask] = {}
    exclusions: list[Exclusion] = []
    for letter in having:
        part = clock_s[:, :, column[letter]]
        members[letter], noises[letter], left_out = _members(part, weighted, centres, letter, chosen)
        exclusions.extend(left_out)
    reference = _datum_centre(clock_s, column, having, members, noises)
    combined = np.full(clock_s.shape[1:], np.nan)
    sigma = np.full_like(combined, np.nan)
    parts: list[ConstellationClocks] = []
    for letter in having:
        solver = _Solver(clock_s[:, :, column[letter]], members[letter], noises[letter], reference, chosen, epochs_gps)
        solver.run()
        combined[:, column[letter]], sigma[:, column[letter]] = solver.combined, solver.sigma()
        parts.append(solver.result(letter, column[letter], centres, satellites))
    return ClockCombination(
        centres, satellites, epochs_gps, combined, sigma, centres[reference], tuple(parts), tuple(exclusions)
    )


def _members(
    clock_s: Array, weighted: Mask, centres: tuple[str, ...], letter: str, options: ClockOptions
) -> tuple[Mask, ClockNoise, list[Exclusion]]:
    """Centres to weigh: those whose noise is of the kind of the others."""
    # Products made of the same clocks, and clocks of another kind, must not lend their noise to the variances.
    noise = clock_noise(np.where(weighted[:, None, None], clock_s, np.nan))
    member = weighted & np.isfinite(clock_s).any(axis=(1, 2))
    sigma = noise.sigma_s.copy()
    found: list[Exclusion] = []
    while True:
        judged = np.flatnonzero(member & np.isfinite(noise.sigma_s))
        if judged.size < 3:
            break
        worst = int(judged[np.argmax(noise.sigma_s[judged])])
        usual = float(np.median(noise.sigma_s[np.setdiff1d(judged, worst)]))
        limit = max(options.kind_factor * usual, options.kind_floor_s)
        if noise.sigma_s[worst] <= limit:
            break
        member[worst] = False
        sigma[worst] = noise.sigma_s[worst]
        found.append(Exclusion(centres[worst], letter, "clock-kind", value=float(sigma[worst]), limit=limit, unit="s"))
        noise = clock_noise(np.where(member[:, None, None], clock_s, np.nan))
    return member, replace(noise, sigma_s=np.where(member, noise.sigma_s, sigma)), found


def _datum_centre(
    clock_s: Array, column: dict[str, NDArray[np.intp]], having: list[str], members: dict[str, Mask],
    noises: dict[str, ClockNoise],
) -> int:  # fmt: skip
    """The centre with the straightest time scale among the most complete."""
    all_columns = np.concatenate([column[letter] for letter in having])
    everywhere = np.all([members[letter] for letter in having], axis=0)
    if not everywhere.any():
        everywhere = members[having[0]]
    epochs = np.isfinite(clock_s[:, :, column[having[0]]]).any(axis=2).sum(axis=1)
    records = np.isfinite(clock_s[:, :, all_columns]).sum(axis=(1, 2))
    best_epochs = epochs[everywhere].max()
    complete = everywhere & (epochs >= best_epochs)
    complete &= records >= _COMPLETE * records[complete].max()
    rough = np.where(complete, np.nan_to_num(noises[having[0]].datum_roughness_s, nan=np.inf), np.inf)
    if not np.isfinite(rough).any():
        return int(np.argmax(np.where(complete, records, -1)))
    return int(np.argmin(rough))


class _Solver:
    """Alternates between the combined clocks, the datums and the constants of one constellation."""

    def __init__(
        self, clock_s: Array, member: Mask, noise: ClockNoise, reference: int, options: ClockOptions, epochs: Epochs
    ) -> None:
        self.clock = clock_s
        self.member = member
        self.noise = noise
        self.options = options
        self.epochs = epochs
        self.reference = (
            reference if member[reference] else int(np.argmax(np.isfinite(clock_s).sum(axis=(1, 2)) * member))
        )
        known = noise.sigma_s[member & np.isfinite(noise.sigma_s)]
        usual = float(np.median(known)) if known.size else 1e-11
        self.sigma_of = np.where(np.isfinite(noise.sigma_s), noise.sigma_s, usual)
        self.sigma_of = np.maximum(self.sigma_of, max(0.2 * usual, 1e-13))
        if not noise.separable:
            self.sigma_of = np.full_like(self.sigma_of, usual)
        self.datum = np.zeros(clock_s.shape[:2])
        self.constant = np.zeros((clock_s.shape[0], clock_s.shape[2]))
        self.step = np.zeros(clock_s.shape)
        self.good = np.isfinite(clock_s)
        self.jumps: list[tuple[int, int, NDArray[np.intp], float]] = []
        self.combined = np.full(clock_s.shape[1:], np.nan)

    def run(self) -> None:
        start = self.clock[self.reference]
        for k in range(len(self.clock)):
            if k != self.reference:
                self.datum[k], self.constant[k] = datum_and_constants(self.clock[k] - start)
        self._fill_datums()
        self._fill_constants()
        self._reject()
        for stage in range(2):
            for _ in range(_SWEEPS):
                self._combine()
                self._adjust()
                self._reject()
            if stage == 0:
                self._segments()
                self._reject()
        self._combine()

    def _fill_datums(self) -> None:
        """Epochs at which a centre shares nothing with the reference get their datum from all others.

        Where the reference itself has no clocks, the centre with most of them carries its time scale across.
        """
        gap = ~np.isfinite(self.clock[self.reference]).any(axis=1)
        there = np.isfinite(self.clock[:, gap]).any(axis=2).sum(axis=1) * self.member
        if gap.any() and there.max() > 0:
            carrier = int(np.argmax(there))
            self.datum[carrier, gap] = bridge(self.datum[carrier])[gap]
        for k in range(len(self.clock)):
            missing = ~np.isfinite(self.datum[k]) & np.isfinite(self.clock[k]).any(axis=1)
            if missing.any():
                others = self._aligned()
                others[k] = np.nan
                median = masked_median(others[self.member], axis=0)
                self.datum[k, missing] = masked_median(self.clock[k] - self.constant[k] - median, axis=1)[missing]

    def _fill_constants(self) -> None:
        """Satellites that the reference lacks get their constants relative to the centre that has most of them."""
        aligned = np.where(self.member[:, None, None], self.clock - self.datum[:, :, None], np.nan)
        records = np.isfinite(aligned).sum(axis=1)
        for s in np.flatnonzero((records[self.reference] == 0) & (records.sum(axis=0) > 0)):
            base = int(np.argmax(records[:, s]))
            constant = masked_median(aligned[:, :, s] - aligned[base, :, s], axis=1)
            self.constant[:, s] = np.nan_to_num(constant)

    def _aligned(self) -> Array:
        return self.clock - self.datum[:, :, None] - self.constant[:, None, :] - self.step

    def _combine(self) -> None:
        usable = self.good & self.member[:, None, None] & np.isfinite(self.datum)[:, :, None]
        # A few dozen sets of centres stand behind all records; shares are worked out once for each.
        code = np.tensordot(2.0 ** np.arange(len(usable)), usable, axes=1)
        _, first, inverse = np.unique(code.ravel(), return_index=True, return_inverse=True)
        patterns = usable.reshape(len(usable), -1)[:, first].T / self.sigma_of**2
        shares, _ = cap_shares(patterns, self.options.share_limit)
        self.shares = shares.T[:, inverse.ravel()].reshape(usable.shape)
        aligned = np.where(self.shares > 0, self._aligned(), 0.0)
        total = (self.shares * aligned).sum(axis=0)
        self.combined = np.where(self.shares.sum(axis=0) > 0, total, np.nan)

    def _limits(self) -> Array:
        return np.maximum(self.options.outlier_factor * self.sigma_of, self.options.outlier_floor_s)[:, None, None]

    def _reject(self) -> None:
        """Compare with the median of the centres, which one bad clock cannot move."""
        aligned = np.where((self.member[:, None, None]) & np.isfinite(self.datum)[:, :, None], self._aligned(), np.nan)
        count = np.isfinite(aligned).sum(axis=0)
        judge = np.where(count >= 3, masked_median(aligned, axis=0), self.combined)
        with np.errstate(invalid="ignore"):
            far = np.abs(self._aligned() - judge) > self._limits()
        self.good = np.isfinite(self.clock) & ~far

    def _adjust(self) -> None:
        rest = np.where(self.good, self.clock - self.combined - self.step, np.nan)
        for k in range(len(self.clock)):
            own = rest[k] - self.constant[k]
            datum = _mean(own, axis=1)
            self.datum[k] = np.where(np.isfinite(datum), datum, self.datum[k])
        self.datum -= np.nan_to_num(self.datum[self.reference])[None, :]
        constant = _mean(rest - self.datum[:, :, None], axis=1)
        known = np.isfinite(constant)
        weight = np.where(known & self.member[:, None], (1.0 / self.sigma_of**2)[:, None], 0.0)
        total = weight.sum(axis=0)
        centre = np.divide(
            (weight * np.nan_to_num(constant)).sum(axis=0), total, out=np.zeros_like(total), where=total > 0
        )
        self.constant = np.where(known, constant - centre, self.constant)

    def _segments(self) -> None:
        off = self._aligned() - self.combined
        for k in np.flatnonzero(self.member):
            for s in np.flatnonzero((np.isfinite(self.clock[k]) & ~self.good[k]).any(axis=0)):
                for rows, size in find_segments(
                    off[k, :, s], self.epochs, float(self._limits()[k, 0, 0]), float(self.sigma_of[k]),
                    self.options.jump_least_s,
                ):  # fmt: skip
                    self.step[k, rows, s] += size
                    self.jumps.append((int(k), int(s), rows, size))

    def sigma(self) -> Array:
        used = self.shares > 0
        count = used.sum(axis=0)
        square = (self.shares * np.where(used, self._aligned() - self.combined, 0.0) ** 2).sum(axis=0)
        variance = np.divide(square, count - 1, out=np.full_like(square, np.nan), where=count > 1)
        return np.asarray(np.sqrt(variance), dtype=np.float64)

    def result(
        self, letter: str, column: NDArray[np.intp], centres: tuple[str, ...], satellites: tuple[str, ...]
    ) -> ConstellationClocks:
        shape = (len(centres), len(satellites))
        constant, rms = np.full(shape, np.nan), np.full(shape, np.nan)
        has = np.isfinite(self.clock) & np.isfinite(self.datum)[:, :, None]
        constant[:, column] = np.where(has.any(axis=1), self.constant, np.nan)
        off = np.where(self.good & has, self._aligned() - self.combined, np.nan)
        rms[:, column] = np.sqrt(_mean(off**2, axis=1))
        covered = np.isfinite(self.combined).sum()
        jumps = tuple(
            ClockJump(
                centres[k], satellites[column[s]], self.epochs[rows[0]], self.epochs[rows[-1]], int(rows.size), size
            )
            for k, s, rows, size in self.jumps
        )
        return ConstellationClocks(
            letter=letter,
            noise_s=np.where(has.any(axis=(1, 2)), self.noise.sigma_s, np.nan),
            share=self.shares.sum(axis=(1, 2)) / max(covered, 1),
            datum_s=np.where(has.any(axis=2), self.datum, np.nan),
            constant_s=constant,
            rms_s=rms,
            used=(self.shares > 0).sum(axis=(1, 2)),
            rejected=(has & ~self.good & self.member[:, None, None]).sum(axis=(1, 2)),
            jumps=jumps,
            separable=self.noise.separable,
        )


def _mean(values: Array, axis: int) -> Array:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0), dtype=np.float64)
