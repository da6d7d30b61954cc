"""Combination summaries: values in SI, faults with their place, repairs by strictness."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import sinex_summary, yaml_tree
from igs_text_samples import SUMMARY

MAS = np.pi / 180 / 3600 / 1000
THURSDAY = np.datetime64("2024-09-19T23:59:59")
NAME = "IGS0OPSSNX_20242590000_07D_07D_SUM.YML"


def read(text, **options):
    return sinex_summary.read(text.encode(), name=NAME, **options)


def refused(text, **options):
    with pytest.raises(FormatError) as caught:
        read(text, **options)
    return caught.value


def test_values_are_si_and_signs_as_printed():
    summary = read(SUMMARY, strictness="raise")
    assert (summary.week, summary.first_day, summary.frame) == (2332, np.datetime64("2024-09-15"), "IGSR3")
    np.testing.assert_allclose(
        summary.rotation_rad("COD", THURSDAY), np.array([0.005, -0.001, -0.014]) * MAS, rtol=1e-14
    )
    np.testing.assert_allclose(summary.translation_m("cod", THURSDAY), [0.0015, -0.0017, 0.0009], rtol=1e-14)
    assert summary.scale("COD", THURSDAY) == pytest.approx(-0.143e-9, rel=1e-14)
    residuals = summary.erp_residuals("COD", THURSDAY)
    assert residuals.x_pole_rad == pytest.approx(10.8e-3 * MAS, rel=1e-12)
    assert residuals.y_pole_rate_rad_per_s == pytest.approx(49.6e-3 * MAS / 86400, rel=1e-12)
    assert residuals.length_of_day_s == pytest.approx(7.1e-6, rel=1e-12)
    np.testing.assert_allclose(residuals.geocentre_m, [-0.0027, 0.0007, -0.0066], rtol=1e-12)
    bulletin = summary.erp_residuals("BUA", THURSDAY)
    assert np.isnan(bulletin.scale)
    assert np.isnan(bulletin.geocentre_m).all()
    statistics = summary.station_statistics("COD", THURSDAY)
    assert (statistics.stations, statistics.frame_stations, statistics.core_stations) == (259, 125, 42)
    np.testing.assert_allclose(statistics.wrms_enu_m, [0.0013, 0.0011, 0.0036])
    assert np.isnan(summary.station_statistics("IGS", THURSDAY).sqrt_variance_factor)


def test_lists_are_plain_texts():
    summary = read(SUMMARY)
    assert [(centre.name, centre.weighted) for centre in summary.centres] == [("COD", True), ("ESA", False)]
    # YAML 1.1 would read a station 0010 as the number 8 and NO as false.
    assert summary.rejections[0].stations == ("0010", "NO1E")
    assert summary.missing_stations == ("ANK2", "NO")
    assert summary.stations_without_log == ("HAL2",)
    assert summary.outliers[0].residual_enu_m == pytest.approx((0.0024, 0.0077, 0.0041))
    error = summary.metadata_errors[0]
    assert (error.centre, error.kind, error.from_centre, error.from_log) == ("ESA", "antenna orientation", "0", "-13")
    assert summary.findings == ()


@pytest.mark.parametrize(
    ("centre", "date"),
    [("XYZ", "2024-09-19"), ("ESA", "2024-09-19"), ("COD", "2024-09-14T23:59"), ("COD", "2024-09-22"), ("COD", "NaT")],
)
def test_what_the_summary_does_not_hold_is_none(centre, date):
    summary, epoch = read(SUMMARY), np.datetime64(date)
    assert summary.transformation(centre, epoch) is None
    assert summary.rotation_rad(centre, epoch) is None
    assert summary.translation_m(centre, epoch) is None
    assert summary.scale(centre, epoch) is None
    assert summary.erp_residuals(centre, epoch) is None
    assert summary.station_statistics(centre, epoch) is None


def test_compressed_and_pure_python_yaml(monkeypatch):
    packed = sinex_summary.read(gzip.compress(SUMMARY.encode()), name=NAME)
    assert packed.week == 2332
    monkeypatch.setattr(yaml_tree, "_LOADER", yaml_tree.yaml.BaseLoader)
    assert read(SUMMARY).rejections == packed.rejections


@pytest.mark.parametrize("text", ["a: &x b", "a: !t b", "- *x"])
def test_messages_of_the_tree_fit_any_file(text):
    with pytest.raises(FormatError, match="FID-2443") as caught:
        yaml_tree.parse_tree(text, "overlay.yaml", "FID-2443")
    assert caught.value.where == "overlay.yaml, line 1"
    assert "summary" not in str(caught.value)
    assert "if the file is yours" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("", "FID-2443", "empty"),
        ("a: [1", "FID-2443", "not YAML"),
        (SUMMARY.replace("authors: A", "authors: &a A"), "FID-2443", "anchor"),
        (SUMMARY.replace("authors: A. Nyone", "authors: *a"), "FID-2443", "anchor"),
        (SUMMARY.replace("authors: A", "authors: !!python/name:os.system A"), "FID-2443", "tag"),
        (SUMMARY + "---\na: b\n", "FID-2443", "second document"),
        (SUMMARY + "contact: else\n", "FID-2443", "stands twice"),
        (SUMMARY + "[a, b]: c\n", "FID-2443", "as a key"),
        ("a: " + "[" * 30 + "]" * 30, "FID-2443", "deeper"),
        ("a: " + "[" * 100_000, "FID-2443", "deeper"),
        ("a: \x00", "FID-2443", "not YAML"),
        ("- a\n", "FID-2445", "no mapping"),
        ("text", "FID-2445", "no mapping"),
        (SUMMARY[: SUMMARY.index("missing")], "FID-2445", "missing"),
        (SUMMARY[: SUMMARY.index("missing") + 9], "FID-2445", "cut"),
        (SUMMARY.replace("name: cod", "name: esa"), "FID-2444", "stands twice"),
        (SUMMARY.replace("weighted: True", "weighted: maybe"), "FID-2444", "neither True nor False"),
        (SUMMARY.replace("day: 0, T", "day: 7, T"), "FID-2444", "day 7"),
        (SUMMARY.replace("day: 0, T", "day: -1, T"), "FID-2444", "not a whole number"),
        (SUMMARY.replace("ac: esa, day: 0", "ac: cod, day: 4"), "FID-2444", "COD, day 4 stands twice"),
        (SUMMARY.replace("[ 0.005,", "["), "FID-2444", "list of three"),
        (SUMMARY.replace("[ 0.005,", "[ nan,"), "FID-2444", "'nan' is not a number"),
        (SUMMARY.replace("[ 0.005,", "[ 1e999,"), "FID-2444", "is not a number"),
        (SUMMARY.replace("[ 0.005,", "[ [1],"), "FID-2444", "is not a number"),
        (SUMMARY.replace(" R:[ 0.005, -0.001, -0.014],", ""), "FID-2444", "missing"),
        (SUMMARY.replace(" S: -0.143,", ""), "FID-2444", "missing"),
        (SUMMARY.replace("sta: LMMF", "sta: [LMMF]"), "FID-2444", "not a text"),
        (SUMMARY.replace("[0010, NO1E]", "NO1E"), "FID-2444", "not a list"),
        (SUMMARY.replace("[HAL2]", "[[HAL2]]"), "FID-2444", "not a list of texts"),
        (SUMMARY.replace("rejections:\n", "rejections:\n  - x\n"), "FID-2444", "not a mapping"),
        (SUMMARY.replace("(unit: mas", "(unit: deg"), "FID-2446", "'R' in unit 'deg'"),
        (SUMMARY.replace("(unit: mas, frame: XYZ", "(unit: mas, frame: ENU"), "FID-2446", "frame 'ENU'"),
        (SUMMARY.replace("week 2332", "week 2332\n# combination for week 2331"), "FID-2448", "two GPS weeks"),
    ],
)  # fmt: skip
def test_faults(text, code, problem):
    error = refused(text)
    assert error.code == code
    assert problem in error.problem
    assert NAME in error.where


def test_the_place_in_the_document_is_named():
    where = refused(SUMMARY.replace("[ 0.005,", "[ x,")).where
    line = next(number for number, text in enumerate(SUMMARY.split("\n"), 1) if "0.005," in text)
    assert where == f"{NAME}, line {line}, transfo[0][0].R"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (SUMMARY + "new: 1\n", "unknown section 'new'"),
        (SUMMARY.replace("S: -0.143", "S: -0.143, X: 1"), "unknown key 'X'"),
        (SUMMARY.replace(", dsc: 0.033", ""), "no 'dsc'"),
        (SUMMARY.replace("# - R ", "# R "), "no comment states the units of R"),
        (SUMMARY.replace("# - R ", "# - Q   = x (unit: mm)\n# - R "), "unknown key 'Q'"),
        (SUMMARY.replace("ac: esa, day: 0", "ac: xyz, day: 0"), "XYZ is not in the list"),
        (SUMMARY.replace("AC -> IGSR3", "IGSR3 -> AC"), "name the frame"),
        (SUMMARY.replace("week 2332", "the week"), "taken from the file name: 2332"),
        (SUMMARY.replace("week 2332", "week 2331"), "taken from the comment"),
    ],
)
def test_repairable_faults_follow_strictness(text, finding):
    warned = read(text)
    assert len(warned.findings) == 1
    assert finding in warned.findings[0]
    assert read(text, strictness="ignore").findings == ()
    error = refused(text, strictness="raise")
    assert error.code == "FID-2447"
    assert finding in error.problem


def test_stated_units_are_obeyed():
    summary = read(SUMMARY.replace("(unit: mas", "(unit: uas"))
    assert summary.rotation_rad("COD", THURSDAY)[0] == pytest.approx(0.005e-3 * MAS, rel=1e-12)
    assert summary.findings == ()


def test_no_frame_is_guessed():
    assert read(SUMMARY.replace("AC -> IGSR3", "frame")).frame == ""


def test_the_week_must_be_stated_somewhere():
    with pytest.raises(FormatError) as caught:
        sinex_summary.read(SUMMARY.replace("week 2332", "the week").encode(), name="summary.yml")
    assert caught.value.code == "FID-2448"


def test_latin_1_is_a_finding():
    summary = sinex_summary.read(SUMMARY.replace("Nyone", "Né").encode("latin-1"), name=NAME)
    assert "not UTF-8" in summary.findings[0]


def test_every_cut_is_noticed():
    # The bracket that closes the last list is the last character that matters.
    for size in range(0, len(SUMMARY.rstrip()), 7):
        assert refused(SUMMARY[:size]).code in {"FID-2443", "FID-2444", "FID-2445"}
    assert refused(SUMMARY.rstrip()[:-1]).code == "FID-2443"


def test_a_document_of_many_megabytes_is_refused():
    assert refused("# " + "x" * yaml_tree.MAX_BYTES).code == "FID-2443"
