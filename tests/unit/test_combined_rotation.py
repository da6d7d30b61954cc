"""Pole, UT1, length of day and rates in the combination of stations, against simulated truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD as MAS
from fiducial.formats import erp
from fiducial.runs.frame_report import rotation_notes
from fiducial.runs.frame_rotation import combined_rotation, rotation_bytes
from fiducial.stations.combination import combine_stations
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.systems import CentreSolution
from sinex_factory import Centre, as_centre, network, simulated

NETWORK = network(24, seed=2)
EPOCH = "2024-09-15T12"
KINDS = ("XPO", "YPO", "UT", "LOD", "XPOR", "YPOR")
TRUTH = np.array([150.0 * MAS, 420.0 * MAS, 0.0213, 0.8e-3, 1.2 * MAS, -0.7 * MAS])
SIGMA = np.array([0.03 * MAS, 0.03 * MAS, 5e-6, 10e-6, 0.1 * MAS, 0.1 * MAS])
PER_UT = 2.0 * np.pi * 1.002737909350795 / 86_400.0


def centre(name, seed, *, rotation_rad=(0.0, 0.0, 0.0), ut="observed", factor=1.0, kinds=KINDS):
    """A centre whose frame is turned by a rotation, and with it its pole and UT1.

    ``ut`` is ``observed``, or ``constrained``: free in the observations, held to a value that is 0.4 ms off.
    """
    rng = np.random.default_rng(seed)
    helmert = np.array([2e-3, -1e-3, 3e-3, 1e-10, *rotation_rad])
    stations = as_centre(name, simulated(Centre(name, NETWORK, helmert=helmert, pole_sigma_rad=None), seed))
    keys = (*stations.keys, *(ParameterKey(kind, "", "", EPOCH) for kind in kinds))
    size, rows = len(stations.keys), [KINDS.index(kind) for kind in kinds]
    turned = TRUTH[rows] - (helmert_design(keys, np.concatenate([NETWORK.xyz.ravel(), TRUTH[rows]])) @ helmert)[size:]
    value = np.concatenate([stations.value, turned + np.sqrt(factor) * SIGMA[rows] * rng.normal(size=len(rows))])
    covariance = np.zeros((len(keys), len(keys)))
    covariance[:size, :size] = stations.covariance
    covariance[size:, size:] = np.diag(SIGMA[rows] ** 2)
    # A loose frame: the whole of it turns, Earth rotation included.
    design = helmert_design(keys, np.concatenate([NETWORK.xyz.ravel(), TRUTH[rows]])) / AT_SURFACE
    covariance[:size, size:] = design[:size] @ design[size:].T
    covariance[size:, :size] = covariance[:size, size:].T
    covariance[size:, size:] += design[size:] @ design[size:].T
    solution = CentreSolution(name, keys, value, covariance)
    return solution if ut == "observed" else constrained(solution, size + kinds.index("UT"))


def constrained(solution, row, sigma_s=2e-5):
    """UT1 without observations, held to a wrong value."""
    covariance = solution.covariance.copy()
    covariance[row, :] = covariance[:, row] = 0.0
    covariance[row, row] = sigma_s**2
    value = solution.value.copy()
    value[row] = TRUTH[2] + 4e-4
    held = 1e8 * np.diag(covariance)
    held[row] = sigma_s**2
    information = np.linalg.inv(solution_scaled(covariance)[0])
    scale = solution_scaled(covariance)[1]
    information = information / np.outer(scale, scale)
    # The constraint on UT1 is all that is known of it; the others are as good as unconstrained.
    information[np.diag_indices_from(information)] += np.where(np.arange(len(held)) == row, 0.0, 1.0 / held)
    scaled, scale = solution_scaled(information)
    return replace(solution, value=value, covariance=np.linalg.inv(scaled) / np.outer(scale, scale), apriori=value.copy(),
                   apriori_covariance=np.diag(held))  # fmt: skip


def solution_scaled(matrix):
    scale = np.sqrt(np.diag(matrix))
    return matrix / np.outer(scale, scale), scale


def combined(solutions):
    return combine_stations(solutions, NETWORK.coordinates())


def found_values(result, kinds=KINDS):
    rows = [result.keys.index(ParameterKey(kind, "", "", EPOCH)) for kind in kinds]
    return result.value[rows], np.sqrt(np.diag(result.covariance)[rows])


def three(seed=0, **options):
    return centres("ABC", seed, **options)


def centres(names, seed=0, **options):
    turns = (
        np.array(
            [[0.3, -0.2, 0.4], [-0.5, 0.1, 0.2], [0.1, 0.4, -0.6], [0.2, 0.2, 0.3], [-0.3, -0.1, 0.5], [0.4, 0.3, -0.2]]
        )
        * MAS
    )
    return [
        centre(name, 10 * seed + k, rotation_rad=turn, **options)
        for k, (name, turn) in enumerate(zip(names, turns, strict=False))
    ]


def test_earth_rotation_comes_back_within_its_sigma():
    pulls = []
    for seed in range(40):
        result = combined(centres("ABCDEF", seed))
        value, sigma = found_values(result)
        # The rotation of the frames, 0.6 mas or 40 microseconds of UT1, is ten times what is left.
        pulls.append((value - TRUTH) / sigma)
        assert np.abs(pulls[-1]).max() < 4.5
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.1)


def test_the_frame_turns_pole_and_universal_time():
    """A centre turned by R gives xp + R2, yp + R1, UT1 - R3 / f in the combined frame, as its stations say."""
    result = combined(three())
    for one in result.centres:
        for (key, residual), sigma in zip(one.earth_rotation, SIGMA, strict=True):
            assert abs(residual) < 6.0 * sigma, (one.name, key)
    turned = three()[2]
    rows = [turned.keys.index(ParameterKey(kind, "", "", EPOCH)) for kind in ("XPO", "YPO", "UT")]
    rotation = result.centres[2].helmert[4:]
    moved = turned.value[rows] + np.array([rotation[1], rotation[0], -rotation[2] / PER_UT])
    # The centre's own noise, and that of its rotation: 24 stations know it to some 0.05 mas, 3 microseconds.
    assert np.abs((moved - TRUTH[:3]) / SIGMA[:3]).max() < 5.0
    assert abs(turned.value[rows[2]] - TRUTH[2]) > 3e-5


def test_length_of_day_and_rates_do_not_turn():
    keys = tuple(ParameterKey(kind) for kind in KINDS)
    assert not helmert_design(keys, TRUTH)[3:].any()
    # A rotation of the frame by +R3 carries its prime meridian along: UT1 is less by R3 / f.
    assert helmert_design(keys, TRUTH)[2, 6] == pytest.approx(-1.0 / PER_UT)


def test_universal_time_of_satellites_is_reported_as_free():
    solutions = three(ut="constrained")
    result = combined(solutions)
    assert [(name, key.kind) for name, key in result.free] == [(name, "UT") for name in "ABC"]
    assert not [key for key in result.keys if key.kind == "UT"]
    rest = tuple(kind for kind in KINDS if kind != "UT")
    value, sigma = found_values(result, rest)
    assert np.abs((value - np.delete(TRUTH, 2)) / sigma).max() < 4.0
    assert all("rank defect" in note for note in rotation_notes(result))


def test_one_centre_that_observes_universal_time_gives_it_to_all():
    solutions = [*three(ut="constrained")[:2], three()[2]]
    result = combined(solutions)
    assert [name for name, _ in result.free] == ["A", "B"]
    value, sigma = found_values(result)
    assert np.abs((value - TRUTH) / sigma).max() < 4.0


def test_the_file_of_earth_rotation_reads_back():
    result = combined(three())
    rotation, notes = combined_rotation(result)
    assert notes == ()
    again = erp.read(rotation_bytes(rotation, 24, ["A", "B", "C"])).rotation
    value, sigma = found_values(result)
    assert again.mjd_utc.tolist() == [60568.5]
    for k, name in enumerate(
        ("x_pole_rad", "y_pole_rad", "ut1_minus_utc_s", "lod_s", "x_rate_rad_per_day", "y_rate_rad_per_day")
    ):
        step = 1e-7 if name.endswith("_s") else 1e-3 * MAS
        assert getattr(again, name)[0] == pytest.approx(value[k], abs=0.51 * step)
    assert again.x_pole_sigma_rad[0] == pytest.approx(sigma[0], abs=0.51e-3 * MAS)


def test_what_a_file_of_earth_rotation_cannot_hold_is_named():
    result = combined(three())
    rows = [key._replace(solution="2024-09-16T00") if key.kind == "LOD" else key for key in result.keys]
    large = np.where([key.kind == "UT" for key in rows], -37.0, result.value)
    rotation, notes = combined_rotation(replace(result, keys=tuple(rows), value=large))
    assert len(notes) == 2
    assert np.isnan(rotation.lod_s).all()
    assert np.isnan(rotation.ut1_minus_utc_s).all()
    pole = [row for row, key in enumerate(rows) if key.kind != "YPO"]
    assert combined_rotation(replace(result, keys=tuple(rows[row] for row in pole), value=result.value[pole],
                                     covariance=result.covariance[np.ix_(pole, pole)])) == (None, ())  # fmt: skip
