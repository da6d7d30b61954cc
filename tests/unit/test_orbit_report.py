"""What the report of a combination says of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import orbit_day_factory as factory
from fiducial.errors import InputError
from fiducial.formats import sp3
from fiducial.orbits.satellites import Manoeuvre
from fiducial.orbits.screening import Exclusion
from fiducial.runs.orbit_combine import CombineRequest, combine, load
from fiducial.runs.orbit_report import accuracy_code, build_report, moment, number
from fiducial.runs.orbit_report_events import exclusion_entries
from fiducial.runs.orbit_report_model import CombinationReport

SATELLITES = ("E01", "E02", "E03", *factory.GPS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Five centres; one sees no Galileo, one more satellite is of one centre alone."""
    folder = tmp_path_factory.mktemp("day")
    true = factory.truth(SATELLITES)
    for centre in factory.centres():
        own = factory.seen_by(centre, true)
        factory.write_orbit(
            folder, centre, own.without([s for s in SATELLITES if s[0] == "E"]) if centre == "DDD" else own
        )
    more = factory.seen_by("EEE", factory.truth((*SATELLITES, "G31")))
    factory.write_orbit(folder, "EEE", more, comments=("PCV:IGS20_2317 OL/AL:FES2014b",))
    factory.write_orbit(folder, "IGF", factory.seen_by("IGF", true))
    return folder


@pytest.fixture(scope="module")
def combined(files):
    return combine(load(CombineRequest(sources=[files])))


@pytest.fixture(scope="module")
def report(combined):
    return build_report(combined, "FID0TSTFIN", ["a.SP3"])


def test_it_survives_json(report):
    assert CombinationReport.model_validate_json(report.model_dump_json()) == report
    json.loads(report.model_dump_json(), parse_constant=pytest.fail)


def test_time_and_place(report):
    product = report.product
    assert (product.gps_week, product.day_of_week, product.year, product.day_of_year) == (2332, 4, 2024, 263)
    assert (product.epochs, product.sampling_s, product.frame) == (96, 900.0, "IGS20")
    assert product.time_scale.startswith("time scale of the clocks of ")


def test_inputs_have_the_hash_of_their_files(report, files):
    for one in report.inputs:
        assert one.sha256 == hashlib.sha256((files / one.file).read_bytes()).hexdigest()
    assert {one.centre: one.role for one in report.inputs}["IGF"] == "compared"
    assert report.inputs[0].records == 96 * len(SATELLITES)
    assert report.inputs[0].clock_records == 96 * len(SATELLITES)


def test_shares_add_up(report):
    for group in ("G", "E"):
        assert sum(one.share_percent for one in report.weights if one.group == group) == pytest.approx(100.0)
    assert "IGF" not in {one.centre for one in report.weights}
    assert ("DDD", "E") not in {(one.centre, one.group) for one in report.weights}


def test_coverage(report):
    found = {(one.centre, one.constellation): one for one in report.coverage}
    assert found["FID0TSTFIN", "G"].satellites == 7
    assert found["EEE", "G"].share_of_product_percent == pytest.approx(100.0)
    assert found["AAA", "G"].share_of_product_percent == pytest.approx(600.0 / 7)
    assert ("DDD", "E") not in found


def test_statistics_on_every_level(report):
    levels = {one.level for one in report.statistics}
    assert levels == {"all", "constellation", "satellite"}
    whole = {one.centre: one for one in report.statistics if one.level == "all"}
    for centre in ("AAA", "CCC"):
        parts = [one for one in report.statistics if one.level == "constellation" and one.centre == centre]
        square = sum(one.records * one.rms_mm**2 for one in parts) / sum(one.records for one in parts)
        assert whole[centre].rms_mm == pytest.approx(np.sqrt(square))
    assert whole["IGF"].role == "compared"


def test_a_satellite_of_one_centre(report):
    (alone,) = [one for one in report.satellites if one.satellite == "G31"]
    assert (alone.centres, alone.accuracy_mm, alone.accuracy_code) == (1, None, 0)
    assert any("G31 (1)" in sentence for sentence in report.fragile)
    assert any(sentence.startswith("Galileo hangs on 4 centres: AAA, BBB, CCC, EEE") for sentence in report.fragile)


