"""A simulated piece of central Italy: known motion, stations, and the relative InSAR points that observe it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from fiducial.constants import EGMS_YEAR_DAYS, SENTINEL1_WAVELENGTH_MM
from fiducial.errors import RunError
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.points import PointBlock
from fiducial.runs.simulated_radar import (
    BURST_ADVANCE_M,
    LINE_SPACING_M,
    LINES,
    PIXEL_SPACING_M,
    POLARISATION_VV,
    SWATH_WIDTH_M,
    TRACK_LENGTH_M,
    TRACKS,
    Floats,
    Track,
    TrueMotion,
    acquisitions,
    atmosphere,
    flicker_transfer,
    point_attributes,
    wave_numbers,
    zero_at_first_epoch,
)
from fiducial.timescales import Epochs, egms_years

_SEASON_ORIGIN: Final = np.datetime64("2020-01-01")


@dataclass(frozen=True)
class WorldSize:
    """How large the simulated world is: points of a burst (at most), acquisitions of a burst, stations."""

    points_per_burst: int = 6_000
    epochs: int = 150
    stations: int = 25


@dataclass(frozen=True)
class SimulatedBurst:
    """One burst as a provider would deliver it, and the truth beside it.

    Attributes
    ----------
    track, burst, swath, polarisation : int
        Numbers as ``motion.identifiers.PointIds`` holds them (polarisation 3 is VV).
    direction : str
        ``ascending`` or ``descending``.
    points : PointBlock
        The documented L2a columns without ``pid`` and without the statistics; relative displacement, mm,
        rounded to 0.1, positive towards the satellite.
    velocity_los_mm_per_yr : ndarray of float64, shape (point,)
        True absolute velocity in line of sight, ETRF2000, positive towards the satellite.
    velocity_enu_mm_per_yr : ndarray of float64, shape (point, 3)
        True absolute velocity east, north, up, ETRF2000.
    injected_surface_mm_per_yr : ndarray of float64, shape (point,)
        What separates the relative velocity from the absolute one (relative = absolute + surface + noise):
        ramp of the track, offset and spatial reference of the burst. A perfect calibration subtracts it.
    seasonal_up_mm : ndarray of float64, shape (point,)
        Amplitude of the true vertical seasonal motion.
    """

    track: int
    burst: int
    swath: int
    polarisation: int
    direction: str
    points: PointBlock
    velocity_los_mm_per_yr: Floats
    velocity_enu_mm_per_yr: Floats
    injected_surface_mm_per_yr: Floats
    seasonal_up_mm: Floats


@dataclass(frozen=True)
class SimulatedWorld:
    """A world of which everything is known.

    Attributes
    ----------
    seed : int
    motion : TrueMotion
    bursts : tuple of SimulatedBurst
        Two neighbours of an ascending track, then two of a descending one.
    stations : StationVelocities
        Observed, ETRF2000; horizontal-only stations have NaN up.
    station_truth_enu_mm_per_yr : ndarray of float64, shape (station, 3)
    outlier_station : str
        Name of the station whose velocity is wrong on purpose.
    """

    seed: int
    motion: TrueMotion
    bursts: tuple[SimulatedBurst, ...]
    stations: StationVelocities
    station_truth_enu_mm_per_yr: Floats
    outlier_station: str

    def truth_enu(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the true velocity east, north, up (mm/yr, ETRF2000); see :meth:`TrueMotion.velocity_enu`."""
        return self.motion.velocity_enu(easting, northing)


@dataclass(frozen=True)
class _Sites:
    """Reflecting structures of the ground, which every track sees some of."""

    easting: Floats
    northing: Floats
    height: Floats
    seasonal_up_mm: Floats
    seasonal_peak_yr: Floats


@dataclass(frozen=True)
class _Scene:
    """What the bursts of one track have in common."""

    seed: int
    size: WorldSize
    motion: TrueMotion
    sites: _Sites
    track: Track
    ramp_mm_per_yr: Floats
    waves_per_m: Floats


