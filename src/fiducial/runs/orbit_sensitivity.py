"""What if a centre fails: every leave-one-out and random subsets of a day's centres, in several processes."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, NamedTuple

from fiducial.errors import InputError
from fiducial.orbits.combination import PreparedDay
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.orbit import CONSTELLATIONS
from fiducial.orbits.sensitivity import SensitivityBasis, effect_of, leave_one_out, random_subsets, sensitivity_basis
from fiducial.orbits.sensitivity_results import FULL, ConstellationEffect, SizeSummary, SubsetEffect, summarise

_CHUNK: Final = 4
_WORTH_A_PROCESS: Final = 16
_NOTABLE: Final = 0.5
_NAMED: Final = 4


class Table(NamedTuple):
    """A table for the terminal or a page.

    Attributes
    ----------
    caption : str
    columns : tuple of (str, str, int)
        Head, unit, decimals.
    rows : list of list
        One cell a column; None where unknown.
    """

    caption: str
    columns: tuple[tuple[str, str, int], ...]
    rows: list[list[object]]


@dataclass(frozen=True, slots=True, eq=False)
class SensitivityResult:
    """What a day's combination loses with its centres.

    Attributes
    ----------
    centres : tuple of str
        Centres of the full combination.
    references : tuple of str
    options : CombinationOptions
    seed, subsets_per_count : int
    full : SubsetEffect
    leave_one_out : tuple of SubsetEffect
        In the order of the centres.
    random : tuple of SubsetEffect
        By number of centres.
    summaries : tuple of SizeSummary
        Over all of them.
    sentences : tuple of str
        What is fragile, the worst first: one sentence a constellation.
    """

    centres: tuple[str, ...]
    references: tuple[str, ...]
    options: CombinationOptions
    seed: int
    subsets_per_count: int
    full: SubsetEffect
    leave_one_out: tuple[SubsetEffect, ...]
    random: tuple[SubsetEffect, ...]
    summaries: tuple[SizeSummary, ...]
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: unknown is None, a ``reference`` of None is the full combination."""
        return {
            "centres": list(self.centres),
            "references": list(self.references),
            "weighting": self.options.weighting,
            "weights_by": self.options.weights_by,
            "seed": self.seed,
            "subsets_per_count": self.subsets_per_count,
            "sentences": list(self.sentences),
            "full": _effect(self.full),
            "leave_one_out": [_effect(one) for one in self.leave_one_out],
            "random_subsets": [_effect(one) for one in self.random],
            "by_number_of_centres": [_summary(one) for one in self.summaries],
        }

    def leave_one_out_table(self) -> Table:
        """Return the loss of each centre: records lost, RMS to the full combination and to the references."""
        parts = self.full.constellations
        columns: list[tuple[str, str, int]] = [("without", "", 0)]
        for part in parts:
            name = constellation_name(part.constellation)
            columns += [(f"{name} records lost", "%", 2)]
            columns += [(f"{name} to {one.reference or 'full'}", "mm", 2) for one in part.agreements]
        rows = [
            [", ".join(effect.left_out) or "none", *(cell for part in effect.constellations for cell in _cells(part))]
            for effect in (self.full, *self.leave_one_out)
        ]
        return Table("Loss of one centre. RMS per coordinate, as it is", tuple(columns), rows)

    def size_table(self) -> Table:
        """Return the RMS and the coverage by number of centres."""
        columns = (("constellation", "", 0), ("RMS to", "", 0), ("centres", "", 0), ("subsets", "", 0),
                   ("median", "mm", 2), ("95 %", "mm", 2), ("median, Helmert", "mm", 2), ("95 %, Helmert", "mm", 2),
                   ("records lost, median", "%", 2), ("records lost, most", "%", 2))  # fmt: skip
        rows: list[list[object]] = [
            [constellation_name(one.constellation), one.reference or "full", one.centres, one.subsets,
             _mm(one.median_m), _mm(one.p95_m), _mm(one.median_helmert_m), _mm(one.p95_helmert_m),
             100.0 * one.records_lost_median, 100.0 * one.records_lost_most]
            for one in self.summaries
        ]  # fmt: skip
        return Table("Subsets by number of centres that have the constellation", columns, rows)


