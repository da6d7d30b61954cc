"""Combination of simulated centres whose truth, noise and unit of weight are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.stations.combination import combine_stations
from fiducial.stations.combination_model import StationOptions
from fiducial.stations.helmert_design import ParameterKey
from sinex_factory import MILLIARCSECOND_RAD, POLE_RAD, Centre, Network, as_centre, network, simulated

NETWORK = network(30, seed=1)
HELMERT = np.array([2e-3, -3e-3, 5e-3, 2e-10, *(np.array([0.05, -0.08, 0.03]) * MILLIARCSECOND_RAD)])
FACTORS = (4.0, 1.0, 0.01, 25.0, 2.0)
CONSTRAINTS = ("free", "loose", "tight", "free", "free")


def _centres(seed=0, *, part=None, **options):
    rng = np.random.default_rng(seed)
    size = len(NETWORK.codes)
    found = []
    for k, factor in enumerate(FACTORS):
        rows = np.sort(rng.permutation(size)[: part or int(0.85 * size)])
        chosen = {"factor": factor, "helmert": HELMERT, **options}
        found.append(Centre(f"C{k}", NETWORK.part(rows), **chosen))
    return found


def _combined(centres, seed=0, core=None, reference=None, options=None, **more):
    solutions = [as_centre(one.name, simulated(one, 100 * seed + k)) for k, one in enumerate(centres)]
    return combine_stations(solutions, reference or NETWORK.coordinates(), core, options, **more)


def _errors(found):
    sites, positions, covariances = found.positions()
    truth = NETWORK.coordinates()
    errors = positions - np.array([truth[site] for site in sites])
    return errors, covariances


def test_parameters_and_units_of_weight_are_found():
    found = _combined(_centres())
    assert found.converged
    ratios = []
    for centre, factor in zip(found.centres, FACTORS, strict=True):
        assert centre.helmert[:3] == pytest.approx(HELMERT[:3], abs=1.5e-3)
        assert centre.helmert[3] == pytest.approx(HELMERT[3], abs=3e-10)
        assert centre.helmert[4:] == pytest.approx(HELMERT[4:], abs=0.04 * MILLIARCSECOND_RAD)
        ratios.append(centre.variance_factor / factor)
        assert (np.abs(centre.helmert - HELMERT) < 5.0 * centre.helmert_sigma).all()
        assert centre.stations == 25
    # Each has about 50 degrees of freedom.
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.25)
    assert max(ratios) / min(ratios) < 3.0
    assert np.abs(_errors(found)[0]).max() < 6e-3


@pytest.mark.slow
def test_pulls_of_coordinates_are_standard_normal():
    pulls = []
    for seed in range(100):
        centres = [replace(one, constraint=held) for one, held in zip(_centres(seed), CONSTRAINTS, strict=True)]
        errors, covariances = _errors(_combined(centres, seed))
        pulls += [
            np.linalg.solve(np.linalg.cholesky(block), error) for error, block in zip(errors, covariances, strict=True)
        ]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.05)


def test_tight_and_loose_copies_give_one_combination():
    def with_first(constraint):
        centres = _centres()
        return _combined([replace(centres[0], constraint=constraint), *centres[1:]])

    loose, tight = with_first("loose"), with_first("tight")
    assert np.abs(tight.value[:-2] - loose.value[:-2]).max() < 1e-5
    assert tight.centres[0].variance_factor == pytest.approx(loose.centres[0].variance_factor, rel=1e-3)
    free = with_first("free")
    assert np.abs(tight.value[:-2] - free.value[:-2]).max() < 1e-5


def test_gross_stations_are_rejected_with_reasons():
    centres = _centres()
    code, other = centres[0].stations.codes[4], centres[3].stations.codes[9]
    centres[0] = replace(centres[0], gross_enu_m={code: (0.0, 0.05, 0.0)})
    centres[3] = replace(centres[3], gross_enu_m={other: (0.015, 0.0, 0.0)})
    found = _combined(centres)
    said = {(one.centre, one.site[0]): one for one in found.rejections}
    by_size = said["C0", code]
    assert (by_size.reason, by_size.component, by_size.limit) == ("residual", "N", 0.02)
    assert by_size.value == pytest.approx(0.04, abs=0.015)
    by_sigma = said["C3", other]
    assert (by_sigma.reason, by_sigma.component, by_sigma.limit) == ("normalised-residual", "E", 5.0)
    assert by_sigma.value > 5.0
    assert set(said) == {("C0", code), ("C3", other)}
    assert found.centres[0].stations == len(centres[0].stations.codes) - 1
    assert np.abs(_errors(found)[0]).max() < 6e-3


def test_a_station_that_all_centres_lose_leaves_the_combination():
    only = Network(["LONE"], NETWORK.xyz[:1] + 5e4, np.zeros((1, 3)))
    with_lone = [
        replace(one, stations=Network([*one.stations.codes, *only.codes], np.vstack([one.stations.xyz, only.xyz]),
                                      np.vstack([one.stations.velocity, only.velocity])),
                gross_enu_m={"LONE": (shift, 0.0, 0.0)})
        for one, shift in zip(_centres()[:2], (0.06, -0.06), strict=True)
    ]  # fmt: skip
    found = _combined([*with_lone, *_centres()[2:]])
    assert {one.site[0] for one in found.rejections} == {"LONE"}
    # The second of the two centres keeps it: alone it cannot be checked.
    assert len(found.rejections) in {1, 2}


def test_a_core_station_that_moved_is_no_core_station():
    reference = NETWORK.coordinates()
    site = ("S007", "A", "1")
    reference[site] = reference[site] + 0.08 * NETWORK.xyz[7] / np.linalg.norm(NETWORK.xyz[7])
    found = _combined(_centres(), reference=reference)
    assert [(one.centre, one.site, one.reason, one.component) for one in found.rejections] == [
        ("", site, "reference", "U")
    ]
    assert found.rejections[0].value == pytest.approx(-0.08, abs=0.015)
    assert site not in found.core
    assert len(found.core) == 29
    assert np.abs(_errors(found)[0]).max() < 6e-3


def test_the_pole_turns_with_the_stations():
    found = _combined(_centres())
    pole = found.value[[found.keys.index(ParameterKey("XPO")), found.keys.index(ParameterKey("YPO"))]]
    assert pole == pytest.approx(POLE_RAD, abs=0.06 * MILLIARCSECOND_RAD)
    for centre in found.centres:
        kinds = [key.kind for key, _ in centre.earth_rotation]
        assert kinds == ["XPO", "YPO"]
        # 30 microarcseconds of noise; without the rotation it would be 80.
        assert max(abs(value) for _, value in centre.earth_rotation) < 0.1 * MILLIARCSECOND_RAD


def test_sites_left_out_by_the_caller_are_not_used():
    centres = _centres()
    code = centres[0].stations.codes[2]
    centres[0] = replace(centres[0], gross_enu_m={code: (3.0, 0.0, 0.0)}, constraint="tight")
    found = _combined(centres, left_out={"C0": [(code, "A", "1")]})
    assert not found.rejections
    assert (code, "A", "1") not in found.centres[0].sites
    assert np.abs(_errors(found)[0]).max() < 6e-3


def test_one_centre_alone_is_put_into_the_frame():
    centre = Centre("AAA", NETWORK, helmert=HELMERT)
    found = _combined([centre])
    assert found.centres[0].helmert[:3] == pytest.approx(HELMERT[:3], abs=2e-3)
    assert np.isnan(found.centres[0].wrms_enu_m).all()
    # Nothing tells its unit of weight.
    assert found.centres[0].variance_factor == 1.0
    assert np.abs(_errors(found)[0]).max() < 0.015


def test_solutions_without_noise_are_combined_too():
    centres = [
        replace(one, sigma_enu_m=one.sigma_enu_m * 1e-7, pole_sigma_rad=1e-16, factor=1e-14) for one in _centres()
    ]
    found = _combined(centres)
    assert np.abs(_errors(found)[0]).max() < 1e-6
    assert found.centres[0].helmert[:3] == pytest.approx(HELMERT[:3], abs=1e-6)


def test_many_moved_core_stations_go_without_harm():
    reference = NETWORK.coordinates()
    moved = NETWORK.sites()[:10]
    for row, site in enumerate(moved):
        reference[site] = reference[site] + np.array([0.05, -0.03, 0.04]) * (-1) ** row * (1 + row)
    found = _combined(_centres(), reference=reference)
    assert {one.site for one in found.rejections} == set(moved)
    assert np.abs(_errors(found)[0]).max() < 8e-3


def test_no_solution_and_two_of_one_name_are_refused():
    with pytest.raises(InputError, match="FID-1321"):
        combine_stations([], NETWORK.coordinates())
    twice = [as_centre("AAA", simulated(Centre("AAA", NETWORK), seed)) for seed in (1, 2)]
    with pytest.raises(InputError, match=r"FID-1321.*two of one name"):
        combine_stations(twice, NETWORK.coordinates())


def test_too_few_core_stations_are_refused():
    with pytest.raises(InputError, match=r"FID-1322.*2 core stations"):
        _combined(_centres(), core=NETWORK.sites()[:2])


def test_a_network_that_hangs_on_nothing_names_its_datum():
    first = Centre("AAA", NETWORK.part(range(15)), pole_sigma_rad=None)
    second = Centre("BBB", NETWORK.part(range(15, 30)), pole_sigma_rad=None)
    with pytest.raises(NumericsError, match=r"FID-3132.*singular.*S0(1[5-9]|2\d).*datum is missing"):
        _combined([first, second], core=NETWORK.sites()[:15])


def test_options_are_limits():
    centres = _centres()
    code = centres[0].stations.codes[4]
    centres[0] = replace(centres[0], gross_enu_m={code: (0.0, 0.05, 0.0)})
    found = _combined(centres, options=StationOptions(residual_limit_m=1.0, normalised_limit=1e3, core_limit_m=1.0))
    assert not found.rejections
    assert found.centres[0].wrms_enu_m[1] > 5e-3
