"""``fiducial orbits combine`` on the real day of ten centres, once, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import clk, erp, iers_finals, sinex_summary, sp3
from fiducial.runs.orbit_report_model import CombinationReport
from support import data_path

pytestmark = pytest.mark.real

CENTRES = ("COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO")
STEM = "FID0TSTFIN_20242630000_01D"
MJD = 60572
# Peak of the process itself: the children's peak of resource.getrusage includes what pytest had before it started them.
CODE = """
import atexit, sys
from pathlib import Path
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    sys.stderr.write(next(line for line in lines if line.startswith("VmHWM")).split()[1])
atexit.register(peak)
from fiducial.cli.main import main
main()
"""


def folder():
    return data_path("orbits", "2024-263-final")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("real")
    done = subprocess.run(
        [sys.executable, "-c", CODE, "orbits", "combine", str(folder()), "--out", str(out), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out, done.stdout, int(done.stderr)


@pytest.fixture(scope="module")
def report(made):
    return CombinationReport.model_validate_json(made[1])


def keys_of(value):
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from keys_of(part)


def test_memory(made):
    assert made[2] < 300 * 1024, f"{made[2] / 1024:.0f} MiB"


def test_the_report_is_plain_json_and_the_same_everywhere(made, report):
    out, printed, _ = made
    written = (out / f"{STEM}_01D_SUM.JSON").read_text(encoding="utf-8")
    assert json.loads(printed) == json.loads(written)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*|[A-Z]", key) for key in keys_of(json.loads(written)))
    assert sorted(report.product.files) == sorted(path.name for path in out.iterdir())


def test_centres_and_files(report):
    assert {one.centre for one in report.inputs if one.role == "combined"} == set(CENTRES)
    assert {one.centre for one in report.inputs if one.role == "compared"} == {"IGF", "IGL"}
    for one in report.inputs:
        assert one.sha256 == hashlib.sha256((folder() / "sp3" / one.file).read_bytes()).hexdigest()
    assert {one.kind for one in report.auxiliary} == {
        "frame summary", "satellite metadata", "NANU summary", "earth rotation",
    }  # fmt: skip
    assert report.exclusions == []


def test_a_cut_frame_label_is_told(report):
    assert any(note.startswith("ESA: frame label 'ITRF2' names no frame") for note in report.notes)


def test_no_earth_rotation_from_predictions(made, report):
    assert any("only predictions for this day" in note for note in report.notes)
    assert report.earth_rotation == []
    assert not list(made[0].glob("*.ERP"))


def test_the_manoeuvre_of_g17(report):
    (one,) = report.manoeuvres
    assert (one.satellite, one.source, one.reference) == ("G17", "NANU", "2024044")
    assert one.centres_kept == ["COD", "GFZ", "MIT", "SIO"]
    assert one.centres_cut == []
    assert one.centres_without == ["EMR", "ESA", "GRG", "JGX", "JPL", "NGS"]
    assert one.sentence.startswith("GPS G17: COD, GFZ, MIT, SIO agree through it and stay")
    (g17,) = [one for one in report.satellites if one.satellite == "G17"]
    assert (g17.centres, g17.records, g17.events) == (4, 288, ["V"])


def test_eclipses_are_those_of_rocs_within_one_epoch(report):
    text = (folder() / "rocs_expected" / "eclipse_2024263").read_text(encoding="ascii")
    rows = [line.split() for line in text.splitlines() if line.split()[-1:] in (["full"], ["partial"])]
    theirs = sorted(
        (row[0], *(datetime.fromisoformat(f"{row[k]}T{row[k + 1]}") for k in (3, 5)), row[7]) for row in rows
    )
    mine = sorted(report.eclipses, key=lambda one: (one.satellite, one.begin_gps))
    assert {one.body for one in mine} == {"Earth"}
    assert [(one.satellite, one.kind) for one in mine] == [(name, kind) for name, _, _, kind in theirs]
    epoch = timedelta(minutes=5, seconds=36)
    for one, (_, begin, end, _) in zip(mine, theirs, strict=True):
        assert abs(one.begin_gps - begin) < epoch
        assert abs(one.end_gps - end) < epoch
    assert len({one.satellite for one in mine}) == 19


def test_clocks_of_another_kind(report):
    assert [(one.centre, one.satellite, one.reason) for one in report.clocks.exclusions] == [("NGS", "G", "clock-kind")]
    (gps,) = [part for part in report.clocks.constellations if part.constellation == "G"]
    assert max(one.share_percent for one in gps.centres) <= 40.0 + 1e-6


def test_files_are_whole_and_agree(made, report):
    orbit = sp3.read(made[0] / f"{STEM}_05M_ORB.SP3", strictness="raise").orbit
    clocks = clk.read(made[0] / f"{STEM}_05M_CLK.CLK", strictness="raise").clocks
    assert orbit.epochs_gps.size == clocks.epochs_gps.size == report.product.epochs == 288
    assert orbit.satellites == tuple(one.satellite for one in report.satellites)
    column = [orbit.satellites.index(name) for name in clocks.satellites]
    same = orbit.clock_s[:, column] - clocks.bias_s
    assert np.nanmax(np.abs(same)) <= 0.51e-12


def test_compare_with_the_official_product(made):
    official = folder() / "sp3" / "IGF0OPSFIN_20242630000_01D_15M_ORB.SP3"
    done = fiducial("orbits", "compare", made[0] / f"{STEM}_05M_ORB.SP3", official, "--json")
    (gps,) = (one for one in done.json["constellations"] if one["name"] == "G")
    assert gps["raw"]["coordinate_rms_m"] <= 1.5e-3
    assert gps["aligned"]["coordinate_rms_m"] <= 1.2e-3
    assert gps["records_only_second"] == 0


def test_earth_rotation_where_bulletin_a_has_observed(tmp_path):
    """Observed rows of the real Bulletin A, moved to the days around the orbits."""
    rows = data_path("eop", "finals2000A.all").read_text(encoding="ascii").splitlines()
    observed = [row for row in rows if row[16:17] == "I" and row[57:58] == "I"][-10:]
    moved = []
    for k, row in enumerate(observed):
        day = date(1858, 11, 17) + timedelta(days=MJD - 5 + k)
        moved.append(f"{day.year % 100:2d}{day.month:2d}{day.day:2d} {MJD - 5 + k:8.2f}{row[15:]}")
    finals = tmp_path / "finals.data"
    finals.write_text("\n".join(moved) + "\n", encoding="ascii")
    done = fiducial("orbits", "combine", folder(), "--eop", finals, "--out", tmp_path / "out", "--no-page",
                    "--no-clocks", "--sampling", "15min", "--json")  # fmt: skip
    assert done.code == 0, done.err
    (entry,) = CombinationReport.model_validate_json(done.out).earth_rotation
    rotation = erp.read(tmp_path / "out" / f"{STEM}_01D_ERP.ERP").rotation
    assert rotation.mjd_utc.tolist() == [MJD + 0.5]
    residual = sinex_summary.read(folder() / "IGS0OPSSNX_20242590000_07D_07D_SUM.YML").erp_residuals(
        "bua", np.datetime64("2024-09-19T00:00", "ns")
    )
    bulletin = iers_finals.read(finals).bulletin_a
    uas = np.pi / 180 / 3600e6
    # Halfway between two days: the mean of both, but for the bend of the pole in a day.
    for name, found in (("x_pole_rad", entry.x_pole_uas), ("y_pole_rad", entry.y_pole_uas)):
        middle = getattr(bulletin, name)[5:7].mean() / uas
        assert found == pytest.approx(middle - getattr(residual, name) / uas, abs=150.0)
        assert getattr(rotation, name)[0] / uas == pytest.approx(found, abs=0.51)
    assert abs(residual.x_pole_rad / uas - 94.375) < 1e-6
    assert 0 < entry.x_pole_sigma_uas < 100
