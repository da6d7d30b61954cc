"""The audit: synthetic files whose rounding, GNSS rate, dates and defects are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyproj import Transformer

from egms_factory import ASCENDING, level2, level3, shortest
from fiducial.errors import InputError, NumericsError
from fiducial.formats import aepnd
from fiducial.geodesy.gnss_grid import GnssGrid
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion import audit_rounding as rounding
from fiducial.motion.audit import AuditReport
from fiducial.motion.audit_dates import date_coverage
from fiducial.motion.audit_north import Observable, conclude, hear
from fiducial.motion.audit_points import GeometryTally, IdentifierTally, StatisticsTally
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.audit import audit
from fiducial.runs.audit_gnss import from_level3, from_table, level3_beside
from fiducial.runs.ingest import import_egms
from fiducial.timescales import egms_years

PLACE = (4_598_000.0, 1_740_000.0)
REFIT_SIGMA = 0.0014


def velocities(points=3000, *, seed=0, extent_m=15_000.0, rate=None, twice=True):
    """Points of a burst with a hidden rate; by default a plane of -0.76 mm/yr with 4 and -3 um/yr/km."""
    rng = np.random.default_rng(seed)
    easting, northing = 4_500_000 + rng.random((2, points)) * extent_m
    plane = -0.76 + 0.004 * (easting - 4_507_500) / 1e3 - 0.003 * (northing - 4_507_500) / 1e3
    hidden = plane if rate is None else rate(easting, northing)
    true = hidden + rng.normal(0, 1, points)
    printed = np.round(true - hidden, 1) + np.round(hidden, 1) if twice else np.round(true, 1)
    refitted = true + rng.normal(0, REFIT_SIGMA, points)
    return rounding.VelocitySample(easting, northing, refitted, printed, np.round(hidden, 1), REFIT_SIGMA)


def report_of(path, **options) -> AuditReport:
    return audit(path, **options)


def check(report, name):
    return next(one for one in report.checks if one.name == name)


def published(product, *, hidden_mm_per_yr=None, seed=0):
    """Give a Level 2 product series with known velocities, and the statistics that belong to them."""
    rng = np.random.default_rng(seed)
    epochs = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in product.date_columns], dtype="datetime64[ns]")
    points = len(product.rows)
    years = egms_years(epochs)
    # Noise as real series have it: without it the rounding of all points errs alike.
    exact = rng.normal(0, 2, points) * years[:, None] + np.sin(2 * np.pi * years)[:, None]
    exact = (exact + rng.normal(0, 3, exact.shape)).astype(np.float32)
    velocity = egms_statistics(exact, epochs).mean_velocity
    series = np.round(exact, 1)
    computed = egms_statistics(series, epochs)
    decimals = {"acceleration": 2, "acceleration_std": 2, "temporal_coherence": 2}
    spelled = {"rmse": "rmse_ts" if "rmse_ts" in product.columns else "rmse"}
    for field in ("mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std", "seasonality",
                  "seasonality_std", "rmse", "temporal_coherence"):  # fmt: skip
        for row, value in enumerate(getattr(computed, field)):
            if spelled.get(field, field) in product.columns:
                product.set(row, spelled.get(field, field), shortest(value, decimals.get(field, 1)))
    for row in range(points):
        for column, value in zip(product.date_columns, series[:, row], strict=True):
            product.set(row, column, shortest(value))
        if hidden_mm_per_yr is not None:
            twice = round(velocity[row] - hidden_mm_per_yr, 1) + round(hidden_mm_per_yr, 1)
            product.set(row, "mean_velocity", shortest(twice))
            product.set(row, "gnss_velocity", shortest(hidden_mm_per_yr))
    return product


def write_grid(path, velocity_enu, sigma=0.3):
    nodes = [(e, n) for n in (1_750_000, 1_700_000) for e in (4_550_000, 4_600_000)]
    easting, northing = np.array(nodes).T
    back = Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True)
    longitude, latitude = back.transform(easting, northing, direction="INVERSE")
    grid = GnssGrid(latitude, longitude, np.tile(np.asarray(velocity_enu, dtype=np.float64), (4, 1)),
                    np.full((4, 3), sigma), easting, northing)  # fmt: skip
    aepnd.write(grid, path)
    return path


# --- the rounding ---------------------------------------------------------------------------------------------------


def test_hidden_rate_is_recovered_with_an_honest_sigma():
    scores = []
    for seed in range(12):
        rate = rounding.recover_gnss_rate(velocities(seed=seed))
        assert len(rate.planes) == 1
        plane = rate.planes[0]
        error = float(plane.at(4_507_500, 4_507_500)) + 0.76
        assert abs(error) < 0.001
        np.testing.assert_allclose(plane.parameters[1:], [0.004, -0.003], atol=2e-4)
        scores.append(error / plane.sigma_at(4_507_500, 4_507_500))
    assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 1.8


def test_double_rounding_is_told_from_single_and_from_neither():
    double = rounding.recover_gnss_rate(velocities()).shares
    assert double.verdict == "double"
    assert double.double > 0.98
    assert double.double_tolerant > 0.999
    assert double.single < 0.75
    single = rounding.recover_gnss_rate(velocities(twice=False)).shares
    assert single.verdict == "single"
    sample = velocities()
    noise = np.random.default_rng(5).normal(0, 0.3, sample.easting.size)
    other = rounding.VelocitySample(sample.easting, sample.northing, sample.refitted_mm_per_yr + noise,
                                    sample.printed_mm_per_yr, sample.printed_gnss_mm_per_yr, REFIT_SIGMA)  # fmt: skip
    assert rounding.recover_gnss_rate(other).shares.verdict == "neither"


def test_a_large_burst_with_a_kink_at_a_gnss_node_is_followed_region_by_region():
    def bent(easting, northing):
        return 1.3 + 0.02 * np.abs(easting - 4_550_000) / 1e3 + 0.4 * (easting - 4.5e6) * (northing - 4.5e6) / 25e8

    sample = velocities(40_000, extent_m=60_000.0, rate=bent)
    rate = rounding.recover_gnss_rate(sample)
    assert len(rate.planes) == 36
    assert rate.untested == 0
    assert rate.shares.double_tolerant > 0.99
    for plane in rate.planes:
        assert abs(float(plane.at(plane.easting, plane.northing)) - bent(plane.easting, plane.northing)) < 0.004
    assert rate.nearest(4_555_000, 4_505_000).easting == pytest.approx(4_555_000, abs=600)


def test_outliers_do_not_move_the_rate():
    sample = velocities(seed=3)
    spoiled = sample.printed_mm_per_yr.copy()
    spoiled[::25] += 7.0
    other = rounding.VelocitySample(sample.easting, sample.northing, sample.refitted_mm_per_yr, spoiled,
                                    sample.printed_gnss_mm_per_yr, REFIT_SIGMA)  # fmt: skip
    rate = rounding.recover_gnss_rate(other)
    assert abs(float(rate.planes[0].at(4_507_500, 4_507_500)) + 0.76) < 0.001
    assert rate.shares.double_tolerant == pytest.approx(0.96, abs=0.002)


def test_refit_sigma_is_the_scatter_that_rounding_causes():
    epochs = np.datetime64("2020-01-03", "ns") + 6 * np.arange(300) * np.timedelta64(1, "D")
    rng = np.random.default_rng(1)
    true = rng.normal(0, 3, 4000) * egms_years(epochs)[:, None] + rng.normal(0, 5, (300, 4000))
    fit = np.linalg.pinv(np.column_stack([
        egms_years(epochs), np.ones(300), np.cos(2 * np.pi * egms_years(epochs)), np.sin(2 * np.pi * egms_years(epochs))
    ]))[0]  # fmt: skip
    assert rounding.refit_sigma(epochs) == pytest.approx(np.std(fit @ (np.round(true, 1) - true)), rel=0.05)


def test_rounding_refuses_what_it_cannot_use():
    sample = velocities(49)
    with pytest.raises(NumericsError, match="FID-3041"):
        rounding.recover_gnss_rate(sample)
    line = velocities(200)
    with pytest.raises(NumericsError, match="FID-3041"):
        rounding.recover_gnss_rate(rounding.VelocitySample(
            np.full(200, 4.5e6), np.full(200, 4.5e6), line.refitted_mm_per_yr, line.printed_mm_per_yr,
            line.printed_gnss_mm_per_yr, REFIT_SIGMA))  # fmt: skip
    with pytest.raises(InputError, match="FID-1075"):
        rounding.VelocitySample(np.ones(2), np.ones(2), np.ones(3), np.ones(2), np.ones(2), 0.001).usable()


def test_share_of_single_rounding_without_any_point_is_unknown():
    nothing = np.full(3, np.nan)
    shares = rounding.single_share(rounding.VelocitySample(nothing, nothing, nothing, nothing, nothing, 0.001))
    assert np.isnan(shares).all()


# --- dates ----------------------------------------------------------------------------------------------------------


def test_dates_gaps_and_the_documented_origin():
    days = np.array(["2020-01-03", "2020-01-09", "2020-01-15", "2020-01-27", "2020-02-03"], dtype="datetime64[ns]")
    coverage = date_coverage(days)
    assert coverage.nominal_step_days == 6
    assert [(gap.after, gap.before, gap.days) for gap in coverage.gaps] == [("2020-01-15", "2020-01-27", 12)]
    assert coverage.longest_step_days == 12
    assert coverage.off_grid == 1
    assert coverage.grid_share == pytest.approx(4 / 6)
    assert coverage.origin_offset_days == 1


@pytest.mark.parametrize("days", [["2020-01-03"], ["2020-01-09", "2020-01-03"], ["2020-01-03", "2020-01-03"]])
def test_dates_that_do_not_increase_are_refused(days):
    with pytest.raises(InputError, match="FID-1077"):
        date_coverage(np.array(days, dtype="datetime64[D]"))


# --- tallies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "convention"),
    [
        (lambda a: a, "heading, clockwise from north"),
        (lambda a: -a, "heading, counter-clockwise from north"),
        (lambda a: a - 90.0, "azimuth from the ground to the satellite"),
        (lambda a: a + 90.0, "azimuth from the satellite to the ground"),
    ],
)
def test_the_convention_of_the_track_angle_is_recognised(turn, convention):
    incidence, heading = np.array([37.3, 38.9, 40.1]), np.array([191.4, 191.5, 191.6])
    vectors = from_angles(incidence, heading)
    tally = GeometryTally()
    tally.add({"easting": np.arange(3.0), "northing": np.zeros(3), "incidence_angle": incidence,
               "track_angle": turn(heading), "los_east": vectors[:, 0], "los_north": vectors[:, 1],
               "los_up": vectors[:, 2]})  # fmt: skip
    angles = tally.checks()[1]
    assert convention in angles.sentence
    assert angles.value == pytest.approx(0.0, abs=1e-9)
    assert angles.verdict == ("ok" if convention.endswith(", clockwise from north") else "note")


def test_geometry_tally_in_parts_gives_centroid_and_line_of_sight_at_a_place():
    rng = np.random.default_rng(2)
    easting, northing = 4.5e6 + 1e4 * rng.random(500), 1.7e6 + 1e4 * rng.random(500)
    incidence = 37 + (easting - 4.5e6) / 1e4
    vectors = from_angles(incidence, np.full(500, -8.9)).round(3)
    columns = {"easting": easting, "northing": northing, "incidence_angle": incidence.round(2),
               "track_angle": np.full(500, -8.9), "los_east": vectors[:, 0], "los_north": vectors[:, 1],
               "los_up": vectors[:, 2]}  # fmt: skip
    tally = GeometryTally()
    for part in (slice(0, 100), slice(100, 500)):
        tally.add({name: values[part] for name, values in columns.items()})
    assert tally.passage == "ascending"
    assert tally.centroid == pytest.approx((easting.mean(), northing.mean()))
    np.testing.assert_allclose(tally.line_of_sight_at(4_505_000, 1_705_000), from_angles(37.5, -8.9), atol=2e-4)
    assert {one.verdict for one in tally.checks()} == {"ok"}


def test_identifiers_that_contradict_columns_or_xml_are_counted():
    product = level2(points=4)
    pid = np.array([row[0] for row in product.rows], dtype="S10")
    line = np.array([float(row[product.column("line")]) for row in product.rows])
    pixel = np.array([float(row[product.column("pixel")]) for row in product.rows])
    tally = IdentifierTally(cells=False)
    tally.add(
        {
            "pid": np.append(pid, b"!" * 10),
            "line": np.append(line, 1.0),
            "pixel": np.append(pixel + np.array([0, 0, 0, 1]), 1.0),
        }
    )
    columns, provider = tally.checks(2)
    assert columns.value == 2
    assert columns.verdict == "defect"
    assert provider.verdict == "defect"
    assert tally.burst == "022-0845-IW2-VV"
    assert tally.checks(None)[1].verdict == "note"


def test_statistics_out_by_more_than_one_unit_are_a_defect():
    epochs = np.datetime64("2020-01-03", "ns") + 6 * np.arange(60) * np.timedelta64(1, "D")
    series = np.random.default_rng(0).normal(0, 5, (60, 4)).astype(np.float32)
    computed = egms_statistics(series, epochs)
    printed = np.round(computed.rmse, 1)
    tally = StatisticsTally({"rmse": 1, "seasonality": 1})
    tally.add({"rmse": printed + np.array([0, 0.1, 0.2, np.nan]), "seasonality": np.full(4, np.nan)}, computed)
    rmse, seasonality = tally.checks()
    assert rmse.verdict == "defect"
    assert rmse.value == pytest.approx(1 / 3)
    assert "1 out by more than one" in rmse.sentence
    assert seasonality.verdict == "note"
    assert seasonality.value is None


# --- north ----------------------------------------------------------------------------------------------------------

PELOPONNESE = (5.0, -28.0, -1.2)  # mm/yr; there the two readings are 3 mm/yr apart
LOOK = from_angles(38.0, 191.4)


def observe(velocity, *, contained):
    along = LOOK if contained else LOOK * [1, 0, 1]
    return Observable("rate", float(along @ np.array(velocity)) + 0.02, 0.001, 0.0, LOOK)


@pytest.mark.parametrize("contained", [True, False])
def test_north_is_decided_where_it_is_large(contained):
    observable = observe(PELOPONNESE, contained=contained)
    witness = hear(observable, PELOPONNESE, source="grid", covariance_enu=np.diag([0.3, 0.3, 0.5]) ** 2)
    evidence = conclude(observable, [witness])
    assert evidence.verdict == ("contained" if contained else "removed")
    assert witness.leak_into_up_mm_per_yr == pytest.approx(28 * 0.154, abs=0.1)


def test_north_is_not_decided_where_it_is_small_or_witnesses_contradict_each_other():
    small = observe((-0.7, 1.9, -1.3), contained=True)
    doubtful = hear(small, (-0.7, 1.9, -1.3), source="grid", covariance_enu=np.diag([0.3, 0.3, 0.5]) ** 2)
    assert conclude(small, [doubtful]).verdict == "undecided"
    exact = hear(small, (-0.7, 1.9, -1.3), source="exact")
    assert (exact.contained.verdict, exact.removed.verdict, exact.speaks_for) == ("against", "against", "undecided")
    large = observe(PELOPONNESE, contained=True)
    shifted = np.array(PELOPONNESE) + np.array([0, 0, large.leak * PELOPONNESE[1]])
    spread = np.diag([0.1, 0.1, 0.1]) ** 2
    for_contained = hear(large, PELOPONNESE, source="a", covariance_enu=spread)
    for_removed = hear(large, shifted, source="b", covariance_enu=spread)
    assert (for_contained.speaks_for, for_removed.speaks_for) == ("contained", "removed")
    assert "contradict each other" in conclude(large, [for_contained, for_removed]).sentence
    assert conclude(large, []).verdict == "undecided"


def test_columns_that_may_be_decomposed_never_speak_for_removed():
    observable = observe(PELOPONNESE, contained=True)
    leaked = np.array(PELOPONNESE) + np.array([0, 0, observable.leak * PELOPONNESE[1]])
    witness = hear(observable, leaked.round(1), source="L3", tolerance_mm_per_yr=0.05, decomposed=True)
    assert witness.removed.verdict == "for"
    assert witness.contained.verdict == "against"
    assert witness.speaks_for == "undecided"
    honest = hear(observable, np.round(PELOPONNESE, 1), source="L3", tolerance_mm_per_yr=0.05, decomposed=True)
    assert honest.speaks_for == "contained"
    neither = hear(observable, (50.0, 0.0, 50.0), source="wrong")
    assert "fits neither" in neither.sentence


def test_north_needs_a_vertical():
    with pytest.raises(InputError, match="FID-1078"):
        hear(observe(PELOPONNESE, contained=True), (1.0, 2.0, np.nan), source="horizontal only")


# --- whole files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doubly_rounded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    return published(level2(points=400, epochs=120), hidden_mm_per_yr=-1.6278).write_zip(folder)


def test_a_doubly_rounded_burst(doubly_rounded):
    report = report_of(doubly_rounded)
    assert report.verdict == "defect"
    assert {one.name for one in report.checks if one.verdict == "defect"} == {"mean_velocity, rounding"}
    # 120 dates in two years: the printed series tell the velocity to 0.005 mm/yr only.
    assert report.rounding.double > 0.85
    assert report.rounding.double_tolerant > 0.99
    hidden = report.hidden_gnss
    assert hidden.rate_mm_per_yr == pytest.approx(-1.6278, abs=0.003)
    assert hidden.sigma_mm_per_yr < 0.003
    assert hidden.plane.points == 400
    np.testing.assert_allclose(hidden.line_of_sight, from_angles(37.31, 191.42), atol=5e-4)
    assert report.identity.where == "022-0845-IW2-VV"
    assert report.identity.vocabulary == "2018-2024"
    assert report.identity.columns_extra == ("gnss_velocity",)
    assert report.inputs.land_cover == "unstated"
    assert report.inputs.gnss == "2.0"
    assert report.north.verdict == "undecided"
    assert report.north.witnesses == ()
    assert check(report, "map coordinates").value < 0.1


def test_report_is_plain_for_machines_and_lines_for_people(doubly_rounded):
    report = report_of(doubly_rounded)
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["verdict"] == "defect"
    assert document["hidden_gnss"]["plane"]["points"] == 400
    assert all({"name", "verdict", "sentence", "value", "unit", "source"} == set(one) for one in document["checks"])
    text = "\n".join(report.lines())
    assert "GNSS line-of-sight rate hidden in the series" in text
    assert "unstated: land_cover, snow" in text


def test_a_product_is_audited_like_its_file_and_uncalibrated(doubly_rounded, tmp_path):
    product = import_egms(doubly_rounded, tmp_path)
    assert report_of(product).to_dict() == report_of(doubly_rounded).to_dict()


def test_row_groups_change_nothing(doubly_rounded, tmp_path, monkeypatch):
    whole = report_of(doubly_rounded)
    for name, value in (("runs.ingest.ROW_GROUP_POINTS", 96), ("formats.point_product_writer.ROW_GROUP_POINTS", 96),
                        ("formats.point_product_writer.CHUNK_POINTS", 96)):  # fmt: skip
        monkeypatch.setattr(f"fiducial.{name}", value)
    product = import_egms(doubly_rounded, tmp_path)
    monkeypatch.setattr("fiducial.runs.audit.SAMPLE_POINTS", 100)
    report = report_of(product)
    assert [one.value for one in report.checks[:-2]] == pytest.approx([one.value for one in whole.checks[:-2]])
    assert report.rounding.points == 100
    assert report.hidden_gnss.rate_mm_per_yr == pytest.approx(-1.6278, abs=0.006)


def test_a_documented_l2a_without_defect(tmp_path):
    path = published(level2("L2a", points=60, epochs=80, vocabulary="document", angles_deg=ASCENDING)).write_csv(
        tmp_path, with_xml=False
    )
    report = report_of(path)
    assert report.identity.vocabulary == "documented"
    assert report.identity.columns_missing == report.identity.columns_extra == ()
    assert report.inputs is None
    assert check(report, "columns").verdict == "ok"
    assert check(report, "XML").verdict == "note"
    assert check(report, "mean_velocity, rounding").verdict == "ok"
    assert check(report, "statistics, rmse").value > 0.9
    assert report.hidden_gnss is None
    assert report.north is None
    assert "there is no XML" in "\n".join(report.lines())


def test_missing_values_short_series_and_contradicting_statistics_are_told(tmp_path):
    product = level2(points=60, epochs=5)
    product.set(3, product.date_columns[2], "")
    report = report_of(product.write_zip(tmp_path))
    assert check(report, "missing values").value == 1
    assert check(report, "statistics").verdict == "note"
    random = report_of(level2(points=60, epochs=40, burst=846).write_zip(tmp_path))
    assert check(random, "mean_velocity, rounding").verdict == "defect"
    assert check(random, "statistics, rmse").verdict == "defect"
    assert random.hidden_gnss is None


def test_too_few_points_for_a_plane_is_a_note(tmp_path):
    path = published(level2(points=20, epochs=40), hidden_mm_per_yr=-1.63).write_zip(tmp_path)
    assert check(report_of(path), "mean_velocity, rounding").verdict == "note"


def test_level3_time_grid_negative_zeros_and_north(tmp_path):
    product = level3("U", cells=4, epochs=20)
    for row in range(4):
        for axis, text in zip("neu", ("2.0", "-0.7", "-1.5"), strict=True):
            product.set(row, f"gnss_velocity_{axis}", text)
    product.set(2, product.date_columns[7], "-0.0")
    grid = write_grid(tmp_path / "grid.csv", (-0.7, 1.9, -1.3))
    report = report_of(product.write_zip(tmp_path), gnss=grid)
    assert check(report, "negative zeros").value >= 1
    assert check(report, "time grid, step").verdict == "ok"
    assert check(report, "time grid, origin").value == 1
    assert check(report, "identifiers, columns").verdict == "ok"
    assert report.north.quantity == "gnss_velocity_u"
    assert report.north.witnesses[0].contained.predicted_mm_per_yr == pytest.approx(-1.3 - 0.139 * 1.9, abs=1e-6)
    assert report_of(level3("U", epochs=20, vocabulary="document").write_csv(tmp_path)).north is None
    holed = level3("E", cells=4, epochs=20)
    holed.date_columns[-1] = "20210101"
    holed.set(0, "20210101", "")
    bad = report_of(holed.write_csv(tmp_path))
    assert check(bad, "time grid, step").verdict == "defect"
    assert check(bad, "missing values").verdict == "defect"


def test_level3_beside_is_found_and_compared(doubly_rounded, tmp_path):
    path = tmp_path / doubly_rounded.name
    path.write_bytes(doubly_rounded.read_bytes())
    tile = level3("U", cells=4, epochs=8)
    for row in range(4):
        for axis, text in zip("neu", ("2.0", "-0.7", "-1.5"), strict=True):
            tile.set(row, f"gnss_velocity_{axis}", text)
    beside = tile.write_zip(tmp_path)
    (tmp_path / "EGMS_L3_notes.csv").write_text("no product", encoding="utf-8")
    report = report_of(path)
    assert [one.source for one in report.north.witnesses] == [f"GNSS columns of {beside.name}, 4 cells"]
    assert report.north.witnesses[0].removed.predicted_mm_per_yr == pytest.approx(-1.609, abs=0.003)
    imported = import_egms(beside, tmp_path / "products")
    np.testing.assert_array_equal(
        from_level3(imported, PLACE).velocity_enu_mm_per_yr, from_level3(beside, PLACE).velocity_enu_mm_per_yr
    )
    assert level3_beside(path, None, PLACE) is None


# --- requests that cannot be honoured -------------------------------------------------------------------------------


def test_rates_without_series_are_refused(doubly_rounded, tmp_path):
    product = import_egms(doubly_rounded, tmp_path)
    manifest = product / "product.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"level": "L2b"', '"level": "rates"', 1), "utf-8")
    with pytest.raises(InputError, match="FID-1070"):
        audit(product)


def test_a_place_far_from_the_points_is_refused(doubly_rounded):
    with pytest.raises(InputError, match="FID-1072"):
        audit(doubly_rounded, at=(4_700_000.0, 1_740_000.0))


def test_level3_that_cannot_be_compared_with_is_refused(doubly_rounded, tmp_path):
    with pytest.raises(InputError, match="FID-1073"):
        audit(doubly_rounded, level3=doubly_rounded)
    old = level3("U", vocabulary="document").write_zip(tmp_path)
    with pytest.raises(InputError, match="FID-1073"):
        audit(doubly_rounded, level3=old)
    assert from_level3(old, PLACE) is None
    assert from_level3(level3("E").write_zip(tmp_path), (4_500_000.0, 1_700_000.0)) is None


def test_gnss_frames_and_grids_that_do_not_fit_are_refused(doubly_rounded, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("longitude,latitude,east,north,up\n", encoding="utf-8")
    with pytest.raises(InputError, match="FID-1071"):
        audit(doubly_rounded, gnss=table, gnss_frame="ITRF2020")
    with pytest.raises(InputError, match="FID-1004"):
        audit(doubly_rounded, gnss=table)
    grid = write_grid(tmp_path / "grid.csv", (-0.7, 1.9, -1.3))
    with pytest.raises(InputError, match="FID-1004"):
        from_table(grid, "ITRF2014", PLACE)
    with pytest.raises(InputError, match="FID-1074"):
        from_table(grid, None, (5_000_000.0, 1_740_000.0))
    with pytest.raises(InputError, match="FID-1001"):
        from_table(tmp_path / "absent.csv", "ETRF2000", PLACE)
    np.testing.assert_allclose(from_table(grid, "ETRF2000", PLACE).velocity_enu_mm_per_yr, (-0.7, 1.9, -1.3))
