"""Combination and alignment of station solutions: real files, and centres simulated from real networks and statistics.

No daily solution with its matrix is among the real files but AUSPOS: the ten centres of B5 are simulated, with full
matrices, from the coordinates of igs17P49 and the published statistics of week 2332.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from commands import fiducial
from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import sinex, sinex_summary
from fiducial.runs.station_reference import read_reference
from fiducial.runs.station_sources import centre_solution, read_centre
from fiducial.stations.helmert_design import AT_SURFACE, helmert_design
from fiducial.stations.systems import datum_free, minimal_constraint, unconstrained_normal
from sinex_factory import EPOCH, Centre, Network, simulated
from support import data_path

pytestmark = pytest.mark.real

DAY = 0
SUMMARY = ("orbits", "2024-263-final", "IGS0OPSSNX_20242590000_07D_07D_SUM.YML")
TRANSLATIONS = ("TX", "TY", "TZ")


def test_b4_daily_frame_check_through_the_command():
    day = data_path("sinex", "igs18P19821_all_CoordOnly.snx")
    done = fiducial("frame", "align", day, "--reference", data_path("sinex", "igs17P49_CoordOnly.snx"), "--json")
    assert done.code == 0, done.err
    found = done.json
    helmert = found["helmert"]
    translation = [helmert[f"translation_{axis}_mm"] for axis in "xyz"]
    assert np.linalg.norm(translation) < 2.0
    assert translation == pytest.approx([-0.59, -0.26, 1.51], abs=0.05)
    assert abs(helmert["scale_ppb"]) < 0.3
    assert max(abs(helmert[f"rotation_{axis}_mas"]) for axis in "xyz") < 0.05
    assert (np.array(found["rms_enu_mm"]) < [4.0, 4.0, 7.0]).all()
    assert found["used_stations"] >= 430
    assert found["common_stations"] - found["used_stations"] == len(found["rejected_stations"])
    # Regularised coordinates of stations that earthquakes still move are named.
    assert {"MIZU A 13", "TSKB A 9", "AREQ A 8"} <= {one["station"] for one in found["rejected_stations"]}


def _noise(rms, members):
    """Standard deviations that leave these residuals to a mean in which each centre has its share."""
    sigma = rms.copy()
    for _ in range(50):
        weight = members[:, :, None] / sigma[:, None] ** 2
        share = weight / np.maximum(weight.sum(axis=0), 1.0)
        shared = members & (members.sum(axis=0) > 1)
        left = 1.0 - (share * shared[:, :, None]).sum(axis=1) / shared.sum(axis=1)[:, None]
        sigma = rms / np.sqrt(left)
    return sigma


def _well_spread_first(sites, xyz):
    """Order stations by distance to those before, as core networks are chosen."""
    order, apart = [0], np.linalg.norm(xyz - xyz[0], axis=1)
    while len(order) < len(sites):
        order.append(int(np.argmax(apart)))
        apart = np.minimum(apart, np.linalg.norm(xyz - xyz[order[-1]], axis=1))
    return [sites[row] for row in order]


@cache
def _week():
    return sinex_summary.read(data_path(*SUMMARY))


def _centres(summary, network, rng):
    names = sorted({centre for centre, day in summary.statistics if day == DAY} - {"IGS"})
    statistics = [summary.statistics[name, DAY] for name in names]
    # Some stations are in nearly every solution, most in a few.
    popular = rng.gumbel(size=(len(names), len(network.codes))) + np.linspace(4.0, 0.0, len(network.codes))
    members = np.zeros(popular.shape, dtype=bool)
    for row, one in enumerate(statistics):
        members[row, np.argsort(-popular[row])[: one.stations]] = True
    sigma = _noise(np.array([one.wrms_enu_m for one in statistics]), members)
    for row, (name, one) in enumerate(zip(names, statistics, strict=True)):
        frame = summary.transformations[name, DAY]
        helmert = np.concatenate([frame.translation_m, [frame.scale], frame.rotation_rad])
        part = network.part(np.flatnonzero(members[row]))
        centre = Centre(
            name, part, sigma[row], helmert, one.sqrt_variance_factor**2, correlation=0.2, as_published=True
        )
        yield centre, one


@pytest.mark.slow
def test_b5_ten_simulated_centres_give_the_published_week_again(tmp_path):
    # The datum hangs on 47 stations with a millimetre of noise each: over seeds, translations scatter by 0.12 mm, the scale
    # by 0.03 ppb, rotations by 3.5 uas.
    summary, rng = _week(), np.random.default_rng(1)
    reference = read_reference(data_path("sinex", "igs17P49_CoordOnly.snx"), EPOCH)
    sites = [site for site in reference.sites if site[1] == "A"]
    sites = [sites[row] for row in rng.permutation(len(sites))[: summary.statistics["IGS", DAY].stations]]
    sites = _well_spread_first(sites, np.array([reference.sites[site].position_m for site in sites]))
    xyz = np.array([reference.sites[site].position_m for site in sites])
    network = Network([code for code, _ in sites], xyz, np.zeros_like(xyz))
    given, files = {}, []
    for seed, (centre, statistics) in enumerate(_centres(summary, network, rng)):
        files.append(tmp_path / f"{centre.name}0OPSFIN_20242590000_01D_01D_SOL.SNX")
        sinex.write(simulated(centre, seed), files[-1])
        given[centre.name] = centre, statistics
    core = tmp_path / "core.txt"
    core.write_text("".join(f"{code} A\n" for code in network.codes[: summary.statistics["IGS", DAY].core_stations]))
    done = fiducial("frame", "combine", *files, "--reference", data_path("sinex", "igs17P49_CoordOnly.snx"), "--core", core,
                    "--out", tmp_path / "out", "--json")  # fmt: skip
    assert done.code == 0, done.err
    report = done.json
    assert len(report["centres"]) == 10
    assert report["product"]["converged"]
    for one in report["centres"]:
        centre, statistics = given[one["centre"]]
        found = one["helmert"]
        translation = np.array([found[f"translation_{axis}_mm"] for axis in "xyz"])
        rotation = np.array([found[f"rotation_{axis}_mas"] for axis in "xyz"])
        assert translation == pytest.approx(1e3 * centre.helmert[:3], abs=0.5)
        assert found["scale_ppb"] == pytest.approx(1e9 * centre.helmert[3], abs=0.05)
        assert rotation == pytest.approx(centre.helmert[4:] / MILLIARCSECOND_RAD, abs=0.010)
        assert one["wrms_enu_mm"] == pytest.approx(1e3 * statistics.wrms_enu_m, rel=0.1)
        assert one["sqrt_variance_factor"] ** 2 == pytest.approx(statistics.sqrt_variance_factor**2, rel=0.2)
        assert one["stations"] == pytest.approx(statistics.stations, abs=3)
    # The summary that is written says of every centre what the published one does.
    ours = sinex_summary.read(next((tmp_path / "out").glob("*_SUM.YML")))
    assert (ours.week, {day for _, day in ours.transformations}) == (summary.week, {DAY})
    for key, one in ours.transformations.items():
        published = summary.transformations[key]
        assert one.translation_m == pytest.approx(published.translation_m, abs=5e-4)
        assert one.rotation_rad == pytest.approx(published.rotation_rad, abs=0.010 * MILLIARCSECOND_RAD)
        assert one.scale == pytest.approx(published.scale, abs=5e-11)
        assert ours.statistics[key].wrms_enu_m == pytest.approx(summary.statistics[key].wrms_enu_m, rel=0.1)


@cache
def _auspos():
    file = read_centre(data_path("sinex", "STR1AUSPOS.SNX"))
    return file, centre_solution(file, {})


def test_b13_standard_deviations_are_those_of_the_matrix():
    file, _ = _auspos()
    table = file.solution.estimate
    assert np.abs(np.sqrt(np.diag(file.solution.covariance)) - table.sigmas).max() < 1e-8
    assert any("disagree with SOLUTION/MATRIX_APRIORI" in text for text in file.findings)
    assert any("no DOMES number" in text for text in file.findings)


def test_b13_the_rank_is_read_from_the_spectrum():
    _, solution = _auspos()
    normal, _ = unconstrained_normal(solution)
    lowest = np.linalg.eigvalsh(normal)[:4]
    assert lowest == pytest.approx([1.84e2, 1.28e3, 1.54e3, 2.13e5], rel=0.01)
    # Orbits were held fixed: they know orientation and scale to millimetres, the origin to centimetres.
    known = datum_free(solution).datum_sigma_m
    assert (known[:3] > 0.01).all()
    assert np.isfinite(known).all()


def test_b13_a_datum_of_translations_alone_moves_nothing():
    _, solution = _auspos()
    normal, value = unconstrained_normal(solution)
    reference = solution.apriori
    rows = np.arange(len(value), dtype=np.intp)
    held = normal + minimal_constraint(solution.keys, reference, rows, 1e-5, held=TRANSLATIONS)
    step = np.linalg.solve(held, normal @ (value - reference))
    design = (helmert_design(solution.keys, reference) / AT_SURFACE)[:, :3]
    assert np.linalg.lstsq(design, step, rcond=None)[0] == pytest.approx(np.zeros(3), abs=1e-5)
    # Rotations and scale come from the orbits then: the shape is not touched, but a full datum would move it by a mm.
    every = normal + minimal_constraint(solution.keys, reference, rows, 1e-5)
    other = np.linalg.solve(every, normal @ (value - reference))
    assert np.abs(other - step).max() > 5e-4