def _make_sites(rng: np.random.Generator, motion: TrueMotion, count: int) -> _Sites:
    """Scatter structures: one town in the bowl, fifteen on a shaken grid, and single houses between them."""
    centre = np.array(motion.centre_m)
    grid = np.stack(np.meshgrid(np.linspace(-38e3, 38e3, 5), np.linspace(-15e3, 15e3, 3)), axis=-1).reshape(-1, 2)
    towns = np.vstack([motion.bowl_centre_m, centre + grid + rng.uniform(-5e3, 5e3, grid.shape)])
    radius = np.concatenate([[2_600.0], rng.uniform(900.0, 2_200.0, len(grid))])
    share = radius**1.5 / (radius**1.5).sum()
    member = rng.choice(len(towns), size=int(0.72 * count), p=share)
    urban = towns[member] + radius[member, None] * rng.standard_normal((member.size, 2))
    rural = centre + rng.uniform(-0.5, 0.5, (count - member.size, 2)) * [104e3, 60e3]
    easting, northing = np.vstack([urban, rural]).T
    across = motion.apennine_distance(easting, northing)
    hills = np.sin(easting / 3.1e3) * np.cos(northing / 4.3e3) + np.sin((easting - 1.7 * northing) / 9.7e3)
    terrain = 320.0 + 480.0 * np.exp(-((across - 0.2) ** 2) / 0.5) * (1 + 0.35 * hills)
    seasonal = np.where(rng.random(count) < 0.3, rng.gamma(4.0, 0.6, count), 0.0)
    peak = rng.normal(0.17, 0.04, count)
    return _Sites(easting, northing, terrain + rng.gamma(2.0, 4.0, count), seasonal, peak)


def _visible(
    scene: _Scene, number: int, rng: np.random.Generator
) -> tuple[_Sites, NDArray[np.int64], NDArray[np.int64]]:
    """Return the sites this burst resolves, as its track sees them, with line and pixel; no pixel twice."""
    sites, track = scene.sites, scene.track
    # A track sees another corner of the same house: a few metres between the geometries, none between bursts.
    corner = np.random.default_rng((scene.seed, track.number, 92)).normal(0.0, 4.0, (2, sites.easting.size))
    easting, northing = np.round(sites.easting + corner[0], 2), np.round(sites.northing + corner[1], 2)
    along, across = track.radar_coordinates(easting, northing, scene.motion.centre_m)
    line = np.floor((along - number * BURST_ADVANCE_M) / LINE_SPACING_M).astype(np.int64)
    pixel = np.floor(across / PIXEL_SPACING_M).astype(np.int64)
    inside = np.flatnonzero((line >= 0) & (line < LINES) & (across >= 0) & (across < SWATH_WIDTH_M))
    _, first = np.unique(line[inside] << 16 | pixel[inside], return_index=True)
    chosen = inside[first]
    if chosen.size > scene.size.points_per_burst:
        chosen = np.sort(rng.choice(chosen, size=scene.size.points_per_burst, replace=False))
    seen = _Sites(easting[chosen], northing[chosen], sites.height[chosen], sites.seasonal_up_mm[chosen],
                  sites.seasonal_peak_yr[chosen])  # fmt: skip
    return seen, line[chosen], pixel[chosen]


def _relative_displacement(
    scene: _Scene,
    epochs: Epochs,
    sites: _Sites,
    *,
    burst_rng: np.random.Generator,
    rate: Floats,
    sight_up: Floats,
    dispersion: Floats,
) -> NDArray[np.float32]:
    """Return [epoch, point] in mm: relative rate, seasonal motion, air, white and flicker noise; rounded."""
    years = egms_years(epochs)
    points = sites.easting.size
    # Phase noise of a stable point is about its amplitude dispersion (Ferretti et al. 2001).
    white_mm = SENTINEL1_WAVELENGTH_MM / (4 * np.pi) * dispersion.astype(np.float32)
    disturbance = white_mm * burst_rng.standard_normal((epochs.size, points), dtype=np.float32)
    flicker = flicker_transfer(epochs, 1.0)
    disturbance += flicker @ burst_rng.standard_normal((flicker.shape[1], points), dtype=np.float32)
    offset = np.column_stack([sites.easting, sites.northing]) - scene.motion.centre_m
    disturbance += atmosphere(
        scene.waves_per_m, offset, epochs, scene.track.first_day, (scene.seed, scene.track.number, 91)
    )
    calendar_yr = (epochs - _SEASON_ORIGIN) / np.timedelta64(1, "D") / EGMS_YEAR_DAYS
    season = sites.seasonal_up_mm * sight_up * np.cos(2 * np.pi * (calendar_yr[:, None] - sites.seasonal_peak_yr))
    disturbance += season.astype(np.float32)
    # The virtual reference of a provider is the mean series of the burst: it takes away what is common.
    disturbance -= disturbance.mean(axis=1, keepdims=True)
    return zero_at_first_epoch((years[:, None] * rate + disturbance).astype(np.float32), years)


