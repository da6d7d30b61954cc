"""The adjustment of a calibration: all sources as they were observed, a GNSS table, one solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.observed_source import ObservedSource
from fiducial.motion.calibration.assessment import Assessment, assess
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.holdout import HeldOut, leave_stations_out
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, TrackCalibration
from fiducial.motion.calibration.recipes import recipe as recipe_of
from fiducial.runs.calibration_sources import require_distinct
from fiducial.runs.gnss import Gnss, load
from fiducial.runs.ingest import provenance_id


@dataclass(frozen=True)
class Adjusted:
    """What an adjustment found.

    Attributes
    ----------
    version : str
        Name of the calibration among the versions of each product.
    result : CalibrationResult
    assessment : Assessment
        Stations and overlaps, before and after.
    held_out : HeldOut or None
        Stations predicted without them, if that was asked for.
    notes : tuple of str
    tracks : tuple of TrackObservations
        Block medians and station samples that the recipe saw.
    files : tuple of CalibrationFile
        What is stored beside the series of each source.
    """

    version: str
    result: CalibrationResult
    assessment: Assessment
    held_out: HeldOut | None
    notes: tuple[str, ...]
    tracks: tuple[TrackObservations, ...]
    files: tuple[CalibrationFile, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        held_out = None
        if self.held_out is not None:
            held_out = {
                "samples": len(self.held_out.names),
                "rms_mm_per_yr": _plain(self.held_out.rms_mm_per_yr),
                "gnss_only_rms_mm_per_yr": _plain(self.held_out.gnss_only_rms_mm_per_yr),
                "chi": _plain(self.held_out.chi),
            }
        return {
            "version": self.version,
            "products": [track.name for track in self.tracks],
            "notes": list(self.notes),
            "surfaces": [_surface_summary(track, self.result) for track in self.tracks],
            "stations": [_plain_row(asdict(row)) for row in self.assessment.stations],
            "overlaps": [_plain_row(asdict(row)) for row in self.assessment.overlaps],
            "held_out": held_out,
            "calibration": _plain_result(self.result),
        }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _plain_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) if isinstance(value, float) else value for name, value in row.items()}


def _light(track: TrackCalibration) -> TrackCalibration:
    """Leave out the covariance of splines, millions of numbers for a frame: ``calibration.zarr`` holds it."""
    if not isinstance(track.surface.basis, SplineBasis):
        return track
    return replace(track, surface=replace(track.surface, covariance=np.empty((0, 0))))


def _plain_result(result: CalibrationResult) -> dict[str, Any]:
    """Return plain values of a result, without what `_light` leaves out."""
    plain = replace(result, tracks=tuple(map(_light, result.tracks))).to_dict()
    for track in plain["tracks"]:
        if not track["surface"]["covariance_mm2_per_yr2"]:
            del track["surface"]["covariance_mm2_per_yr2"]
    return plain


def _surface_summary(track: TrackObservations, result: CalibrationResult) -> dict[str, Any]:
    """Say what is subtracted: the surface and its sigma at the block medians of a track."""
    surface = result.track(track.name).surface
    rate = surface.surface_mm_per_yr(track.blocks.easting, track.blocks.northing, track.blocks.cluster)
    sigma = surface.sigma_mm_per_yr(track.blocks.easting, track.blocks.northing, track.blocks.cluster)
    return {
        "track": track.name,
        "blocks": track.blocks.size,
        "terms": surface.basis.terms,
        "mean_mm_per_yr": float(rate.mean()),
        "lowest_mm_per_yr": float(rate.min()),
        "highest_mm_per_yr": float(rate.max()),
        "sigma_mean_mm_per_yr": float(sigma.mean()),
        "sigma_highest_mm_per_yr": float(sigma.max()),
    }


def adjust(
    observed: Sequence[ObservedSource], table: Path, gnss_frame: str | None, *, recipe: str, folds: int = 0,
    up_prior_sigma_mm_per_yr: float | None = None,
) -> Adjusted:  # fmt: skip
    """Tie observed sources to a GNSS velocity field.

    Parameters
    ----------
    observed : sequence of ObservedSource
        Observed with the stations of the table, all of them.
    table : Path
        GNSS velocities.
    gnss_frame : str or None
        Their frame, which becomes that of the calibrated velocities; must be stated.
    recipe : str
        Name of a recipe.
    folds : int
        Predict stations that are held out in that many folds; 0 not to.
    up_prior_sigma_mm_per_yr : float, optional
        See ``runs.gnss.load``.

    Returns
    -------
    Adjusted

    Raises
    ------
    InputError
        FID-1004 frame, FID-1005 fewer than three usable stations, FID-1031 two sources of one name, FID-106x from the
        recipe.
    """
    chosen = recipe_of(recipe)
    require_distinct([one.track.name for one in observed])
    # Blocks stand for the points: they lie where these are, and are few.
    area = [np.concatenate([getattr(one.track.blocks, axis) for one in observed])
            for axis in ("longitude_deg", "latitude_deg")]  # fmt: skip
    if not len(area[0]):
        raise InputError(
            "FID-1061", "no block of any source holds enough points", where=", ".join(one.track.name for one in observed),
            fix="give sources with more points",
        )  # fmt: skip
    gnss = load(table, gnss_frame, area[0], area[1], up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr)
    tracks = tuple(one.track.among(gnss.rows) for one in observed)
    result = chosen.fit(tracks, gnss.stations, gnss.field)
    held_out = leave_stations_out(chosen, tracks, gnss.stations, gnss.field, folds=folds) if folds else None
    run = provenance_id({
        "step": "calibrate",
        "recipe": chosen.name,
        "gnss": gnss.sha256,
        "frame": result.frame,
        "up_prior": up_prior_sigma_mm_per_yr,
        "version": __version__,
        "sources": [one.content_sha256 for one in observed],
    })  # fmt: skip
    version = f"{chosen.name}-{run[:8]}"
    # What concerns all sources is made plain once, not once a source.
    shared = replace(result, tracks=()).to_dict()
    del shared["tracks"]
    files = tuple(
        CalibrationFile(version, result.frame, track.surface, shared | _own(track, gnss, one, run))
        for one, track in zip(observed, result.tracks, strict=True)
    )
    assessment = assess(tracks, gnss.stations, gnss.field, result)
    return Adjusted(version, result, assessment, held_out, gnss.notes, tracks, files)


def _own(found: TrackCalibration, gnss: Gnss, observed: ObservedSource, run: str) -> dict[str, Any]:
    """Return what the document of a source holds beside what all have."""
    track = _light(found).to_dict()
    del track["surface"]
    return {
        "track": track,
        "gnss_sha256": gnss.sha256,
        "reference_epoch": observed.first_epoch,
        "epoch": "rates: the tie has no coordinate epoch",
        "tie_before": observed.tie_frame,
        "provenance_id": run,
        "created_by": f"fiducial {__version__}",
    }
