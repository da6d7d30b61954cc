"""Records and arcs that cannot be positions of their satellite, found before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.orbit import Epochs
from fiducial.orbits.stack import OrbitStack, median_of_centres

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

Reason = Literal[
    "gross-record", "spike", "cut-arc", "gross-arc", "two-centres-disagree", "satellite-rms", "too-many-satellites",
    "translation", "rotation", "scale", "too-few-centres", "clock-kind",
]  # fmt: skip

_JUDGES: Final = 3
_RETREAT_FACTOR: Final = 5.0
_RETREAT_FLOOR_M: Final = 0.05
_MOST: Final = 0.9
_SPIKE_SHARE: Final = 0.1
_SPIKE_FACTOR: Final = 6.0
_NEIGHBOURS: Final = 3
_WINDOW: Final = 5
_STEP_FACTOR: Final = 4.0


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Something that is kept out of the combination, and why.

    Attributes
    ----------
    centre : str
    satellite : str
        Empty when the whole centre is meant, a single letter for a constellation of the centre.
    reason : str
        One of ``Reason``.
    begin_gps, end_gps : datetime64 or None
        First and last epoch concerned; None for the whole day.
    records : int
    value, limit : float
        What was found and what is allowed, in ``unit``; NaN where nothing was measured.
    unit : str
    """

    centre: str
    satellite: str
    reason: Reason
    begin_gps: np.datetime64 | None = None
    end_gps: np.datetime64 | None = None
    records: int = 0
    value: float = float("nan")
    limit: float = float("nan")
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """Result of :func:`screen`.

    Attributes
    ----------
    usable : ndarray of bool, shape (centre, epoch, satellite)
        Records that may be combined or compared.
    exclusions : tuple of Exclusion
    """

    usable: Mask
    exclusions: tuple[Exclusion, ...]


def screen(
    stack: OrbitStack,
    weighted: Mask,
    options: CombinationOptions,
    manoeuvres: Mapping[str, np.datetime64] | None = None,
) -> Screening:
    """Find records that are not of their satellite, spikes, and arcs that leave the others at some time.

    Parameters
    ----------
    stack : OrbitStack
    weighted : ndarray of bool, shape (centre, satellite)
        Centres whose median judges; the others are judged too.
    options : CombinationOptions
        ``gross_limit_m`` and ``spike_limit_m``.
    manoeuvres : mapping of satellite to datetime64, optional
        Begin of a manoeuvre (GPS time): a centre that departs from the others after it, by less than the gross limit
        too, is cut there.

    Notes
    -----
    With three or more centres their median is trusted. Two that differ by more than the gross limit leave nobody to
    say which is wrong: the records of both are excluded. An arc that leaves the median and does not come back, or comes
    from afar, is cut where it departs: such is the orbit of a centre that does not model a manoeuvre. Orbits depart
    smoothly: a stretch that begins or ends with a step of four spike limits, and lies that far from the median and from
    the rest of its arc, is left out.
    """
    has: Mask = np.asarray(np.isfinite(stack.position_m).all(axis=-1), dtype=np.bool_)
    judges = np.where((has & weighted[:, None, :])[..., None], stack.position_m, np.nan)
    median, count = median_of_centres(judges)
    deviation = stack.position_m - median
    with np.errstate(invalid="ignore"):
        distance = np.sqrt(np.einsum("ktsc,ktsc->kts", deviation, deviation))
        gross = distance > options.gross_limit_m
    usable = has.copy()
    found: list[Exclusion] = []
    _disagreements(stack, gross & weighted[:, None, :], count, usable, found, options)
    judged = gross & (count >= _JUDGES) & usable
    level = _typical(distance, judged)
    for k, s in np.argwhere(judged.any(axis=1)):
        _judge_arc(stack, int(k), int(s), judged[k, :, s], distance[k, :, s], level, usable, found, options)
    for satellite, begin in (manoeuvres or {}).items():
        _cut_after(stack, satellite, begin, distance, count, level, usable, found)
    _spikes(stack, deviation, count, usable, found, options)
    _stretches(stack, deviation, count, usable, found, options)
    return Screening(usable, tuple(found))


def _typical(distance: Array, gross: Mask) -> float:
    values = distance[np.isfinite(distance) & ~gross]
    return float(np.median(values)) if values.size else 0.0


