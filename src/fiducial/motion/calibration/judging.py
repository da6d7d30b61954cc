"""Trials: calibrate with some stations, predict others, and what GNSS alone would have said there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.evidence import Evidence, Samples, Training, samples_of, training_on
from fiducial.motion.calibration.gnss import UNKNOWN_UP_SIGMA_MM_PER_YR
from fiducial.motion.calibration.protocol import CalibrationResult

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Trial:
    """Which stations a fit may use, and which samples judge it.

    Attributes
    ----------
    train : ndarray of bool, shape (station,)
    judged : ndarray of int, shape (row,)
        Rows of the table of all samples; their stations are not trained on.
    """

    train: Mask
    judged: Index


@dataclass(frozen=True)
class Judges:
    """What the judges of a trial say, and what GNSS says without them. Velocities in mm/yr.

    Attributes
    ----------
    samples : Samples
        Those judged.
    velocity_mm_per_yr, variance : ndarray, shape (row,)
        The station's own velocity along the LOS of its sample, unscreened, and its variance in (mm/yr)^2.
    enu_mm_per_yr, enu_variance : ndarray, shape (row, 3)
        The same by component, with up as published: NaN where the station has none.
    field_mm_per_yr : ndarray, shape (row, 3)
        Field of the other stations, at the station.
    field_north_variance : ndarray, shape (row,)
    """

    samples: Samples
    velocity_mm_per_yr: Array
    variance: Array
    enu_mm_per_yr: Array
    enu_variance: Array
    field_mm_per_yr: Array
    field_north_variance: Array

    @property
    def own_up(self) -> Mask:
        """Whether the station measures its own up, local motion included; shape (row,)."""
        return np.isfinite(self.enu_mm_per_yr[:, 2])

    @property
    def gnss_only_residual_mm_per_yr(self) -> Array:
        """The field of the other stations along the LOS, minus the judge: no InSAR at all; shape (row,)."""
        along = np.nansum(self.field_mm_per_yr * self.samples.medians.line_of_sight, axis=1)
        return np.asarray(along - self.velocity_mm_per_yr)


@dataclass(frozen=True)
class Prepared:
    """A trial with everything that does not depend on the recipe."""

    training: Training
    judges: Judges


@dataclass(frozen=True)
class Predicted:
    """What a recipe made of the samples of a trial.

    Attributes
    ----------
    velocity_mm_per_yr : ndarray, shape (row,)
        Calibrated InSAR, LOS.
    variance : ndarray, shape (row,)
        Predicted for it: surface and noise of the InSAR, (mm/yr)^2.
    """

    velocity_mm_per_yr: Array
    variance: Array


class Trials:
    """Trials by number, prepared when first asked for; as many are kept as memory is granted.

    Parameters
    ----------
    evidence : Evidence
    trials : sequence of Trial
    most_bytes : float
        Of the factors of all kept velocity fields.
    """

    def __init__(self, evidence: Evidence, trials: Sequence[Trial], most_bytes: float = 1e9) -> None:
        self._evidence = evidence
        self._samples = samples_of(evidence.tracks)
        self._trials = tuple(trials)
        self._most_bytes = most_bytes
        self._kept: dict[int, Prepared] = {}

    def __len__(self) -> int:
        return len(self._trials)

    def trial(self, number: int) -> Trial:
        """Return a trial as it was given."""
        return self._trials[number]

    def __getitem__(self, number: int) -> Prepared:
        if number not in self._kept:
            made = prepare(self._evidence, self._samples, self._trials[number])
            while self._kept and sum(map(_bytes, self._kept.values())) + _bytes(made) > self._most_bytes:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = made
        return self._kept[number]


def _bytes(prepared: Prepared) -> int:
    return sum(system.factor.nbytes for system in prepared.training.field.systems)


def prepare(evidence: Evidence, samples: Samples, trial: Trial) -> Prepared:
    """Fit the field of the training stations and let the judges speak.

    Raises
    ------
    InputError
        FID-1005 when fewer than three stations are left to train on.
    """
    training = training_on(evidence, trial.train)
    return Prepared(training, judges_of(samples.select(trial.judged), evidence.stations, training.field))


def judges_of(samples: Samples, stations: StationVelocities, field: VelocityField) -> Judges:
    """Return the judges of some samples.

    Parameters
    ----------
    samples : Samples
    stations : StationVelocities
        The table that the samples were taken for.
    field : VelocityField
        Of the other stations.

    Notes
    -----
    Nothing is screened: a judge is not dropped because it disagrees. A station without up takes it from the field
    of the others, with its variance and nugget, else 0 +- 3 mm/yr: that part of a judge is the same for all recipes.
    """
    place, inverse = np.unique(samples.station, return_inverse=True)
    own = stations.select(place)
    predicted = field.predict(own.longitude_deg, own.latitude_deg)
    field_enu = predicted.velocity_enu_mm_per_yr
    field_variance = np.diagonal(predicted.covariance_enu, axis1=1, axis2=2)
    velocity, spread = own.velocity_enu_mm_per_yr.copy(), own.covariance_enu.copy()
    known = np.isfinite(velocity) & (np.diagonal(spread, axis1=1, axis2=2) > 0)
    published = np.where(known, velocity, np.nan)
    published_variance = np.where(known, np.diagonal(spread, axis1=1, axis2=2), np.nan)
    flat = ~known[:, 2]
    spread[flat, 2, :] = spread[flat, :, 2] = 0.0
    if field.knows_up:
        model = field.models[2].covariance
        nugget = 0.0 if model is None else model.nugget
        velocity[flat, 2] = field_enu[flat, 2]
        spread[flat, 2, 2] = field_variance[flat, 2] + nugget**2
    else:
        velocity[flat, 2] = 0.0
        spread[flat, 2, 2] = UNKNOWN_UP_SIGMA_MM_PER_YR**2
    sight = samples.medians.line_of_sight
    # A correlation that is not published counts as zero.
    spread = np.nan_to_num(spread, nan=0.0)[inverse]
    return Judges(
        samples=samples,
        velocity_mm_per_yr=np.einsum("ri,ri->r", sight, velocity[inverse]),
        variance=np.einsum("ri,rij,rj->r", sight, spread, sight),
        enu_mm_per_yr=published[inverse],
        enu_variance=published_variance[inverse],
        field_mm_per_yr=field_enu[inverse],
        field_north_variance=field_variance[inverse, 1],
    )


def predict(result: CalibrationResult, names: Sequence[str], samples: Samples, own_up: Mask) -> Predicted:
    """Return the calibrated velocity of samples with its predicted variance, for a judge beside each.

    Parameters
    ----------
    result : CalibrationResult
    names : sequence of str
        Of the tracks, by number.
    samples : Samples
    own_up : ndarray of bool, shape (row,)
        Judges that see local vertical motion themselves: it is then no part of the difference.
    """
    velocity = samples.medians.velocity_mm_per_yr.copy()
    variance = np.zeros(samples.size)
    for number in np.unique(samples.track):
        rows = samples.track == number
        calibration, medians = result.track(names[number]), samples.medians.select(rows)
        where = medians.easting, medians.northing, medians.cluster
        velocity[rows] -= calibration.surface.surface_mm_per_yr(*where)
        noise = calibration.noise_variance(medians.line_of_sight[:, 2], own_up[rows])
        variance[rows] = calibration.surface.sigma_mm_per_yr(*where) ** 2 + noise
    return Predicted(velocity, variance)
