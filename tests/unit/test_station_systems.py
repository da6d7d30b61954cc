"""Station solutions without constraints and datum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.stations.helmert_design import AT_SURFACE, HELMERT, ParameterKey, helmert_design
from fiducial.stations.normal_solutions import solution_of_normal
from fiducial.stations.systems import datum_free, minimal_constraint, unconstrained_normal, without_site
from sinex_factory import Centre, as_centre, network, simulated

NETWORK = network(12, seed=3)


def _solution(constraint="free", seed=1, **options):
    return as_centre("AAA", simulated(Centre("AAA", NETWORK, constraint=constraint, **options), seed))


def _sizes(system):
    """Elements over the roots of the diagonals, so that coordinates and the pole compare."""
    scale = np.sqrt(np.diag(system.normal))
    return system.normal / np.outer(scale, scale)


def test_the_design_moves_coordinates_as_the_transformation_does():
    keys = _solution().keys
    values = np.concatenate([NETWORK.xyz.ravel(), [1e-6, 2e-6]])
    helmert = np.array([0.1, -0.2, 0.3, 1e-8, 2e-8, -3e-8, 1e-8])
    moved = NETWORK.xyz + helmert[:3] + helmert[3] * NETWORK.xyz + np.cross(helmert[4:], NETWORK.xyz)
    step = helmert_design(keys, values) @ helmert
    assert step[:-2].reshape(-1, 3) == pytest.approx(moved - NETWORK.xyz, abs=1e-7)
    # xp_s = xp + R2, yp_s = yp + R1: the pole in the turned frame.
    assert step[-2:] == pytest.approx([helmert[5], helmert[4]])


def test_ut1_turns_back():
    design = helmert_design([ParameterKey("UT"), ParameterKey("LOD")], np.zeros(2))
    assert design[0, 6] == pytest.approx(-86_400.0 / (2.0 * np.pi * 1.002737909350795))
    assert not design[1].any()


def test_a_site_needs_each_coordinate_once():
    keys = [ParameterKey(kind, "ZIMM", "A", "1") for kind in ("STAX", "STAY")]
    with pytest.raises(InputError, match=r"FID-1320.*ZIMM"):
        helmert_design(keys, np.zeros(2))
    keys = [ParameterKey(kind, "ZIMM", "A", "1") for kind in ("STAX", "STAY", "STAZ", "STAX")]
    with pytest.raises(InputError, match="FID-1320"):
        helmert_design(keys, np.zeros(4))


def test_no_datum_is_left():
    system = datum_free(_solution())
    moved = system.normal @ system.design / AT_SURFACE
    assert np.abs(moved).max() < 1e-6 * np.diag(system.normal)[:-2].max()
    assert system.rank == len(system.keys) - 7


@pytest.mark.parametrize("constraint", ["tight", "loose"])
def test_constraints_are_taken_out_exactly(constraint):
    free, held = datum_free(_solution()), datum_free(_solution(constraint))
    assert _sizes(held) == pytest.approx(_sizes(free), abs=1e-6)
    apart = held.value - free.value
    rest = apart - held.design @ (held.projection @ apart)
    assert np.abs(rest[:-2]).max() < 1e-5


def test_the_datum_that_observations_know_is_read_from_the_matrix():
    network_held = datum_free(_solution("network"))
    # Independent stations of 1 mm, 1.1 mm and 3.3 mm, 12 of them: origin and scale to millimetres.
    assert (network_held.datum_sigma_m < 5e-3).all()
    loose = datum_free(_solution("free"))
    assert loose.datum_sigma_m == pytest.approx(np.ones(7), rel=0.01)


def test_free_translations_are_told_from_known_rotations():
    solution = _solution("network", pole_sigma_rad=None)
    design = helmert_design(solution.keys, solution.value)[:, :3]
    normal = np.linalg.inv(solution.covariance)
    normal -= normal @ design @ np.linalg.inv(design.T @ normal @ design) @ design.T @ normal
    system = datum_free(solution_of_normal("AAA", solution.keys, solution.value, normal, np.zeros(len(normal))))
    assert (system.datum_sigma_m[:3] > 0.05).all()
    assert (system.datum_sigma_m[3:] < 0.01).all()


def test_a_matrix_that_is_not_positive_definite_names_the_parameter():
    solution = _solution("network")
    covariance = solution.covariance.copy()
    row = 3 * 4 + 2
    covariance[row, row] *= 1e-3
    with pytest.raises(NumericsError, match=r"FID-3130.*smallest eigenvalue.*STAZ S004") as caught:
        datum_free(replace(solution, covariance=covariance))
    assert "S004" in caught.value.where


def test_information_is_as_good_as_a_covariance():
    solution = _solution("network")
    normal = np.linalg.inv(solution.covariance)
    found = solution_of_normal("AAA", solution.keys, solution.value, 0.5 * (normal + normal.T), np.zeros(len(normal)))
    assert _sizes(datum_free(found)) == pytest.approx(_sizes(datum_free(solution)), abs=1e-6)


def test_normal_equations_give_the_estimates():
    solution = _solution("network")
    normal = np.linalg.inv(solution.covariance)
    step = np.concatenate([np.full(len(solution.keys) - 2, 0.01), [1e-9, 1e-9]])
    found = solution_of_normal("AAA", solution.keys, solution.value - step, normal, normal @ step)
    first, second = datum_free(found), datum_free(solution)
    apart = first.value - second.value
    assert np.abs((apart - first.design @ (first.projection @ apart))[:-2]).max() < 1e-5


def test_normal_equations_that_lack_more_than_a_datum_name_the_parameter():
    solution = _solution("network")
    normal = np.linalg.inv(solution.covariance)
    normal[15:18], normal[:, 15:18] = 0.0, 0.0
    with pytest.raises(NumericsError, match=r"FID-3134.*STAX S005: no observation"):
        solution_of_normal("AAA", solution.keys, solution.value, normal, np.zeros(len(normal)))
    # Only the sum of a station's coordinates is observed, and the datum is free besides.
    keep = [row for row, key in enumerate(solution.keys) if key.code != "S005"]
    normal[np.ix_(keep, keep)] = without_site(datum_free(solution), ("S005", "A", "1")).normal
    normal[15:18, 15:18] = 1e6
    with pytest.raises(NumericsError, match=r"FID-3134.*smallest eigenvalue"):
        solution_of_normal("AAA", solution.keys, solution.value, normal, np.zeros(len(normal)))


def test_a_site_left_out_is_as_if_it_had_not_been_there():
    whole = _solution()
    keep = [row for row, key in enumerate(whole.keys) if key.code != "S003"]
    part = replace(whole, keys=tuple(whole.keys[row] for row in keep), value=whole.value[keep],
                   covariance=whole.covariance[np.ix_(keep, keep)])  # fmt: skip
    left, never = without_site(datum_free(whole), ("S003", "A", "1")), datum_free(part)
    assert left.keys == never.keys
    assert _sizes(left) == pytest.approx(_sizes(never), abs=1e-7)


def test_constraints_of_a_site_go_with_it():
    shift = {"S003": (0.0, 0.0, 0.5), "S004": (0.3, 0.0, 0.0)}
    systems = [datum_free(_solution(constraint, gross_enu_m=shift)) for constraint in ("free", "tight")]
    for code in shift:
        systems = [without_site(system, (code, "A", "1")) for system in systems]
    assert _sizes(systems[1]) == pytest.approx(_sizes(systems[0]), abs=1e-6)


def test_minimal_constraints_hold_what_they_say_and_no_more():
    solution = _solution()
    rows = np.arange(36, dtype=np.intp)
    whole = minimal_constraint(solution.keys, solution.value, rows, 1e-4)
    assert np.linalg.matrix_rank(whole, tol=1e-6 * np.abs(whole).max()) == 7
    part = minimal_constraint(solution.keys, solution.value, rows, 1e-4, held=HELMERT[:3])
    assert np.linalg.matrix_rank(part, tol=1e-6 * np.abs(part).max()) == 3
    np.linalg.cholesky(_sizes(datum_free(solution)) + _scaled(whole, datum_free(solution)))


def _scaled(matrix, system):
    scale = np.sqrt(np.diag(system.normal))
    return matrix / np.outer(scale, scale)


def test_two_core_sites_do_not_make_a_datum():
    solution = _solution()
    with pytest.raises(NumericsError, match=r"FID-3131.*RZ"):
        minimal_constraint(solution.keys, solution.value, np.arange(6, dtype=np.intp), 1e-4)
    held = minimal_constraint(solution.keys, solution.value, np.arange(6, dtype=np.intp), 1e-4, held=("TX", "TY", "TZ"))
    assert held.any()


def test_the_unconstrained_estimate_is_that_before_constraints():
    before = _solution()
    _, value = unconstrained_normal(_solution("loose"))
    assert value[:-2] == pytest.approx(before.value[:-2], abs=1e-4)
