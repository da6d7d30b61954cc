"""What changed between two calibrations of one product: the surface at every point, the stations, the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.atomic import atomic_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.runs.frame_switch import comparable
from fiducial.runs.sources import CLUSTER, Source, distinct

SHARED_DATA_NOTE: Final = (
    "two calibrations of one product share its InSAR and mostly their GNSS: they differ by less than the sigmas added "
    "in squares say, so that a normalised difference of 1 is much"
)
SIGN_NOTE: Final = "difference = S(second) - S(first); calibrated velocities change by the opposite"
_STATED: Final = ("recipe", "gnss_source", "gnss_sha256", "reference_epoch", "created_by", "provenance_id")
_DRAWN_POINTS: Final = 60_000


@dataclass(frozen=True)
class SurfaceChange:
    """The difference of two surfaces over the points of a product, mm/yr in the line of sight.

    Attributes
    ----------
    points : int
    mean_mm_per_yr, rms_mm_per_yr, lowest_mm_per_yr, highest_mm_per_yr : float
        Of S(second) - S(first).
    sigma_first_rms_mm_per_yr, sigma_second_rms_mm_per_yr : float
        Standard deviation of either surface, as RMS over the points; NaN where it is unknown.
    normalised_rms, normalised_largest : float
        Of the difference over the root of the sum of both variances.
    """

    points: int
    mean_mm_per_yr: float
    rms_mm_per_yr: float
    lowest_mm_per_yr: float
    highest_mm_per_yr: float
    sigma_first_rms_mm_per_yr: float
    sigma_second_rms_mm_per_yr: float
    normalised_rms: float
    normalised_largest: float


@dataclass(frozen=True)
class StationChange:
    """Stations of two calibrations.

    Attributes
    ----------
    added, dropped : tuple of str
        With InSAR around them in the second but not in the first, and the reverse.
    newly_rejected, no_longer_rejected : dict of str to str
        Reason by station, of the calibration that rejected it; no longer rejected is also what left the table.
    """

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    newly_rejected: dict[str, str]
    no_longer_rejected: dict[str, str]


@dataclass(frozen=True)
class CalibrationDifference:
    """What changed between two calibrations.

    Attributes
    ----------
    product : str
    versions : tuple of two str
    frame : str
        Of both.
    surface : SurfaceChange
    stations : StationChange
    stated : dict of str to tuple of two
        What the versions say of themselves: recipe, GNSS source and SHA-256, reference epoch, program, provenance.
    notes : tuple of str
    """

    product: str
    versions: tuple[str, str]
    frame: str
    surface: SurfaceChange
    stations: StationChange
    stated: dict[str, tuple[Any, Any]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        surface = {
            name: value if isinstance(value, int) or np.isfinite(value) else None
            for name, value in asdict(self.surface).items()
        }
        return {
            "product": self.product,
            "versions": list(self.versions),
            "frame": self.frame,
            "surface": surface,
            "stations": asdict(self.stations),
            "stated": {name: {"first": a, "second": b, "same": a == b} for name, (a, b) in self.stated.items()},
            "notes": list(self.notes),
        }


def difference(first: Source, second: Source, *, convert: bool = False) -> CalibrationDifference:
    """Compare two calibrations over the points of a product.

    Parameters
    ----------
    first, second : Source
        The same points, each with its calibration.
    convert : bool
        Switch the second to the frame of the first while comparing.

    Returns
    -------
    CalibrationDifference

    Raises
    ------
    InputError
        FID-1110 when they are not the same points; FID-1111 when the calibrations are one; FID-1033 when one has none;
        FID-1100 when they are tied to different frames and ``convert`` is not given.
    """
    _check_same_points(first, second)
    in_one_frame = comparable(first, second, convert=convert)
    a, b = _calibration(first), _calibration(in_one_frame)
    if a.version == b.version and first.product.path.resolve() == second.product.path.resolve():
        raise InputError(
            "FID-1111",
            f"there is nothing to compare {a.version} with: it is given twice, or the only one",
            where=str(first.product.path),
            fix="give two versions; `fiducial motion versions` lists those there are",
        )
    notes = [SIGN_NOTE, SHARED_DATA_NOTE]
    if in_one_frame is not second:
        notes.append(f"{_calibration(second).version} was converted from {second.frame} to {a.frame} for this")
    return CalibrationDifference(
        product=first.name,
        versions=(a.version, b.version),
        frame=a.frame,
        surface=_surface_change(first.product, a, b),
        stations=_station_change(a.document, b.document),
        stated={name: (a.document.get(name), b.document.get(name)) for name in _STATED},
        notes=tuple(notes),
    )


def compare(
    product: Path, first: str | None = None, second: str | None = None, *, other: Path | None = None,
    convert: bool = False, picture: Path | None = None,
) -> CalibrationDifference:  # fmt: skip
    """Compare two versions of the calibration of a product, or the newest ones of two products of the same points.

    Parameters
    ----------
    product : Path
    first, second : str, optional
        Versions; by default the newest but one, and the newest. Of two products the newest of each.
    other : Path, optional
        Product that the second version belongs to.
    convert : bool
        Switch the second to the frame of the first while comparing.
    picture : Path, optional
        PNG with a map of the difference.

    Returns
    -------
    CalibrationDifference

    Raises
    ------
    InputError
        FID-1030 no such version; and those of `difference`.
    """
    if first is None and other is None:
        known = calibration_file.versions(product)
        first = known[-2] if len(known) > 1 else None
    opened = PointProduct.open(product)
    one = Source(opened, calibration_file.read(product, first))
    two_product = opened if other is None else PointProduct.open(other)
    two = Source(two_product, calibration_file.read(two_product.path, second))
    found = difference(one, two, convert=convert)
    if picture is not None:
        _draw(opened, found, _calibration(one), _calibration(comparable(one, two, convert=convert)), picture)
    return found


def _calibration(source: Source) -> CalibrationFile:
    if source.calibration is None:
        raise InputError(
            "FID-1111",
            f"{source.name} has no calibration of ours: there is nothing to compare",
            where=str(source.product.path),
            fix="calibrate it, with `fiducial motion calibrate`",
        )
    return source.calibration


def _check_same_points(first: Source, second: Source) -> None:
    one, two = first.product.manifest, second.product.manifest
    files = [{source.sha256 for source in manifest.sources} for manifest in (one, two)]
    if one.content_sha256 != two.content_sha256 and (files[0] != files[1] or one.points != two.points):
        raise InputError(
            "FID-1110",
            f"{one.name} and {two.name} do not hold the same points and series: their surfaces correct different things",
            where=f"{first.product.path} and {second.product.path}",
            fix="compare calibrations of one product, or of two imports of one file",
        )


def _values(
    product: PointProduct, group: int, calibration: CalibrationFile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    surface = calibration.surface
    labelled = surface.clusters is not None and CLUSTER in product.column_names
    columns = product.attributes(["easting", "northing", *([CLUSTER] if labelled else [])], [group])
    where = columns["easting"], columns["northing"], columns.get(CLUSTER)
    return surface.surface_mm_per_yr(*where), surface.sigma_mm_per_yr(*where)


def _surface_change(product: PointProduct, first: CalibrationFile, second: CalibrationFile) -> SurfaceChange:
    """Return the statistics, row group by row group: memory does not grow with the number of points."""
    sums, lowest, highest, largest = np.zeros(5), np.inf, -np.inf, 0.0
    for group in range(product.row_groups):
        (old, sigma_old), (new, sigma_new) = (_values(product, group, one) for one in (first, second))
        change, variance = new - old, sigma_old**2 + sigma_new**2
        normalised = change**2 / variance
        sums += [change.sum(), (change**2).sum(), (sigma_old**2).sum(), (sigma_new**2).sum(), normalised.sum()]
        lowest, highest = min(lowest, float(change.min())), max(highest, float(change.max()))
        largest = float(np.maximum(largest, normalised.max()))
    count = product.manifest.points
    mean, square, first_variance, second_variance, normalised_mean = (float(value) for value in sums / count)
    return SurfaceChange(
        points=count,
        mean_mm_per_yr=mean,
        rms_mm_per_yr=square**0.5,
        lowest_mm_per_yr=lowest,
        highest_mm_per_yr=highest,
        sigma_first_rms_mm_per_yr=first_variance**0.5,
        sigma_second_rms_mm_per_yr=second_variance**0.5,
        normalised_rms=normalised_mean**0.5,
        normalised_largest=largest**0.5,
    )


def _station_change(first: Mapping[str, Any], second: Mapping[str, Any]) -> StationChange:
    (old, old_rejected), (new, new_rejected) = (_stations(document) for document in (first, second))
    return StationChange(
        added=tuple(sorted(new - old)),
        dropped=tuple(sorted(old - new)),
        newly_rejected={name: why for name, why in sorted(new_rejected.items()) if name not in old_rejected},
        no_longer_rejected={name: why for name, why in sorted(old_rejected.items()) if name not in new_rejected},
    )


def _stations(document: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
    """Return the stations that a calibration compared InSAR with, and those that it, or its field, rejected."""
    track = document.get("track") or {}
    rejected = [*document.get("rejected", []), *track.get("rejected", [])]
    names = {str(row["name"]) for row in track.get("stations", [])}
    return names, {str(row["name"]): str(row["reason"]) for row in rejected}


def _draw(
    product: PointProduct, found: CalibrationDifference, first: CalibrationFile, second: CalibrationFile, path: Path
) -> None:
    from fiducial.reports.maps import velocity_map
    from fiducial.reports.style import PRINT_DPI

    step = max(1, product.manifest.points // _DRAWN_POINTS)
    parts: list[list[NDArray[Any]]] = []
    for group in range(product.row_groups):
        where = product.attributes(["longitude", "latitude"], [group])
        change = _values(product, group, second)[0] - _values(product, group, first)[0]
        parts.append([column[::step] for column in (where["longitude"], where["latitude"], change)])
    longitude, latitude, change = (np.concatenate(column) for column in zip(*parts, strict=True))
    title = f"{found.product}: {found.versions[1]} minus {found.versions[0]}"
    figure = velocity_map(longitude, latitude, change, title=title, unit="mm/yr", sign_note=SIGN_NOTE,
                          quantity="change of the calibration surface")  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=PRINT_DPI, bbox_inches="tight", metadata={"Software": None})


def list_versions(products: Sequence[Path]) -> list[dict[str, Any]]:
    """Return a row for each calibration of products, oldest first.

    Raises
    ------
    InputError
        FID-1031 when a product is given twice.
    FormatError
        FID-2100, FID-2101 when one is no product; FID-2102 when a calibration cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for path in distinct(products):
        PointProduct.open(path)
        rows += [{"product": str(path)} | asdict(one) for one in calibration_file.summaries(path)]
    return rows
