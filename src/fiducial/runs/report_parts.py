"""Parts that several report pages share: names, layers of maps, tables of a calibration, provenance."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import FiducialError
from fiducial.formats import egms_names
from fiducial.formats.atomic import atomic_file
from fiducial.formats.egms_names import BurstName
from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, TrackCalibration
from fiducial.reports.html import Column, Page
from fiducial.reports.maps import PointLayer, Scale, Stations, panel_of_maps
from fiducial.runs.calibrate import Calibrated

Floats = NDArray[np.float64]

LOS_SIGN: Final = "positive: towards the satellite; negative: away from it"
UP_SIGN: Final = "positive: up; negative: down"
EAST_SIGN: Final = "positive: to the east; negative: to the west"
COMPONENT_NAMES: Final = {"E": "East", "U": "Up"}
_SHOWN_STATIONS: Final = 25
_SHOWN_NAMES: Final = 4


def write_page(page: Page, path: Path) -> None:
    """Write a page as UTF-8, whole or not at all; an existing file is replaced."""
    with atomic_file(path) as partial:
        partial.write_text(page.render(), encoding="utf-8")


def short_name(name: str) -> str:
    r"""Return track, burst and swath of an EGMS name, and any other name as it is.

    Examples
    --------
    >>> short_name("EGMS_L2a_117_0251_IW2_VV_2020_2024_1"), short_name("087A_04904_121313")
    ('117_0251\xa0IW2', '087A_04904_121313')
    """
    try:
        parsed = egms_names.parse(name)
    except FiducialError:
        return name
    if not isinstance(parsed, BurstName):
        return name
    return f"{parsed.track:03d}_{parsed.burst:04d}\N{NO-BREAK SPACE}IW{parsed.swath}"


def root_mean_square(values: Sequence[float], counts: Sequence[int]) -> float:
    """Pool RMS values with the number of samples behind each; NaN when there are none."""
    known = [(value, count) for value, count in zip(values, counts, strict=True) if count and np.isfinite(value)]
    total = sum(count for _, count in known)
    return float(np.sqrt(sum(value**2 * count for value, count in known) / total)) if total else float("nan")


def by_direction(tracks: Sequence[TrackObservations]) -> dict[str, list[TrackObservations]]:
    """Sort tracks by the direction of flight; a satellite that looks right sees the ground from the west going north."""
    sorted_tracks: dict[str, list[TrackObservations]] = {"ascending": [], "descending": []}
    for track in tracks:
        ascending = track.blocks.line_of_sight[:, 0].mean() < 0
        sorted_tracks["ascending" if ascending else "descending"].append(track)
    return {direction: found for direction, found in sorted_tracks.items() if found}


def _layer(
    title: str,
    tracks: Sequence[TrackObservations],
    value: Callable[[TrackObservations], Floats],
    stations: Stations | None = None,
) -> PointLayer:
    blocks = [track.blocks for track in tracks]
    return PointLayer(
        title,
        np.concatenate([one.longitude_deg for one in blocks]),
        np.concatenate([one.latitude_deg for one in blocks]),
        np.concatenate([value(track) for track in tracks]),
        los=np.concatenate([one.line_of_sight for one in blocks]).mean(axis=0),
        stations=stations,
    )


def _station_layer(tracks: Sequence[TrackObservations], result: CalibrationResult) -> Stations | None:
    """Return what GNSS sees in the line of sight, to be drawn in the colours of the calibrated map."""
    longitude, latitude, value, names = [], [], [], []
    for track in tracks:
        medians = track.samples.medians
        before = result.track(track.name).stations.before_mm_per_yr
        longitude += medians.longitude_deg.tolist()
        latitude += medians.latitude_deg.tolist()
        value += (medians.velocity_mm_per_yr - before).tolist()
        names += [str(name) for name in track.samples.names]
    if not names:
        return None
    return Stations(longitude, latitude, value, names if len(names) <= _SHOWN_STATIONS else ())


def add_calibration_maps(page: Page, calibrated: Calibrated) -> None:
    """Add block medians before, surface, and after with the stations, a column a direction; then the sigma."""
    result = calibrated.result

    def where(track: TrackObservations) -> tuple[Floats, Floats, NDArray[np.int64]]:
        return track.blocks.easting, track.blocks.northing, track.blocks.cluster

    def surface(track: TrackObservations) -> Floats:
        return result.track(track.name).surface.surface_mm_per_yr(*where(track))

    def sigma(track: TrackObservations) -> Floats:
        return result.track(track.name).surface.sigma_mm_per_yr(*where(track))

    rows: dict[str, list[PointLayer]] = {"before": [], "surface": [], "after": [], "sigma": []}
    for direction, tracks in by_direction(calibrated.tracks).items():
        rows["before"].append(_layer(f"{direction}: before", tracks, lambda track: track.blocks.velocity_mm_per_yr))
        rows["surface"].append(_layer(f"{direction}: surface", tracks, surface))
        rows["after"].append(
            _layer(f"{direction}: after", tracks, lambda track: track.blocks.velocity_mm_per_yr - surface(track),
                   _station_layer(tracks, result))
        )  # fmt: skip
        rows["sigma"].append(_layer(f"{direction}: sigma of the surface", tracks, sigma))
    layers = [*rows["before"], *rows["surface"], *rows["after"]]
    block_km = calibrated.tracks[0].block_size_m / 1000
    page.figure(
        panel_of_maps(layers, scale=Scale("mm/yr", "LOS velocity", LOS_SIGN)),
        alt="Maps of the line-of-sight velocity before calibration, of the surface, and after, a column a direction.",
        caption=f"Medians of {block_km:g} km blocks. Before minus surface is after. Triangles are what GNSS sees in the "
                "line of sight: where they cannot be told from the blocks around them, InSAR and GNSS agree.",
    )  # fmt: skip
    page.figure(
        panel_of_maps(rows["sigma"], scale=Scale("mm/yr", "standard deviation of the surface", symmetric=False)),
        alt="Maps of the standard deviation of the calibration surface.",
        caption="What GNSS, the noise of InSAR and the few terms of the surface leave uncertain at each place. It is "
                "correlated over the burst: averaging points does not make it smaller.",
    )  # fmt: skip


def add_agreement_tables(page: Page, calibrated: Calibrated) -> None:
    """Add stations and overlaps, before and after."""
    assessment = calibrated.assessment
    page.table(
        [Column("source"), Column("stations"), Column("RMS before", "mm/yr"), Column("before, centred", "mm/yr"),
         Column("RMS after", "mm/yr"), Column("median after", "mm/yr")],
        [[short_name(row.track), row.stations, row.rms_before_mm_per_yr, row.rms_before_centred_mm_per_yr,
          row.rms_after_mm_per_yr, row.bias_after_mm_per_yr] for row in assessment.stations],
        caption="InSAR minus GNSS in the line of sight, at the stations that have InSAR around them. Centred: with the "
                "median removed, for a relative source has no datum.",
    )  # fmt: skip
    if assessment.overlaps:
        page.table(
            [Column("sources"), Column("cells"), Column("RMS before", "mm/yr"), Column("before, centred", "mm/yr"),
             Column("RMS after", "mm/yr")],
            [[" | ".join(short_name(name) for name in row.tracks), row.cells, row.rms_before_mm_per_yr,
              row.rms_before_centred_mm_per_yr, row.rms_after_mm_per_yr] for row in assessment.overlaps],
            caption="Difference of two sources of one direction where they overlap, less what their lines of sight see "
                    "differently of the GNSS field. No station tells a recipe about this.",
        )  # fmt: skip


def station_rows(result: CalibrationResult) -> list[list[Any]]:
    """Return a row a station and source, the largest residual in units of its sigma first."""
    rows: list[list[Any]] = []
    for track in result.tracks:
        found = track.stations
        for k in np.flatnonzero(np.isfinite(found.after_mm_per_yr)):
            after, sigma = float(found.after_mm_per_yr[k]), float(found.sigma_mm_per_yr[k])
            rows.append([str(found.names[k]), short_name(track.surface.track), float(found.before_mm_per_yr[k]), after,
                         sigma, after / sigma, bool(found.used[k])])  # fmt: skip
    return sorted(rows, key=lambda row: -abs(row[5]))


def add_station_table(page: Page, result: CalibrationResult) -> None:
    """Add the residuals of single stations."""
    rows = station_rows(result)
    if not rows:
        return
    caption = "Stations, the largest residual in units of its sigma first"
    if len(rows) > _SHOWN_STATIONS:
        caption += f"; {_SHOWN_STATIONS} of {len(rows)} are shown, calibration.json holds all"
    page.table(
        [Column("station"), Column("source"), Column("before", "mm/yr"), Column("after", "mm/yr"),
         Column("sigma", "mm/yr"), Column("after / sigma", digits=1), Column("in the fit of the surface")],
        rows[:_SHOWN_STATIONS], caption=f"{caption}.",
    )  # fmt: skip


def add_rejected(page: Page, result: CalibrationResult) -> None:
    """Add the stations that were not used, with the reason of each."""
    reasons: dict[tuple[str, str], list[str]] = {(one.name, one.reason): [] for one in result.rejected}
    for track in result.tracks:
        for one in track.rejected:
            reasons.setdefault((one.name, one.reason), []).append(short_name(track.surface.track))
    if not reasons:
        page.paragraph("No station was rejected.")
        return
    rows = [[name, _some(where) if where else "velocity field", reason] for (name, reason), where in reasons.items()]
    page.table([Column("station"), Column("where"), Column("reason")], rows, caption="Stations not used, and why.")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def surface_row(track: TrackObservations, found: TrackCalibration) -> list[Any]:
    """Return the surface of a source at its block medians as a row of ``SURFACE_COLUMNS``."""
    where = track.blocks.easting, track.blocks.northing, track.blocks.cluster
    rate, sigma = found.surface.surface_mm_per_yr(*where), found.surface.sigma_mm_per_yr(*where)
    return [short_name(track.name), track.blocks.size, found.surface.basis.terms, float(rate.min()), float(rate.max()),
            float(np.sqrt(np.mean(sigma**2))), found.observations, found.degrees_of_freedom, found.variance_factor]  # fmt: skip


SURFACE_COLUMNS: Final = (
    Column("source"), Column("blocks"), Column("terms"), Column("lowest", "mm/yr"), Column("highest", "mm/yr"),
    Column("sigma", "mm/yr"), Column("observations"), Column("degrees of freedom"), Column("variance factor"),
)  # fmt: skip


def software() -> dict[str, object]:
    """Return the versions that shape the numbers."""
    import numba
    import scipy

    return {"fiducial": __version__, "python": platform.python_version(), "numpy": np.__version__,
            "scipy": scipy.__version__, "numba": numba.__version__}  # fmt: skip


def input_hashes(products: Sequence[Path]) -> Mapping[str, object]:
    """Return the files that products were made from, with size and SHA-256."""
    sources = [(path, one) for path in products for one in PointProduct.open(path).manifest.sources]
    # The rasters of all frames have the same names: then the folder tells them apart.
    clash = len({one.name for _, one in sources}) < len({(one.name, one.sha256) for _, one in sources})
    return {f"{path.name}/{one.name}" if clash else one.name: f"{one.bytes} bytes, sha256 {one.sha256}"
            for path, one in sources}  # fmt: skip
