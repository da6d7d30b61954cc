"""Leave one track out: calibrated apart, do it and the others still agree, and do they predict it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.motion.calibration.closure import decompose
from fiducial.motion.calibration.evidence import Index
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.overlaps import OverlapCells, block_starts

Array = NDArray[np.float64]

MOST_TRACKS: Final = 8


@dataclass(frozen=True)
class LeftOut:
    """A relative orbit that is left out.

    Attributes
    ----------
    track : str
    members : ndarray of bool, shape (source,)
        Its sources.
    """

    track: str
    members: NDArray[np.bool_]


def tracks_to_leave_out(tracks: Sequence[TrackObservations], cells: OverlapCells, most: int = MOST_TRACKS) -> tuple[LeftOut, ...]:  # fmt: skip
    """Return the relative orbits to leave out in turn: at most eight, those with the most overlap with others.

    Orbits without blocks, or alone in the area, are not left out.
    """
    names = sorted({track.track for track in tracks if track.blocks.size})
    if len(names) < 2:
        return ()
    shared = dict.fromkeys(names, 0)
    count = np.bincount(cells.pair, minlength=len(cells.pairs))
    for pair, number in zip(cells.pairs, count, strict=True):
        if pair.kind == "tracks":
            for source in (pair.first, pair.second):
                shared[tracks[source].track] += int(number)
    chosen = sorted(names, key=lambda name: (-shared[name], name))[:most]
    return tuple(LeftOut(name, np.array([track.track == name for track in tracks])) for name in sorted(chosen))


@dataclass(frozen=True)
class Prediction:
    """Blocks of a left-out track predicted from the others.

    Attributes
    ----------
    block : ndarray of int, shape (cell,)
        Of the left-out track, in the table of all blocks.
    residual_mm_per_yr : ndarray, shape (cell,)
        The track calibrated alone minus the prediction, LOS.
    gnss_only_residual_mm_per_yr : ndarray, shape (cell,)
        The track calibrated alone minus the GNSS field.
    """

    block: Index
    residual_mm_per_yr: Array
    gnss_only_residual_mm_per_yr: Array


def predict_left_out(
    tracks: Sequence[TrackObservations], out: LeftOut, alone: Array, others: Array, gnss: Array
) -> Prediction:
    """Predict the blocks of a left-out track where the other tracks see both directions.

    Parameters
    ----------
    tracks : sequence of TrackObservations
    out : LeftOut
    alone : ndarray, shape (block,)
        Surfaces of the left-out sources, calibrated without the others.
    others : ndarray, shape (block,)
        Surfaces of the others, calibrated without the left-out track.
    gnss : ndarray, shape (block, 3)
        GNSS field at the blocks.

    Returns
    -------
    Prediction

    Notes
    -----
    East and up by unweighted least squares from the other tracks in the same cell (`closure.decompose`), north from
    GNSS; projected on the line of sight of the left-out track.
    """
    starts = block_starts(tracks)
    source = np.repeat(np.arange(len(tracks)), np.diff(starts))
    cell = np.concatenate([track.cell for track in tracks])
    sight = np.concatenate([track.blocks.line_of_sight for track in tracks])
    velocity = np.concatenate([track.blocks.velocity_mm_per_yr for track in tracks])
    place = np.unique(cell, axis=0, return_inverse=True)[1].ravel()
    left = out.members[source]
    rows = np.flatnonzero(~left)
    found = decompose(
        place[rows],
        (velocity - others)[rows],
        np.ones(len(rows)),
        sight[rows],
        gnss[rows, 1],
        np.zeros(len(rows)),
    )
    known = np.full((int(place.max(initial=-1)) + 1, 2), np.nan)
    known[found.group] = found.east_up_mm_per_yr
    own = np.flatnonzero(left)
    east_up = known[place[own]]
    there = np.isfinite(east_up).all(axis=1) & np.isfinite(alone[own])
    own, east_up = own[there], east_up[there]
    calibrated = velocity[own] - alone[own]
    predicted = sight[own, 0] * east_up[:, 0] + sight[own, 2] * east_up[:, 1] + sight[own, 1] * gnss[own, 1]
    gnss_only = np.nansum(sight[own] * gnss[own], axis=1)
    return Prediction(own, calibrated - predicted, calibrated - gnss_only)
