import json

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.motion.calibration.bases import PolynomialBasis, basis_from_dict
from fiducial.motion.calibration.surfaces import CorrectionSurface


def _rectangle(length_m, width_m, turn_deg=0.0, count=2000):
    rng = np.random.default_rng(0)
    u, v = rng.uniform(-0.5, 0.5, count) * length_m, rng.uniform(-0.5, 0.5, count) * width_m
    u[:4], v[:4] = np.array([-0.5, -0.5, 0.5, 0.5]) * length_m, np.array([-0.5, 0.5, -0.5, 0.5]) * width_m
    turn = np.deg2rad(turn_deg)
    easting = 4_600_000 + u * np.cos(turn) - v * np.sin(turn)
    return easting, 2_000_000 + u * np.sin(turn) + v * np.cos(turn)


@pytest.mark.parametrize(
    ("length_km", "width_km", "terms"),
    [(4, 3, 1), (45, 40, 1), (88, 20, 2), (90, 60, 3), (250, 20, 3), (250, 60, 4), (250, 220, 6)],
)
@pytest.mark.parametrize("turn_deg", [0.0, 78.0, 13.0])
def test_degree_is_limited_by_the_extent_along_the_principal_axes(length_km, width_km, terms, turn_deg):
    easting, northing = _rectangle(length_km * 1e3, width_km * 1e3, turn_deg)
    # The sampled principal axes are off by a degree or so: the sizes above leave room for it.
    basis = PolynomialBasis.band_limited(easting, northing, 50_000.0, 2)
    assert basis.terms == terms


def test_full_polynomials():
    easting, northing = _rectangle(1e5, 8e4)
    assert PolynomialBasis.full(easting, northing, 1).exponents == ((0, 0), (1, 0), (0, 1))
    assert PolynomialBasis.full(easting, northing, 2).terms == 6
    assert PolynomialBasis.full(easting, northing, 0).terms == 1
    design = PolynomialBasis.full(easting, northing, 2).design(easting, northing)
    assert np.abs(design).max() <= 1.0 + 1e-9


def test_one_point_gives_a_constant():
    one = np.array([4_600_000.0])
    assert PolynomialBasis.band_limited(one, one, 50_000.0, 2).terms == 1


def _surface():
    easting, northing = _rectangle(2e5, 1e5, 20.0)
    basis = PolynomialBasis.band_limited(easting, northing, 50_000.0, 2)
    root = np.random.default_rng(1).normal(size=(basis.terms, basis.terms))
    return CorrectionSurface("022_0845", "EPSG:3035", basis, np.arange(basis.terms) + 0.5, root @ root.T, 0.2)


def test_surface_survives_json():
    surface = _surface()
    again = CorrectionSurface.from_dict(json.loads(json.dumps(surface.to_dict())))
    easting, northing = _rectangle(2e5, 1e5)
    assert np.array_equal(surface.surface_mm_per_yr(easting, northing), again.surface_mm_per_yr(easting, northing))
    assert np.array_equal(surface.sigma_mm_per_yr(easting, northing), again.sigma_mm_per_yr(easting, northing))
    assert again.track == "022_0845"


def test_sigma_is_that_of_drawn_coefficients_and_holds_the_systematic_part():
    surface = _surface()
    draws = np.random.default_rng(2).multivariate_normal(surface.coefficients, surface.covariance, 20_000)
    design = surface.basis.design(np.array([4_650_000.0]), np.array([2_010_000.0]))
    expected = np.hypot(np.std(design @ draws.T), 0.2)
    found = surface.sigma_mm_per_yr(4_650_000.0, 2_010_000.0)
    assert found.shape == ()
    assert float(found) == pytest.approx(expected, rel=0.03)


def test_grids_keep_their_shape():
    surface = _surface()
    easting, northing = np.meshgrid(np.linspace(4.5e6, 4.7e6, 30), np.linspace(1.95e6, 2.05e6, 20))
    whole = surface.surface_mm_per_yr(easting, northing)
    assert whole.shape == (20, 30)
    one_by_one = [float(surface.surface_mm_per_yr(e, n)) for e, n in zip(easting.flat, northing.flat, strict=True)]
    assert np.allclose(one_by_one, whole.ravel(), atol=1e-12)
    assert np.isnan(surface.surface_mm_per_yr(np.nan, 2e6))


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("basis"),
        lambda d: d["basis"].update(kind="wavelet"),
        lambda d: d["basis"].pop("scale_m"),
        lambda d: d["coefficients_mm_per_yr"].append(1.0),
        lambda d: d.update(systematic_sigma_mm_per_yr=None),
    ],
)
def test_a_damaged_surface_is_refused(damage):
    values = _surface().to_dict()
    damage(values)
    with pytest.raises(InputError, match="FID-1068"):
        CorrectionSurface.from_dict(values)


def test_unknown_basis():
    with pytest.raises(InputError, match="FID-1068"):
        basis_from_dict({"kind": "matern"})
