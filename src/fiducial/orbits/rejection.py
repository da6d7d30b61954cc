"""Outliers among satellites and centres, one at a time and the worst first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.orbits.estimation import Estimate, estimate
from fiducial.orbits.moments import ORBIT_HEIGHT_M, DayMoments
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.screening import Exclusion, Reason

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

_JUDGES: Final = 3
_SIGMAS: Final = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A set of centres and satellites without outliers.

    Attributes
    ----------
    weighted : ndarray of bool, shape (centre, satellite)
    estimate : Estimate
    exclusions : tuple of Exclusion
        In the order in which they were made.
    finished : bool
        False when the allowed number of rejections was used up.
    """

    weighted: Mask
    estimate: Estimate
    exclusions: tuple[Exclusion, ...]
    finished: bool


@dataclass(frozen=True, slots=True)
class _Violation:
    ratio: float
    centres: tuple[int, ...]
    columns: tuple[int, ...]
    exclusion: Exclusion


def reject_outliers(
    moments: DayMoments, weighted: Mask, group_of: NDArray[np.intp], options: CombinationOptions
) -> Cleaned:
    """Estimate, reject the worst outlier, and again until none is left.

    Parameters
    ----------
    moments : DayMoments
    weighted : ndarray of bool, shape (centre, satellite)
        Where each centre shall take part.
    group_of : ndarray of int, shape (satellite,)
    options : CombinationOptions

    Notes
    -----
    Tests: RMS of a centre's satellite against its constellation, RMS of the other arcs being the measure; more rejected
    satellites of a centre than allowed; Helmert parameters of a centre, less three sigma. Until none fails, weights are those of
    absolute deviations, which outliers cannot bend; the weights asked for are then estimated and tested in turn. With
    fewer than three weighted centres nobody can say who is wrong, and no centre is judged by its parameters.
    """
    state = weighted.copy()
    made: list[Exclusion] = []
    calm = replace(options, weighting="absolute-deviation", weights_by="constellation")
    letters = [name[0] for name in moments.satellites]
    by_letter = np.array([sorted(set(letters)).index(letter) for letter in letters], dtype=np.intp)
    for stage, groups in ((calm, by_letter), (options, group_of)):
        result = estimate(moments, state, groups, stage)
        while len(made) < options.rejections:
            worst = _worst(moments, state, result, options, made)
            if worst is None:
                break
            for k in worst.centres:
                state[k, list(worst.columns)] = False
            made.extend(replace(worst.exclusion, centre=moments.centres[k]) for k in worst.centres)
            result = estimate(moments, state, groups, stage)
    few = (result.centres_used < options.minimum_centres) & (result.centres_used > 0)
    for s in np.flatnonzero(few):
        made.append(Exclusion("", moments.satellites[s], "too-few-centres", value=float(result.centres_used[s]),
                              limit=options.minimum_centres, unit="centres"))  # fmt: skip
        state[:, s] = False
    if few.any():
        result = estimate(moments, state, group_of, options)
    return Cleaned(state, result, tuple(made), len(made) < options.rejections)


def _worst(
    moments: DayMoments, weighted: Mask, result: Estimate, options: CombinationOptions, made: list[Exclusion]
) -> _Violation | None:
    found = [*_by_satellite(moments, weighted, result, options), *_by_number(moments, weighted, made, options)]
    if int((weighted & (result.records > 0)).any(axis=1).sum()) >= _JUDGES:
        found.extend(_by_parameters(moments, weighted, result, options))
    return max(found, key=lambda violation: violation.ratio, default=None)


