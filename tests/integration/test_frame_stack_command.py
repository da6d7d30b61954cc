"""``fiducial frame stack`` on years of simulated days: truth comes back, a killed run goes on, faults are named."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import sinex
from fiducial.geodesy.epochs import decimal_year
from fiducial.runs import frame_stack
from fiducial.runs.frame_stack_reference import read_stack_reference
from fiducial.stations.combination_model import StationOptions
from stack_factory import BENT, BREAK, BROKEN, JUMP_M, KINK_M_PER_YR, T0, StackWorld

WEEKS = StackWorld().weeks
PRODUCT = "FID0TSTSNX_20131880000_03Y_07D"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with days and reference, and the first stack of them."""
    folder = tmp_path_factory.mktemp("stack")
    days = StackWorld().write_all(folder)
    done = stack(folder, days)
    assert done.code == 0, done.err
    return folder, days, done.json


@pytest.fixture
def world(made, tmp_path):
    """The same days in a folder of their own."""
    folder, days, _ = made
    for path in [*days, *(folder / name for name in ("REF.SNX", "SOLN.SNX", "PSD.SNX", "CORE.TXT"))]:
        shutil.copy(path, tmp_path)
    return tmp_path, [tmp_path / path.name for path in days]


def arguments(folder, days, *more, out="out"):
    return ["frame", "stack", *days, "--reference", folder / "REF.SNX", "--discontinuities", folder / "SOLN.SNX", "--psd",
            folder / "PSD.SNX", "--core", folder / "CORE.TXT", "--out", folder / out, "--json", *more]  # fmt: skip


@pytest.fixture
def weeks(world, made):
    """The weekly combinations of the first stack, in the folder of the next: they come from the same input."""
    shutil.copytree(made[0] / "out" / "weeks", world[0] / "out" / "weeks")


def stack(folder, days, *more, out="out"):
    return fiducial(*arguments(folder, days, *more, out=out))


def refused(folder, days, *more):
    done = stack(folder, days, *more, out="refused")
    assert done.code != 0
    return done.err


def test_positions_velocities_and_breaks_come_back(made):
    folder, _, report = made
    file = sinex.read(folder / "out" / f"{PRODUCT}_SOL.SNX", strictness="raise", check_matrix=True)
    solution = file.solution
    position, velocity = solution.positions(), solution.velocities()
    assert (position.epochs_utc == T0).all()
    assert solution.reference_frame == "IGS20"
    truth = {(f"S{row:03d}", number): (xyz, moving) for row, number, xyz, moving in StackWorld().segments()}
    names = list(zip(position.codes.tolist(), position.solns.tolist(), strict=True))
    assert sorted(names) == sorted(truth)
    pulls = []
    for row, name in enumerate(names):
        for found, table, kind in ((position, 0, "m"), (velocity, 1, "m/yr")):
            error = found.xyz[row] - truth[name][table]
            assert error @ np.linalg.solve(found.covariance[row], error) < 25.0, (name, kind)
            pulls += (error / np.sqrt(np.diag(found.covariance[row]))).tolist()
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.25)
    place = {name: row for row, name in enumerate(names)}
    broken = f"S{BROKEN:03d}"
    jump = position.xyz[place[broken, "2"]] - position.xyz[place[broken, "1"]]
    assert jump == pytest.approx(JUMP_M, abs=4e-3)
    assert velocity.xyz[place[broken, "1"]] == pytest.approx(velocity.xyz[place[broken, "2"]], abs=1e-12)
    bent = f"S{BENT:03d}"
    kink = velocity.xyz[place[bent, "2"]] - velocity.xyz[place[bent, "1"]]
    assert kink == pytest.approx(KINK_M_PER_YR, abs=6e-3)
    assert report["product"]["velocities"] == 15
    assert report["product"]["converged"]
    starts = solution.discontinuities.start_utc[~np.isnat(solution.discontinuities.start_utc)]
    assert BREAK in starts.tolist() or BREAK in starts