def _disagreements(
    stack: OrbitStack, gross: Mask, count: NDArray[np.int64], usable: Mask, found: list[Exclusion],
    options: CombinationOptions,
) -> None:  # fmt: skip
    pair = gross & (count == 2)
    # Half the distance between two is their distance from the median: the limit holds for either.
    for s in np.flatnonzero(pair.any(axis=(0, 1))):
        rows = np.flatnonzero(pair[:, :, s].any(axis=0))
        for k in np.flatnonzero(pair[:, :, s].any(axis=1)):
            usable[k, rows, s] = False
            found.append(
                _exclusion(stack, int(k), int(s), "two-centres-disagree", rows, float("nan"), options.gross_limit_m)
            )


def _judge_arc(
    stack: OrbitStack, k: int, s: int, gross: Mask, distance: Array, level: float, usable: Mask,
    found: list[Exclusion], options: CombinationOptions,
) -> None:  # fmt: skip
    """Leave out the whole arc, its end or beginning, or single records."""
    rows = np.flatnonzero(np.isfinite(distance))
    bad = np.flatnonzero(gross)
    worst = float(np.max(distance[bad]))
    if bad.size >= _MOST * rows.size:
        usable[k, :, s] = False
        found.append(_exclusion(stack, k, s, "gross-arc", rows, worst, options.gross_limit_m))
        return
    calm = max(_RETREAT_FACTOR * level, _RETREAT_FLOOR_M)
    inside = np.isin(rows, bad)
    left = ~inside
    tail = int(np.argmax(left[::-1])) if left.any() else rows.size
    head = int(np.argmax(left)) if left.any() else rows.size
    cut: list[int] = []
    if tail > 1:
        first = rows.size - tail
        while first > 0 and distance[rows[first - 1]] > calm:
            first -= 1
        cut.extend(rows[first:])
    if head > 1:
        last = head - 1
        while last < rows.size - 1 and distance[rows[last + 1]] > calm:
            last += 1
        cut.extend(rows[: last + 1])
    if cut:
        chosen = np.unique(np.array(cut))
        usable[k, chosen, s] = False
        found.append(_exclusion(stack, k, s, "cut-arc", chosen, worst, options.gross_limit_m))
    single = np.setdiff1d(bad, np.array(cut, dtype=np.intp))
    if single.size:
        usable[k, single, s] = False
        found.append(_exclusion(stack, k, s, "gross-record", single, worst, options.gross_limit_m))


def _cut_after(
    stack: OrbitStack, satellite: str, begin: np.datetime64, distance: Array, count: NDArray[np.int64], level: float,
    usable: Mask, found: list[Exclusion],
) -> None:  # fmt: skip
    """Cut the arcs that follow the others before a manoeuvre and not after it."""
    if satellite not in stack.satellites:
        return
    s = stack.satellites.index(satellite)
    after = stack.epochs_gps >= begin
    limit = max(_RETREAT_FACTOR * level, _RETREAT_FLOOR_M)
    for k in range(len(stack.centres)):
        judged = usable[k, :, s] & (count[:, s] >= _JUDGES)
        rows, before = np.flatnonzero(judged & after), distance[k, judged & ~after, s]
        if not rows.size:
            continue
        now = float(np.median(distance[k, rows, s]))
        if now > max(limit, 2.0 * float(np.median(before)) if before.size else 0.0):
            usable[k, rows, s] = False
            found.append(_exclusion(stack, k, s, "cut-arc", rows, now, limit))


def _spikes(
    stack: OrbitStack, deviation: Array, count: NDArray[np.int64], usable: Mask, found: list[Exclusion],
    options: CombinationOptions,
) -> None:  # fmt: skip
    """Single records that jump out of their own arc, relative to the median of the centres."""
    if stack.epochs_gps.size < _WINDOW:
        return
    judged = usable & (count >= _JUDGES)
    with np.errstate(invalid="ignore"):
        bend = np.abs(deviation[:, :-2] - 2.0 * deviation[:, 1:-1] + deviation[:, 2:]).max(axis=-1)
        # Beside a gap there is no bend to see: what lies off the others there is looked at too.
        blind = np.isnan(bend) & (np.abs(deviation[:, 1:-1]).max(axis=-1) > 0.5 * options.spike_limit_m)
        suspects = np.argwhere((blind | (bend > options.spike_limit_m)).any(axis=1))
    for k, s in suspects:
        rows = np.flatnonzero(judged[k, :, s])
        if rows.size < _WINDOW:
            continue
        series = deviation[k, rows, s]
        off = np.sqrt(((series - _running_median(series)) ** 2).sum(axis=1))
        # Where the set of centres changes all the time their median itself is restless.
        limit = max(options.spike_limit_m, _SPIKE_FACTOR * float(np.median(off)))
        spikes = np.array(
            [i for i in np.flatnonzero(off > limit) if _confirmed(stack, usable, k, s, rows[i], limit)], int
        )
        if 0 < spikes.size <= max(_SPIKE_SHARE * rows.size, 1):
            usable[k, rows[spikes], s] = False
            worst = float(off[spikes].max())
            found.append(_exclusion(stack, int(k), int(s), "spike", rows[spikes], worst, limit))