def _by_satellite(
    moments: DayMoments, weighted: Mask, result: Estimate, options: CombinationOptions
) -> list[_Violation]:
    arcs = weighted & np.isfinite(result.rms_m) & (result.centres_used >= 2)
    letters = np.array([name[0] for name in moments.satellites])
    found: list[_Violation] = []
    for letter in np.unique(letters):
        member = arcs & (letters == letter)
        number = int(member.sum())
        if not number:
            continue
        square = np.where(member, result.rms_m, 0.0) ** 2
        others = np.sqrt(np.maximum(square.sum() - square, 0.0) / max(number - 1, 1))
        limit = np.maximum(options.satellite_factor * others, options.satellite_floor_m)
        if options.satellite_limit_m and letter in options.satellite_limit_m:
            limit = np.full(limit.shape, options.satellite_limit_m[letter])
        ratio = np.where(member, np.nan_to_num(result.rms_m) / limit, 0.0)
        k, s = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
        if ratio[k, s] <= 1.0:
            continue
        centres: tuple[int, ...] = (int(k),)
        reason = "satellite-rms"
        if result.centres_used[s] == 2:
            centres, reason = tuple(int(j) for j in np.flatnonzero(arcs[:, s])), "two-centres-disagree"
        found.append(_satellite_violation(moments, result, centres, int(s), reason, float(ratio[k, s]), limit[k, s]))
    return found


def _satellite_violation(
    moments: DayMoments, result: Estimate, centres: tuple[int, ...], s: int, reason: str, ratio: float, limit: float
) -> _Violation:
    exclusion = Exclusion(
        "", moments.satellites[s], reason,  # type: ignore[arg-type]
        records=int(result.records[centres[0], s]), value=float(result.rms_m[centres[0], s]), limit=float(limit), unit="m",
    )  # fmt: skip
    return _Violation(ratio, centres, (s,), exclusion)


def _by_number(
    moments: DayMoments, weighted: Mask, made: list[Exclusion], options: CombinationOptions
) -> list[_Violation]:
    found: list[_Violation] = []
    for k, centre in enumerate(moments.centres):
        number = sum(1 for one in made if one.centre == centre and one.reason == "satellite-rms")
        if number > options.satellites_before_centre and weighted[k].any():
            exclusion = Exclusion("", "", "too-many-satellites", value=number, limit=options.satellites_before_centre,
                                  unit="satellites")  # fmt: skip
            found.append(_Violation(np.inf, (k,), tuple(range(len(moments.satellites))), exclusion))
    return found


def _by_parameters(
    moments: DayMoments, weighted: Mask, result: Estimate, options: CombinationOptions
) -> list[_Violation]:
    letters = list(dict.fromkeys(name[0] for name in moments.satellites))
    found: list[_Violation] = []
    every = tuple(range(len(moments.satellites)))
    for k in np.flatnonzero((weighted & (result.records > 0)).any(axis=1)):
        # What a few records leave uncertain is no fault of the centre: the limit must be passed by three sigma.
        sure = np.maximum(np.abs(result.helmert[k]) - _SIGMAS * result.helmert_sigma[k], 0.0)
        parameters = np.nan_to_num(sure)
        checks: list[tuple[Reason, float, float, str, tuple[int, ...]]] = [
            ("translation", float(parameters[:, :3].max()), options.translation_limit_m, "m", every),
            ("rotation", float(parameters[:, 4:].max() / ORBIT_HEIGHT_M / MILLIARCSECOND_RAD),
             options.rotation_limit_mas, "mas", every),
        ]  # fmt: skip
        for c, letter in enumerate(letters):
            columns = tuple(s for s in every if moments.satellites[s][0] == letter)
            scale = float(parameters[c, 3]) / ORBIT_HEIGHT_M * 1e9
            checks.append(("scale", scale, options.scale_limit_ppb, "ppb", columns))
        for reason, value, limit, unit, columns in checks:
            if value > limit and weighted[k, list(columns)].any():
                name = "" if len(columns) == len(every) else moments.satellites[columns[0]][0]
                exclusion = Exclusion("", name, reason, value=value, limit=limit, unit=unit)
                found.append(_Violation(value / limit, (int(k),), columns, exclusion))
    return found