def test_the_datum_is_that_of_the_core(made):
    """14 minimal constraints: the core has neither offset nor drift against its reference."""
    folder, _, report = made
    file = sinex.read(folder / "out" / f"{PRODUCT}_SOL.SNX")
    position, velocity = file.solution.positions(), file.solution.velocities()
    core = [name.split()[0] for name in report["product"]["core_segments"]]
    assert len(core) == 9
    rows = [position.codes.tolist().index(code) for code in core]
    world = StackWorld()
    where = world.stations.xyz[[world.stations.codes.index(code) for code in core]]
    design = np.zeros((len(core), 3, 7))
    design[:, [0, 1, 2], [0, 1, 2]] = 1.0
    design[:, :, 3] = where / 6.371e6
    for axis in range(3):
        design[:, :, 4 + axis] = np.cross(np.eye(3)[axis], where) / 6.371e6
    moving = world.stations.velocity[[world.stations.codes.index(code) for code in core]]
    for found, true in ((position, where), (velocity, moving)):
        rest = (found.xyz[rows] - true).ravel()
        fitted = np.linalg.lstsq(design.reshape(-1, 7), rest, rcond=None)[0]
        assert np.abs(fitted).max() < 2e-5


def test_the_report_has_every_solution(made):
    folder, days, report = made
    out = folder / "out"
    assert json.loads((out / f"{PRODUCT}_SUM.JSON").read_text()) == report
    assert len(report["solutions"]) == WEEKS
    world = StackWorld()
    errors = []
    for week, one in enumerate(report["solutions"]):
        assert len(one["days"]) == world.days
        assert one["stations"] == 14
        assert not one["reused"]
        for number, day in enumerate(one["days"]):
            found = day["helmert"]
            true = world.helmert[world.days * week + number]
            errors += [found[f"translation_{axis}_mm"] - 1e3 * true[k] for k, axis in enumerate("xyz")]
    # Fourteen stations of one to three millimetres know an origin to a millimetre.
    assert np.sqrt(np.mean(np.square(errors))) < 2.0
    assert np.median([one["sqrt_variance_factor"] for one in report["solutions"]]) == pytest.approx(1.0, abs=0.2)
    text = (out / f"{PRODUCT}_SUM.TXT").read_text(encoding="ascii")
    assert "Seven parameters of the solutions to the stack" in text
    assert max(map(len, text.splitlines())) <= 160
    page = (out / f"{PRODUCT}_SUM.html").read_text(encoding="utf-8")
    assert page.count("<img") == 3
    assert [path.name for path in days if path.name not in text] == []


def test_the_stack_is_a_reference_for_the_next(made):
    folder, *_ = made
    found = read_stack_reference(
        folder / "out" / f"{PRODUCT}_SOL.SNX", discontinuities=None, post_seismic=None, strictness="raise"
    )
    broken = (f"S{BROKEN:03d}", "A")
    assert found.segments.number(broken, 2014.0) == "1"
    assert found.segments.number(broken, 2015.0) == "2"
    assert found.segments.velocity_number((*broken, "2")) == "1"
    assert found.segments.velocity_number((f"S{BENT:03d}", "A", "2")) == "2"


@pytest.mark.usefixtures("weeks")
def test_inner_datum_has_no_mean_and_no_drift(world):
    folder, days = world
    done = stack(folder, days, "--datum", "inner")
    assert done.code == 0, done.err
    report = done.json
    epochs = np.array([one["epoch_utc"].rstrip("Z") for one in report["solutions"]], dtype="datetime64[s]")
    years = decimal_year(epochs)
    for name in ("translation_x_mm", "translation_y_mm", "translation_z_mm"):
        series = np.array([one["helmert"][name] for one in report["solutions"]])
        assert abs(series.mean()) < 1e-3
        assert abs(np.polyfit(years, series, 1)[0]) < 1e-3
    assert report["product"]["datum"] == "inner"
    # The datum of the stack is nothing to the weeks.
    assert all(one["reused"] for one in report["solutions"])


