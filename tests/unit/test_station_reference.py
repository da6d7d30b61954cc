"""Covariance of reference coordinates: standard deviations of the frame and parameters of post-seismic models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import sinex
from fiducial.geodesy.ellipsoid import local_axes
from fiducial.geodesy.epochs import decimal_year
from fiducial.runs.frame_transform_motion import read_post_seismic
from fiducial.runs.station_reference import read_reference, read_solutions
from stack_factory import LOG_ENU_M, LOG_YR, QUAKE, SHAKEN, T0_YR, StackWorld

LATER = np.datetime64("2019-01-01T12:00:00", "ns")


@pytest.fixture
def folder(tmp_path):
    world = StackWorld()
    sinex.write(world.reference(core_only=False), tmp_path / "REF.SNX")
    solution = world.post_seismic()
    sigma = solution.estimate.sigmas
    # Amplitudes and relaxation times of a fit are strongly correlated.
    correlation = np.eye(6)
    for one in range(3):
        correlation[2 * one, 2 * one + 1] = correlation[2 * one + 1, 2 * one] = 0.9
    correlation[0, 2] = correlation[2, 0] = 0.05
    covariance = correlation * np.outer(sigma, sigma)
    sinex.write(replace(solution, covariance=covariance), tmp_path / "PSD.SNX")
    return tmp_path, covariance


def _shaken(folder, **options):
    frame = read_reference(folder / "REF.SNX", LATER, **options)
    return frame.sites[f"S{SHAKEN:03d}", "A"]


def test_covariance_is_that_of_a_monte_carlo(folder):
    path, covariance = folder
    rng = np.random.default_rng(7)
    site = _shaken(path, post_seismic=path / "PSD.SNX")
    model = read_solutions(path / "REF.SNX", post_seismic=path / "PSD.SNX").models[f"S{SHAKEN:03d}", "A"]
    since = float(decimal_year(LATER)) - float(decimal_year(QUAKE))
    years = float(decimal_year(LATER)) - T0_YR
    mean = np.array([part for amplitude in LOG_ENU_M for part in (amplitude, LOG_YR)])
    drawn = mean + rng.standard_normal((40_000, 6)) @ np.linalg.cholesky(covariance).T
    enu = drawn[:, ::2] * np.log1p(since / drawn[:, 1::2])
    moved = enu @ local_axes(model.longitude_deg, model.latitude_deg)
    moved += rng.normal(0.0, 1e-4, moved.shape) + years * rng.normal(0.0, 1e-5, moved.shape)
    found = site.covariance_m2
    size = np.sqrt(np.outer(np.diag(found), np.diag(found)))
    # 40 000 samples give variances to 0.7 %; the model is not linear in relaxation times known to a twelfth.
    np.testing.assert_allclose(np.cov(moved.T) / size, found / size, atol=0.03)


def test_without_post_seismic_parameters_only_the_frame_counts(folder):
    path, _ = folder
    years = float(decimal_year(LATER)) - T0_YR
    expected = (1e-8 + (years * 1e-5) ** 2) * np.eye(3)
    np.testing.assert_allclose(_shaken(path).covariance_m2, expected, rtol=1e-6, atol=1e-16)
    larger = _shaken(path, post_seismic=path / "PSD.SNX").covariance_m2 - expected
    assert np.linalg.eigvalsh(larger).min() > -1e-15
    assert np.sqrt(np.trace(larger)) > 1e-3


def test_standard_deviations_stand_in_for_a_matrix(folder):
    path, covariance = folder
    solution = StackWorld().post_seismic()
    sinex.write(replace(solution, covariance=None), path / "PSD.SNX")
    model = read_solutions(path / "REF.SNX", post_seismic=path / "PSD.SNX").models[f"S{SHAKEN:03d}", "A"]
    np.testing.assert_allclose(model.covariance, np.diag(np.diag(covariance)), rtol=1e-5)
    place = read_solutions(path / "REF.SNX").motions[f"S{SHAKEN:03d}", "A"][0].position_m
    read = read_post_seismic(path / "PSD.SNX", {(f"S{SHAKEN:03d}", "A"): place}, "ITRF2020")
    np.testing.assert_allclose(read.models[f"S{SHAKEN:03d}", "A"].covariance, model.covariance)


@pytest.mark.parametrize(("name", "stated", "said"), [("PSD.SNX", "", ""), ("PSD.SNX", "ITRF2014", "is of ITRF2014"),
                                                      ("PSD.SNX", "ITRF2020", ""), ("PSD.SNX", "nothing known", ""),
                                                      ("ITRF2014-psd.snx", "", "is named after ITRF2014")])  # fmt: skip
def test_post_seismic_terms_of_another_frame_are_told(folder, name, stated, said):
    path, _ = folder
    solution = StackWorld().post_seismic()
    sinex.write(replace(solution, reference_frame=stated), path / name)
    findings = read_solutions(path / "REF.SNX", post_seismic=path / name).findings
    told = [text for text in findings if "do not fit together" in text]
    assert len(told) == bool(said)
    assert all(text.startswith(f"{name} {said}, the coordinates are in ITRF2020: ") for text in told)


def test_a_post_seismic_file_without_terms_is_refused(folder):
    path, _ = folder
    with pytest.raises(FormatError, match="FID-2464"):
        read_solutions(path / "REF.SNX", post_seismic=path / "REF.SNX")