def test_helmert_parameters_are_those_of_the_centre(files):
    turned = sp3.read(next(files.glob("AAA*"))).orbit
    angle = 100e-6 / 3600.0 * np.pi / 180.0  # 100 uas
    x, y, z = (turned.position_m[..., axis] for axis in range(3))
    position = np.stack([x + angle * y, y - angle * x, z], axis=-1) + np.array([0.004, 0.0, 0.0])
    given = load(CombineRequest(sources=[files]))
    k = given.stack.centres.index("AAA")
    moved = given.stack.position_m.copy()
    moved[k][:, [given.stack.satellites.index(name) for name in turned.satellites]] = position
    before, after = (
        build_report(combine(replace(given, stack=replace(given.stack, position_m=stack))), "X", []).transformations
        for stack in (given.stack.position_m, moved)
    )
    # The datum is the weighted mean, so that all centres move by the share of this one.
    other = given.stack.centres.index("BBB")
    change_z, change_x = (
        (getattr(after[k], name) - getattr(before[k], name))
        - (getattr(after[other], name) - getattr(before[other], name))
        for name in ("rotation_z_uas", "translation_x_mm")
    )
    assert change_z == pytest.approx(100.0, abs=10.0)
    assert change_x == pytest.approx(-4.0, abs=0.4)
    assert after[k].rotation_z_sigma_uas > 0


def test_antenna_models_are_told(report):
    assert any("IGS20_2317: EEE" in note for note in report.notes)


def test_options_are_those_of_the_request(files):
    options = build_report(
        combine(load(CombineRequest(sources=[files], without=("EEE",), sampling_s=1800.0, clocks=False))), "X", []
    ).options
    assert options["without"] == ["EEE"]
    assert options["compare_only"] == ["IGF"]
    assert (options["sampling_s"], options["clocks"], options["strictness"]) == (1800.0, False, "warn")


def test_announced_manoeuvres(combined):
    begin, end = np.datetime64("2024-09-19T03:00", "ns"), np.datetime64("2024-09-19T04:00", "ns")
    announced = tuple(
        Manoeuvre(satellite=name, begin_gps=begin, end_gps=end, nanu="2024044") for name in ("E01", "G99")
    )
    given = replace(combined.given, auxiliary=replace(combined.given.auxiliary, manoeuvres=announced))
    galileo, absent = build_report(replace(combined, given=given), "X", []).manoeuvres
    assert galileo.centres_kept == ["AAA", "BBB", "CCC", "EEE"]
    assert galileo.centres_without == ["DDD"]
    assert (galileo.source, galileo.reference, galileo.change_mm_per_s) == ("NANU", "2024044", None)
    assert absent.centres_kept == absent.centres_cut == []


@pytest.mark.parametrize(("value", "unit", "shown"), [
    (0.0123, "m", "12.3 mm"), (26_798_764.0, "m", "26798.8 km"), (5e-12, "s", "5.0 ps"), (2e-3, "s", "2000.0 µs"),
    (0.35, "mas", "0.350 mas"), (float("nan"), "m", "-"),
])  # fmt: skip
def test_exclusions_in_words(value, unit, shown):
    (entry,) = exclusion_entries([Exclusion("AAA", "G01", "satellite-rms", value=value, limit=value, unit=unit)])
    assert entry.sentence == f"RMS {shown} above {shown}"
    assert entry.value == (None if np.isnan(value) else value)


def test_small_parts():
    assert [accuracy_code(value) for value in (None, 0.0, float("nan"), 1e-5, 0.008, 1e40)] == [0, 0, 0, 1, 3, 99]
    assert number(float("nan")) is None
    assert moment(np.datetime64("2024-09-19T00:15", "ns")).isoformat() == "2024-09-19T00:15:00"


def test_frames_and_centres_that_cannot_be(files):
    for request, code in (
        (CombineRequest(sources=[files], compare_only=["QQQ"]), "FID-1233"),
        (CombineRequest(sources=[files], compare_only=["AAA", "BBB", "CCC", "DDD", "EEE", "IGF"]), "FID-1204"),
        (CombineRequest(sources=[files], frame="nowhere"), "FID-1004"),
    ):
        with pytest.raises(InputError) as caught:
            load(request)
        assert caught.value.code == code
