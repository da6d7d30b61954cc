"""Reading what ``fiducial orbits sensitivity`` measured, as a loss of the pool of analysis centres."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.network import Curve
from fiducial.chain.transfer import MeasuredLoss, pool_curve
from fiducial.errors import FormatError

POOL: Final = "ac_pool"
NAMES: Final = {"G": "GPS", "R": "GLONASS", "E": "Galileo", "C": "BeiDou", "J": "QZSS"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """A measured loss function.

    Attributes
    ----------
    file : str
        Where it was read.
    centres : tuple of str
        Centres of the day measured.
    constellation : str
        The one whose loss is used.
    tolerance_mm : float
        Difference that counts as a total loss.
    losses : dict
        Measured losses by constellation.
    curves : dict
        Node of the network → loss against the number of inputs lost.
    sentences : tuple of str
        What was measured, in words.
    """

    file: str
    centres: tuple[str, ...]
    constellation: str
    tolerance_mm: float
    losses: dict[str, tuple[MeasuredLoss, ...]]
    curves: dict[str, Curve]
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "file": self.file,
            "centres": list(self.centres),
            "constellation": self.constellation,
            "tolerance_mm": self.tolerance_mm,
            "sentences": list(self.sentences),
            "losses": {
                key: [
                    {"centres": one.centres, "difference_mm": one.difference_mm, "records_lost": one.records_lost}
                    for one in found
                ]
                for key, found in self.losses.items()
            },
            "curves": {key: [list(point) for point in curve] for key, curve in self.curves.items()},
        }


def read_transfer(file: Path, knowledge: Knowledge, tolerance_mm: float, constellation: str = "G") -> Transfer:
    """Read a sensitivity study and make it the loss function of the pool of analysis centres.

    Parameters
    ----------
    file : path
        JSON of ``fiducial orbits sensitivity --json``.
    knowledge : Knowledge
        For the number of centres in the pool.
    tolerance_mm : float
        Orbit difference that counts as a total loss, mm.
    constellation : str
        Letter of the constellation whose loss is used.

    Returns
    -------
    Transfer

    Raises
    ------
    FormatError
        FID-2640 when the file is not such a study, or has no number that is needed.
    InputError
        FID-1428 when nothing was measured.
    """
    try:
        study = json.loads(file.read_text(encoding="utf-8"))
        centres = tuple(str(centre) for centre in study["centres"])
        losses: dict[str, list[MeasuredLoss]] = {}
        for row in study["by_number_of_centres"]:
            if row["reference"] is None and row["rms_median_mm"] is not None:
                lost = float(row["records_lost_median_percent"]) / 100
                one = MeasuredLoss(int(row["centres"]), float(row["rms_median_mm"]), lost)
                losses.setdefault(str(row["constellation"]), []).append(one)
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(file, f"not a sensitivity study: {error}") from error
    if constellation not in losses:
        raise _unreadable(file, f"nothing was measured for {NAMES.get(constellation, constellation)}")
    for one in (one for found in losses.values() for one in found):
        if not (0 <= one.difference_mm < math.inf and 0 <= one.records_lost <= 1):
            raise _unreadable(file, f"impossible numbers for {one.centres} centres")
    if any(len({one.centres for one in found}) < len(found) for found in losses.values()):
        raise _unreadable(file, "a number of centres stands twice")
    full = max(one.centres for one in losses[constellation])
    inputs = len(knowledge.workflow.node(POOL).inputs)
    curve = pool_curve(full, losses[constellation], tolerance_mm, inputs)
    found = {key: tuple(sorted(values, key=lambda one: -one.centres)) for key, values in losses.items()}
    return Transfer(
        file.name, centres, constellation, tolerance_mm, found, {POOL: curve}, _sentences(found, len(centres))
    )


def _sentences(losses: dict[str, tuple[MeasuredLoss, ...]], centres: int) -> tuple[str, ...]:
    """Say for every number of centres lost what was measured; constellations have their own numbers of centres."""
    by_lost: dict[int, list[str]] = {}
    for key, found in losses.items():
        full = found[0].centres
        for one in found:
            if one.centres < full:
                text = f"{NAMES.get(key, key)} orbits differ by {one.difference_mm:.1f} mm"
                missing = f" and miss {one.records_lost:.0%} of the records" if one.records_lost > 0 else ""
                whole = "" if full == centres else f" (of {full})"
                by_lost.setdefault(full - one.centres, []).append(text + missing + whole)
    return tuple(
        f"with {lost} of {centres} centres lost {', '.join(parts)} (measured)"
        for lost, parts in sorted(by_lost.items())
    )


def _unreadable(file: Path, problem: str) -> FormatError:
    return FormatError(
        "FID-2640", problem, where=str(file), fix="write it with `fiducial orbits sensitivity DAY --json > FILE`"
    )
