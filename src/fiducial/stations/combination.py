"""Combination of station solutions of many centres into one frame, with variance components and reasons for rejections."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.stations.combination_model import (
    Array,
    CentreResult,
    Reason,
    SiteName,
    StationCombination,
    StationOptions,
    StationRejection,
)
from fiducial.stations.combination_rotation import without_free_time
from fiducial.stations.helmert_design import AT_SURFACE, COORDINATES, coordinate_rows, helmert_design
from fiducial.stations.systems import (
    CentreSolution,
    RotationInformation,
    datum_free,
    minimal_constraint,
    triangular_inverse,
    with_rotation,
    without_site,
)

__all__ = [
    "CentreResult", "CentreSolution", "StationCombination", "StationOptions", "StationRejection", "combine_stations",
]  # fmt: skip

_MAD: Final = 1.4826
_LEAST_REDUNDANCY: Final = 1.0
_LEAST_STATIONS: Final = 4
_LEAST_SIGMA: Final = 0.3
_NEARLY_SETTLED: Final = 0.1
_LEAST_CORE: Final = 3
_LEAST_FACTOR: Final = 1e-8
"""Units of weight of software differ by a hundred; solutions without any noise would outweigh the datum."""
_SINGULAR: Final = 1e10


def combine_stations(
    solutions: Sequence[CentreSolution],
    reference: dict[SiteName, Array],
    core: Sequence[SiteName] | None = None,
    options: StationOptions | None = None,
    rotations: Mapping[str, RotationInformation] | None = None,
    left_out: Mapping[str, Collection[SiteName]] | None = None,
) -> StationCombination:
    """Combine solutions of one day or week.

    Parameters
    ----------
    solutions : sequence of CentreSolution
    reference : dict of site to ndarray, shape (3,)
        Coordinates of the frame at the epoch of the solutions, metres: they hold the datum.
    core : sequence of site, optional
        Stations that hold the datum; all that have reference coordinates by default.
    options : StationOptions, optional
    rotations : mapping of centre to RotationInformation, optional
        Rotations of centres known from their orbits; without it each centre's rotation is free.
    left_out : mapping of centre to sites, optional
        Sites that a centre is not to give: taken out here, after its constraints, for constraints on a site tie all others.

    Raises
    ------
    InputError
        FID-1321 when there is no solution or two of one name; FID-1322 when too few core stations are left.
    NumericsError
        FID-3130 to FID-3132 for covariances that are not positive definite, a datum or a system that is singular.

    Notes
    -----
    Each centre's constraints and datum are taken out; the normal equations are summed with weights 1 / variance factor and
    the datum comes from minimal constraints on the core alone. Factors: sigma_k2 = v_k' P_k v_k / r_k with redundancy
    r_k = rank_k - tr(N_k N^-1) (Foerstner 1979), started from robust ones, since units of weight of different software
    differ by orders of magnitude. Stations beyond 2 cm or 5 sigma go, the worst of each centre at a time (IGS practice).
    """
    chosen = options or StationOptions()
    if not solutions or len({one.name for one in solutions}) != len(solutions):
        raise InputError(
            "FID-1321", "no solution to combine, or two of one name",
            where=", ".join(one.name for one in solutions) or "no solution", fix="give each centre once",
        )  # fmt: skip
    return _Combiner(list(solutions), reference, core, chosen, rotations or {}, left_out or {}).run()


class _Combiner:
    def __init__(
        self, solutions: list[CentreSolution], reference: dict[SiteName, Array], core: Sequence[SiteName] | None,
        options: StationOptions, rotations: Mapping[str, RotationInformation],
        left_out: Mapping[str, Collection[SiteName]],
    ) -> None:  # fmt: skip
        self.options = options
        self.reference = reference
        self.rotations = rotations
        pairs = [without_free_time(one) for one in solutions]
        self.free = tuple((one.name, key) for one, keys in pairs for key in keys)
        self.systems = [datum_free(one) for one, _ in pairs]
        for k, system in enumerate(self.systems):
            present = {key.site for key in system.keys}
            for site in sorted(present.intersection(left_out.get(system.name, ()))):
                self.systems[k] = without_site(self.systems[k], site)
        self.keys = tuple(dict.fromkeys(key for one in self.systems for key in one.keys))
        self.place = {key: row for row, key in enumerate(self.keys)}
        self.rows = [np.array([self.place[key] for key in one.keys], dtype=np.intp) for one in self.systems]
        self.core = [site for site in (core or reference) if site in reference]
        self.rejections: list[StationRejection] = []
        self.factor = np.ones(len(solutions))
        self.redundancy = np.full(len(solutions), np.nan)
        self.start = self._approximate()

    def run(self) -> StationCombination:
        self._prescale()
        converged, left = False, self.options.sweeps
        while left and not converged:
            self._solve()
            change = self._variances()
            settled = change < self.options.variance_tolerance
            if self._reject(normalised=change < _NEARLY_SETTLED) or (settled and self._reject_core()):
                left = self.options.sweeps
                continue
            converged, left = settled, left - 1
        self._solve()
        self._variances()
        results = tuple(self._result(k) for k in range(len(self.systems)))
        return StationCombination(
            self.keys, self.value, self.covariance, results, tuple(self.core), tuple(self.rejections), converged,
            self.free,
        )  # fmt: skip

    def _approximate(self) -> Array:
        """Reference coordinates where there are any, medians of the centres otherwise."""
        listed: dict[int, list[float]] = {}
        for system, rows in zip(self.systems, self.rows, strict=True):
            for row, value in zip(rows, system.value, strict=True):
                listed.setdefault(int(row), []).append(float(value))
        start = np.array([np.median(listed[row]) for row in range(len(self.keys))])
        for row, key in enumerate(self.keys):
            if key.site in self.reference and key.kind in COORDINATES:
                start[row] = self.reference[key.site][COORDINATES[key.kind]]
        return start

    def _prescale(self) -> None:
        """Robust variance factors from the residuals of each centre to the medians, after its own Helmert fit."""
        for k, (system, rows) in enumerate(zip(self.systems, self.rows, strict=True)):
            difference = system.value - self.start[rows]
            rest = difference - system.design @ (system.projection @ difference)
            # Not of the solution as it came: a loose datum would be in it.
            sigma = np.sqrt(np.diagonal(system.own_blocks, axis1=1, axis2=2))
            ratio = np.abs(rest[coordinate_rows(system.keys)]) / sigma
            scale = _MAD * float(np.median(ratio))
            self.factor[k] = max(scale**2, _LEAST_FACTOR)

    def _solve(self) -> None:
        size = len(self.keys)
        normal, right = np.zeros((size, size)), np.zeros(size)
        for k, (system, rows) in enumerate(zip(self.systems, self.rows, strict=True)):
            own, known = system.normal, np.zeros(len(rows))
            if system.name in self.rotations:
                own, known = with_rotation(system, self.rotations[system.name], float(self.factor[k]))
            normal[np.ix_(rows, rows)] += own / self.factor[k]
            right[rows] += (own @ (system.value - self.start[rows]) + known) / self.factor[k]
        self._check_used(normal)
        normal += minimal_constraint(self.keys, self.start, self._core_rows(), self.options.datum_sigma_m)
        try:
            self.covariance = triangular_inverse(normal)
        except np.linalg.LinAlgError:
            raise self._singular(normal) from None
        # Rounding lets a singular system pass: then a parameter is known far worse than with all others fixed.
        if (np.diag(self.covariance) * np.diag(normal) > _SINGULAR).any():
            raise self._singular(normal)
        self.step = self.covariance @ right
        self.value = self.start + self.step

    def _check_used(self, normal: Array) -> None:
        """Parameters that lost their last centre leave the system."""
        used = np.diag(normal) > 0
        if used.all():
            return
        gone = {self.keys[row] for row in np.flatnonzero(~used)}
        raise NumericsError(
            "FID-3132",
            f"no centre is left for {', '.join(sorted({key.code or key.kind for key in gone}))}",
            where="station combination",
            fix="leave these stations out, or raise the limits",
        )

    def _singular(self, normal: Array) -> NumericsError:
        diagonal = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(normal / np.outer(diagonal, diagonal))
        key = self.keys[int(np.argmax(np.abs(vectors[:, 0])))]
        return NumericsError(
            "FID-3132",
            f"the combined system is singular (smallest eigenvalue {values[0]:.3g}), mostly in {key.kind} {key.code}: "
            "a datum is missing that the core stations do not give",
            where="station combination",
            fix="check that all stations hang together, and that the core spans the network",
        )

    def _core_rows(self) -> NDArray[np.intp]:
        core = set(self.core)
        rows = np.array(
            [row for row, key in enumerate(self.keys) if key.kind in COORDINATES and key.site in core], dtype=np.intp
        )
        if rows.size < 9:
            raise InputError(
                "FID-1322", f"{rows.size // 3} core stations are left, three are needed", where="core stations",
                fix="give a reference frame with more common stations",
            )  # fmt: skip
        return rows

    def _residuals(self, k: int) -> tuple[Array, Array]:
        """Helmert parameters from the centre to the combination and residuals of all parameters."""
        system, rows = self.systems[k], self.rows[k]
        difference = self.value[rows] - system.value
        helmert = system.projection @ difference
        return helmert, system.design @ helmert - difference

    def _variances(self) -> float:
        before = self.factor.copy()
        for k, (system, rows) in enumerate(zip(self.systems, self.rows, strict=True)):
            _, residual = self._residuals(k)
            square = float(residual @ system.normal @ residual)
            own = self.covariance[np.ix_(rows, rows)]
            used = float(np.einsum("ij,ij->", system.normal, own)) / before[k]
            redundancy = system.rank - used
            self.redundancy[k] = redundancy
            if redundancy > _LEAST_REDUNDANCY:
                self.factor[k] = max(square / redundancy, _LEAST_FACTOR)
            else:
                # Nobody else sees its stations: its covariance stays as stated.
                self.factor[k] = 1.0
        return float(np.max(np.abs(self.factor / before - 1.0)))

    def _reject(self, *, normalised: bool) -> bool:
        """Take the worst station out of each centre that has one beyond the limits.

        Standard deviations count once the variance factors are nearly known.
        """
        changed = False
        for k in range(len(self.systems)):
            sites, enu, sigma = self._station_residuals(k)
            ratio = np.abs(enu) / sigma
            severity = np.abs(enu) / self.options.residual_limit_m
            if normalised:
                severity = np.maximum(severity, ratio / self.options.normalised_limit)
            worst, axis = (int(place) for place in np.unravel_index(int(np.argmax(severity)), severity.shape))
            if severity[worst, axis] <= 1.0 or len(sites) <= _LEAST_STATIONS:
                continue
            by_size = abs(enu[worst, axis]) > self.options.residual_limit_m
            reason: Reason = "residual" if by_size else "normalised-residual"
            value = float(enu[worst, axis] if by_size else enu[worst, axis] / sigma[worst, axis])
            limit = self.options.residual_limit_m if by_size else self.options.normalised_limit
            name, site = self.systems[k].name, sites[worst]
            self.rejections.append(StationRejection(name, site, reason, "ENU"[axis], value, limit))
            self.systems[k] = without_site(self.systems[k], site)
            self.rows[k] = np.array([self.place[key] for key in self.systems[k].keys], dtype=np.intp)
            changed = True
        return changed | self._prune()

    def _reject_core(self) -> bool:
        """Take core stations that are too far from their reference out of the core, the worst first.

        Another core is another datum, which is a similarity of the network: it is fitted here, without solving again.
        """
        rows, core = coordinate_rows(self.keys), set(self.core)
        rows = rows[[self.keys[row].site in core for row in rows[:, 0]]]
        longitude, latitude, _ = geodetic_from_geocentric(self.value[rows])
        axes, design = local_axes(longitude, latitude), (helmert_design(self.keys, self.start) / AT_SURFACE)[rows]
        step, limit = self.step[rows], self.options.core_limit_m
        used = np.ones(len(rows), dtype=bool)
        while used.sum() > _LEAST_CORE:
            fitted = np.linalg.lstsq(design[used].reshape(-1, 7), step[used].ravel(), rcond=None)[0]
            enu = np.einsum("sac,sc->sa", axes, step - design @ fitted) * used[:, None]
            worst, axis = (int(place) for place in np.unravel_index(int(np.argmax(np.abs(enu))), enu.shape))
            if abs(enu[worst, axis]) <= limit:
                break
            used[worst] = False
            site = self.keys[rows[worst, 0]].site
            self.core.remove(site)
            self.rejections.append(StationRejection("", site, "reference", "ENU"[axis], float(enu[worst, axis]), limit))
        return not used.all()

    def _prune(self) -> bool:
        """Parameters that no centre has any more leave the combination."""
        left = {int(row) for rows in self.rows for row in rows}
        if len(left) == len(self.keys):
            return False
        kept = sorted(left)
        self.keys = tuple(self.keys[row] for row in kept)
        self.start = self.start[kept]
        self.place = {key: row for row, key in enumerate(self.keys)}
        self.rows = [np.array([self.place[key] for key in one.keys], dtype=np.intp) for one in self.systems]
        sites = {key.site for key in self.keys}
        self.core = [site for site in self.core if site in sites]
        return True

    def _station_residuals(self, k: int) -> tuple[tuple[SiteName, ...], Array, Array]:
        """Sites, residuals and their standard deviations in East, North, Up, metres."""
        system = self.systems[k]
        _, residual = self._residuals(k)
        rows, axes = coordinate_rows(system.keys), self._axes(k)
        enu = np.einsum("sac,sc->sa", axes, residual[rows])
        # Of the residual, not of the coordinate: the combination follows a centre by its share.
        place = self.rows[k][rows]
        combined = np.einsum("sac,scd,sad->sa", axes, self.covariance[place[:, :, None], place[:, None, :]], axes)
        own = self._own_variance(k)
        sites = tuple(system.keys[row[0]].site for row in rows)
        return sites, enu, np.sqrt(np.maximum(own - combined, _LEAST_SIGMA**2 * own))

    def _axes(self, k: int) -> Array:
        system = self.systems[k]
        longitude, latitude, _ = geodetic_from_geocentric(system.value[coordinate_rows(system.keys)])
        return local_axes(longitude, latitude)

    def _own_variance(self, k: int) -> Array:
        """Variances of the sites of a centre in East, North, Up, m2, in the common unit of weight."""
        axes, blocks = self._axes(k), self.systems[k].own_blocks * self.factor[k]
        return np.asarray(np.einsum("sac,scd,sad->sa", axes, blocks, axes), dtype=np.float64)

    def _shared(self, k: int) -> NDArray[np.bool_]:
        """Tell which sites of a centre another centre has too, shape (site, 1)."""
        count = np.zeros(len(self.keys), dtype=np.intp)
        for rows in self.rows:
            count[rows] += 1
        return np.asarray(count[self.rows[k][coordinate_rows(self.systems[k].keys)[:, :1]]] > 1)

    def _result(self, k: int) -> CentreResult:
        system = self.systems[k]
        helmert, residual = self._residuals(k)
        sites, enu, _ = self._station_residuals(k)
        # A station that no other centre has follows its only centre: its residual of zero says nothing.
        shared = self._shared(k).astype(np.float64)
        weight = shared / self._own_variance(k)
        known = shared.any()
        core = set(self.core)
        others = [row for row, key in enumerate(system.keys) if key.kind not in COORDINATES]
        return CentreResult(
            name=system.name,
            stations=len(sites),
            core_stations=sum(1 for site in sites if site in core),
            helmert=helmert,
            helmert_sigma=np.sqrt(np.diag(system.helmert_covariance) * self.factor[k]),
            variance_factor=float(self.factor[k]),
            redundancy=float(self.redundancy[k]),
            wrms_enu_m=np.sqrt((weight * enu**2).sum(axis=0) / weight.sum(axis=0)) if known else np.full(3, np.nan),
            rms_enu_m=np.sqrt((shared * enu**2).sum(axis=0) / shared.sum()) if known else np.full(3, np.nan),
            sites=sites,
            residuals_enu_m=enu,
            datum_sigma_m=system.datum_sigma_m,
            earth_rotation=tuple((system.keys[row], float(residual[row])) for row in others),
        )