def _confirmed(stack: OrbitStack, usable: Mask, k: int, s: int, row: int, limit: float) -> bool:
    """Whether a record jumps against the other centres one by one, and not only against a median of changing ones."""
    near = np.arange(max(row - _WINDOW, 0), min(row + _WINDOW + 1, stack.epochs_gps.size))
    jumps = []
    for j in range(len(stack.centres)):
        if j == k or not usable[j, row, s]:
            continue
        both = near[usable[k, near, s] & usable[j, near, s] & (near != row)]
        # Neighbours hours away say nothing of a jump now.
        if both.size >= _NEIGHBOURS:
            here = stack.position_m[k, row, s] - stack.position_m[j, row, s]
            usual = np.median(stack.position_m[k, both, s] - stack.position_m[j, both, s], axis=0)
            jumps.append(float(np.linalg.norm(here - usual)))
    return bool(jumps) and float(np.median(jumps)) > limit


def _stretches(
    stack: OrbitStack, deviation: Array, count: NDArray[np.int64], usable: Mask, found: list[Exclusion],
    options: CombinationOptions,
) -> None:  # fmt: skip
    """Parts of an arc between two steps, or between a step and an end, that lie off the others and off the rest."""
    limit = _STEP_FACTOR * options.spike_limit_m
    judged = usable & (count >= _JUDGES)
    with np.errstate(invalid="ignore"):
        suspects = np.argwhere((judged & (np.abs(deviation).max(axis=-1) > 0.5 * limit)).any(axis=1))
    for k, s in suspects:
        rows = np.flatnonzero(judged[k, :, s])
        series = deviation[k, rows, s]
        steps = np.flatnonzero(np.sqrt((np.diff(series, axis=0) ** 2).sum(axis=1)) > limit) + 1
        if not steps.size:
            continue
        parts = np.split(np.arange(rows.size), steps)
        middle = np.array([np.median(series[part], axis=0) for part in parts])
        distance = np.sqrt((middle**2).sum(axis=1))
        calm = [j for j in range(len(parts)) if distance[j] <= limit]
        if not calm:
            continue
        rest = middle[max(calm, key=lambda j: parts[j].size)]
        off = (distance > limit) & (np.sqrt(((middle - rest) ** 2).sum(axis=1)) > limit)
        chosen = rows[np.concatenate([part for part, out in zip(parts, off, strict=True) if out] or [parts[0][:0]])]
        if 0 < chosen.size < _MOST * rows.size:
            usable[k, chosen, s] = False
            reason: Reason = "cut-arc" if off[0] or off[-1] else "gross-record"
            worst = float(distance[off].max())
            found.append(_exclusion(stack, int(k), int(s), reason, chosen, worst, limit))


def _running_median(series: Array) -> Array:
    """Median of five neighbours; at the ends of the first and last five."""
    windows = np.lib.stride_tricks.sliding_window_view(series, _WINDOW, axis=0)
    middle = np.median(windows, axis=-1)
    half = _WINDOW // 2
    return np.concatenate([np.repeat(middle[:1], half, axis=0), middle, np.repeat(middle[-1:], half, axis=0)])


def _exclusion(
    stack: OrbitStack, k: int, s: int, reason: Reason, rows: NDArray[np.intp], value: float, limit: float
) -> Exclusion:
    epochs: Epochs = stack.epochs_gps[rows]
    return Exclusion(
        stack.centres[k], stack.satellites[s], reason, epochs[0], epochs[-1], int(rows.size), value, limit, "m"
    )