def test_a_killed_run_goes_on(world, made):
    folder, days = world
    words = [str(word) for word in arguments(folder, days)]
    code = "import sys; from fiducial.cli.main import main; sys.argv[0] = 'fiducial'; main()"
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.DEVNULL)
    weeks = folder / "out" / "weeks"
    while process.poll() is None and len(list(weeks.glob("*.JSON"))) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list((folder / "out").glob("*_SUM.JSON"))
    done = stack(folder, days)
    assert done.code == 0, done.err
    report = done.json
    reused = [one["reused"] for one in report["solutions"]]
    assert 2 <= sum(reused) < WEEKS
    fresh = sinex.read(made[0] / "out" / f"{PRODUCT}_SOL.SNX").solution
    again = sinex.read(folder / "out" / f"{PRODUCT}_SOL.SNX").solution
    np.testing.assert_array_equal(again.estimate.values, fresh.estimate.values)
    np.testing.assert_array_equal(again.covariance, fresh.covariance)
    assert not [path for path in (folder / "out").iterdir() if path.name.startswith(".")]
    # Another day, a damaged week: those two are made again, no other.
    sinex.write(replace(sinex.read(days[0]).solution, comments=("changed",)), days[0])
    second = sorted(weeks.glob("*_SOL.SNX"))[1]
    second.write_bytes(second.read_bytes()[:-9])
    assert stack(folder, days).code != 0
    done = stack(folder, days, "--overwrite")
    assert [one["reused"] for one in done.json["solutions"]] == [False, False, *((WEEKS - 2) * [True])]


def test_positions_alone_of_one_week(world):
    folder, days = world
    done = stack(folder, days[:2])
    assert done.code == 0, done.err
    report = done.json
    assert not report["product"]["rates"]
    assert report["product"]["velocities"] == 0
    assert report["segments"][0]["velocity_enu_mm_per_yr"] is None
    (name,) = [one for one in report["product"]["files"] if one.endswith(".SNX")]
    found = sinex.read(folder / "out" / name, strictness="raise").solution.positions()
    world_ = StackWorld()
    truth = dict(zip(world_.stations.codes, world_.truth(found.epochs_utc[0]), strict=True))
    # The relaxing station is given without its post-seismic displacement.
    kept = [row for row, code in enumerate(found.codes.tolist()) if code != "S011"]
    assert np.abs(found.xyz[kept] - np.array([truth[found.codes[row]] for row in kept])).max() < 0.015


@pytest.mark.usefixtures("weeks")
def test_the_reference_epoch_can_be_chosen(world):
    folder, days = world
    done = stack(folder, days, "--epoch", "2014-07-01", "--colocated-m", "1e7")
    assert done.code == 0, done.err
    assert done.json["product"]["reference_epoch_utc"].startswith("2014-07-01T00:00:00")
    # So far apart that many are neighbours: their velocities are one, and the misfit is seen.
    assert done.json["product"]["equal_velocities"] > 10


def test_a_folder_that_cannot_be_made_is_named(world):
    folder, days = world
    (folder / "refused").write_text("a file")
    assert "FID-1355" in refused(folder, days[:2])


@pytest.mark.parametrize("option", ["--residual-limit-mm", "--normalised-limit", "--core-limit-mm", "--colocated-m",
                                    "--core-velocity-limit-mm-per-yr"])  # fmt: skip
@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_limits_that_nothing_exceeds_are_refused(world, option, value):
    folder, days = world
    assert "FID-1375" in refused(folder, days[:2], f"{option}={value}")
    assert not (folder / "refused").exists()


def test_a_post_seismic_file_without_terms_is_refused(world):
    folder, days = world
    done = fiducial("frame", "stack", *days[:2], "--reference", folder / "REF.SNX", "--psd", folder / "SOLN.SNX",
                    "--out", folder / "refused")  # fmt: skip
    assert done.code == 3
    assert "FID-2464" in done.err


