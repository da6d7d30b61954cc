"""Audit of an EGMS file: whether it is what it claims to be, and what its numbers give away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import SENTINEL1_WAVELENGTH_MM
from fiducial.errors import InputError, NumericsError
from fiducial.formats.egms_checks import map_difference_m
from fiducial.formats.egms_columns import DECIMALS
from fiducial.formats.point_product import PointProduct
from fiducial.motion import audit_rounding as rounding
from fiducial.motion.audit import AuditReport, Check, HiddenGnss
from fiducial.motion.audit_dates import date_coverage
from fiducial.motion.audit_north import NORTH_LEAK_INTO_UP, NorthEvidence, Observable, conclude, hear
from fiducial.motion.audit_points import DOCUMENT, GeometryTally, IdentifierTally, StatisticsTally
from fiducial.motion.points import PointBlock
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.audit_gnss import PLACE_KM, Velocities, from_level3, from_table, level3_beside
from fiducial.runs.audit_identity import (
    column_checks,
    date_checks,
    identity_of,
    input_checks,
    name_of,
    stated_inputs,
)
from fiducial.runs.progress import progress
from fiducial.runs.sources import NO_CALIBRATION, open_source

Array = NDArray[np.float64]

SAMPLE_POINTS: Final = 200_000
"""Points, evenly chosen, that the rounding is told from: memory does not grow with the file."""

_STATISTICS: Final = ("mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std", "seasonality",
                      "seasonality_std", "rmse", "temporal_coherence")  # fmt: skip
_MAP_AGREES_M: Final = 0.1
_MAP_TOLERABLE_M: Final = 1.0
_REACH_M: Final = 10_000.0
_SAMPLE_COLUMNS: Final = ("easting", "northing", "mean_velocity", "gnss_velocity")


def audit(
    path: Path,
    *,
    gnss: Path | None = None,
    gnss_frame: str | None = None,
    level3: Path | None = None,
    at: tuple[float, float] | None = None,
) -> AuditReport:
    """Audit an EGMS file or a point product made from one.

    Parameters
    ----------
    path : Path
        L2a, L2b or L3, as ZIP, CSV or point product. An EGMS file is imported to a temporary folder; calibrations
        of a product are not applied.
    gnss : Path, optional
        GNSS velocities, to tell whether North is contained: A-EPND, or any layout of ``formats.velocity_tables``.
    gnss_frame : str, optional
        Frame of that table; A-EPND needs none.
    level3 : Path, optional
        Level 3 file or product of the same tile; found beside ``path`` by its name when not given.
    at : tuple of float, optional
        Easting and northing (EPSG:3035, metres) where the hidden GNSS rate is told; the centroid by default.

    Returns
    -------
    AuditReport

    Raises
    ------
    InputError
        FID-1070 no series to audit; FID-1071 GNSS frame that is too far from ETRF2000; FID-1072 place too far from
        the points; FID-1073 Level 3 that cannot be compared with; FID-1074 GNSS grid without the nodes around; those
        of the import (FID-1001) and of the GNSS table (FID-1004, FID-1005).
    FormatError
        FID-20xx when the file is refused by the import, with the reason.
    """
    with TemporaryDirectory(prefix="fiducial-audit-") as work:
        product = open_source(path, Path(work), calibration=NO_CALIBRATION).product
        _require_series(product)
        findings = _Findings(product)
        findings.read(product)
        place = _place(findings.geometry, at)
        coverage, inputs = date_coverage(product.epochs), stated_inputs(product.manifest)
        hidden, shares, rounding_checks = _rounding(findings, place)
        north = _north(product, findings, place, hidden, _Witnesses(path, gnss, gnss_frame, level3))
        return AuditReport(
            identity=identity_of(product.manifest, findings.identifiers),
            inputs=inputs,
            dates=coverage,
            checks=(
                *column_checks(product.manifest),
                *input_checks(inputs),
                *date_checks(coverage, findings.level),
                *findings.checks(),
                *rounding_checks,
                *_north_check(north),
            ),
            rounding=shares,
            hidden_gnss=hidden,
            north=north,
        )


@dataclass(frozen=True)
class _Witnesses:
    """Where GNSS velocities may come from."""

    path: Path
    gnss: Path | None
    gnss_frame: str | None
    level3: Path | None


class _Findings:
    """What is learned while the points stream by."""

    def __init__(self, product: PointProduct) -> None:
        manifest = product.manifest
        self.level, self.component = manifest.level, manifest.component
        self.facility = manifest.metadata.production_facility if manifest.metadata else None
        self.names = set(product.column_names)
        self.geometry = GeometryTally()
        self.identifiers = IdentifierTally(cells=self.level == "L3")
        self.statistics = StatisticsTally({name: DECIMALS[name] for name in _STATISTICS if name in self.names})
        self.not_computed = ""
        self.refit_sigma = np.nan
        self._stride = -(-manifest.points // SAMPLE_POINTS)
        self._sampled: list[Array] = []
        self._points = self._missing_values = self._missing_dates = self._negative_zeros = 0
        self._map_difference_m = 0.0
        self._wavelength_mm = SENTINEL1_WAVELENGTH_MM if self.component == "LOS" else None

    def read(self, product: PointProduct) -> None:
        """Stream over the product."""
        with progress(f"audit {product.manifest.name}", product.row_groups) as advance:
            for group in range(product.row_groups):
                self._take(product.block(group))
                if self.level == "L3":
                    series = product.source_rows(group)[1]
                    self._negative_zeros += int(np.count_nonzero((series == 0) & np.signbit(series)))
                advance(1)

    def _take(self, block: PointBlock) -> None:
        attributes = block.attributes
        self.geometry.add(attributes)
        self.identifiers.add(attributes)
        self._missing_dates += int(np.count_nonzero(np.isnan(block.displacement_mm)))
        for values in attributes.values():
            self._missing_values += int(np.count_nonzero(np.isnan(values))) if values.dtype.kind == "f" else 0
            if self.level == "L3" and values.dtype.kind == "f":
                self._negative_zeros += int(np.count_nonzero((values == 0) & np.signbit(values)))
        if self.level != "L3":
            difference = map_difference_m(
                *(attributes[name] for name in ("longitude", "latitude", "easting", "northing"))
            )
            self._map_difference_m = max(self._map_difference_m, float(difference.max()))
        self._compute(block)
        self._points += block.size

    def _compute(self, block: PointBlock) -> None:
        if self.not_computed:
            return
        try:
            computed = egms_statistics(block.displacement_mm, block.epochs, wavelength_mm=self._wavelength_mm)
        except NumericsError as error:
            self.not_computed = error.problem
            return
        self.statistics.add(block.attributes, computed)
        self.refit_sigma = rounding.refit_sigma(block.epochs)
        chosen = np.arange(-self._points % self._stride, block.size, self._stride)
        nothing = np.full(chosen.size, np.nan)
        columns = [np.asarray(block.attributes[name][chosen], dtype=np.float64) if name in self.names else nothing
                   for name in _SAMPLE_COLUMNS]  # fmt: skip
        self._sampled.append(np.stack([*columns, computed.mean_velocity[chosen]]))

    def sample(self) -> rounding.VelocitySample:
        """Return velocities of evenly chosen points."""
        easting, northing, printed, gnss, refitted = np.concatenate(self._sampled, axis=1)
        return rounding.VelocitySample(easting, northing, refitted, printed, gnss, self.refit_sigma)

    def checks(self) -> list[Check]:
        """Return what was found about the points."""
        checks = self.identifiers.checks(self.facility)
        if self.level != "L3":
            far = self._map_difference_m
            checks += self.geometry.checks()
            checks.append(Check(
                "map coordinates", "ok" if far <= _MAP_AGREES_M else "note" if far <= _MAP_TOLERABLE_M else "defect",
                f"easting and northing are at most {far:.3f} m from longitude and latitude in EPSG:3035", far, "m",
                f"{DOCUMENT}, Table 5: six decimals of a degree"))  # fmt: skip
        missing = self._missing_values + self._missing_dates
        checks.append(Check(
            "missing values", "ok" if not missing else "defect" if self.level == "L3" else "note",
            f"{self._missing_values} attributes and {self._missing_dates} displacements are empty", float(missing),
            "values", f"{DOCUMENT}: only solved cells are listed" if self.level == "L3" else f"{DOCUMENT}, Table 5"))  # fmt: skip
        if self.level == "L3":
            zeros = self._negative_zeros
            checks.append(Check(
                "negative zeros", "note" if zeros else "ok", f"{zeros} values are printed as -0.0: equal to 0.0 as "
                "numbers, not as text", float(zeros), "values", "IEEE 754; the format names no sign of zero"))  # fmt: skip
        if self.not_computed:
            checks.append(Check("statistics", "note", f"cannot be compared with the series: {self.not_computed}", None,
                                "share", f"{DOCUMENT}, pseudo-code of Table 5"))  # fmt: skip
            return checks
        return checks + self.statistics.checks()


def _require_series(product: PointProduct) -> None:
    manifest = product.manifest
    if manifest.level not in {"L2a", "L2b", "L3"} or len(manifest.epochs) < 2:
        raise InputError(
            "FID-1070",
            f"nothing to audit: level {manifest.level} with {len(manifest.epochs)} dates is no EGMS product",
            where=str(product.path),
            fix="give an EGMS L2a, L2b or L3 file, or a product imported from one",
        )


def _place(geometry: GeometryTally, at: tuple[float, float] | None) -> tuple[float, float]:
    if at is None:
        return geometry.centroid
    outside = np.maximum(geometry.bounds[0] - at, np.array(at) - geometry.bounds[1])
    if not np.all(outside <= _REACH_M):
        (west, south), (east, north) = geometry.bounds
        raise InputError(
            "FID-1072",
            f"E {at[0]:.0f} N {at[1]:.0f} is more than {_REACH_M / 1000:.0f} km outside the points",
            where=f"points between E {west:.0f} and {east:.0f}, N {south:.0f} and {north:.0f}",
            fix="give easting and northing in EPSG:3035, metres, near the points",
        )
    return at


_Rounding = tuple[HiddenGnss | None, rounding.RoundingShares | None, list[Check]]


def _rounding(findings: _Findings, place: tuple[float, float]) -> _Rounding:
    """Tell how the printed velocities were rounded, and recover the GNSS rate where they were rounded twice."""
    name = "mean_velocity, rounding"
    if findings.not_computed:
        return None, None, []
    sample = findings.sample()
    if "gnss_velocity" not in findings.names:
        strict, tolerant = rounding.single_share(sample)
        return None, None, [Check(
            name, "ok" if tolerant >= rounding.EXPLAINED else "defect", f"{100 * strict:.2f} % of the printed velocities "
            f"are those of the series rounded once ({100 * tolerant:.2f} % when the rounding of the series is allowed "
            "for)", strict, "share", f"{DOCUMENT}, pseudo-code of Table 5")]  # fmt: skip
    try:
        rate = rounding.recover_gnss_rate(sample)
    except NumericsError as error:
        return None, None, [Check(name, "note", f"cannot be told: {error.problem}", None, "share", DOCUMENT)]
    shares = rate.shares
    numbers = (f"one rounding explains {100 * shares.single:.2f} % of {shares.points} printed velocities, "
               f"round1(residual) + round1(GNSS) {100 * shares.double:.2f} % ({100 * shares.single_tolerant:.2f} and "
               f"{100 * shares.double_tolerant:.2f} % when the rounding of the series is allowed for)")  # fmt: skip
    source = f"{DOCUMENT}, pseudo-code of Table 5: the velocity of the series"
    if shares.verdict != "double":
        once = shares.verdict == "single"
        return None, shares, [Check(name, "ok" if once else "defect", f"{numbers}: {'one' if once else 'neither'}, so "
                                    "that no GNSS rate is recovered", shares.single, "share", source)]  # fmt: skip
    plane = rate.nearest(*place)
    hidden = HiddenGnss(*place, float(plane.at(*place)), plane.sigma_at(*place), plane, rate.planes,
                        tuple(findings.geometry.line_of_sight_at(*place).tolist()))  # fmt: skip
    return hidden, shares, [Check(name, "defect", f"{numbers}: rounded twice, so that the column is off by up to "
                                  "0.1 mm/yr; refit velocities from the series", shares.double, "share", source)]  # fmt: skip


def _north(
    product: PointProduct, findings: _Findings, place: tuple[float, float], hidden: HiddenGnss | None, given: _Witnesses
) -> NorthEvidence | None:
    """Weigh whether North is contained; None where the file gives away nothing to compare."""
    heard: list[Velocities] = []
    if findings.level == "L3":
        own = from_level3(product.path, place)
        if own is None:
            return None
        observable = Observable("gnss_velocity_u", float(own.velocity_enu_mm_per_yr[2]), 0.0, own.tolerance_mm_per_yr,
                                np.array([0.0, NORTH_LEAK_INTO_UP, 1.0]))  # fmt: skip
    elif hidden is None:
        return None
    else:
        observable = Observable("hidden GNSS line-of-sight rate", hidden.rate_mm_per_yr, hidden.sigma_mm_per_yr, 0.0,
                                np.array(hidden.line_of_sight))  # fmt: skip
        beside = given.level3 or level3_beside(given.path, name_of(product.manifest), place)
        columns = beside and from_level3(beside, place)
        if columns:
            heard.append(columns)
        elif given.level3 is not None:
            raise InputError(
                "FID-1073",
                f"the Level 3 product has no GNSS columns within {PLACE_KM:g} km of E {place[0]:.0f} N {place[1]:.0f}",
                where=str(given.level3),
                fix="give the Level 3 product of the same tile, of release 2020_2024 or later",
            )
    if given.gnss is not None:
        heard.append(from_table(given.gnss, given.gnss_frame, place))
    return conclude(observable, [
        hear(observable, one.velocity_enu_mm_per_yr, source=one.source, covariance_enu=one.covariance_enu,
             tolerance_mm_per_yr=one.tolerance_mm_per_yr, decomposed=one.decomposed)
        for one in heard
    ])  # fmt: skip


def _north_check(north: NorthEvidence | None) -> list[Check]:
    if north is None:
        return []
    leaks = [witness.leak_into_up_mm_per_yr for witness in north.witnesses]
    largest = max(leaks, key=abs, default=None)
    # The document has North removed before the decomposition; a file that still holds it must be told apart.
    return [Check("north component", "ok" if north.verdict == "removed" else "note", f"{north.verdict}: {north.sentence}",
                  largest, "mm/yr", "EGMS ATBD v4.0 (2025): North from GNSS is removed before the decomposition")]  # fmt: skip
