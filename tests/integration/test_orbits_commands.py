"""``fiducial orbits combine`` and ``compare`` on small synthetic days, from files to files."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import orbit_day_factory as factory
from commands import fiducial
from fiducial.formats import clk, erp, sp3
from fiducial.orbits.orbit import Orbit
from fiducial.runs.orbit_combine import CombineRequest, combine, load
from fiducial.runs.orbit_products import write_products
from fiducial.runs.orbit_report_model import CombinationReport

STEM = "FID0TSTFIN_20242630000_01D"
MIXED = ("G01", "G02", "G03", "R01", "R02", "R03", "C06", "C11", "C21", "J02", "J03", "J04")
COMMAND = [sys.executable, "-c", "from fiducial.cli.main import main; main()", "orbits"]


def strict(text):
    """JSON without NaN."""

    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def keys_of(value):
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from keys_of(part)


def run(*arguments, page=False):
    """Combine, without page unless wanted, and give the report."""
    done = fiducial("orbits", "combine", *arguments, "--json", *([] if page else ["--no-page"]))
    assert done.code == 0, done.err
    assert done.err == ""
    return CombinationReport.model_validate_json(done.out)


def refused(*arguments, code, exit_code=2):
    done = fiducial("orbits", "combine", *arguments, "--no-page")
    assert done.code == exit_code
    assert done.err.startswith(f"{code}: ")
    assert done.out == ""
    return done.err


def roles(report):
    return {one.centre: one.role for one in report.inputs}


def rms_m(first, second):
    return float(np.sqrt(np.nanmean((first.position_m - second.position_m) ** 2)))


def only(folder, ending):
    (found,) = folder.glob(f"*.{ending}")
    return found


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Four centres with clocks; read only."""
    return factory.write_day(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def product(day, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "new" / "folder"
    done = fiducial("orbits", "combine", day[0], "--out", out)
    assert done.code == 0, done.err
    return out, done


@pytest.fixture
def own_day(tmp_path):
    """The same, to spoil."""
    return factory.write_day(tmp_path / "day")


def test_a_day_becomes_a_product(day, product):
    out, done = product
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted([f"{STEM}_15M_ORB.SP3", f"{STEM}_15M_CLK.CLK", f"{STEM}_01D_SUM.SUM",
                            f"{STEM}_01D_SUM.JSON", f"{STEM}_01D_SUM.html"])  # fmt: skip
    for name in names:
        assert str(out / name) in done.out
    report = CombinationReport.model_validate_json((out / f"{STEM}_01D_SUM.JSON").read_bytes())
    assert sorted(report.product.files) == names
    assert roles(report) == dict.fromkeys(factory.centres(), "combined")
    orbit = sp3.read(only(out, "SP3")).orbit
    assert orbit.frame == "IGS20"
    assert rms_m(orbit, day[1]) < 0.008 < rms_m(day[2]["CCC"], day[1])


def test_the_report_is_plain_json(product):
    text = (product[0] / f"{STEM}_01D_SUM.JSON").read_text(encoding="utf-8")
    assert not [key for key in keys_of(strict(text)) if not key.isidentifier() and not key.isalnum()]


def test_json_is_all_that_is_printed(day, tmp_path):
    done = fiducial("orbits", "combine", day[0], "--out", tmp_path, "--json", "--no-page")
    assert done.err == ""
    assert strict(done.out) == strict((tmp_path / f"{STEM}_01D_SUM.JSON").read_text(encoding="utf-8"))


def test_written_files_have_the_numbers_of_the_combination(day, tmp_path):
    combined = combine(load(CombineRequest(sources=[day[0]])))
    write_products(combined, tmp_path, page=False)
    again = sp3.read(only(tmp_path, "SP3"), strictness="raise").orbit
    assert again.satellites == combined.orbit.satellites
    assert (again.epochs_gps == combined.orbit.epochs_gps).all()
    np.testing.assert_allclose(again.position_m, np.round(combined.orbit.position_m, 3), atol=1e-8, rtol=0)
    np.testing.assert_allclose(again.clock_s, np.round(combined.orbit.clock_s, 12), atol=1e-20, rtol=0)
    clocks = clk.read(only(tmp_path, "CLK"), strictness="raise").clocks
    np.testing.assert_allclose(clocks.bias_s, combined.clocks.clock_s, rtol=1e-12, atol=0)


def test_more_satellites_than_sp3_c_could_hold(tmp_path):
    many = tuple(f"{letter}{n:02d}" for letter, last in (("G", 32), ("R", 24), ("E", 36)) for n in range(1, last + 1))
    folder, _, _ = factory.write_day(tmp_path / "day", count=3, satellites=many, length_s=9000.0)
    report = run(folder, "--out", tmp_path / "out")
    assert len(report.satellites) == 92
    assert sp3.read(only(tmp_path / "out", "SP3"), strictness="raise").orbit.satellites == tuple(
        one.satellite for one in report.satellites
    )


def test_four_constellations_with_their_own_shares_and_clocks(tmp_path):
    folder, true, _ = factory.write_day(tmp_path / "day", satellites=MIXED)
    report = run(folder, "--out", tmp_path / "out")
    assert [part.constellation for part in report.clocks.constellations] == ["G", "R", "C", "J"]
    assert {one.group for one in report.weights} == {"G", "R", "C", "J"}
    assert rms_m(sp3.read(only(tmp_path / "out", "SP3")).orbit, true) < 0.010


@pytest.mark.parametrize(("option", "epochs", "sampling"), [([], 288, "05M"), (["--sampling", "15min"], 96, "15M")])
def test_centres_at_5_and_15_minutes(tmp_path, option, epochs, sampling):
    fine = factory.truth(step_s=300.0)
    for centre in factory.centres():
        own = factory.seen_by(centre, fine)
        if centre in ("AAA", "CCC"):
            own = replace(own, epochs_gps=own.epochs_gps[::3], position_m=own.position_m[::3], clock_s=own.clock_s[::3])
        factory.write_orbit(tmp_path / "day", centre, own)
    report = run(tmp_path / "day", "--out", tmp_path / "out", *option)
    assert report.product.epochs == epochs
    orbit = sp3.read(tmp_path / "out" / f"{STEM}_{sampling}_ORB.SP3").orbit
    assert np.isfinite(orbit.position_m).all()
    assert rms_m(orbit, replace_rows(fine, slice(None, None, 288 // epochs))) < 0.008


def replace_rows(orbit, rows):
    return Orbit(
        orbit.epochs_gps[rows], orbit.satellites, orbit.position_m[rows], orbit.clock_s[rows], orbit.frame
    )  # fmt: skip


@pytest.mark.parametrize(("short", "length"), [(("DDD",), "02D"), (("BBB", "CCC", "DDD"), "01D")])
def test_arcs_of_one_and_two_days(tmp_path, short, length):
    two = factory.truth(length_s=172_800.0)
    for centre in factory.centres():
        own = factory.seen_by(centre, two)
        factory.write_orbit(tmp_path / "day", centre, replace_rows(own, slice(0, 96)) if centre in short else own)
    report = run(tmp_path / "day", "--out", tmp_path / "out")
    assert report.product.epochs == (192 if length == "02D" else 96)
    assert (tmp_path / "out" / f"FID0TSTFIN_20242630000_{length}_15M_ORB.SP3").exists()


def test_a_length_that_no_name_can_state_counts_to_the_next_hour(tmp_path, own_day):
    for centre, orbit in own_day[2].items():
        factory.write_orbit(own_day[0], centre, replace_rows(orbit, slice(0, 77)))
    run(own_day[0], "--out", tmp_path / "out")
    assert (tmp_path / "out" / "FID0TSTFIN_20242630000_20H_15M_ORB.SP3").exists()


def test_a_record_at_24_00_is_not_of_the_day(tmp_path):
    longer = factory.truth(length_s=86_400.0 + 900.0)
    for centre in factory.centres(3):
        factory.write_orbit(tmp_path / "day", centre, factory.seen_by(centre, longer))
    assert run(tmp_path / "day", "--out", tmp_path / "out").product.epochs == 96


def test_orbits_without_clocks(tmp_path):
    folder, _, _ = factory.write_day(tmp_path / "day", count=3, clocks=False)
    report = run(folder, "--out", tmp_path / "out")
    assert report.clocks is None
    assert "no centre has clocks: orbits only" in report.notes
    assert not list((tmp_path / "out").glob("*.CLK"))


def test_no_clocks_reads_no_clock_files(tmp_path, own_day):
    for centre, orbit in own_day[2].items():
        factory.write_clocks(own_day[0], centre, orbit, step_s=300.0)
    report = run(own_day[0], "--out", tmp_path / "out", "--no-clocks")
    assert report.clocks is None
    assert not report.notes
    assert {one.clock_file for one in report.inputs} == {None}


def test_clocks_at_30_seconds_beside_orbits_at_15_minutes(tmp_path, own_day):
    folder, true, own = own_day
    files = [factory.write_clocks(folder, centre, own[centre]) for centre in ("AAA", "BBB", "CCC")]
    (folder / files[0].name.replace("AAA", "ZZZ")).write_bytes(files[0].read_bytes())
    report = run(folder, "--out", tmp_path / "out")
    clocks = clk.read(tmp_path / "out" / f"{STEM}_30S_CLK.CLK").clocks
    assert clocks.epochs_gps.size == 2880
    assert np.isfinite(clocks.bias_s).all()
    # To one datum an epoch and one constant a satellite; between the nodes the truth is a straight line.
    seconds = (clocks.epochs_gps[::30] - clocks.epochs_gps[0]) / np.timedelta64(1, "s")
    rest = clocks.bias_s[::30] - true.clock_s
    rest = rest - rest.mean(axis=1, keepdims=True)
    rest = rest - rest.mean(axis=0)
    assert seconds.size == 96
    assert rest.std() < 30e-12
    assert [one.clock_file is not None for one in report.inputs] == [True, True, True, False]
    assert {one.file for one in report.auxiliary if one.kind == "clocks"} == {path.name for path in files}
    assert any(note.startswith("ZZZ: clocks without orbits") for note in report.notes)


def test_clocks_thinned_out(tmp_path, own_day):
    folder, _, own = own_day
    for centre in own:
        factory.write_clocks(folder, centre, own[centre], step_s=60.0)
    run(folder, "--out", tmp_path / "out", "--clock-sampling", "5min")
    assert clk.read(tmp_path / "out" / f"{STEM}_05M_CLK.CLK").clocks.epochs_gps.size == 288
    assert "--clock-sampling" in refused(folder, "--out", tmp_path / "no", "--clock-sampling", "7s", code="FID-1203")


def test_a_clock_file_of_another_day_is_told(tmp_path, own_day):
    folder, _, own = own_day
    later = replace(own["BBB"], epochs_gps=own["BBB"].epochs_gps + np.timedelta64(1, "D"))
    factory.write_clocks(folder, "AAA", own["AAA"], step_s=300.0)
    factory.write_clocks(folder, "BBB", later, step_s=300.0)
    report = run(folder, "--out", tmp_path / "out")
    assert any(note.startswith("BBB: the clock file has no epoch of these orbits") for note in report.notes)
    (gps,) = report.clocks.constellations
    assert {one.centre for one in gps.centres} == {"AAA", "CCC", "DDD"}


def test_a_clock_sampling_without_clock_files_is_told(day, tmp_path):
    report = run(day[0], "--out", tmp_path, "--clock-sampling", "30s")
    assert "no clock files: --clock-sampling has no effect" in report.notes


def test_compressed_files(tmp_path, own_day):
    files = sorted(own_day[0].glob("*.SP3"))
    files[0].with_name(files[0].name + ".gz").write_bytes(gzip.compress(files[0].read_bytes()))
    files[1].with_name(files[1].name + ".bz2").write_bytes(bz2.compress(files[1].read_bytes()))
    files[0].unlink()
    files[1].unlink()
    assert set(roles(run(own_day[0], "--out", tmp_path / "out"))) == set(factory.centres())


def test_a_named_file_without_grammar(tmp_path, own_day):
    odd = own_day[0] / "DDD0OPSFIN_20242630000_01D_15M_ORB.SP3"
    odd = odd.rename(tmp_path / "orbit.sp3")
    assert "COD=orbit.sp3" in refused(own_day[0], odd, "--out", tmp_path / "out", code="FID-1231")
    assert set(roles(run(own_day[0], f"xyz={odd}", "--out", tmp_path / "out"))) == {"AAA", "BBB", "CCC", "XYZ"}
    assert set(roles(run(own_day[0], f"xyz={odd}", "--without", "xyz", "--out", tmp_path / "less"))) == {
        "AAA", "BBB", "CCC",
    }  # fmt: skip


def test_sources_that_cannot_be(day, tmp_path):
    folder, out = day[0], tmp_path / "out"
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "--out", out, code="FID-1230")
    refused(tmp_path / "absent", "--out", out, code="FID-1230")
    refused(folder, "--without", "AAA,BBB,CCC,DDD", "--out", out, code="FID-1230")
    assert "two files" in refused(folder, f"AAA={only_of(folder, 'BBB')}", "--out", out, code="FID-1232")
    assert "QQQ" in refused(folder, "--without", "QQQ", "--out", out, code="FID-1232")
    assert "QQQ" in refused(folder, "--compare-only", "QQQ", "--out", out, code="FID-1233")
    refused(folder, "--compare-only", "AAA,BBB,CCC,DDD", "--out", out, code="FID-1204")
    assert not out.exists()


def only_of(folder, centre):
    (found,) = folder.glob(f"{centre}*.SP3")
    return found


def test_without_and_compare_only(day, tmp_path):
    report = run(day[0], "--out", tmp_path, "--without", "ddd", "--compare-only", "aaa")
    assert roles(report) == {"AAA": "compared", "BBB": "combined", "CCC": "combined"}
    assert report.options["without"] == ["DDD"]
    assert {one.centre for one in report.weights} == {"BBB", "CCC"}


def test_frames(tmp_path, own_day):
    folder, _, own = own_day
    factory.write_orbit(folder, "DDD", replace(own["DDD"], frame="IGS14"))
    assert "DDD: IGS14" in refused(folder, "--out", tmp_path / "out", code="FID-1234")
    told = run(folder, "--out", tmp_path / "stated", "--frame", "IGS20").notes
    assert "DDD: header says IGS14, taken as IGS20 on request" in told
    told = run(folder, "--out", tmp_path / "compared", "--compare-only", "DDD").notes
    assert any("DDD: compared in IGS14 with IGS20" in note for note in told)
    factory.write_orbit(folder, "DDD", own["DDD"], label="ITRF2")
    told = run(folder, "--out", tmp_path / "cut").notes
    assert any("DDD: frame label 'ITRF2' names no frame" in note for note in told)
    for centre, orbit in own.items():
        factory.write_orbit(folder, centre, orbit, label="ITRF2")
    assert "--frame" in refused(folder, "--out", tmp_path / "none", code="FID-1234")
    run(folder, "--out", tmp_path / "all", "--frame", "ITRF2020")
    assert sp3.read(only(tmp_path / "all", "SP3")).header.frame_label == "IGS20"
    refused(folder, "--out", tmp_path / "odd", "--frame", "WGS72", code="FID-1004")


def test_rotations_of_the_frame_summary(tmp_path, own_day):
    folder, true, _ = own_day
    summary = folder / "IGS0OPSSNX_20242590000_07D_07D_SUM.YML"
    summary.write_text(factory.frame_summary(factory.centres(), rotation_mas=(0.1, -0.2, 0.3)), encoding="ascii")
    report = run(folder, "--out", tmp_path / "turned")
    assert [one.centre for one in report.pre_alignment] == list(factory.centres())
    for one in report.pre_alignment:
        assert (one.rotation_x_uas, one.rotation_y_uas, one.rotation_z_uas) == pytest.approx((100.0, -200.0, 300.0))
    # 0.374 mas at 26 560 km are some centimetres; without rotations they are not there.
    assert rms_m(sp3.read(only(tmp_path / "turned", "SP3")).orbit, true) > 0.015
    plain = run(folder, "--out", tmp_path / "plain", "--no-rotations")
    assert plain.pre_alignment == []
    assert plain.auxiliary == []
    assert rms_m(sp3.read(only(tmp_path / "plain", "SP3")).orbit, true) < 0.008
    summary.write_text(factory.frame_summary(factory.centres(), week=2331), encoding="ascii")
    assert "2331" in refused(folder, "--out", tmp_path / "week", code="FID-1235")
    summary.write_text(factory.frame_summary(["AAA"]), encoding="ascii")
    report = run(folder, "--out", tmp_path / "one")
    assert "BBB: not in the frame summary, combined without a rotation" in report.notes


def test_earth_rotation_of_the_day(tmp_path, own_day):
    folder = own_day[0]
    summary, finals = tmp_path / "sum.YML", tmp_path / "finals.data"
    summary.write_text(
        factory.frame_summary(factory.centres(), rotation_mas=(0, 0, 0), bulletin_uas=(100.0, -60.0), lod_us=-41.0)
    )
    finals.write_text(factory.bulletin_a(first_mjd=60567))
    options = ["--frame-summary", summary, "--eop", finals]
    report = run(folder, "--out", tmp_path / "out", *options)
    (entry,) = report.earth_rotation
    rotation = erp.read(tmp_path / "out" / f"{STEM}_01D_ERP.ERP").rotation
    # MJD 60572.5 is 5.5 days after the first row; the residual is Bulletin A less the combination.
    assert rotation.mjd_utc.tolist() == [60572.5]
    assert entry.x_pole_uas == pytest.approx(205_500.0 - 100.0, abs=0.1)
    assert entry.y_pole_uas == pytest.approx(389_000.0 + 60.0, abs=0.1)
    assert entry.length_of_day_us == pytest.approx(555.0 + 41.0, abs=0.1)
    # Residuals of the four centres: 0, 10, 20 and 30 uas; the sigma is that of their mean.
    assert entry.x_pole_sigma_uas == pytest.approx(np.std([0, 10, 20, 30], ddof=1) / 2)
    for text, told in (
        (factory.bulletin_a(flag="P"), "only predictions"),
        (factory.bulletin_a(first_mjd=60573), "does not reach"),
        (factory.bulletin_a(blank=True), "no pole of Bulletin A"),
    ):
        finals.write_text(text)
        report = run(folder, "--out", tmp_path / told, *options)
        assert report.earth_rotation == []
        assert any(told in note for note in report.notes)
        assert not list((tmp_path / told).glob("*.ERP"))


def test_files_of_two_days(tmp_path, own_day):
    later = factory.truth(start=factory.keplerian.START + np.timedelta64(1, "D"))
    factory.write_orbit(own_day[0], "EEE", factory.seen_by("EEE", later))
    assert "EEE" in refused(own_day[0], "--out", tmp_path / "out", code="FID-1202")


def test_a_cut_file_is_named(tmp_path, own_day):
    path = only_of(own_day[0], "BBB")
    path.write_bytes(path.read_bytes()[:20_000])
    assert path.name in refused(own_day[0], "--out", tmp_path / "out", code="FID-2403", exit_code=3)


@pytest.mark.parametrize("factor", [1e-3, 1.0001])
def test_positions_in_another_unit_are_left_out_and_told(tmp_path, own_day, factor):
    folder, true, own = own_day
    factory.write_orbit(folder, "BBB", replace(own["BBB"], position_m=own["BBB"].position_m * factor))
    report = run(folder, "--out", tmp_path / "out")
    out = [one for one in report.exclusions if one.centre == "BBB"]
    assert {one.satellite for one in out} == set(factory.GPS)
    assert {one.reason for one in out} == {"gross-arc"}
    assert all("km from the median of the centres" in one.sentence for one in out)
    assert rms_m(sp3.read(only(tmp_path / "out", "SP3")).orbit, true) < 0.008


def test_satellites_that_were_swapped(tmp_path, own_day):
    folder, true, own = own_day
    position = own["BBB"].position_m.copy()
    position[:, [0, 1]] = position[:, [1, 0]]
    factory.write_orbit(folder, "BBB", replace(own["BBB"], position_m=position))
    report = run(folder, "--out", tmp_path / "out")
    assert {one.satellite for one in report.exclusions if one.centre == "BBB"} == {"G01", "G02"}
    assert rms_m(sp3.read(only(tmp_path / "out", "SP3")).orbit, true) < 0.008


def test_missing_epochs_and_records_are_no_manoeuvres(tmp_path, own_day):
    folder, true, own = own_day
    factory.write_orbit(folder, "BBB", replace_rows(own["BBB"], np.r_[0:40, 60:96]))
    position = own["CCC"].position_m.copy()
    position[10:20, 2] = np.nan
    position[:, 3] = np.nan
    factory.write_orbit(folder, "CCC", replace(own["CCC"], position_m=position))
    report = run(folder, "--out", tmp_path / "out")
    assert report.manoeuvres == []
    assert report.exclusions == []
    orbit = sp3.read(only(tmp_path / "out", "SP3")).orbit
    assert np.isfinite(orbit.position_m).all()
    assert rms_m(orbit, true) < 0.009


def test_nan_in_a_file_is_a_format_error(tmp_path, own_day):
    path = only_of(own_day[0], "CCC")
    text = path.read_text(encoding="ascii")
    at = text.index("PG02") + 4
    path.write_text(text[:at] + "NaN".rjust(14) + text[at + 14 :], encoding="ascii")
    assert "columns 5-18" in refused(own_day[0], "--out", tmp_path / "out", code="FID-2404", exit_code=3)


@pytest.mark.parametrize("weights", ["variance-components", "absolute-deviation", "equal"])
def test_copies_of_one_file(tmp_path, own_day, weights):
    folder, _, own = own_day
    for centre in own:
        factory.write_orbit(folder, centre, own["BBB"])
    run(folder, "--out", tmp_path / "out", "--weights", weights)
    orbit = sp3.read(only(tmp_path / "out", "SP3")).orbit
    np.testing.assert_allclose(orbit.position_m, np.round(own["BBB"].position_m, 3), atol=1e-6)


def test_one_centre_is_copied(tmp_path):
    folder, _, own = factory.write_day(tmp_path / "day", count=1)
    report = run(folder, "--out", tmp_path / "out")
    orbit = sp3.read(only(tmp_path / "out", "SP3")).orbit
    np.testing.assert_allclose(orbit.position_m, np.round(own["AAA"].position_m, 3), atol=1e-6)
    assert orbit.accuracy_m == {}
    assert "GPS hangs on one centre: AAA" in report.fragile


def test_existing_output(day, product, tmp_path):
    out = product[0]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "--overwrite" in refused(day[0], "--out", out, code="FID-1002")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    run(day[0], "--out", tmp_path / "x")
    run(day[0], "--out", tmp_path / "x", "--overwrite", "--weights", "equal")
    report = CombinationReport.model_validate_json((tmp_path / "x" / f"{STEM}_01D_SUM.JSON").read_bytes())
    assert report.weighting == "equal"


def test_a_product_in_the_folder_of_its_centres_is_not_combined(own_day):
    run(own_day[0], "--out", own_day[0])
    report = run(own_day[0], "--out", own_day[0], "--overwrite")
    assert roles(report)["FID"] == "compared"
    assert any(note.startswith("FID: combined products, compared only") for note in report.notes)


def test_names(tmp_path, own_day):
    folder, _, own = own_day
    run(folder, "--out", tmp_path / "named", "--name-as", "abc1mgxrap")
    assert only(tmp_path / "named", "SP3").name.startswith("ABC1MGXRAP_")
    factory.write_orbit(folder, "EEE", own["AAA"], name="EEE0OPSRAP_20242630000_01D_15M_ORB.SP3")
    assert "--name-as" in refused(folder, "--out", tmp_path / "out", code="FID-1236")
    run(folder, "--out", tmp_path / "out", "--name-as", "FID0TSTFIN")
    refused(folder, "--out", tmp_path / "odd", "--name-as", "HELLO", code="FID-2440", exit_code=3)


def test_options_that_cannot_be(day, tmp_path):
    folder, out = day[0], tmp_path / "out"
    refused(folder, "--out", out, "--sampling", "seven", code="FID-1238")
    refused(folder, "--out", out, "--satellite-limit", "G15", code="FID-1238")
    refused(folder, "--out", out, "--satellite-limit", "G=0", code="FID-1238")
    refused(folder, "--out", out, "--sampling", "7min", code="FID-1203")
    refused(folder, "--out", out, "--sampling", "150s", code="FID-1237")
    refused(folder, "--out", out, "--frame", "ETRF2000", code="FID-1237")
    refused(folder, "--out", out, "--share-limit", "nan", code="FID-1201")
    refused(folder, "--out", out, "--weights-by", "block", code="FID-1205")
    assert not out.exists()


def test_limits_by_constellation_in_millimetres(day, tmp_path):
    report = run(day[0], "--out", tmp_path, "--satellite-limit", "G=5", "--satellites-before-centre", "99")
    assert report.exclusions
    assert {one.limit for one in report.exclusions} == {0.005}
    assert "satellite-rms" in {one.reason for one in report.exclusions}


@pytest.mark.parametrize("place", ["file", "below", "proc", "long"])
def test_a_place_that_cannot_be_written(day, tmp_path, place):
    file = tmp_path / "file"
    file.write_text("mine", encoding="ascii")
    out = {"file": file, "below": file / "x", "proc": "/proc/x", "long": tmp_path / ("a" * 300)}[place]
    refused(day[0], "--out", out, code="FID-1239")
    assert file.read_text(encoding="ascii") == "mine"


def start(*arguments, code=None):
    command = [*COMMAND[:2], code, *arguments] if code else [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_runs_at_once(day, tmp_path, overwrite):
    options = ["combine", day[0], "--out", tmp_path / "out", "--no-page", *(["--overwrite"] if overwrite else [])]
    runs = [start(*options) for _ in range(2)]
    told = [run.communicate()[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([[0, 0]] if overwrite else [[0, 2]]), told
    assert overwrite or any(text.startswith("FID-1002") for text in told)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{STEM}_15M_ORB.SP3", f"{STEM}_15M_CLK.CLK", f"{STEM}_01D_SUM.SUM", f"{STEM}_01D_SUM.JSON",
    }  # fmt: skip
    sp3.read(only(tmp_path / "out", "SP3"), strictness="raise")
    clk.read(only(tmp_path / "out", "CLK"), strictness="raise")
    CombinationReport.model_validate_json((tmp_path / "out" / f"{STEM}_01D_SUM.JSON").read_bytes())


def test_a_run_that_is_killed_while_it_writes(day, tmp_path):
    out = tmp_path / "out"
    # Stops where all contents are on the disk and the first is about to appear.
    code = (
        "import os, sys, time\n"
        "def stop(*_):\n"
        "    print('here', flush=True)\n"
        "    time.sleep(60)\n"
        "os.link = stop\n"
        "sys.argv[0] = 'fiducial'\n"
        "from fiducial.cli.main import main\n"
        "main()\n"
    )
    process = start("orbits", "combine", str(day[0]), "--out", str(out), "--no-page", code=code)
    with process:
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert [path for path in out.iterdir() if not path.name.startswith(".")] == []
    assert len(list(out.iterdir())) == 4
    run(day[0], "--out", out)
    assert len(list(out.iterdir())) == 4
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_help_has_examples_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from fiducial.cli.app import app\n"
        "for name in ('combine', 'compare'):\n"
        "    app(['orbits', name, '--help'], exit_on_error=False, result_action='return_value')\n"
        "heavy = {'numpy', 'scipy', 'pydantic', 'matplotlib', 'pyproj', 'yaml'} & set(sys.modules)\n"
        "sys.exit(','.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([*COMMAND[:2], code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Example: fiducial orbits") == 2


def test_combining_imports_no_library_that_it_does_not_need(day, tmp_path):
    code = (
        "import sys\n"
        "from fiducial.cli.app import app\n"
        f"app(['orbits', 'combine', {str(day[0])!r}, '--out', {str(tmp_path / 'out')!r}], result_action='return_value')\n"
        "heavy = {'matplotlib', 'pyproj', 'pyarrow', 'polars', 'numba', 'rasterio'} & set(sys.modules)\n"
        "sys.exit(','.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([*COMMAND[:2], code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_compare(day, tmp_path):
    one, two = only_of(day[0], "AAA"), only_of(day[0], "DDD")
    done = fiducial("orbits", "compare", one, two, "--satellites")
    assert done.code == 0
    assert all(name in done.out for name in ("GPS", "G06", "Helmert from the first to the second"))
    found = strict(fiducial("orbits", "compare", one, two, "--json").out)
    assert found["first"]["file"] == one.name
    assert len(found["satellites"]) == 6
    same = strict(fiducial("orbits", "compare", one, one, "--json", "--leave-out", "g01").out)
    assert len(same["satellites"]) == 5
    assert same["total"]["records_only_first"] == 0
    later = factory.truth(start=factory.keplerian.START + np.timedelta64(1, "D"))
    other = factory.write_orbit(tmp_path, "EEE", later)
    assert fiducial("orbits", "compare", one, other).err.startswith("FID-1212")
    other = factory.write_orbit(tmp_path, "FFF", replace(day[1], frame="IGS14"))
    assert fiducial("orbits", "compare", one, other).err.startswith("FID-1213")
    assert fiducial("orbits", "compare", one, tmp_path / "absent").err.startswith("FID-2400")
