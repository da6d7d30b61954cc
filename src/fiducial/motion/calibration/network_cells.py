"""What a joint adjustment observes: robust medians of map cells of all bursts, at sites that tracks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.robust import grouped_median
from fiducial.motion.calibration.observations import TrackObservations

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_FEW_CELLS: Final = 150
_MANY_CELLS: Final = 5_000
_MEDIAN_EFFICIENCY: Final = 1.2533
_MOST_INDEPENDENT_POINTS: Final = 16


@dataclass(frozen=True)
class NetworkCells:
    """Observations of all bursts, in an order that does not depend on the order they were given in.

    Attributes
    ----------
    size_m : float
        Side of the cells.
    crs : str
    track_names, burst_names : tuple of str
        Sorted; a track is the relative orbit that its bursts belong to.
    track_of_burst : ndarray of int, shape (burst,)
    burst, track, cluster : ndarray of int, shape (cell,)
        Which burst and track observed, and which unwrapping cluster of the burst.
    site : ndarray of int, shape (cell,)
        Cells at one place share a site, whatever burst sees it.
    site_easting, site_northing : ndarray, shape (site,)
        Metres.
    easting, northing, longitude_deg, latitude_deg : ndarray, shape (cell,)
    velocity_mm_per_yr : ndarray, shape (cell,)
        Median of the block medians, LOS, positive towards the satellite.
    white_variance : ndarray, shape (cell,)
        (mm/yr)^2 of that median that neighbours do not share.
    sight : ndarray, shape (cell, 3)
        Unit vectors ground to satellite: east, north, up.
    """

    size_m: float
    crs: str
    track_names: tuple[str, ...]
    burst_names: tuple[str, ...]
    track_of_burst: Index
    burst: Index
    track: Index
    cluster: Index
    site: Index
    site_easting: Array
    site_northing: Array
    easting: Array
    northing: Array
    longitude_deg: Array
    latitude_deg: Array
    velocity_mm_per_yr: Array
    white_variance: Array
    sight: Array

    @property
    def size(self) -> int:
        """Number of observations."""
        return len(self.velocity_mm_per_yr)

    def select(self, mask: NDArray[Any]) -> NetworkCells:
        """Return the observations chosen by a boolean mask or an index array; sites stay numbered as they are."""
        names = ("burst", "track", "cluster", "site", "easting", "northing", "longitude_deg", "latitude_deg",
                 "velocity_mm_per_yr", "white_variance", "sight")  # fmt: skip
        return replace(self, **{name: getattr(self, name)[mask] for name in names})


def cells_of(tracks: Sequence[TrackObservations]) -> NetworkCells:
    """Gather the blocks of all bursts in cells of a common size.

    Parameters
    ----------
    tracks : sequence of TrackObservations
        Of one map projection and block size (see ``input_checks``), each with another name.

    Returns
    -------
    NetworkCells

    Raises
    ------
    InputError
        FID-1061 when no block of a track holds enough points, by name.

    Notes
    -----
    Cells of two blocks a side: errors of neighbouring blocks are correlated over some 10 km, so that smaller cells
    cost much and tell little. Small areas keep the blocks themselves, very large ones take three or four a side.
    White variance of a median: (1.2533 sigma)^2 / n, n at most 16 because close points share their errors.
    """
    ordered = sorted(tracks, key=lambda track: track.name)
    without = [track.name for track in ordered if not track.blocks.size]
    if without or not ordered:
        raise InputError(
            "FID-1061",
            "no block of the tracks holds enough points",
            where="tracks " + ", ".join(without),
            fix="leave them out, use smaller blocks, or fewer points a block",
        )
    blocks = sum(track.blocks.size for track in ordered)
    factor = 1 if blocks < 4 * _FEW_CELLS else 2
    while blocks / factor**2 > _MANY_CELLS:
        factor += 1
    size = factor * ordered[0].block_size_m
    track_names = tuple(sorted({track.track for track in ordered}))
    parts = [_gather(track, factor) for track in ordered]
    counts = [len(part["cell"]) for part in parts]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    cells, site = np.unique(joined.pop("cell"), axis=0, return_inverse=True)
    site = site.ravel()
    places = [np.bincount(site, joined[axis]) / np.bincount(site) for axis in ("easting", "northing")]
    track_of_burst = np.array([track_names.index(track.track) for track in ordered], dtype=np.int64)
    burst = np.repeat(np.arange(len(ordered)), counts)
    sight = joined.pop("sight")
    assert len(cells) == len(places[0])  # noqa: S101
    return NetworkCells(
        size_m=size,
        crs=ordered[0].crs,
        track_names=track_names,
        burst_names=tuple(track.name for track in ordered),
        track_of_burst=track_of_burst,
        burst=burst,
        track=track_of_burst[burst],
        site=site.astype(np.int64),
        site_easting=places[0],
        site_northing=places[1],
        sight=sight / np.linalg.norm(sight, axis=1, keepdims=True),
        **joined,
    )


def _gather(track: TrackObservations, factor: int) -> dict[str, NDArray[Any]]:
    blocks = track.blocks
    keys = np.column_stack([track.cell // factor, blocks.cluster])
    unique, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group, minlength=len(unique))

    def mean(values: Array) -> Array:
        return np.asarray(np.bincount(group, values, len(unique)) / count, dtype=np.float64)

    points = np.minimum(blocks.point_count, _MOST_INDEPENDENT_POINTS)
    variance = (_MEDIAN_EFFICIENCY * blocks.sigma_mm_per_yr) ** 2 / points
    return {
        "cell": unique[:, :2],
        "cluster": unique[:, 2],
        "easting": mean(blocks.easting),
        "northing": mean(blocks.northing),
        "longitude_deg": mean(blocks.longitude_deg),
        "latitude_deg": mean(blocks.latitude_deg),
        "velocity_mm_per_yr": grouped_median(blocks.velocity_mm_per_yr, group, len(unique)),
        "white_variance": mean(variance) / count,
        "sight": np.column_stack([mean(blocks.line_of_sight[:, axis]) for axis in range(3)]),
    }