def sensitivity(
    day: PreparedDay,
    options: CombinationOptions,
    references: Sequence[str] = (),
    subsets_per_count: int = 25,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> SensitivityResult:
    """Evaluate all leave-one-outs and random subsets of every number of centres.

    Parameters
    ----------
    day : PreparedDay
    options : CombinationOptions
    references : sequence of str
        Centres that are compared only; each counts in the constellations that it has.
    subsets_per_count : int
        Most random subsets of one number of centres.
    seed : int
    workers : int
        Processes; the numbers do not depend on it.
    progress : callable
        Takes the share of the work just done; the shares add up to one.

    Raises
    ------
    InputError
        FID-1220 for a reference that is not compared only, FID-1222 for a number of subsets or processes below one,
        FID-1223 with fewer than two centres, FID-1224 when nothing is left of the full combination.
    """
    if workers < 1:
        raise InputError("FID-1222", f"{workers} processes cannot work", where="number of processes",
                         fix="ask for one process or more")  # fmt: skip
    single, drawn = leave_one_out(day), random_subsets(day, subsets_per_count, seed)
    basis = sensitivity_basis(day, options, references)
    every = frozenset(basis.centres)
    wanted = tuple(dict.fromkeys([every, *single, *drawn]))
    found: dict[frozenset[str], SubsetEffect] = {}
    for subset, effect in zip(wanted, _effects(basis, wanted, workers), strict=True):
        found[subset] = effect
        progress(1.0 / len(wanted))
    full, alone = found[every], tuple(found[one] for one in single)
    return SensitivityResult(
        centres=basis.centres,
        references=basis.references,
        options=options,
        seed=seed,
        subsets_per_count=subsets_per_count,
        full=full,
        leave_one_out=alone,
        random=tuple(found[one] for one in drawn),
        summaries=summarise(found.values()),
        sentences=fragile_parts(full, alone),
    )


def _effects(basis: SensitivityBasis, subsets: Sequence[frozenset[str]], workers: int) -> Iterator[SubsetEffect]:
    used = min(workers, len(subsets) // _WORTH_A_PROCESS)
    if used <= 1:
        yield from map(effect_of, repeat(basis), subsets)
        return
    # Started anew, not forked: a fork would copy the locks of other threads, such as those of a progress bar.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(used, context, _start, (basis,)) as pool:
        try:
            yield from pool.map(_work, subsets, chunksize=_CHUNK)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_here: dict[str, SensitivityBasis] = {}
"""What a worker process was given; empty in the main process."""


def _start(basis: SensitivityBasis) -> None:
    _here["basis"] = basis


def _work(subset: frozenset[str]) -> SubsetEffect:
    return effect_of(_here["basis"], subset)


def fragile_parts(full: SubsetEffect, alone: Sequence[SubsetEffect]) -> tuple[str, ...]:
    """Say what the loss of one centre does to each constellation, the most fragile first.

    Parameters
    ----------
    full : SubsetEffect
    alone : sequence of SubsetEffect
        Each without one centre.

    Notes
    -----
    Lost records count first, then the largest RMS to the full combination. Of the centres those are named whose loss
    does at least half of what the worst does.
    """
    ranked: list[tuple[float, float, str]] = []
    for index, part in enumerate(full.constellations):
        losses = [(one.left_out[0], one.constellations[index]) for one in alone]
        share = max(loss.records_lost for _, loss in losses) / max(part.records, 1)
        moved = max(_known(loss.agreements[0].rms_m) for _, loss in losses)
        ranked.append((share, moved, _sentence(part, losses)))
    return tuple(text for _, _, text in sorted(ranked, key=lambda one: (one[0], one[1]), reverse=True))


def _sentence(part: ConstellationEffect, losses: list[tuple[str, ConstellationEffect]]) -> str:
    name = constellation_name(part.constellation)
    number = f"{part.centres} centre{'' if part.centres == 1 else 's'}"
    missing = [(centre, loss) for centre, loss in losses if loss.records_lost]
    if missing:
        worst = max(loss.records_lost for _, loss in missing)
        notable = [(centre, loss) for centre, loss in missing if loss.records_lost >= _NOTABLE * worst]
        told = _listed([f"{100.0 * loss.records_lost / part.records:.1f}" for _, loss in notable], "and")
        lost = max(len(loss.satellites_lost) for _, loss in notable)
        satellites = f", up to {lost} of its {part.satellites} satellites whole" if lost else ""
        coverage = (
            f"without {_listed([centre for centre, _ in notable], 'or')} it loses {told} % of its records{satellites}"
        )
    else:
        coverage = "it keeps all records whichever centre is lost"
    return f"{name} hangs on {number}: {coverage}; {_accuracy(part, losses)}."


def _accuracy(part: ConstellationEffect, losses: list[tuple[str, ConstellationEffect]]) -> str:
    reference = next((one for one in part.agreements if one.reference != FULL and one.records), None)
    name, before = (FULL, 0.0) if reference is None else (reference.reference, reference.rms_m)
    gained = []
    for centre, loss in losses:
        agreement = loss.agreement(name)
        if agreement is not None and agreement.records:
            gained.append((agreement.rms_m - before, centre, agreement.rms_m))
    worst = max(gained, default=None)
    if worst is None or worst[0] <= 0.0:
        return "nothing is known of its RMS" if worst is None else f"its RMS to {name} grows with none"
    notable = sorted((one for one in gained if one[0] >= _NOTABLE * worst[0]), reverse=True)
    others = ""
    if len(notable) > _NAMED:
        others = (f", without any of {len(notable) - 1} others {'' if reference else 'by '}"
                  f"{1e3 * notable[-1][2]:.1f} to {1e3 * notable[1][2]:.1f} mm")  # fmt: skip
        notable = notable[:1]
    centres = _listed([centre for _, centre, _ in notable], "or")
    values = _listed([f"{1e3 * rms:.1f}" for _, _, rms in notable], "and")
    if reference is None:
        return f"without {centres} it moves by {values} mm RMS per coordinate{others}"
    return f"without {centres} its RMS to {name} goes from {1e3 * before:.1f} to {values} mm{others}"


def constellation_name(letter: str) -> str:
    """Return the name of a constellation; an unknown letter stands for itself."""
    return CONSTELLATIONS.get(letter, letter)


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _mm(value_m: float) -> float | None:
    return 1e3 * value_m if math.isfinite(value_m) else None


def _cells(part: ConstellationEffect) -> list[object]:
    lost = 100.0 * part.records_lost / max(part.records + part.records_lost, 1)
    return [lost, *(_mm(one.rms_m) for one in part.agreements)]


def _effect(effect: SubsetEffect) -> dict[str, Any]:
    return {
        "centres": list(effect.centres),
        "left_out": list(effect.left_out),
        "exclusions": [
            {"centre": one.centre or None, "satellite": one.satellite or None, "reason": one.reason,
             "value": one.value if math.isfinite(one.value) else None,
             "limit": one.limit if math.isfinite(one.limit) else None, "unit": one.unit}
            for one in effect.exclusions
        ],
        "constellations": [
            {"constellation": part.constellation, "centres": part.centres, "satellites": part.satellites,
             "records": part.records, "satellites_lost": list(part.satellites_lost),
             "records_lost": part.records_lost,
             "agreements": [
                 {"reference": one.reference or None, "records": one.records, "rms_mm": _mm(one.rms_m),
                  "rms_helmert_mm": _mm(one.rms_helmert_m)}
                 for one in part.agreements
             ]}
            for part in effect.constellations
        ],
    }  # fmt: skip


def _summary(one: SizeSummary) -> dict[str, Any]:
    return {
        "constellation": one.constellation,
        "reference": one.reference or None,
        "centres": one.centres,
        "subsets": one.subsets,
        "rms_median_mm": _mm(one.median_m),
        "rms_p05_mm": _mm(one.p05_m),
        "rms_p95_mm": _mm(one.p95_m),
        "rms_helmert_median_mm": _mm(one.median_helmert_m),
        "rms_helmert_p95_mm": _mm(one.p95_helmert_m),
        "records_lost_median_percent": 100.0 * one.records_lost_median,
        "records_lost_most_percent": 100.0 * one.records_lost_most,
    }
