"""What must hold of the bursts that one adjustment takes together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.motion.calibration.observations import TrackObservations

MOST_ANGLE_DEG: Final = 25.0
"""Lines of sight of one relative orbit: the three swaths of Sentinel-1 span 17 degrees of incidence, and a track
turns by a few degrees of heading."""


def check_tracks(tracks: Sequence[TrackObservations]) -> None:
    """Require bursts that can be adjusted together.

    Parameters
    ----------
    tracks : sequence of TrackObservations

    Raises
    ------
    InputError
        FID-1063 when map projection or block size differ; FID-1132 when a burst stands twice; FID-1133 when lines of
        sight follow different conventions.
    """
    check_blocks(tracks)
    check_duplicates(tracks)
    check_lines_of_sight(tracks)


def check_blocks(tracks: Sequence[TrackObservations]) -> None:
    """Require one map projection and block size: cells of different grids cannot be matched (FID-1063)."""
    for track in tracks[1:]:
        first = tracks[0]
        if (track.crs, track.block_size_m) != (first.crs, first.block_size_m):
            raise InputError(
                "FID-1063",
                f"blocks of {track.block_size_m:g} m in {track.crs} beside blocks of {first.block_size_m:g} m in "
                f"{first.crs}",
                where=f"tracks {first.name}, {track.name}",
                fix="observe all with the same block size and projection",
            )


def check_duplicates(tracks: Sequence[TrackObservations]) -> None:
    """Require that no burst stands twice, under one name or with the same blocks under two (FID-1132)."""
    names: set[str] = set()
    contents: dict[bytes, str] = {}
    for track in tracks:
        if track.name in names:
            raise InputError("FID-1132", "a burst is given twice", where=f"burst {track.name}",
                             fix="give every burst once, of one release")  # fmt: skip
        names.add(track.name)
        if not track.blocks.size:
            continue
        digest = hashlib.blake2b(np.ascontiguousarray(track.cell).tobytes(), digest_size=16)
        digest.update(np.ascontiguousarray(track.blocks.velocity_mm_per_yr).tobytes())
        digest.update(np.ascontiguousarray(track.blocks.line_of_sight).tobytes())
        other = contents.setdefault(digest.digest(), track.name)
        if other != track.name:
            raise InputError(
                "FID-1132",
                "two bursts have the same cells, velocities and lines of sight: one burst under two names",
                where=f"bursts {other}, {track.name}",
                fix="give every burst once: a second time it would only pretend to know more",
            )


def check_lines_of_sight(tracks: Sequence[TrackObservations]) -> None:
    """Require lines of sight from the ground to the satellite, of one look direction in each relative orbit (FID-1133).

    Notes
    -----
    A sign that is wrong in some bursts only would be taken for motion of the ground. Within a relative orbit all east
    components have one sign, and no two bursts look more than 25 degrees apart.
    """
    looks: dict[str, list[tuple[str, NDArray[np.float64]]]] = {}
    for track in tracks:
        if not track.blocks.size:
            continue
        sight = track.blocks.line_of_sight
        down = int(np.count_nonzero(sight[:, 2] <= 0))
        if down:
            raise _mixed(
                f"{down} of {len(sight)} blocks look downwards: their line of sight points from the satellite to the "
                "ground, or its signs are mixed",
                f"burst {track.name}",
            )
        mean = sight.mean(axis=0)
        looks.setdefault(track.track, []).append((track.name, mean / np.linalg.norm(mean)))
    for orbit, members in looks.items():
        _check_orbit(orbit, [name for name, _ in members], np.array([look for _, look in members]))


def _check_orbit(orbit: str, names: list[str], looks: NDArray[np.float64]) -> None:
    west, east = int(np.argmin(looks[:, 0])), int(np.argmax(looks[:, 0]))
    if looks[west, 0] < 0 < looks[east, 0]:
        raise _mixed(
            "one burst looks west and another east: ascending and descending, or a sign that differs",
            f"bursts {names[west]}, {names[east]} of track {orbit}",
        )
    # Farthest of the farthest: looks lie along an arc, so that this finds its two ends.
    one = int(np.argmin(looks @ looks[0]))
    two = int(np.argmin(looks @ looks[one]))
    angle = float(np.rad2deg(np.arccos(np.clip(looks[one] @ looks[two], -1.0, 1.0))))
    if angle > MOST_ANGLE_DEG:
        raise _mixed(
            f"two bursts look {angle:.0f} degrees apart", f"bursts {names[one]}, {names[two]} of track {orbit}"
        )


def _mixed(problem: str, where: str) -> InputError:
    return InputError(
        "FID-1133",
        problem,
        where=where,
        fix="give unit vectors from the ground to the satellite for every burst, and name relative orbits apart",
    )
