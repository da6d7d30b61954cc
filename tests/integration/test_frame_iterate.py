"""Stations and orbits together: simulated centres with known truth, and the real day."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from commands import fiducial
from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.runs.frame_codetermination import determine_together
from fiducial.runs.simulated_centres import simulate_centres
from support import data_path

UAS = MILLIARCSECOND_RAD / 1e3
SEEDS = range(8)


@pytest.fixture(scope="module")
def iterated():
    worlds = [simulate_centres(seed) for seed in SEEDS]
    return [(world, determine_together(world.solutions, world.orbits, world.reference_m)) for world in worlds]


def errors(world, rotation):
    return np.array([rotation[name] - world.rotation_rad[name] for name in rotation])


def test_rotations_converge_to_the_truth_within_three_sigma(iterated):
    pulls = []
    for world, found in iterated:
        assert found.converged
        sigma = np.array([found.rotation_sigma_rad[name] for name in found.rotation_rad])
        pulls.append(errors(world, found.rotation_rad) / sigma)
    # The datum is common to the centres of a world, so that not every one of 144 pulls is its own draw.
    assert np.mean(np.abs(np.array(pulls)) < 3.0) > 0.98
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_both_blocks_move_and_together_they_know_more_than_the_stations(iterated):
    joint = np.sqrt(np.mean([np.mean(errors(world, found.rotation_rad) ** 2) for world, found in iterated]))
    alone = np.sqrt(np.mean([np.mean(errors(world, found.from_stations_rad) ** 2) for world, found in iterated]))
    assert joint < 0.8 * alone
    assert all(found.sweeps[1].frame_step_mm > 0.01 for _, found in iterated)


def test_the_frame_step_shrinks_by_the_contraction_factor(iterated):
    for _, found in iterated:
        assert 0.05 < found.contraction < 0.9
        steps = [one.frame_step_mm for one in found.sweeps[1:]]
        assert all(after < before for before, after in itertools.pairwise(steps))
        assert steps[-1] < 1e-3


def test_stations_come_within_three_sigma_of_the_truth(iterated):
    pulls = []
    for world, found in iterated:
        sites, position, covariance = found.stations.positions()
        for site, own, block in zip(sites, position, covariance, strict=True):
            pulls.append(np.linalg.solve(np.linalg.cholesky(block), own - world.station_m[site]))
    # The frame of before has errors of a few millimetres itself, which no covariance of the day knows.
    assert np.mean(np.abs(np.array(pulls)) < 3.0) > 0.98


def test_without_differences_between_stations_and_orbits_nothing_moves():
    world = simulate_centres(1, rotation_uas=0.0, orbit_sigma_m=1e-6)
    found = determine_together(world.solutions, world.orbits, world.reference_m)
    assert found.converged
    spread = np.array(list(found.from_orbits_rad.values()))
    assert np.abs(spread - spread.mean(axis=0)).max() < 0.1 * UAS


def test_simulation_by_command():
    done = fiducial("frame", "iterate", "--simulate", "--seed", "3", "--json")
    assert done.code == 0
    assert done.json["converged"]
    assert 0.05 < done.json["contraction_factor"] < 0.9
    assert set(done.json["true_rotation_rad"]) == {one["centre"] for one in done.json["centres"]}
    table = fiducial("frame", "iterate", "--simulate", "--seed", "3")
    assert "contraction factor 0." in table.out


@pytest.mark.parametrize("arguments", [(), ("folder", "--simulate")])
def test_orbits_or_simulation_not_both(arguments):
    done = fiducial("frame", "iterate", *arguments)
    assert done.code == 2
    assert "FID-1362" in done.err


@pytest.mark.real
def test_real_rotations_of_stations_and_orbits_agree_in_y():
    done = fiducial("frame", "iterate", data_path("orbits", "2024-263-final"), "--json")
    assert done.code == 0
    correlation = done.json["correlation"]
    # reference/orbits.md section 3.3: 0.915, 0.62 and 0.35.
    assert correlation["Ry"] == pytest.approx(0.915, abs=0.02)
    assert correlation["Rx"] == pytest.approx(0.62, abs=0.1)
    assert correlation["Rz"] == pytest.approx(0.35, abs=0.1)
    sio = next(one for one in done.json["centres"] if one["centre"] == "SIO")
    assert sio["rms_after_mm"] < sio["rms_before_mm"] - 1.0
    reference = {one["reference"]: one for one in done.json["references"]}
    assert reference["IGF"]["rms_after_mm"] < reference["IGF"]["rms_before_mm"]


@pytest.mark.real
def test_without_a_summary_is_fid_1361():
    done = fiducial("frame", "iterate", data_path("orbits", "2024-263-final", "sp3"))
    assert done.code == 2
    assert "FID-1361" in done.err
