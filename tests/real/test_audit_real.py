"""The audit of the real Ustica files: the numbers that the project found by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.runs.audit import audit
from support import data_path

pytestmark = pytest.mark.real

AT = (4_599_000.0, 1_741_250.0)
BURSTS = {"EGMS_L2b_117_0227_IW2_VV_2020_2024_1": -0.751, "EGMS_L2b_022_0845_IW2_VV_2020_2024_1": -1.628}
# Readings with and without N at AT (mm/yr): from E and U of Level 3, and from A-EPND V2022.0.
READINGS = {
    "EGMS_L2b_117_0227_IW2_VV_2020_2024_1": (-0.731, -0.746, -0.561),
    "EGMS_L2b_022_0845_IW2_VV_2020_2024_1": (-1.609, -1.663, -1.437),
}


@pytest.fixture(scope="module")
def reports():
    grid = data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")
    return {stem: audit(data_path("egms", "ustica-west", f"{stem}.zip"), gnss=grid, at=AT) for stem in BURSTS}


@pytest.mark.parametrize("stem", BURSTS)
def test_hidden_gnss_rate_of_both_bursts(reports, stem):
    hidden = reports[stem].hidden_gnss
    assert hidden.rate_mm_per_yr == pytest.approx(BURSTS[stem], abs=0.003)
    assert hidden.sigma_mm_per_yr < 0.001
    assert hidden.plane.points == reports[stem].identity.points


@pytest.mark.parametrize("stem", BURSTS)
def test_double_rounding_explains_the_printed_velocities(reports, stem):
    shares = reports[stem].rounding
    assert shares.double >= 0.985
    assert shares.double_tolerant == 1.0
    assert shares.single < 0.8
    assert shares.verdict == "double"


@pytest.mark.parametrize("stem", BURSTS)
def test_north_is_left_undecided_with_both_readings(reports, stem):
    north = reports[stem].north
    assert north.verdict == "undecided"
    level3, grid = north.witnesses
    from_columns, with_north, without_north = READINGS[stem]
    assert level3.removed.predicted_mm_per_yr == pytest.approx(from_columns, abs=0.002)
    assert level3.removed.verdict == "for"
    np.testing.assert_allclose(grid.velocity_enu_mm_per_yr, [-0.701, 1.889, -1.283], atol=0.001)
    assert grid.contained.predicted_mm_per_yr == pytest.approx(with_north, abs=0.002)
    assert grid.removed.predicted_mm_per_yr == pytest.approx(without_north, abs=0.002)
    assert grid.leak_into_up_mm_per_yr == pytest.approx(-0.26, abs=0.03)


@pytest.mark.parametrize("stem", BURSTS)
def test_the_rest_of_a_real_burst(reports, stem):
    report = reports[stem]
    assert [one.name for one in report.checks if one.verdict == "defect"] == ["mean_velocity, rounding"]
    assert report.identity.provider == "EGEOS"
    assert report.identity.vocabulary == "2018-2024"
    assert report.dates.nominal_step_days == 6
    assert report.dates.longest_step_days == 24
    assert set(report.inputs.orbit_types) == {"FILTERED"}
    assert report.inputs.land_cover == report.inputs.snow == "unstated"
    values = {one.name: one.value for one in report.checks}
    assert values["line of sight, angles"] <= 0.0006
    assert values["map coordinates"] <= 0.1
    assert values["statistics, mean_velocity_std"] == 1.0


@pytest.mark.parametrize("component", ["E", "U"])
def test_level3(component):
    report = audit(data_path("egms", "ustica-west", f"EGMS_L3_E45N17_100km_{component}_2020_2024_1.zip"))
    assert report.verdict == "note"
    values = {one.name: one.value for one in report.checks}
    assert values["time grid, origin"] == 1
    assert values["time grid, step"] == 100.0
    assert values["missing values"] == 0
    assert values["negative zeros"] > 0
    assert report.identity.where == "tile E45N17"
    assert report.rounding is None


def test_a_table_of_stations_in_another_frame_is_given_room():
    report = audit(
        data_path("egms", "ustica-west", "EGMS_L2b_117_0227_IW2_VV_2020_2024_1.zip"),
        gnss=data_path("velocities", "euref_all.raw"),
        gnss_frame="plate:EURA",
    )
    stations = report.north.witnesses[-1]
    assert "allowed between that frame and ETRF2000" in stations.source
    # N of Ustica relative to Eurasia is near 2 mm/yr in every model.
    assert stations.velocity_enu_mm_per_yr[1] == pytest.approx(1.9, abs=0.6)
    assert report.north.verdict == "undecided"
