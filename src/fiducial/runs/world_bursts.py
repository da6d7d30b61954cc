"""InSAR bursts of a simulated world, made and written block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import SENTINEL1_WAVELENGTH_MM
from fiducial.formats.egms_names import BurstName, Window
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.points import PointBlock
from fiducial.runs.egms_from_simulation import write_blocks
from fiducial.runs.simulated_radar import (
    LINE_SPACING_M,
    LINES,
    PIXEL_SPACING_M,
    SWATH_WIDTH_M,
    Track,
    TrueMotion,
    acquisitions,
    atmosphere,
    flicker_transfer,
    point_attributes,
    wave_numbers,
    zero_at_first_epoch,
)
from fiducial.runs.world_layout import REGION_CENTRE_M, BurstPlan, plan_bursts
from fiducial.runs.world_truth import Floats, WorldTruth, terrain_m, years_of
from fiducial.timescales import Epochs, egms_years

Integers = NDArray[np.int64]

BLOCK: Final = 20_000
"""Points of a block; the numbers do not depend on how many processes write, but on this."""
_REFERENCE_POINTS: Final = 300
_AIR_LENGTH_M: Final = 12e3
_FLICKER_MM: Final = 1.0
_OFFSET_MM_PER_YR: Final = 1.5
_RAMP_MM_PER_YR: Final = ((1.5, 0.4, 0.4, 0.1), (2.5, 0.9, 0.9, 0.4))
_SNOW_MONTHS: Final = (12, 1, 2, 3)
_SNOW_SHARE_MISSING: Final = 0.4
_SNOW_NOISE_MM: Final = 5.0
_MISSING_SHARE: Final = 0.002
_LOST_SCENES: Final = 2
_FAST: Final = 1


@dataclass(frozen=True)
class BurstModel:
    """A burst before its points are drawn: what separates its relative motion from the truth.

    Attributes
    ----------
    plan : BurstPlan
    epochs : ndarray of datetime64[ns], shape (epoch,)
    ramp_mm_per_yr : ndarray, shape (4,)
        Of u, w, u^2 - 1/3 and u w, the places across and along the column of the track.
    offset_mm_per_yr : float
        Random offset of the burst less the mean motion of its reference points.
    reference_mm : ndarray of float32, shape (epoch,)
        Mean of season, earthquake and air at the reference points.
    waves_per_m : ndarray, shape (wave, 2)
        Of the air over the track.
    """

    plan: BurstPlan
    epochs: Epochs
    ramp_mm_per_yr: Floats
    offset_mm_per_yr: float
    reference_mm: NDArray[np.float32]
    waves_per_m: Floats

    def surface_mm_per_yr(self, easting: Floats, northing: Floats) -> Floats:
        """Return relative minus absolute velocity in line of sight, shape (point,): what a calibration has to find."""
        return np.asarray(_ramp(self.plan, self.ramp_mm_per_yr, easting, northing) + self.offset_mm_per_yr)


def _ramp(plan: BurstPlan, coefficients: Floats, easting: Floats, northing: Floats) -> Floats:
    u, w = plan.ramp_coordinates(easting, northing)
    return np.asarray(np.column_stack([u, w, u * u - 1 / 3, u * w]) @ coefficients)


def make_burst(truth: WorldTruth, plan: BurstPlan) -> BurstModel:
    """Draw what a burst has in common; a pure function of its arguments.

    Notes
    -----
    Bursts of a track share passes, ramp and air, so that they agree where they overlap but for their offsets; each lost two
    scenes of its own. The virtual reference is the mean of 300 places of the burst.
    """
    seed, track = truth.options.seed, plan.track
    shared = np.random.default_rng((seed, track.number, track.swath, 80))
    ramp = shared.choice([-1.0, 1.0], 4) * shared.uniform(*_RAMP_MM_PER_YR)
    waves = wave_numbers(np.random.default_rng((seed, track.number, 81)), _AIR_LENGTH_M)
    passes = _passes(truth, track)
    rng = np.random.default_rng((seed, 13, plan.index))
    lost = rng.choice(np.arange(1, passes.size), size=_LOST_SCENES, replace=False)
    epochs = np.delete(passes, lost)
    along = rng.uniform(0.0, LINES * LINE_SPACING_M, _REFERENCE_POINTS)
    across = rng.uniform(0.0, SWATH_WIDTH_M, _REFERENCE_POINTS)
    east, north = track.map_coordinates(along, across, plan.origin_m)
    bare = BurstModel(plan, epochs, ramp, 0.0, np.zeros(epochs.size, dtype=np.float32), waves)
    sight = from_angles(*track.angles_deg(across))
    motion = np.einsum("ij,ij->i", sight, truth.velocity_enu_mm_per_yr(east, north)) + bare.surface_mm_per_yr(
        east, north
    )
    offset = float(rng.normal(0.0, _OFFSET_MM_PER_YR) - motion.mean())
    passing = _passing(truth, bare, east, north, sight)
    return replace(bare, offset_mm_per_yr=offset, reference_mm=passing.mean(axis=1))


def _passes(truth: WorldTruth, track: Track) -> Epochs:
    rng = np.random.default_rng((truth.options.seed, track.number, 90))
    return acquisitions(track, truth.options.epochs + _LOST_SCENES, rng)


def _passing(truth: WorldTruth, model: BurstModel, east: Floats, north: Floats, sight: Floats) -> NDArray[np.float32]:
    """Return what is no rate, [epoch, point], mm: season, earthquake and air."""
    season = np.einsum("ij,ij->i", sight, truth.season_enu_mm_at(east, north))
    step = np.einsum("ij,ij->i", sight, truth.earthquake_enu_mm(east, north))
    track, offset = model.plan.track, np.column_stack([east, north]) - REGION_CENTRE_M
    seed = (truth.options.seed, track.number, 91)
    passing = atmosphere(model.waves_per_m, offset, model.epochs, track.first_day, seed)
    passing += np.outer(truth.season_phase(model.epochs), season).astype(np.float32)
    passing += np.outer(truth.after_earthquake(model.epochs), step).astype(np.float32)
    return passing


def burst_blocks(truth: WorldTruth, model: BurstModel, block: int = BLOCK) -> Iterator[PointBlock]:
    """Yield the points of a burst, ordered by line and pixel, no pixel twice; columns as ``write_blocks`` takes them.

    Notes
    -----
    Relative displacement, mm, towards the satellite: absolute motion + ramp + offset, season, earthquake, air of 1.5 mm
    (exponential covariance, 12 km), white noise of the amplitude dispersion, flicker noise of 1 mm/yr^(1/4); less the
    reference; with the constant that makes cubic plus season vanish at the first date; 0.1 mm. Single values are missing.
    Above the snow line, in spoiled winters, 40 % of the values are missing and the others wrong by 5 mm.
    """
    points, pixels = truth.options.points, int(SWATH_WIDTH_M / PIXEL_SPACING_M)
    per_line = -(-points // LINES)
    stride = pixels // per_line
    for number, start in enumerate(range(0, points, block)):
        rng = np.random.default_rng((truth.options.seed, 14, model.plan.index, number))
        index = np.arange(start, min(start + block, points))
        # Fewer points than lines: they are spread over all of them.
        line = index * LINES // points if per_line == 1 else index // per_line
        pixel = index % per_line * stride + rng.integers(0, stride, index.size)
        yield _block(truth, model, line, pixel, rng)


def _block(
    truth: WorldTruth, model: BurstModel, line: Integers, pixel: Integers, rng: np.random.Generator
) -> PointBlock:
    plan, epochs = model.plan, model.epochs
    along, across = np.float64(LINE_SPACING_M) * (line + 0.5), np.float64(PIXEL_SPACING_M) * (pixel + 0.5)
    east, north = plan.track.map_coordinates(along, across, plan.origin_m)
    height = terrain_m(east, north) + rng.gamma(2.0, 4.0, east.size)
    columns = point_attributes(plan.track, replace(TrueMotion(), centre_m=plan.origin_m), east, north, height, rng=rng)
    columns |= {"line": line, "pixel": pixel}
    sight = from_angles(*plan.track.angles_deg(across))
    rate = np.einsum("ij,ij->i", sight, truth.velocity_enu_mm_per_yr(east, north))
    rate += model.surface_mm_per_yr(east, north)
    shape = (epochs.size, east.size)
    transfer = flicker_transfer(epochs, _FLICKER_MM)
    moved = transfer @ rng.standard_normal((transfer.shape[1], east.size), dtype=np.float32)
    # Phase noise of a stable point is about its amplitude dispersion (Ferretti et al. 2001).
    white_mm = SENTINEL1_WAVELENGTH_MM / (4 * np.pi) * columns["amplitude_dispersion"].astype(np.float32)
    moved += white_mm * rng.standard_normal(shape, dtype=np.float32)
    moved += years_of(epochs).astype(np.float32)[:, None] * rate.astype(np.float32)
    moved += _passing(truth, model, east, north, sight) - model.reference_mm[:, None]
    snow = np.outer(spoiled(truth, epochs), height > truth.snow_line_m)
    moved += np.where(snow, np.float32(_SNOW_NOISE_MM) * rng.standard_normal(shape, dtype=np.float32), np.float32(0.0))
    missing = rng.random(shape, dtype=np.float32) < np.where(snow, _SNOW_SHARE_MISSING, _MISSING_SHARE)
    displacement = zero_at_first_epoch(moved, egms_years(epochs))
    displacement[missing] = np.nan
    return PointBlock(columns, displacement, epochs)


def spoiled(truth: WorldTruth, epochs: Epochs) -> NDArray[np.bool_]:
    """Tell which epochs lie in a spoiled winter, December to March."""
    months = epochs.astype("datetime64[M]").astype(np.int64)
    month, year = months % 12 + 1, months // 12 + 1970
    return np.asarray(np.isin(month, _SNOW_MONTHS) & np.isin(year + (month == _SNOW_MONTHS[0]), truth.spoiled_winters))


def window_of(truth: WorldTruth) -> Window:
    """Return the nominal years of the release, those of the passes of all tracks."""
    last = max(_passes(truth, plan.track)[-1] for plan in plan_bursts(truth.options.bursts))
    return Window(2020, int(str(last)[:4]), 1)


def burst_name(plan: BurstPlan, window: Window) -> BurstName:
    """Return the EGMS name of a burst."""
    return BurstName("L2a", plan.track.number, plan.number, plan.track.swath, plan.polarisation, window)


def write_burst(truth: WorldTruth, plan: BurstPlan, window: Window, folder: Path) -> Path:
    """Write a burst as an EGMS Level 2a ZIP; memory holds one block."""
    model, seed = make_burst(truth, plan), truth.options.seed
    return write_blocks(
        burst_name(plan, window), model.epochs, burst_blocks(truth, model), folder,
        dem_version=f"simulated terrain, seed {seed}", snow_version=f"simulated winters, seed {seed}",
        compression=_FAST,
    )  # fmt: skip
