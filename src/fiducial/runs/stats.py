"""Statistics of a source from its series: every EGMS field, beside the printed one, and our own velocity with sigma."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.egms_columns import DECIMALS
from fiducial.formats.table import open_table
from fiducial.motion.points import PointBlock
from fiducial.motion.statistics import ConsistentVelocity, SeriesStatistics, consistent_velocity, egms_statistics
from fiducial.runs.progress import progress
from fiducial.runs.sources import NO_CALIBRATION, Source, open_source

FIELDS: Final = (
    "rmse", "temporal_coherence", "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std",
    "seasonality", "seasonality_std",
)  # fmt: skip
_UNITS: Final = {
    "rmse": "mm", "temporal_coherence": "", "mean_velocity": "mm/yr", "mean_velocity_std": "mm/yr",
    "acceleration": "mm/yr2", "acceleration_std": "mm/yr2", "seasonality": "mm", "seasonality_std": "mm",
}  # fmt: skip


@dataclass
class FieldComparison:
    """One field, computed from the series against printed.

    Attributes
    ----------
    name, unit : str
    decimals : int
        Printed decimals.
    points : int
        Points with both values.
    identical : int
        Points whose printed value is hit.
    largest_units : float
        Largest difference, in units of the last printed digit, after rounding.
    mean, std : float
        Of the computed values.
    """

    name: str
    unit: str
    decimals: int
    points: int = 0
    identical: int = 0
    largest_units: float = 0.0
    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    def add(self, computed: NDArray[np.float64], printed: NDArray[np.float64] | None) -> None:
        """Take in a block."""
        known = computed[np.isfinite(computed)]
        self._sums += (len(known), known.sum(), (known**2).sum())
        if printed is None:
            return
        both = np.isfinite(computed) & np.isfinite(printed)
        units = np.abs(np.round(computed[both], self.decimals) - printed[both]) * 10.0**self.decimals
        self.points += int(both.sum())
        self.identical += int(np.sum(units < 0.5))
        self.largest_units = max(self.largest_units, float(np.max(units, initial=0.0)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; None where nothing is known."""
        count, total, squares = self._sums
        mean = total / count if count else np.nan
        spread = np.sqrt(max(squares / count - mean**2, 0.0)) if count else np.nan
        return {
            "unit": self.unit,
            "mean": None if np.isnan(mean) else round(float(mean), 4),
            "std": None if np.isnan(spread) else round(float(spread), 4),
            "compared": self.points,
            "identical_percent": round(100.0 * self.identical / self.points, 3) if self.points else None,
            "largest_difference_printed_units": round(self.largest_units, 3) if self.points else None,
        }


@dataclass(frozen=True)
class StatisticsReport:
    """Statistics of one source.

    Attributes
    ----------
    name : str
    points, epochs : int
    fields : tuple of FieldComparison
    velocity_sigma_median_mm_per_yr : float
        Of our own velocity under white plus flicker noise; NaN without it.
    flicker_share_median : float
    """

    name: str
    points: int
    epochs: int
    fields: tuple[FieldComparison, ...]
    velocity_sigma_median_mm_per_yr: float
    flicker_share_median: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""

        def plain(value: float) -> float | None:
            return None if np.isnan(value) else round(value, 4)

        return {
            "name": self.name,
            "points": self.points,
            "epochs": self.epochs,
            "fields": {one.name: one.to_dict() for one in self.fields},
            "consistent_velocity_sigma_median_mm_per_yr": plain(self.velocity_sigma_median_mm_per_yr),
            "flicker_share_median": plain(self.flicker_share_median),
        }


def _columns(
    block: PointBlock, statistics: SeriesStatistics, own: ConsistentVelocity | None
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {name: block.attributes[name] for name in ("pid", "longitude", "latitude")}
    columns |= {name: getattr(statistics, name) for name in FIELDS}
    columns["valid_epochs"] = statistics.n_epochs
    if own is not None:
        columns["consistent_velocity"] = own.velocity_mm_per_yr
        columns["consistent_velocity_sigma"] = own.sigma_mm_per_yr
        columns["white_sigma"] = own.white_sigma_mm
        columns["flicker_amplitude"] = own.flicker_amplitude_mm_per_yr_quarter
    return columns


def _stream(source: Source, table: Path | None, *, own: bool, overwrite: bool) -> StatisticsReport:
    manifest = source.product.manifest
    fields = [FieldComparison(name, _UNITS[name], DECIMALS[name]) for name in FIELDS]
    printed = [name for name in FIELDS if name in source.product.column_names]
    velocity: ConsistentVelocity | None = None
    sigmas, shares = [], []
    with ExitStack() as stack:
        append = stack.enter_context(open_table(table, overwrite=overwrite)) if table is not None else None
        advance = stack.enter_context(progress(f"statistics of {manifest.name}", manifest.points))
        for block in source.blocks(["pid", "longitude", "latitude", *printed]):
            found = egms_statistics(block.displacement_mm, block.epochs, wavelength_mm=manifest.wavelength_mm)
            for one in fields:
                one.add(getattr(found, one.name), block.attributes.get(one.name))
            if own:
                prior = velocity.share_prior if velocity is not None else None
                velocity = consistent_velocity(block.displacement_mm, block.epochs, share_prior=prior)
                sigmas.append(velocity.sigma_mm_per_yr.astype(np.float32))
                shares.append(velocity.flicker_share.astype(np.float32))
            if append is not None:
                append(_columns(block, found, velocity))
            advance(block.size)
    return StatisticsReport(
        manifest.name,
        manifest.points,
        len(manifest.epochs),
        tuple(fields),
        float(np.nanmedian(np.concatenate(sigmas))) if sigmas else np.nan,
        float(np.nanmedian(np.concatenate(shares))) if shares else np.nan,
    )


def statistics(
    path: Path,
    *,
    table: Path | None = None,
    own_velocity: bool = True,
    calibration: str | None = None,
    overwrite: bool = False,
) -> StatisticsReport:
    """Compute the statistics of a source from its series and compare them with the printed ones.

    Parameters
    ----------
    path : Path
        EGMS file or point product.
    table : Path, optional
        Where to write a row a point, ``.parquet`` or ``.csv``: every EGMS field unrounded, and our own velocity.
    own_velocity : bool
        Also estimate the velocity under white plus flicker noise.
    calibration : str, optional
        Version of a calibration to apply; none by default, so that printed and computed are of the same series.
    overwrite : bool

    Returns
    -------
    StatisticsReport

    Raises
    ------
    InputError
        FID-1007 for a product of rates; FID-1002 when the table exists.
    """
    with tempfile.TemporaryDirectory(prefix="fiducial-") as work:
        source = open_source(path, Path(work), calibration=calibration or NO_CALIBRATION)
        if not source.product.manifest.epochs:
            raise InputError(
                "FID-1007",
                f"{source.name} holds rates and no series",
                where=str(path),
                fix="give an EGMS file or a product with series",
            )
        return _stream(source, table, own=own_velocity, overwrite=overwrite)