def _simulate_burst(scene: _Scene, number: int) -> SimulatedBurst:
    track, motion = scene.track, scene.motion
    rng = np.random.default_rng((scene.seed, track.number, number))
    sites, line, pixel = _visible(scene, number, rng)
    # Both bursts share the passes of the track, but each lost two scenes of its own.
    passes = acquisitions(track, scene.size.epochs + 2, np.random.default_rng((scene.seed, track.number, 90)))
    epochs = np.delete(passes, rng.choice(np.arange(1, passes.size), size=2, replace=False))
    columns = point_attributes(track, motion, sites.easting, sites.northing, sites.height, rng=rng)
    columns |= {"line": line, "pixel": pixel}

    along, across = track.radar_coordinates(sites.easting, sites.northing, motion.centre_m)
    sight = from_angles(*track.angles_deg(across))
    velocity = motion.velocity_enu(sites.easting, sites.northing)
    absolute = np.einsum("ij,ij->i", sight, velocity)
    u, w = 2 * across / SWATH_WIDTH_M - 1, 2 * along / TRACK_LENGTH_M - 1
    surface = np.column_stack([u, w, u * u - 1 / 3, u * w]) @ scene.ramp_mm_per_yr
    surface += rng.normal(0.0, 1.5) - np.mean(absolute + surface)
    displacement = _relative_displacement(
        scene, epochs, sites, burst_rng=rng, rate=absolute + surface, sight_up=sight[:, 2],
        dispersion=columns["amplitude_dispersion"].astype(np.float64),
    )  # fmt: skip
    points = PointBlock(columns, displacement, epochs)
    return SimulatedBurst(track.number, track.bursts[number], track.swath, POLARISATION_VV, track.direction,
                          points, absolute, velocity, surface, sites.seasonal_up_mm)  # fmt: skip


def _station_positions(motion: TrueMotion, count: int, rng: np.random.Generator) -> Floats:
    """Spread stations evenly over the region and its surroundings, none inside the bowl (best of 40 candidates)."""
    bowl = np.array(motion.bowl_centre_m)
    chosen = np.empty((0, 2))
    while len(chosen) < count:
        candidates = motion.centre_m + rng.uniform(-1.0, 1.0, (40, 2)) * [65e3, 45e3]
        candidates = candidates[np.linalg.norm(candidates - bowl, axis=1) > 3.5 * motion.bowl_sigma_m]
        distance = np.linalg.norm(candidates[:, None] - chosen[None], axis=2).min(axis=1, initial=1e9)
        chosen = np.vstack([chosen, candidates[np.argmax(distance)]])
    return chosen


