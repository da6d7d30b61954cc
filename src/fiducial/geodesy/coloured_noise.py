"""One parameter of many series that share their epochs, under white plus power-law noise.

All series of a burst have the same dates, so what is costly is done once: the functional model is projected
out by an orthonormal basis, the coloured covariance is diagonalised in what remains, and the restricted
likelihood of the noise becomes a one-dimensional profile over the share of coloured noise, two matrix products
for all series.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from fiducial.errors import InputError, NumericsError

Float64 = NDArray[np.float64]

# Quadratic spacing: small shares of coloured noise change the sigma of a rate most.
DEFAULT_SHARES: Final[Float64] = np.linspace(0.0, 1.0, 33) ** 2
_SEPARABLE: Final = 1e-6
_PRIOR_ITERATIONS: Final = 60


@dataclass(frozen=True)
class SharedEpochNoise:
    """Everything that depends on the epochs only; built by :func:`shared_epoch_noise`.

    The noise covariance of share f is s^2 ((1 - f) I + f F), F scaled so that its mean variance in the residual
    space is 1; s^2 is estimated for each series.

    Attributes
    ----------
    shares : ndarray of float64, shape (share,)
        Grid of f.
    basis : ndarray, shape (epoch, parameter)
        Orthonormal basis of the functional model.
    whitener : ndarray, shape (residual, epoch)
        Eigenvectors of F in the residual space; maps a series to uncorrelated residuals.
    variances : ndarray, shape (share, residual)
        Variances of these residuals for s = 1.
    estimators : ndarray, shape (share, epoch)
        Row vectors of the generalised least-squares estimate of the parameter.
    cofactors : ndarray, shape (share,)
        Its variance for s = 1.
    coloured_variance : float
        Mean variance of unit-amplitude coloured noise in the residual space.
    minimum_degrees_of_freedom : int
        Series with fewer residuals get NaN.
    """

    shares: Float64
    basis: Float64
    whitener: Float64
    variances: Float64
    estimators: Float64
    cofactors: Float64
    coloured_variance: float
    minimum_degrees_of_freedom: int


@dataclass(frozen=True)
class ColouredEstimate:
    """The parameter of each series, shape (series,), averaged over the noise by posterior weights.

    Attributes
    ----------
    estimate, sigma : ndarray of float64
        Unit of the series over the unit of the design's column. NaN where undetermined.
    white_sigma : ndarray of float64
        Standard deviation of the white part, unit of the series.
    coloured_amplitude : ndarray of float64
        Amplitude of the coloured part in the unit of the covariance that was given.
    share : ndarray of float64
        Posterior mean of the coloured share, 0..1.
    log_likelihood_gain : ndarray of float64
        Largest restricted log-likelihood over the shares minus that of the smallest share.
    degrees_of_freedom : ndarray of int32
        Valid epochs minus parameters.
    """

    estimate: Float64
    sigma: Float64
    white_sigma: Float64
    coloured_amplitude: Float64
    share: Float64
    log_likelihood_gain: Float64
    degrees_of_freedom: NDArray[np.int32]


@dataclass(frozen=True)
class _Profile:
    """Arrays of shape (share, series); the variance is s^2."""

    log_likelihood: Float64
    estimate: Float64
    cofactor: Float64
    variance: Float64
    degrees_of_freedom: NDArray[np.int32]


def fractional_integration_weights(spectral_index: float, length: int) -> Float64:
    """Return the impulse response that turns white noise into power-law noise.

    Parameters
    ----------
    spectral_index : float
        kappa, power proportional to frequency^kappa; -2 <= kappa <= 0.
    length : int
        Number of weights.

    Returns
    -------
    ndarray of float64, shape (length,)
        h_0 = 1, h_j = h_{j-1} (j - 1 - kappa/2) / j.

    Raises
    ------
    InputError
        FID-1055 spectral index outside -2..0.

    Notes
    -----
    Hosking (1981), with d = -kappa/2.

    Examples
    --------
    >>> fractional_integration_weights(-1.0, 4)
    array([1.    , 0.5   , 0.375 , 0.3125])
    """
    if not -2.0 <= spectral_index <= 0.0:
        raise InputError("FID-1055", f"spectral index {spectral_index} is outside -2..0", where="spectral_index",
                         fix="give -1 for flicker noise, -2 for a random walk")  # fmt: skip
    lag = np.arange(1, length, dtype=np.float64)
    factors = np.concatenate([[1.0], (lag - 1.0 - spectral_index / 2.0) / lag])
    return np.asarray(np.cumprod(factors)[:length], dtype=np.float64)


def power_law_covariance(days: ArrayLike, spectral_index: float, *, year_days: float) -> Float64:
    """Covariance of power-law noise of unit amplitude at given days.

    Parameters
    ----------
    days : array_like of int, shape (epoch,)
        Day numbers, strictly increasing. The noise starts on the first of them.
    spectral_index : float
        kappa, -2..0.
    year_days : float
        Days of the year of the amplitude's unit.

    Returns
    -------
    ndarray of float64, shape (epoch, epoch)
        dT^(-kappa/2) L L' with L_ij = h_{i-j} on the daily grid, of which the rows of the given days are taken;
        dT = 1/year_days. Times the square of an amplitude in mm / yr^(-kappa/4) it is in mm^2.

    Raises
    ------
    InputError
        FID-1054 days not strictly increasing, FID-1055 spectral index.

    Notes
    -----
    Williams (2003); Bos, Fernandes, Williams & Bastos (2008). The daily grid, not the spacing of the
    scenes, keeps the amplitude comparable with those published for daily GNSS series.
    """
    number = np.asarray(days)
    if number.ndim != 1 or number.dtype.kind not in "iu" or np.any(np.diff(number.astype(np.int64)) <= 0):
        raise InputError("FID-1054", "days are not strictly increasing whole numbers", where="days",
                         fix="give one epoch a day at most, in order")  # fmt: skip
    offset = number.astype(np.int64) - int(number[0])
    weights = fractional_integration_weights(spectral_index, int(offset[-1]) + 1)
    lag = offset[:, None] - np.arange(offset[-1] + 1)
    response = np.where(lag >= 0, weights[np.maximum(lag, 0)], 0.0)
    return np.asarray(year_days ** (spectral_index / 2.0) * (response @ response.T), dtype=np.float64)


def shared_epoch_noise(
    design: Float64,
    coloured_covariance: Float64,
    *,
    parameter: int,
    shares: ArrayLike = DEFAULT_SHARES,
    minimum_degrees_of_freedom: int = 10,
) -> SharedEpochNoise:
    """Prepare the estimation of one parameter for all series on the same epochs.

    Parameters
    ----------
    design : ndarray, shape (epoch, parameter)
    coloured_covariance : ndarray, shape (epoch, epoch)
        Covariance of the coloured part at unit amplitude, e.g. :func:`power_law_covariance`.
    parameter : int
        Column of the design whose coefficient is wanted.
    shares : array_like, shape (share,)
        Grid of the coloured part's share of the residual variance, increasing in 0..1.
    minimum_degrees_of_freedom : int
        Series with fewer residuals get NaN.

    Raises
    ------
    InputError
        FID-1056 shares not increasing in 0..1.
    NumericsError
        FID-3001 too few epochs, FID-3002 the epochs cannot separate the parameters.

    Notes
    -----
    With K an orthonormal basis of the space orthogonal to the design X and K'FK = V diag(l) V', the residuals
    u = V'K'y have the diagonal covariance s^2 ((1 - f) + f l), and the restricted likelihood (Patterson &
    Thompson 1971) with s^2 profiled out is -1/2 (m ln(sum u^2/d / m) + sum ln d). The generalised least-squares
    estimator is X+ (I - C Q) and its cofactor X+ (C - C Q C) X+', with Q = K V diag(1/d) V'K': no covariance is
    inverted.
    """
    grid = np.asarray(shares, dtype=np.float64)
    if grid.ndim != 1 or not grid.size or grid[0] < 0.0 or grid[-1] > 1.0 or np.any(np.diff(grid) <= 0.0):
        raise InputError("FID-1056", "the grid of shares does not increase within 0..1", where="shares",
                         fix="give increasing numbers from 0 to 1")  # fmt: skip
    epochs, parameters = design.shape
    if epochs - parameters < max(minimum_degrees_of_freedom, 1):
        raise NumericsError("FID-3001", f"{epochs} epochs are too few for a noise model", where="design",
                            fix=f"give at least {parameters + minimum_degrees_of_freedom} epochs")  # fmt: skip
    left, singular, _ = np.linalg.svd(design / np.linalg.norm(design, axis=0))
    if singular[-1] < _SEPARABLE:
        raise NumericsError("FID-3002", "the epochs cannot separate the parameters of the model", where="design",
                            fix="give a longer series, with dates in different seasons")  # fmt: skip
    residual_basis = left[:, parameters:]
    spectrum, vectors = np.linalg.eigh(residual_basis.T @ coloured_covariance @ residual_basis)
    coloured_variance = float(spectrum.mean())
    whitener = vectors.T @ residual_basis.T
    variances = (1.0 - grid)[:, None] + grid[:, None] * np.maximum(spectrum, 0.0) / coloured_variance
    row = np.linalg.pinv(design)[parameter]
    estimators = np.empty((grid.size, epochs))
    cofactors = np.empty(grid.size)
    for index, (share, variance) in enumerate(zip(grid, variances, strict=True)):
        correlated = (1.0 - share) * row + share / coloured_variance * (coloured_covariance @ row)
        coupling = whitener @ correlated
        estimators[index] = row - (coupling / variance) @ whitener
        cofactors[index] = row @ correlated - (coupling / variance) @ coupling
    return SharedEpochNoise(
        shares=grid,
        basis=left[:, :parameters],
        whitener=whitener,
        variances=variances,
        estimators=estimators,
        cofactors=cofactors,
        coloured_variance=coloured_variance,
        minimum_degrees_of_freedom=minimum_degrees_of_freedom,
    )


def learn_share_prior(noise: SharedEpochNoise, series: ArrayLike) -> Float64:
    """Learn from many series how often each share of coloured noise occurs.

    Parameters
    ----------
    noise : SharedEpochNoise
    series : array_like, shape (epoch, series)
        NaN where missing.

    Returns
    -------
    ndarray of float64, shape (share,)
        Weights that sum to 1. One pseudo-series is spread evenly over the grid, so that a few series cannot
        make a share impossible.

    Notes
    -----
    Maximum-likelihood mixing weights (Kiefer & Wolfowitz 1956) by expectation maximisation (Laird 1978).
    """
    log_likelihood = _profile(noise, np.asarray(series, dtype=np.float64)).log_likelihood
    known = log_likelihood[:, np.isfinite(log_likelihood).all(axis=0)]
    likelihood = np.exp(known - known.max(axis=0)) if known.size else known
    even = 1.0 / noise.shares.size
    prior = np.full(noise.shares.size, even)
    for _ in range(_PRIOR_ITERATIONS):
        # Each series' posterior is likelihood * prior / evidence; only its sum over the series is needed.
        evidence = prior @ likelihood
        prior = (prior * (likelihood @ (1.0 / evidence)) + even) / (known.shape[1] + 1.0)
    return prior


def checked_share_prior(noise: SharedEpochNoise, share_prior: ArrayLike) -> Float64:
    """Return weights for the grid, scaled to the sum 1.

    Raises
    ------
    InputError
        FID-1056 when they do not fit the grid or are no weights.
    """
    prior = np.asarray(share_prior, dtype=np.float64)
    if prior.shape != noise.shares.shape or not np.all(prior >= 0.0) or not 0.0 < prior.sum() < np.inf:
        raise InputError("FID-1056", "the prior has not one weight of 0 or more for each share",
                         where="share_prior", fix="hand on share_prior of an earlier result")  # fmt: skip
    return np.asarray(prior / prior.sum())


def estimate(noise: SharedEpochNoise, series: ArrayLike, share_prior: Float64) -> ColouredEstimate:
    """Estimate the parameter of each series and its sigma, averaged over the shares of coloured noise.

    Parameters
    ----------
    noise : SharedEpochNoise
    series : array_like, shape (epoch, series)
        Values with NaN where missing. Exact for gaps: a missing epoch is a parameter of its own.
    share_prior : ndarray, shape (share,)
        Weights of the shares, e.g. of :func:`learn_share_prior`.

    Returns
    -------
    ColouredEstimate
        sigma^2 is the mean of the variances plus the variance of the estimates over the posterior of the share.
    """
    profile = _profile(noise, np.asarray(series, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = profile.log_likelihood + np.log(share_prior)[:, None]
        weight = np.exp(score - logsumexp(score, axis=0))
    mean = (weight * profile.estimate).sum(axis=0)
    spread = (profile.estimate - mean) ** 2
    white = (1.0 - noise.shares) @ (weight * profile.variance)
    coloured = noise.shares @ (weight * profile.variance) / noise.coloured_variance
    return ColouredEstimate(
        estimate=mean,
        sigma=np.sqrt((weight * (profile.variance * profile.cofactor + spread)).sum(axis=0)),
        white_sigma=np.sqrt(white),
        coloured_amplitude=np.sqrt(coloured),
        share=noise.shares @ weight,
        log_likelihood_gain=profile.log_likelihood.max(axis=0) - profile.log_likelihood[0],
        degrees_of_freedom=profile.degrees_of_freedom,
    )


def _profile(noise: SharedEpochNoise, series: Float64) -> _Profile:
    missing = np.isnan(series)
    values = np.where(missing, 0.0, series)
    residuals = noise.whitener @ values
    size = residuals.shape[0]
    squares = (1.0 / noise.variances) @ residuals**2
    profile = _Profile(
        log_likelihood=_restricted_log_likelihood(squares, size,
                                                  np.log(noise.variances).sum(axis=1)[:, None]),
        estimate=noise.estimators @ values,
        cofactor=np.repeat(noise.cofactors[:, None], series.shape[1], axis=1),
        variance=squares / size,
        degrees_of_freedom=(size - missing.sum(axis=0)).astype(np.int32),
    )  # fmt: skip
    gappy = np.flatnonzero(missing.any(axis=0))
    if gappy.size:
        patterns, member = np.unique(np.packbits(missing[:, gappy], axis=0), axis=1, return_inverse=True)
        order = np.argsort(member, kind="stable")
        bounds = np.searchsorted(member[order], np.arange(patterns.shape[1] + 1))
        for first, last in pairwise(bounds):
            columns = gappy[order[first:last]]
            _remove_epochs(noise, profile, np.flatnonzero(missing[:, columns[0]]), columns, residuals, squares)
    return profile


def _restricted_log_likelihood(squares: Float64, size: int, log_determinant: Float64) -> Float64:
    # A series without noise has no likelihood; the smallest number keeps the logarithm finite for it.
    tiny = np.finfo(np.float64).tiny
    return np.asarray(-0.5 * (size * np.log(np.maximum(squares / size, tiny)) + log_determinant))


def _remove_epochs(
    noise: SharedEpochNoise,
    profile: _Profile,
    epochs: NDArray[np.intp],
    columns: NDArray[np.intp],
    residuals: Float64,
    squares: Float64,
) -> None:
    """Correct the profile of series that lack the same epochs, by a parameter for each missing epoch.

    With E the columns of the identity at these epochs and Q of :func:`shared_epoch_noise`, the sum of squares
    loses q'(E'QE)^-1 q, q = E'Qy; the log-determinant gains ln|E'QE|; the estimate loses a'd with a the
    estimator at these epochs and d = (E'QE)^-1 q; and its cofactor gains a'(E'QE)^-1 a.
    """
    size = noise.variances.shape[1] - epochs.size
    kept = np.eye(noise.basis.shape[1]) - noise.basis[epochs].T @ noise.basis[epochs]
    if size < noise.minimum_degrees_of_freedom or np.linalg.eigvalsh(kept)[0] < _SEPARABLE:
        for array in (profile.log_likelihood, profile.estimate, profile.cofactor, profile.variance):
            array[:, columns] = np.nan
        return
    part = noise.whitener[:, epochs]
    weighted = part.T[None] / noise.variances[:, None, :]
    information = weighted @ part
    reduced = weighted @ residuals[:, columns]
    leverage = noise.estimators[:, epochs]
    solved = np.linalg.solve(information, np.concatenate([reduced, leverage[:, :, None]], axis=2))
    corrections = solved[:, :, :-1]
    rest = np.maximum(squares[:, columns] - (reduced * corrections).sum(axis=1), 0.0)
    log_determinant = np.log(noise.variances).sum(axis=1) + np.linalg.slogdet(information)[1]
    profile.log_likelihood[:, columns] = _restricted_log_likelihood(rest, size, log_determinant[:, None])
    profile.estimate[:, columns] -= (leverage[:, :, None] * corrections).sum(axis=1)
    profile.cofactor[:, columns] += (leverage * solved[:, :, -1]).sum(axis=1)[:, None]
    profile.variance[:, columns] = rest / size
