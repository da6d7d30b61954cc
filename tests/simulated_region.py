"""A region whose motion and errors are known: stations and tracks as recipes see them, and the truth behind them.

Everything is drawn on one lattice of 2.5 km by circulant embedding (Dietrich & Newsam 1997): blocks and stations are
nodes of it, so their covariances are exactly those stated, without interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import scipy.fft

from fiducial.geodesy.interpolation import project, unproject
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.evidence import with_stations
from fiducial.motion.calibration.observations import Medians, StationSamples, TrackObservations

CRS = "EPSG:3035"
BLOCK_M = 5_000.0
NODE_M = 2_500.0
POINTS = 25
HALO_KM = 3.0
"""Bursts of a cut track reach that much over each edge: neighbours share about one row of blocks."""


@dataclass(frozen=True)
class Kernel:
    """Covariance of a stationary field: mm/yr and km; the squared exponential is exp(-d^2 / (2 L^2))."""

    kind: str
    sigma: float
    length_km: float

    def __call__(self, distance_km):
        scaled = distance_km / self.length_km
        if self.kind == "exponential":
            shape = np.exp(-scaled)
        elif self.kind == "matern-5/2":
            root = np.sqrt(5.0) * scaled
            shape = (1.0 + root + root**2 / 3.0) * np.exp(-root)
        else:
            assert self.kind == "squared-exponential"
            shape = np.exp(-0.5 * scaled**2)
        return self.sigma**2 * shape


EAST, NORTH = Kernel("exponential", 1.5, 150.0), Kernel("exponential", 1.5, 150.0)
UP, LOCAL_UP = Kernel("exponential", 0.7, 100.0), Kernel("exponential", 3.0, 12.0)
NUISANCE = Kernel("matern-5/2", 2.5, 100.0)
SHORT = Kernel("exponential", 1.2, 10.0)
TREND = np.array([[1.0, 0.4, -0.3], [-0.5, 0.2, 0.4], [-1.0, 0.1, 0.3]])
"""mm/yr at the centre and per 100 km east and north, of east, north and up."""
NUGGET, WHITE = 0.2, 0.5


@dataclass(frozen=True)
class Area:
    """A square of the map: 250 km unless said, with a margin of stations around it."""

    easting: float = 4_400_000.0
    northing: float = 2_000_000.0
    size_km: float = 250.0
    margin_km: float = 25.0

    @property
    def nodes(self):
        """Nodes of the lattice along each axis."""
        return round((self.size_km + 2.0 * self.margin_km) * 1000.0 / NODE_M) + 1

    @property
    def centre(self):
        half = 500.0 * self.size_km
        return self.easting + half, self.northing + half

    def place(self, row, column):
        """Easting and northing of nodes."""
        margin = 1000.0 * self.margin_km
        return self.easting - margin + NODE_M * column, self.northing - margin + NODE_M * row

    def cells(self):
        """Row and column of the node in the middle of every block of the square, and the cell of the block."""
        first, count = int(1000.0 * self.margin_km / NODE_M), int(1000.0 * self.size_km / BLOCK_M)
        j, i = (index.ravel() for index in np.mgrid[:count, :count])
        cell = np.column_stack([i + int(self.easting / BLOCK_M), j + int(self.northing / BLOCK_M)])
        return first + 1 + 2 * j, first + 1 + 2 * i, cell


@dataclass(frozen=True)
class Geometry:
    """One relative orbit: heading, and where its swath lies across the area (km right of the centre)."""

    number: int
    heading_deg: float
    left_km: float
    right_km: float


TRACKS = (
    Geometry(15, -12.0, -140.0, 30.0),
    Geometry(117, -12.0, -30.0, 140.0),
    Geometry(22, 192.0, -140.0, 30.0),
    Geometry(95, 192.0, -30.0, 140.0),
)
"""Two ascending and two descending orbits of 170 km; neighbours share 60 km."""


@dataclass(frozen=True)
class Region:
    """What recipes get, and what they should find.

    Attributes
    ----------
    tracks, stations
        Input; samples belong to ``stations``, row by row.
    correction, sample_correction : list of ndarray
        True S at the blocks and samples of each track: all that is neither motion nor short-scale noise.
    motion : list of ndarray
        True velocity of the ground along the LOS of the blocks, local motion included.
    """

    tracks: list[TrackObservations]
    stations: StationVelocities
    correction: list[np.ndarray]
    sample_correction: list[np.ndarray]
    motion: list[np.ndarray]
    station_motion: np.ndarray = field(repr=False)

    def thinned(self, chosen):
        """Return the region with the stations of a boolean mask only."""
        keep = [chosen[track.samples.station] for track in self.tracks]
        return replace(
            self,
            tracks=list(with_stations(self.tracks, chosen)),
            stations=self.stations.select(chosen),
            sample_correction=[values[mask] for values, mask in zip(self.sample_correction, keep, strict=True)],
            station_motion=self.station_motion[chosen],
        )


@dataclass(frozen=True)
class Options:
    """How a region is made.

    Attributes
    ----------
    stations : int
    horizontal_only : float
        Share of stations without vertical.
    swaths, along : int
        Bursts that each track is cut into across and along its flight: with 1 and 1 a track is one frame.
    length_km : float or None
        Of each track, so that a burst is that over ``along`` long; more than the area has by default.
    clusters : bool
        Part of every burst belongs to a second unwrapping cluster with an offset.
    offset, plane : float
        Of each track, mm/yr and mm/yr per 100 km.
    burst_offset, cluster_offset : float
        mm/yr; the former only where tracks are cut.
    nuisance, short, white : Kernel, Kernel, float
        Of InSAR; None or 0 for none.
    station_noise : bool
        Nugget and errors of the stations.
    coverage : float
        Share of blocks with points, in patches of 15 km that all tracks share.
    """

    stations: int = 60
    horizontal_only: float = 0.0
    swaths: int = 1
    along: int = 1
    length_km: float | None = None
    clusters: bool = False
    offset: float = 4.0
    plane: float = 2.0
    burst_offset: float = 1.5
    cluster_offset: float = 2.0
    nuisance: Kernel | None = NUISANCE
    short: Kernel | None = SHORT
    white: float = WHITE
    local: Kernel | None = LOCAL_UP
    station_noise: bool = True
    coverage: float = 0.6
    area: Area = Area()
    geometry: tuple[Geometry, ...] = TRACKS


DEFAULT = Options()
PERFECT = Options(offset=0.0, plane=0.0, burst_offset=0.0, cluster_offset=0.0, nuisance=None, short=None, white=0.0)
"""InSAR that is already absolute and without error; stations keep theirs."""


def simulate_region(seed, options=DEFAULT, **changes):
    """Draw a region; ``changes`` replace fields of the options."""
    options = replace(options, **changes)
    area, rng = options.area, np.random.default_rng(seed)
    draw = _Lattice(rng, area.nodes)
    motion = _motion(draw, options)
    row, column, cell = area.cells()
    cover = draw.field(Kernel("squared-exponential", 1.0, 15.0))[row, column]
    covered = cover >= np.quantile(cover, 1.0 - options.coverage)
    row, column, cell = row[covered], column[covered], cell[covered]
    station_row, station_column = rng.integers(0, area.nodes, (2, options.stations))
    stations, station_motion = _stations(
        rng, motion[station_row, station_column], (station_row, station_column), options
    )
    parts = []
    for number, geometry in enumerate(options.geometry):
        share = {"blocks": (row, column), "samples": (station_row, station_column)}
        parts += _track(rng, draw, motion, share, cell, stations, geometry, number, options)
    tracks, correction, sample_correction, along = (list(column) for column in zip(*parts, strict=True))
    return Region(tracks, stations, correction, sample_correction, along, station_motion)


class _Lattice:
    """Draws stationary fields, two at a time."""

    def __init__(self, rng, nodes):
        self._rng, self._nodes, self._spare = rng, nodes, {}

    def field(self, kernel):
        if kernel is None:
            return np.zeros((self._nodes, self._nodes))
        if kernel not in self._spare:
            root = _root(kernel, scipy.fft.next_fast_len(4 * self._nodes))
            white = self._rng.standard_normal((2, *root.shape))
            pair = scipy.fft.fft2(root * (white[0] + 1j * white[1]))[: self._nodes, : self._nodes]
            self._spare[kernel] = pair.imag.copy()
            return pair.real.copy()
        return self._spare.pop(kernel)


@lru_cache(maxsize=16)
def _root(kernel, size):
    step = np.minimum(np.arange(size), size - np.arange(size)) * NODE_M / 1000.0
    spectrum = scipy.fft.fft2(kernel(np.hypot(step[:, None], step[None, :]))).real
    lost = -spectrum[spectrum < 0].sum() / spectrum.sum()
    assert lost < 2e-3, f"{kernel} is not embedded: {lost:.1e} of its variance is negative"
    return np.sqrt(np.maximum(spectrum, 0.0)) / size


def _motion(draw, options):
    """East, north and up at the nodes, shape (row, column, 3)."""
    rows, columns = np.mgrid[: options.area.nodes, : options.area.nodes]
    easting, northing = options.area.place(rows, columns)
    centre = options.area.centre
    position = np.stack([np.ones_like(easting), (easting - centre[0]) / 1e5, (northing - centre[1]) / 1e5], axis=-1)
    motion = position @ TREND.T
    for axis, kernel in enumerate((EAST, NORTH, UP)):
        motion[..., axis] += draw.field(kernel)
    motion[..., 2] += draw.field(options.local)
    return motion


def _stations(rng, motion, node, options):
    count = len(motion)
    sigma = rng.uniform(0.1, 0.3, (count, 3)) * [1.0, 1.0, 2.0] + [0.0, 0.0, 0.1]
    noise = rng.standard_normal((count, 3)) * np.hypot(sigma, NUGGET)
    velocity = motion + noise * options.station_noise
    covariance = np.einsum("si,ij->sij", sigma**2, np.eye(3))
    flat = rng.permutation(count) < round(options.horizontal_only * count)
    velocity[flat, 2] = np.nan
    covariance[flat, 2, :] = covariance[flat, :, 2] = np.nan
    longitude, latitude = unproject(*options.area.place(*node), CRS)
    names = np.array([f"S{i:03d}" for i in range(count)])
    return StationVelocities(names, longitude, latitude, velocity, covariance, "ETRF2000", "simulated"), motion


def _track(rng, draw, motion, share, cell, stations, geometry, number, options):
    """Return one entry a burst: observations, true S at blocks and samples, true motion of the blocks."""
    area, heading = options.area, np.deg2rad(geometry.heading_deg)
    nuisance, short = draw.field(options.nuisance), draw.field(options.short)
    offset = options.offset * rng.standard_normal()
    slope = options.plane * rng.standard_normal(2)
    at = {}
    for kind, (row, column) in share.items():
        easting, northing = area.place(row, column)
        east, north = (easting - area.centre[0]) / 1e3, (northing - area.centre[1]) / 1e3
        right = east * np.cos(heading) - north * np.sin(heading)
        forward = east * np.sin(heading) + north * np.cos(heading)
        reach = (right - geometry.left_km) / (geometry.right_km - geometry.left_km)
        sight = from_angles(30.0 + 14.0 * np.clip(reach, 0.0, 1.0), np.full(len(right), geometry.heading_deg))
        at[kind] = {
            "position": (easting, northing), "right": right, "forward": forward, "sight": sight,
            "motion": np.einsum("pi,pi->p", sight, motion[row, column]),
            "error": nuisance[row, column] + offset + (slope[0] * east + slope[1] * north) / 100.0,
            "short": short[row, column],
        }  # fmt: skip
    bursts = [
        _burst(rng, at, cell, stations, geometry, place, number, options)
        for place in np.ndindex(options.swaths, options.along)
    ]
    return [burst for burst in bursts if burst[0].blocks.size > 0]


def _burst(rng, at, cell, stations, geometry, place, number, options):
    name, label = f"{geometry.number:03d}", ""
    cut = options.swaths * options.along > 1
    if cut:
        label, name = name, f"{name}_{800 + 40 * number + place[1]:04d}_IW{place[0] + 1}"
    half = 0.5 * (options.length_km or 1.5 * options.area.size_km)
    edges = (
        np.linspace(geometry.left_km, geometry.right_km, options.swaths + 1)[place[0] : place[0] + 2],
        np.linspace(-half, half, options.along + 1)[place[1] : place[1] + 2],
    )
    offset = options.burst_offset * rng.standard_normal() * cut
    cluster_offset = options.cluster_offset * rng.standard_normal()
    turn, bite = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.2, 0.4)
    width, length = np.diff(edges[0])[0], np.diff(edges[1])[0]
    parts = {}
    for kind, values in at.items():
        inside = (np.abs(values["right"] - edges[0].mean()) <= 0.5 * width + HALO_KM * (options.swaths > 1)) & (
            np.abs(values["forward"] - edges[1].mean()) <= 0.5 * length + HALO_KM * (options.along > 1)
        )
        chosen = np.flatnonzero(inside)
        across = (values["right"][chosen] - edges[0].mean()) / width
        forward = (values["forward"][chosen] - edges[1].mean()) / length
        second = options.clusters & (across * np.cos(turn) + forward * np.sin(turn) > bite)
        truth = values["error"][chosen] + offset + cluster_offset * second
        white = options.white * rng.standard_normal(len(chosen))
        easting, northing = (axis[chosen] for axis in values["position"])
        longitude, latitude = unproject(easting, northing, CRS)
        medians = Medians(
            easting, northing, longitude, latitude,
            values["motion"][chosen] + truth + values["short"][chosen] + white,
            # Scatter of so many points that their median is as good as it is.
            np.full(len(chosen), max(options.white, 0.05) * 4.0 / 1.2533), values["sight"][chosen],
            np.full(len(chosen), POINTS), np.full(len(chosen), 0.7), second.astype(np.int64),
        )  # fmt: skip
        parts[kind] = chosen, medians, truth, values["motion"][chosen]
    chosen, blocks, truth, motion = parts["blocks"]
    station, medians, sample_truth, _ = parts["samples"]
    samples = StationSamples(station, stations.names[station], medians)
    burst = TrackObservations(name, CRS, BLOCK_M, cell[chosen], blocks, samples, (), label)
    return burst, truth, sample_truth, motion


def with_addition(tracks, name, addition):
    """Return the tracks with ``addition(easting, northing)`` in mm/yr added to the InSAR of one of them."""
    changed = []
    for track in tracks:
        if track.name != name:
            changed.append(track)
            continue
        blocks, around = track.blocks, track.samples.medians
        changed.append(
            track.with_velocities(
                blocks.velocity_mm_per_yr + addition(blocks.easting, blocks.northing),
                around.velocity_mm_per_yr + addition(around.easting, around.northing),
            )
        )
    return changed


def stations_with_bowl(stations, bowl):
    """Return the stations as they would have moved with the bowl (`leakage.with_bowl` does it for the tracks)."""
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[:, 2] += bowl.up_mm_per_yr(*project(stations.longitude_deg, stations.latitude_deg, CRS))
    return replace(stations, velocity_enu_mm_per_yr=velocity)


def surfaces(result, tracks):
    """S and its sigma at the blocks of every track, two lists."""
    found, sigma = [], []
    for track in tracks:
        surface, blocks = result.track(track.name).surface, track.blocks
        where = blocks.easting, blocks.northing, blocks.cluster
        found.append(surface.surface_mm_per_yr(*where))
        sigma.append(surface.sigma_mm_per_yr(*where))
    return found, sigma