def _simulate_stations(seed: int, motion: TrueMotion, count: int) -> tuple[StationVelocities, Floats, str]:
    rng = np.random.default_rng((seed, 3))
    easting, northing = _station_positions(motion, count, rng).T
    longitude, latitude = Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True).transform(easting, northing)
    sigma = np.column_stack([rng.uniform(0.1, 0.35, (count, 2)), rng.uniform(0.3, 0.8, count)])
    correlation = np.tile(np.eye(3), (count, 1, 1))
    correlation[:, 0, 1] = correlation[:, 1, 0] = rng.uniform(-0.4, 0.4, count)
    covariance = correlation * sigma[:, :, None] * sigma[:, None, :]
    truth = motion.velocity_enu(easting, northing)
    observed = truth + np.einsum("sij,sj->si", np.linalg.cholesky(covariance), rng.standard_normal((count, 3)))
    order = rng.permutation(count)
    outlier, horizontal_only = order[0], order[1 : 1 + count // 5]
    observed[outlier] += [5.0, -4.0, -9.0]  # a monument that slides
    observed[horizontal_only, 2] = np.nan
    covariance[horizontal_only, 2, :] = covariance[horizontal_only, :, 2] = np.nan
    names = np.array([f"SM{index + 1:02d}" for index in range(count)])
    table = StationVelocities(names, np.asarray(longitude), np.asarray(latitude), observed, covariance,
                              frame="ETRF2000", source=f"simulated world, seed {seed}")  # fmt: skip
    return table, truth, str(names[outlier])


def simulate_world(seed: int = 1, size: WorldSize | None = None) -> SimulatedWorld:
    """Simulate a region of 100 km x 60 km with everything known about it.

    Parameters
    ----------
    seed : int
        Not negative; the same seed and size give the same world.
    size : WorldSize, optional
        Default 6 000 points a burst, 150 acquisitions, 25 stations.

    Returns
    -------
    SimulatedWorld
        Four bursts (two of the ascending track 117, two of the descending track 22; neighbours overlap by 2.2 km
        and 85 km) and GNSS stations, ETRF2000.

    Raises
    ------
    RunError
        FID-5013 when the seed is negative or the size is too small to be adjusted (50 points, 12 epochs,
        5 stations).

    Notes
    -----
    Each burst holds absolute motion + track ramp (up to quadratic) + burst offset - mean series, air of 1.5 mm
    (exponential covariance, 12 km), white noise of the amplitude dispersion and flicker noise of 1 mm/yr^(1/4),
    at 0.1 mm, with the constant that makes the cubic plus seasonal model vanish at the first date.
    """
    size = size or WorldSize()
    for name, smallest in (("points_per_burst", 50), ("epochs", 12), ("stations", 5)):
        _require_at_least(name, getattr(size, name), smallest)
    _require_at_least("seed", seed, 0)
    motion = TrueMotion()
    # The bursts of a track cover twice the area of one: four sites a point leave some that a burst does not see.
    sites = _make_sites(np.random.default_rng((seed, 1)), motion, 4 * size.points_per_burst)
    bursts = []
    for track in TRACKS:
        rng = np.random.default_rng((seed, track.number, 80))
        ramp = rng.choice([-1.0, 1.0], 4) * rng.uniform([1.5, 0.4, 0.4, 0.1], [2.5, 0.9, 0.9, 0.4])
        scene = _Scene(seed, size, motion, sites, track, ramp, wave_numbers(rng, 12e3))
        bursts += [_simulate_burst(scene, number) for number in (0, 1)]
    stations, truth, outlier = _simulate_stations(seed, motion, size.stations)
    return SimulatedWorld(seed, motion, tuple(bursts), stations, truth, outlier)


def _require_at_least(name: str, value: int, smallest: int) -> None:
    if value < smallest:
        raise RunError("FID-5013", f"a simulated world cannot have {name} = {value}", where=name,
                       fix=f"give at least {smallest}")  # fmt: skip


def simulate_large_burst(points: int, epochs: int, seed: int = 1, *, chunk: int = 20_000) -> Iterator[PointBlock]:
    """Yield a burst of any size block by block, for benchmarks; memory holds one block.

    Parameters
    ----------
    points, epochs : int
        Size of the whole burst; at most 1 508 lines times 22 972 pixels.
    seed, chunk : int
        The numbers depend on both.

    Yields
    ------
    PointBlock
        The columns of :func:`simulate_world`, ordered by line and pixel, no pixel twice; relative motion with
        the bowl, a ramp, white and flicker noise, zero model at the first date, 0.1 mm.

    Raises
    ------
    RunError
        FID-5013 when the size is too small or does not fit the pixels of a burst.
    """
    for name, value, smallest in (
        ("points", points, 1),
        ("epochs", epochs, 12),
        ("chunk", chunk, 1),
        ("seed", seed, 0),
    ):
        _require_at_least(name, value, smallest)
    pixels = int(SWATH_WIDTH_M / PIXEL_SPACING_M)
    per_line = -(-points // LINES)
    if per_line > pixels:
        raise RunError("FID-5013", f"{points} points do not fit a burst", where="points",
                       fix=f"ask for at most {LINES * pixels}")  # fmt: skip
    return _large_burst_blocks(points, epochs, seed=seed, chunk=chunk, per_line=per_line, stride=pixels // per_line)


def _large_burst_blocks(
    points: int, epoch_count: int, *, seed: int, chunk: int, per_line: int, stride: int
) -> Iterator[PointBlock]:
    track, motion = TRACKS[0], TrueMotion()
    epochs = acquisitions(track, epoch_count, np.random.default_rng((seed, 7)))
    years = egms_years(epochs)
    years_column = years.astype(np.float32)[:, None]
    transfer = flicker_transfer(epochs, 1.0)
    for number, start in enumerate(range(0, points, chunk)):
        rng = np.random.default_rng((seed, 8, number))
        index = np.arange(start, min(start + chunk, points))
        line, slot = np.divmod(index, per_line)
        pixel = slot * stride + rng.integers(0, stride, index.size)
        along, across = np.float64(LINE_SPACING_M) * (line + 0.5), np.float64(PIXEL_SPACING_M) * (pixel + 0.5)
        easting, northing = track.map_coordinates(along, across, motion.centre_m)
        height = 300.0 + 60.0 * np.sin(easting / 7e3) * np.cos(northing / 5e3) + rng.gamma(2.0, 4.0, index.size)
        columns = point_attributes(track, motion, easting, northing, height, rng=rng)
        columns |= {"line": line, "pixel": pixel}
        sight = from_angles(*track.angles_deg(across))
        rate = np.einsum("ij,ij->i", sight, motion.velocity_enu(easting, northing)) + 3.0 * across / SWATH_WIDTH_M
        displacement = transfer @ rng.standard_normal((transfer.shape[1], index.size), dtype=np.float32)
        displacement += np.float32(1.4) * rng.standard_normal(displacement.shape, dtype=np.float32)
        displacement += years_column * rate.astype(np.float32)
        yield PointBlock(columns, zero_at_first_epoch(displacement, years), epochs)
