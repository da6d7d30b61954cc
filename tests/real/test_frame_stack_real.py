"""Real daily solutions through ``fiducial frame stack``, and the post-seismic covariance of ITRF2020."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import sinex
from fiducial.runs.station_reference import read_reference, read_solutions
from sinex_factory import Network
from stack_factory import T0_YR, StackWorld
from support import data_path

pytestmark = pytest.mark.real


def test_the_day_of_2018_stacks_into_the_frame(tmp_path):
    """Every third station: matrices of all 558 take ten times as long; `frame align` takes all of them."""
    reference = data_path("sinex/igs17P49_CoordOnly.snx")
    solution = sinex.read(data_path("sinex/igs18P19821_all_CoordOnly.snx")).solution
    table = solution.estimate
    rows = np.isin(table.codes, np.unique(table.codes)[::3])
    part = type(table)(*(getattr(table, column.name)[rows] for column in fields(table)))
    day = tmp_path / "igs18P19821.snx"
    sinex.write(replace(solution, estimate=part), day)
    done = fiducial("frame", "stack", day, "--reference", reference, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    report = done.json
    product = report["product"]
    assert not product["rates"]
    assert product["stations"] == np.count_nonzero(part.types == "STAX") > 180
    # B4: 430 of 474 common stations fit, and of these as large a part.
    assert len(product["core_segments"]) >= 430 / 558 * product["stations"]
    (solution,) = report["solutions"]
    (entry,) = solution["days"]
    found = entry["helmert"]
    assert max(abs(found[f"translation_{axis}_mm"]) for axis in "xyz") < 2.0
    assert abs(found["scale_ppb"]) < 0.3
    assert max(abs(found[f"rotation_{axis}_mas"]) for axis in "xyz") < 0.05
    (name,) = [one for one in product["files"] if one.endswith(".SNX")]
    written = sinex.read(tmp_path / "out" / name, strictness="raise").solution
    assert len(written.estimate) == 3 * product["stations"]
    assert written.discontinuities is not None


def test_post_seismic_parameters_of_itrf2020_widen_the_reference():
    reference, models = data_path("sinex/igs17P49_CoordOnly.snx"), data_path("sinex/ITRF2020-psd-gnss.snx")
    epoch = np.datetime64("2021-01-01T12:00:00", "ns")
    plain, moved = read_reference(reference, epoch), read_reference(reference, epoch, post_seismic=models)
    assert len(moved.post_seismic_sites) > 80
    for site in moved.post_seismic_sites:
        larger = moved.sites[site].covariance_m2 - plain.sites[site].covariance_m2
        values = np.linalg.eigvalsh(larger)
        assert values[0] > -1e-12, site
        assert 0.0 < values[-1] < 0.05**2, site


def test_simulated_years_of_real_stations_come_back(tmp_path):
    """Fourteen stations of igs17P49, with their velocities; breaks, relaxation, frames and noise are simulated."""
    motions = read_solutions(data_path("sinex/igs17P49_CoordOnly.snx")).motions
    codes, where, moving = [], [], []
    for (code, point), listed in motions.items():
        far = all(np.linalg.norm(listed[-1].position_m - other) > 3e6 for other in where)
        if point == "A" and far and len(codes) < 14 and np.isfinite(listed[-1].velocity_m_per_yr).all():
            codes.append(code)
            where.append(listed[-1].at(T0_YR)[0])
            moving.append(listed[-1].velocity_m_per_yr)
    world = StackWorld(stations=Network(codes, np.array(where), np.array(moving)), seed=3)
    days = world.write_all(tmp_path)
    done = fiducial(
        "frame", "stack", *days, "--reference", tmp_path / "REF.SNX", "--core", tmp_path / "CORE.TXT", "--psd",
        tmp_path / "PSD.SNX", "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (name,) = [one for one in done.json["product"]["files"] if one.endswith(".SNX")]
    solution = sinex.read(tmp_path / "out" / name, strictness="raise", check_matrix=True).solution
    found, pulls = solution.velocities(), []
    truth = {(codes[row], number): velocity for row, number, _, velocity in world.segments()}
    for row, site in enumerate(zip(found.codes.tolist(), found.solns.tolist(), strict=True)):
        error = found.xyz[row] - truth[site]
        pulls.append(error @ np.linalg.solve(found.covariance[row], error) / 3.0)
    assert len(pulls) == 16
    assert max(pulls) < 9.0
    assert np.sqrt(np.mean(pulls)) == pytest.approx(1.0, abs=0.3)
