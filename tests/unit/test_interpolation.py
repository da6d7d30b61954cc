import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from fiducial.errors import InputError
from fiducial.geodesy.interpolation import covering_grid, project, unproject


def test_grid_has_multiples_of_the_spacing_and_covers_the_points():
    grid = covering_grid(np.array([4_598_600.0, 4_612_000.0]), np.array([1_741_250.0, 1_742_000.0]), 50_000.0)
    assert grid.easting.tolist() == [4_550_000.0, 4_600_000.0, 4_650_000.0]
    assert grid.northing.tolist() == [1_700_000.0, 1_750_000.0]


def test_a_point_on_a_node_still_gets_a_cell():
    grid = covering_grid(np.array([100_000.0]), np.array([50_000.0]), 50_000.0)
    assert (len(grid.easting), len(grid.northing)) == (2, 2)
    weights = grid.bilinear(np.array([100_000.0]), np.array([50_000.0])).toarray()
    assert weights.tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_bilinear_operator_equals_scipy():
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0, 300_000, 500), rng.uniform(0, 200_000, 500)
    grid = covering_grid(easting, northing, 50_000.0)
    values = rng.normal(size=(len(grid.northing), len(grid.easting)))
    expected = RegularGridInterpolator((grid.northing, grid.easting), values)(np.column_stack([northing, easting]))
    weights = grid.bilinear(easting, northing)
    assert np.abs(weights @ values.ravel() - expected).max() < 1e-12
    assert np.abs(weights.sum(axis=1) - 1.0).max() < 1e-12


def test_outside_the_grid_nothing_is_extrapolated():
    grid = covering_grid(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 10.0)
    for easting in (10.5, -0.1, np.nan):
        with pytest.raises(InputError, match="FID-1064"):
            grid.bilinear(np.array([easting]), np.array([5.0]))
    with pytest.raises(InputError, match="FID-1064"):
        covering_grid(np.array([np.nan]), np.array([0.0]), 10.0)
    with pytest.raises(InputError, match="FID-1064"):
        covering_grid(np.zeros(0), np.zeros(0), 10.0)


def test_projection_of_the_natural_origin_of_epsg_3035():
    easting, northing = project(np.array([10.0]), np.array([52.0]), "EPSG:3035")
    assert abs(easting[0] - 4_321_000.0) < 1e-3
    assert abs(northing[0] - 3_210_000.0) < 1e-3
    longitude, latitude = unproject(easting, northing, "EPSG:3035")
    assert abs(longitude[0] - 10.0) < 1e-9
    assert abs(latitude[0] - 52.0) < 1e-9


@pytest.mark.parametrize("crs", ["EPSG:4326", "no such thing"])
def test_only_map_projections(crs):
    with pytest.raises(InputError, match="FID-1065"):
        project(np.array([10.0]), np.array([52.0]), crs)
