"""Cross-validation: folds, what is held out, and scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.covariance_functions import great_circle_km, unit_vectors
from fiducial.stations.velocity_covariance import ComponentCovariance
from fiducial.stations.velocity_validation import (
    Folds,
    block_folds,
    cross_validate,
    nearest_neighbour,
    random_folds,
    score,
    training_sites,
)
from velocity_networks import network


def test_random_folds_are_of_one_size() -> None:
    sites, _ = network(103)
    folds = random_folds(sites, 10)
    assert set(np.bincount(folds.number)) == {10, 11}
    np.testing.assert_array_equal(folds.number, random_folds(sites, 10).number)
    assert (folds.number != random_folds(sites, 10, seed=1).number).any()


def test_blocks_stay_together() -> None:
    """Sites of different folds may touch, but a block of 100 km is never split and never larger."""
    sites, _ = network(300)
    folds = block_folds(sites, 100.0, 10)
    vectors = unit_vectors(sites.longitude_deg, sites.latitude_deg)
    near = great_circle_km(vectors, vectors) < 5.0
    same = folds.number[:, None] == folds.number[None, :]
    assert same[near].mean() > 0.85
    assert set(folds.number) == set(range(10))
    assert folds.name == "blocks of 100 km"
    small = block_folds(sites, 20.0, 10)
    assert np.bincount(small.number).std() < np.bincount(folds.number).std() + 10


@pytest.mark.parametrize(("folds", "size"), [(1, 100.0), (1000, 100.0), (5, 0.0), (5, float("nan"))])
def test_impossible_folds(folds: int, size: float) -> None:
    with pytest.raises(InputError, match="FID-1345"):
        block_folds(network(40)[0], size, folds)


def test_held_out_sites_are_scored_unscreened() -> None:
    """A blunder is screened from training, and yet is scored where it is held out."""
    sites, _ = network(100)
    velocity = sites.velocity_enu_mm_per_yr.copy()
    velocity[11, 0] += 25.0
    odd = replace(sites, velocity_enu_mm_per_yr=velocity)
    dealt = random_folds(odd, 2)
    assert "S011" not in training_sites(odd, dealt, int(dealt.number[11] == 0)).names
    seen: list[float] = []
    two = Folds("two", np.arange(100) % 2, 2)
    found = cross_validate(odd, two, progress=seen.append)
    assert seen == [1.0, 1.0]
    assert np.isfinite(found.residual_enu_mm_per_yr).all()
    assert found.residual_enu_mm_per_yr[11, 0] > 20.0
    assert found.screened >= 1
    assert found.scores()["east"]["sites"] == 100
    assert found.parameters == "refitted"
    document = found.to_dict()
    assert [one["fold"] for one in document["sites"]] == two.number.tolist()


def test_predicted_sigma_is_honest() -> None:
    sites, _ = network(150)
    scores = cross_validate(
        sites, random_folds(sites, 3), fixed=(ComponentCovariance(0.8, 300.0, 0.02, 1.0, 0),) * 3
    ).scores()
    for values in scores.values():
        assert 0.75 < values["standardised_robust_sd"] < 1.25
        assert 0.75 < values["standardised_sd"] < 1.3
        assert values["ratio_to_nearest"] < 0.95


def test_score_of_known_numbers() -> None:
    values = score(np.array([-1.0, 0.0, 1.0, 2.0, np.nan, 8.0]), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 2.0]))
    assert values["sites"] == 5
    assert values["median_mm_per_yr"] == 1.0
    assert values["robust_sd_mm_per_yr"] == pytest.approx(1.4826)
    assert values["rms_mm_per_yr"] == pytest.approx(np.sqrt(70.0 / 5.0))
    assert values["beyond_3_sigma"] == pytest.approx(0.2)


def test_nearest_neighbour_passes_over_unknown_up() -> None:
    sites, _ = network(30)
    velocity = sites.velocity_enu_mm_per_yr.copy()
    velocity[3, 2] = np.nan
    found = nearest_neighbour(
        replace(sites, velocity_enu_mm_per_yr=velocity), sites.longitude_deg[3:4], sites.latitude_deg[3:4]
    )
    np.testing.assert_array_equal(found[0, :2], velocity[3, :2])
    assert np.isfinite(found[0, 2])
