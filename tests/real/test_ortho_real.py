"""The official Ortho of Ustica from its two bursts, by the functions alone (EGMS 2020_2024, tile E45N17)."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats.point_product import PointProduct
from fiducial.motion.identifiers import encode_cells
from fiducial.motion.ortho import OrthoAccumulator, cell_centres, cell_keys, is_ascending, solvable_cells
from fiducial.motion.ortho_weighted import (
    WeightedOrthoAccumulator,
    common_variance_mm2,
    model_residuals,
)
from fiducial.motion.resampling import common_grid, resample
from fiducial.runs.ingest import import_egms
from support import data_path

BURSTS = ("EGMS_L2b_117_0227_IW2_VV_2020_2024_1", "EGMS_L2b_022_0845_IW2_VV_2020_2024_1")
TILES = {component: f"EGMS_L3_E45N17_100km_{component}_2020_2024_1" for component in "EU"}
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return blocks of both bursts, the solvable cells, the grid, and the published tiles by component."""
    out = tmp_path_factory.mktemp("products")

    def product(stem):
        return PointProduct.open(import_egms(data_path("egms", "ustica-west", f"{stem}.zip"), out))

    blocks = [block for stem in BURSTS for block in product(stem).blocks()]
    keys = [cell_keys(block.attributes["easting"], block.attributes["northing"]) for block in blocks]
    ascending = np.concatenate([is_ascending(block.attributes["los_east"]) for block in blocks])
    cells = solvable_cells(np.concatenate(keys), ascending)
    grid = common_grid([block.epochs for block in blocks])
    official = {}
    for component, stem in TILES.items():
        tile = product(stem)
        attributes, series = tile.source_rows(0)
        official[component] = tile, attributes, series
    return blocks, keys, cells, grid, official


def solve(world, method):
    blocks, keys, cells, grid, _ = world
    system = OrthoAccumulator(cells, grid)
    for block, key in zip(blocks, keys, strict=True):
        here = np.isin(key, cells)
        part = block.select(here)
        series = resample(part.displacement_mm, part.epochs, grid, method)
        system.add(key[here], part.line_of_sight(), part.attributes["height"], series)
    return system.solve()


@pytest.fixture(scope="module")
def solved(world):
    return solve(world, "nearest")


def differences(world, solved, component):
    _, attributes, published = world[4][component]
    keys = cell_keys(attributes["easting"], attributes["northing"])
    ours = {"E": solved.east_mm, "U": solved.up_mm}[component][:, np.searchsorted(solved.cell_key, keys)]
    return np.round(ours.T, 1) - published


def test_same_cells_dates_and_identifiers(world, solved):
    _, _, cells, grid, official = world
    assert len(cells) == 271
    for tile, attributes, _ in official.values():
        np.testing.assert_array_equal(grid, tile.epochs)
        assert sorted(encode_cells(1, *cell_centres(cells))) == sorted(attributes["pid"].astype(str))
        keys = cell_keys(attributes["easting"], attributes["northing"])
        height = solved.height_m[np.searchsorted(cells, keys)]
        assert np.abs(height - attributes["height"]).max() <= 0.05 + 1e-9


@pytest.mark.parametrize(("component", "identical"), [("E", 0.969), ("U", 0.975)])
def test_printed_displacements(world, solved, component, identical):
    difference = differences(world, solved, component)
    assert np.sqrt(np.mean(difference**2)) <= 0.031
    assert np.abs(difference).max() <= 0.1 + 1e-9
    assert np.mean(np.abs(difference) < 0.05) >= identical


def test_linear_interpolation_is_not_what_the_production_does(world):
    # Found on the whole tile: up to 6.7 mm off, 0.11 mm RMS.
    difference = differences(world, solve(world, "linear"), "E")
    assert np.abs(difference).max() == pytest.approx(6.7, abs=0.05)
    assert np.sqrt(np.mean(difference**2)) == pytest.approx(0.11, abs=0.01)


def test_summing_first_gives_the_same(world, solved):
    blocks, keys, cells, grid, _ = world
    system = OrthoAccumulator(cells, grid)
    for block, key in zip(blocks, keys, strict=True):
        here = np.isin(key, cells)
        part = block.select(here)
        system.add_series(key[here], part.line_of_sight(), part.attributes["height"], part.displacement_mm, part.epochs)
    other = system.solve()
    np.testing.assert_allclose(other.east_mm, solved.east_mm, atol=1e-6)
    np.testing.assert_allclose(other.up_mm, solved.up_mm, atol=1e-6)


def test_weighted_ortho_stays_near_and_its_errors_are_plausible(world, solved):
    blocks, keys, cells, grid, _ = world
    common = {}
    for track, block, key in zip(("117", "022"), blocks, keys, strict=True):
        residuals = model_residuals(block.displacement_mm.astype(np.float64), block.epochs)
        variance, pairs = common_variance_mm2(key, residuals)
        assert pairs > 1000
        common[track] = float(np.sqrt(variance))
    # What neighbours share is a good part of the residual scatter of one point (rmse 2 to 6 mm), not all of it.
    assert all(0.5 < sigma < 5 for sigma in common.values())
    system = WeightedOrthoAccumulator(cells, grid, common)
    for track, block, key in zip(("117", "022"), blocks, keys, strict=True):
        here = np.isin(key, cells)
        part = block.select(here)
        series = resample(part.displacement_mm, part.epochs, grid, "nearest")
        sigma = np.sqrt(np.maximum(part.attributes["rmse"] ** 2 - common[track] ** 2, 0))
        system.add(track, key[here], part.line_of_sight(), part.attributes["height"], series, sigma)
    weighted = system.solve(None)
    assert np.isfinite(weighted.up_mm).all()
    assert np.sqrt(np.mean((weighted.up_mm - solved.up_mm) ** 2)) < 2.0
    np.testing.assert_allclose(weighted.north_to_up, -0.139, atol=0.01)
    scatter = model_residuals(weighted.up_mm, grid).std(axis=0)
    ratio = scatter / weighted.sigma_up_mm
    assert 0.5 < np.median(ratio) < 1.5
