"""Orbits and station frame held against each other on a real day: rotations from both, side by side.

With the SINEX-combination summary alone the stations themselves are not at hand: the frame stays fixed, and what can be
seen is whether the rotations of the centres' station frames are those of their orbits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import InputError
from fiducial.orbits.combination import OrbitCombination, combine_day, prepare_day
from fiducial.orbits.moments import ORBIT_HEIGHT_M
from fiducial.orbits.stack import stack_orbits
from fiducial.runs.orbit_combine import CombinationInput, CombineRequest, load

Array = NDArray[np.float64]

_UAS: Final = MILLIARCSECOND_RAD / 1e3
_LEAST: Final = 3
AXES: Final = ("Rx", "Ry", "Rz")


@dataclass(frozen=True, slots=True, eq=False)
class RotationComparison:
    """Rotations of the centres from stations and from orbits.

    Attributes
    ----------
    centres : tuple of str
    from_stations_rad, from_orbits_rad, orbit_sigma_rad : ndarray, shape (centre, 3)
        From the centre to the combined frame, position-vector signs; those of the orbits to the combination of orbits
        that were not turned before, each less the mean over the centres.
    correlation : ndarray, shape (3,)
        Over the centres, for each axis.
    rms_before_m, rms_after_m : dict of centre to float
        RMS per coordinate of a centre's orbit to the combination as it is, without any Helmert parameters, before and
        after the centres are turned by the rotations of their stations.
    against_references_m : dict of reference to (before, after)
        RMS per coordinate of the combination to a compared product, as they are.
    notes : tuple of str
    """

    centres: tuple[str, ...]
    from_stations_rad: Array
    from_orbits_rad: Array
    orbit_sigma_rad: Array
    correlation: Array
    rms_before_m: dict[str, float]
    rms_after_m: dict[str, float]
    against_references_m: dict[str, tuple[float, float]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, microarcseconds and millimetres."""
        centres = [
            {
                "centre": name,
                **{f"stations_{axis}_uas": float(self.from_stations_rad[k, a]) / _UAS for a, axis in enumerate(AXES)},
                **{f"orbits_{axis}_uas": float(self.from_orbits_rad[k, a]) / _UAS for a, axis in enumerate(AXES)},
                **{f"orbits_{axis}_sigma_uas": float(self.orbit_sigma_rad[k, a]) / _UAS for a, axis in enumerate(AXES)},
                "rms_before_mm": self.rms_before_m[name] * 1e3,
                "rms_after_mm": self.rms_after_m[name] * 1e3,
            }
            for k, name in enumerate(self.centres)
        ]
        return {
            "centres": centres,
            "correlation": {axis: float(self.correlation[a]) for a, axis in enumerate(AXES)},
            "references": [
                {"reference": name, "rms_before_mm": before * 1e3, "rms_after_mm": after * 1e3}
                for name, (before, after) in self.against_references_m.items()
            ],
            "frame": "fixed: the summary holds no station coordinates to move it",
            "notes": list(self.notes),
        }


def compare_rotations(request: CombineRequest) -> RotationComparison:
    """Compare the rotations of stations and orbits on one day.

    Parameters
    ----------
    request : CombineRequest
        With a frame summary, given or found beside the orbits.

    Raises
    ------
    InputError
        FID-1361 without a frame summary, or with fewer than three centres in it.

    Notes
    -----
    Stations and orbits of one centre are one system: both must turn by the same rotation (DESIGN section 6,
    co-determination). A common rotation of all centres is the datum, which orbits do not see: it is taken off both.
    """
    turned = load(replace(request, clocks=False, rotations=True))
    if turned.auxiliary.summary is None:
        raise InputError(
            "FID-1361", "there is no frame summary to take the rotations of the stations from",
            where="--frame-summary", fix="give the IGS SINEX-combination summary of the week",
        )  # fmt: skip
    centres = tuple(name for name in turned.stack.centres if name in turned.rotations_rad)
    if len(centres) < _LEAST:
        raise InputError(
            "FID-1361", f"{len(centres)} centres have orbits and rotations, three are needed",
            where=turned.auxiliary.paths["frame summary"].name, fix="give the orbits of more centres of the summary",
        )  # fmt: skip
    orbits_read = {name: data.orbit.orbit for name, data in turned.centres.items()}
    plain = replace(turned, stack=stack_orbits(orbits_read, turned.stack.epochs_gps))
    before, after = _combined(plain), _combined(turned)
    rows = [plain.stack.centres.index(name) for name in centres]
    orbits = before.estimate.helmert[rows, 0, 4:] / ORBIT_HEIGHT_M
    sigma = before.estimate.helmert_sigma[rows, 0, 4:] / ORBIT_HEIGHT_M
    stations = np.array([turned.rotations_rad[name] for name in centres])
    orbits, stations = orbits - orbits.mean(axis=0), stations - stations.mean(axis=0)
    correlation = np.array([np.corrcoef(stations[:, a], orbits[:, a])[0, 1] for a in range(3)])
    references = {name: (_distance(plain, before, name), _distance(turned, after, name)) for name in plain.compared}
    return RotationComparison(
        centres, stations, orbits, sigma, correlation,
        {name: _distance(plain, before, name) for name in centres},
        {name: _distance(turned, after, name) for name in centres},
        references, tuple(turned.notes),
    )  # fmt: skip


def _combined(given: CombinationInput) -> OrbitCombination:
    options = given.request.options
    return combine_day(prepare_day(given.stack, given.compared, options, manoeuvres=given.manoeuvre_begins), options)


def _distance(given: CombinationInput, combined: OrbitCombination, name: str) -> float:
    """RMS per coordinate of a centre to the combination, as they are."""
    stack = given.stack
    column = [stack.satellites.index(satellite) for satellite in combined.orbit.satellites]
    difference = stack.position_m[stack.centres.index(name)][:, column] - combined.orbit.position_m
    known = np.isfinite(difference)
    return float(np.sqrt(np.mean(difference[known] ** 2))) if known.any() else float("nan")
