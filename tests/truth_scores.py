"""Recipes held against the truth of simulated regions; ``python tests/truth_scores.py [RECIPE…]`` prints the numbers."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.evidence import samples_of
from fiducial.motion.calibration.judging import judges_of, predict
from fiducial.motion.calibration.leakage import Bowl, absorbed_share, bowl_centres, with_bowl
from fiducial.motion.calibration.recipes import recipe
from simulated_region import simulate_region, stations_with_bowl, surfaces


@dataclass(frozen=True)
class Scored:
    """One fit held against the truth.

    Attributes
    ----------
    error, pull : ndarray, shape (block,)
        S_found - S_true at the blocks of all tracks, mm/yr, and the same over the predicted sigma.
    modes : ndarray
        The errors in the principal axes of the predicted covariance of each surface, over their predicted sigma:
        independent and N(0, 1) where that covariance is right. Axes with less than a tenth of the largest sigma,
        for which the truth need not be a surface, are left out, and so are surfaces with unwrapping clusters.
    judged : ndarray, shape (sample,)
        Calibrated InSAR minus held-out stations, over the predicted sigma.
    """

    error: np.ndarray
    pull: np.ndarray
    modes: np.ndarray
    judged: np.ndarray

    @property
    def rms_mm_per_yr(self):
        return float(np.sqrt(np.mean(self.error**2)))

    @property
    def chi(self):
        return float(np.sqrt(np.mean(self.pull**2)))


def fit(name, region):
    """Fit a recipe and the velocity field to a region."""
    return recipe(name).fit(region.tracks, region.stations, VelocityField.fit(region.stations))


def errors(result, region):
    """Return S_found - S_true at the blocks of every track, a list."""
    return [one - truth for one, truth in zip(surfaces(result, region.tracks)[0], region.correction, strict=True)]


def rms_error(result, region):
    """Return the RMS of S_found - S_true over all blocks, mm/yr."""
    return float(np.sqrt(np.mean(np.concatenate(errors(result, region)) ** 2)))


def score(result, region, whole=None):
    """Hold a result against the truth; stations of ``whole`` that the region lacks are judges."""
    sigma, error = surfaces(result, region.tracks)[1], errors(result, region)
    modes = [_modes(result.track(t.name).surface, t.blocks, e) for t, e in zip(region.tracks, error, strict=True)]
    pull = np.concatenate(error) / np.maximum(np.concatenate(sigma), 1e-12)
    judged = np.zeros(0) if whole is None else _judged(result, region, whole)
    return Scored(np.concatenate(error), pull, np.concatenate(modes), judged)


def _modes(surface, blocks, error):
    if surface.clusters is not None:
        # The covariance of the offsets of clusters among each other is not kept.
        return np.zeros(0)
    values, vectors = np.linalg.eigh(surface.covariance)
    design = surface.basis.design(blocks.easting, blocks.northing)
    axes, size, _ = np.linalg.svd(design @ (vectors * np.sqrt(np.maximum(values, 0.0))), full_matrices=False)
    kept = size > 0.1 * size[0]
    return axes[:, kept].T @ error / size[kept]


def _judged(result, region, whole):
    samples = samples_of(whole.tracks)
    samples = samples.select(~np.isin(whole.stations.names[samples.station], region.stations.names))
    judges = judges_of(samples, whole.stations, VelocityField.fit(region.stations))
    made = predict(result, [track.name for track in whole.tracks], samples, judges.own_up)
    return (made.velocity_mm_per_yr - judges.velocity_mm_per_yr) / np.sqrt(made.variance + judges.variance)


def ratio_interval(numerator, denominator, replicates=4000):
    """Return mean(numerator) / mean(denominator) and its 95 % interval from drawing the seeds with replacement."""
    numerator, denominator = np.asarray(numerator), np.asarray(denominator)
    drawn = np.random.default_rng(0).multinomial(
        len(numerator), np.full(len(numerator), 1.0 / len(numerator)), replicates
    )
    low, high = np.percentile((drawn @ numerator) / (drawn @ denominator), [2.5, 97.5])
    return float(numerator.mean() / denominator.mean()), float(low), float(high)


def mean_of_seeds(values):
    """Return the mean of one value a seed, and the standard error of that mean."""
    values = np.asarray(values)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


COUNTS = (4, 8, 16, 32, 64)
JUDGES = 30


def truth(name, seeds=20, **changes):
    """Yield lines: error and pulls of a recipe over seeds, with 60 stations and 30 judges."""
    scored = []
    for seed in range(seeds):
        whole = simulate_region(seed, stations=60 + JUDGES, **changes)
        region = whole.thinned(np.arange(whole.stations.size) < 60)
        scored.append(score(fit(name, region), region, whole))
    rows = {
        "error, RMS mm/yr": [one.rms_mm_per_yr for one in scored],
        "pull of S, mean": [one.pull.mean() for one in scored],
        "pull of S, mean square": [one.chi**2 for one in scored],
        "pull of modes, mean square": [np.mean(one.modes**2) for one in scored],
        "pull at judges, mean": [one.judged.mean() for one in scored],
        "pull at judges, mean square": [np.mean(one.judged**2) for one in scored],
    }
    for label, values in rows.items():
        mean, error = mean_of_seeds(values)
        yield f"{name:12} {label:28} {mean:7.3f} +- {error:.3f}"


def thinning(names, seeds=20, **changes):
    """Yield lines: the mean error of recipes with few stations, and its ratio to the first of them."""
    for count in COUNTS:
        error = {name: [] for name in names}
        for seed in range(seeds):
            region = simulate_region(seed, stations=max(COUNTS), **changes)
            region = region.thinned(np.arange(region.stations.size) < count)
            for name in names:
                try:
                    error[name].append(rms_error(fit(name, region), region))
                except InputError:
                    error[name].append(np.nan)
        for name in names:
            ratio = "{:.3f} [{:.3f}, {:.3f}]".format(*ratio_interval(error[name], error[names[0]]))
            yield f"{count:3} stations {name:12} {np.mean(error[name]):7.3f} mm/yr   ratio to {names[0]} {ratio}"


def leakage(name, seeds=3, **changes):
    """Yield lines: the share of a -10 mm/yr bowl that a recipe takes away, unseen and seen by the stations."""
    for sigma in (5.0, 10.0, 20.0, 40.0):
        shares = {"unseen": [], "seen": []}
        for seed in range(seeds):
            region = simulate_region(seed, **changes)
            before = np.concatenate(surfaces(fit(name, region), region.tracks)[0])
            for centre in bowl_centres(region.tracks, 2):
                bowl = Bowl(*centre, sigma)
                for kind, stations in {
                    "unseen": region.stations,
                    "seen": stations_with_bowl(region.stations, bowl),
                }.items():
                    deformed = replace(region, tracks=list(with_bowl(region.tracks, bowl)), stations=stations)
                    after = np.concatenate(surfaces(fit(name, deformed), region.tracks)[0])
                    shares[kind].append(absorbed_share(region.tracks, bowl, after, before))
        text = ", ".join(f"{kind} {np.mean(values):6.3f}" for kind, values in shares.items())
        yield f"{name:12} bowl of {sigma:2.0f} km, share taken away: {text}"


def main():
    chosen = sys.argv[1:] or ["egms", "joint"]
    parts = [truth(name) for name in chosen] + [thinning(chosen)] + [leakage(name) for name in chosen]
    for part in parts:
        for line in part:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
