"""The datum of a stack and its rate: minimal constraints on the core, or inner ones on the Helmert series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.stations.combination_model import StationRejection
from fiducial.stations.helmert_design import AT_SURFACE, COORDINATES, HELMERT, ParameterKey, coordinate_rows
from fiducial.stations.stacking_model import POSITION, Array, SiteName, StackFrame, StackOptions, as_position
from fiducial.stations.systems import DatumFreeSystem, minimal_constraint

Rows = NDArray[np.intp]

_INNER: Final = HELMERT[:4]
_LEAST_CORE: Final = 3


class StackDatum:
    """What holds origin, scale and orientation, and their rates."""

    def __init__(
        self, frame: StackFrame, options: StackOptions, rate_of: Mapping[SiteName, SiteName], span_yr: float
    ) -> None:
        self.frame, self.options, self.rate_of = frame, options, rate_of
        self.least_span = min(options.core_span_yr, 0.5 * span_yr) if options.rates else 0.0
        self.dropped: set[SiteName] = set()
        self.core: list[SiteName] = []
        self.inner = options.datum == "inner"
        self.clear(0)

    def begin(self, keys: Sequence[ParameterKey], start: Array, epochs: Mapping[SiteName, Sequence[float]]) -> None:
        """Take the parameters, and choose the core among the segments that still have data."""
        self.keys, self.start, self.epochs = keys, start, epochs

    def clear(self, size: int) -> None:
        """Forget the Helmert series."""
        self.sums = np.zeros((2, len(_INNER), size))
        self.known = np.zeros((2, len(_INNER)))
        self.count = np.zeros(2)

    def add(self, system: DatumFreeSystem, parts: Sequence[tuple[Rows, float]], elapsed_yr: float, rest: Array) -> None:
        """Take the Helmert parameters of a solution as functions of the unknowns."""
        if not self.inner:
            return
        projection = system.projection[: len(_INNER)] * AT_SURFACE[: len(_INNER), None]
        for place, factor in enumerate((1.0, elapsed_yr)):
            for rows, left in parts:
                np.add.at(self.sums[place].T, rows, (factor * left * projection).T)
            self.known[place] += factor * (projection @ rest)
            self.count[place] += factor**2

    def prune(self, rows: Rows) -> None:
        """Leave out parameters."""
        self.sums = self.sums[:, :, rows]

    def constraints(self) -> tuple[Array, Array]:
        """Return normal matrix and right-hand side of the constraints.

        Raises
        ------
        InputError
            FID-1322 when fewer than three core segments are left.
        NumericsError
            FID-3131 when they do not fix the datum.
        """
        self._choose()
        size, sigma = len(self.keys), self.options.datum_sigma_m
        normal, right = np.zeros((size, size)), np.zeros(size)
        held = HELMERT[len(_INNER) :] if self.inner else HELMERT
        for rate in (False, True) if self.options.rates else (False,):
            keys, rows = self._listed(rate=rate)
            core = self._core_rows(keys, rate=rate)
            part = minimal_constraint(keys, self._arms(keys), core, sigma, held=held)
            normal[np.ix_(rows, rows)] += part
            if self.inner:
                # Mean of the series for positions, its slope for velocities.
                by = self.sums[int(rate)] / max(self.count[int(rate)], np.finfo(float).tiny) / sigma
                known = self.known[int(rate)] / max(self.count[int(rate)], np.finfo(float).tiny) / sigma
                normal += by.T @ by
                right += by.T @ known
        return normal, right

    def _choose(self) -> None:
        reference = self.frame.position_m
        wanted = reference if self.frame.core is None else self.frame.core
        present = {key.site for key in self.keys if key.kind in COORDINATES}
        self.core = [
            site for site in wanted
            if site in present and site in reference and site not in self.dropped and self._span(site) >= self.least_span
            and (not self.options.rates or self.rate_of[site] in self.frame.velocity_m_per_yr)
        ]  # fmt: skip
        if len(self.core) < _LEAST_CORE:
            raise InputError(
                "FID-1322", f"{len(self.core)} core stations are left, three are needed",
                where=f"core segments with data of {self.least_span:.2f} years and more",
                fix="give a reference frame with more common stations",
            )  # fmt: skip

    def _span(self, site: SiteName) -> float:
        epochs = self.epochs.get(site, ())
        return max(epochs) - min(epochs) if epochs else -1.0

    def _listed(self, *, rate: bool) -> tuple[list[ParameterKey], Rows]:
        """Coordinates, or velocities as such, and their rows."""
        rows = np.array(
            [row for row, key in enumerate(self.keys) if (key.kind in POSITION) == rate], dtype=np.intp
        )  # fmt: skip
        return [as_position(self.keys[row]) if rate else self.keys[row] for row in rows], rows

    def _arms(self, keys: Sequence[ParameterKey]) -> Array:
        """Where the stations are: the lever arms of the datum, for velocities too."""
        place = {
            (key.kind, key.code, key.point): self.start[row]
            for row, key in enumerate(self.keys)
            if key.kind in COORDINATES
        }
        return np.array([place[key.kind, key.code, key.point] for key in keys])

    def _core_rows(self, keys: Sequence[ParameterKey], *, rate: bool) -> Rows:
        core = {self.rate_of[site] for site in self.core} if rate else set(self.core)
        return np.array([row for row, key in enumerate(keys) if key.site in core], dtype=np.intp)

    def reject(
        self, keys: Sequence[ParameterKey], value: Array, start: Array, rejections: list[StationRejection]
    ) -> bool:
        """Take core segments that are too far from their reference out of the core, the worst first.

        Another core is another datum, which is a similarity of the network: it is fitted here, without solving again.
        """
        del keys
        changed = False
        for rate in (False, True) if self.options.rates else (False,):
            limit = self.options.core_velocity_limit_m_per_yr if rate else self.options.core_limit_m
            listed, rows = self._listed(rate=rate)
            core = coordinate_rows([listed[row] for row in self._core_rows(listed, rate=rate)])
            sites = self._core_rows(listed, rate=rate)
            names = [listed[sites[row[0]]].site for row in core]
            where = self._arms([listed[row] for row in sites])[core]
            step = (value - start)[rows][sites][core]
            for name, axis, size in _outliers(where, step, limit):
                site = names[name]
                gone = [one for one in self.core if (self.rate_of[one] if rate else one) == site]
                self.dropped.update(gone)
                rejections.append(
                    StationRejection("", site, "velocity" if rate else "reference", "ENU"[axis], size, limit)
                )
                changed = True
        return changed


def _outliers(where: Array, step: Array, limit: float) -> list[tuple[int, int, float]]:
    longitude, latitude, _ = geodetic_from_geocentric(where)
    axes = local_axes(longitude, latitude)
    design = np.zeros((len(where), 3, 7))
    x, y, z = where.T
    design[:, [0, 1, 2], [0, 1, 2]] = 1.0
    design[:, :, 3] = where
    design[:, 1, 4], design[:, 2, 4] = -z, y
    design[:, 0, 5], design[:, 2, 5] = z, -x
    design[:, 0, 6], design[:, 1, 6] = -y, x
    design /= AT_SURFACE
    used = np.ones(len(where), dtype=bool)
    found: list[tuple[int, int, float]] = []
    while used.sum() > _LEAST_CORE:
        fitted = np.linalg.lstsq(design[used].reshape(-1, 7), step[used].ravel(), rcond=None)[0]
        enu = np.einsum("sac,sc->sa", axes, step - design @ fitted) * used[:, None]
        worst, axis = (int(place) for place in np.unravel_index(int(np.argmax(np.abs(enu))), enu.shape))
        if abs(enu[worst, axis]) <= limit:
            break
        used[worst] = False
        found.append((worst, axis, float(enu[worst, axis])))
    return found