def test_weeks_that_another_run_replaced_are_not_stacked(world, monkeypatch):
    """A run with other options in the same folder, between the combination of a week and its stacking."""
    folder, days = world
    combine = frame_stack.weekly

    def disturbed(group, task, advance):
        week = combine(group, task, advance)
        combine(group, replace(task, options=StationOptions(residual_limit_m=2e-3)), advance)
        return week

    monkeypatch.setattr(frame_stack, "weekly", disturbed)
    assert "FID-1376" in refused(folder, days[:2])
    assert not list((folder / "refused").glob("*_SUM.JSON"))
    monkeypatch.undo()
    assert stack(folder, days[:2], out="refused").code == 0


def test_rates_of_one_epoch_are_refused(world):
    folder, days = world
    assert "FID-1324" in refused(folder, days[:1], "--rates")


def test_doubled_solutions_are_refused(world):
    folder, days = world
    shutil.copy(days[0], folder / "COPY.SNX")
    assert "FID-1364" in refused(folder, [*days[:3], folder / "COPY.SNX"])


def test_a_station_twice_in_a_day_is_left_out_and_named(world):
    folder, days = world
    solution = sinex.read(days[0]).solution
    table = solution.estimate
    twice = replace(table, codes=np.where(table.codes == "S003", "S002", table.codes),
                    solns=np.where(table.codes == "S003", "2", table.solns))  # fmt: skip
    sinex.write(replace(solution, estimate=twice), days[0])
    done = stack(folder, days[:4])
    assert done.code == 0, done.err
    assert done.json["solutions"][0]["days"][0]["stations"] == 12


def test_discontinuities_of_unknown_stations_are_named(world):
    folder, days = world
    solution = sinex.read(folder / "SOLN.SNX").solution
    sinex.write(replace(solution, discontinuities=StackWorld().breaks(more=("ZZZZ",))), folder / "SOLN.SNX")
    done = stack(folder, days[:4])
    assert done.code == 0, done.err
    assert any("ZZZZ A" in text for text in done.json["findings"])
    assert "FID-2480" in refused(folder, days[:4], "--strictness", "raise")


def test_a_velocity_that_changes_inside_a_segment_is_refused(world):
    folder, days = world
    table = StackWorld().breaks()
    inside = np.where((table.codes == f"S{BENT:03d}") & (table.kinds == "P") & (table.solns == "2"))[0]
    keep = np.ones(len(table.codes), dtype=bool)
    keep[inside] = False
    ends = table.end_utc.copy()
    ends[inside - 1] = np.datetime64("NaT")
    columns = {
        name: getattr(table, name)[keep] for name in ("codes", "points", "solns", "start_utc", "kinds", "comments")
    }
    broken = replace(table, end_utc=ends[keep], **columns)
    solution = sinex.read(folder / "SOLN.SNX").solution
    sinex.write(replace(solution, discontinuities=broken), folder / "SOLN.SNX")
    assert "FID-1363" in refused(folder, days)
    sinex.write(replace(solution, discontinuities=None), folder / "SOLN.SNX")
    assert "FID-1365" in refused(folder, days)


def test_a_day_without_positive_definite_matrix_is_left_out(world):
    folder, days = world
    solution = sinex.read(days[1]).solution
    covariance = solution.covariance.copy()
    covariance[0, 1] = covariance[1, 0] = 2.0 * np.sqrt(covariance[0, 0] * covariance[1, 1])
    sinex.write(replace(solution, covariance=covariance), days[1])
    done = stack(folder, days[:4])
    assert done.code == 0, done.err
    assert any("FID-3130" in note for note in done.json["solutions"][0]["notes"])
    assert len(done.json["solutions"][0]["days"]) == 1
    assert "FID-3130" in refused(folder, days[:4], "--strictness", "raise")
