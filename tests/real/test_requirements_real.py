"""Requirement 369 on real velocity tables and series."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.runs.chain_requirements import ScoreRequest, score_requirement
from support import data_path

pytestmark = pytest.mark.real

TABLES = [
    (("velocities", "euref_all.raw"), 3028),
    (("velocities", "alps-gps-velocity.csv.xz"), 186),
    (("anatolia", "gnss_velocities_eurasia_fixed.vel"), 360),
    (("egms", "EGMS_AEPND_V2022.0_subset.csv"), 154),
]


@pytest.mark.parametrize(("parts", "stations"), TABLES)
def test_shares_are_finite_and_ordered(parts, stations):
    found = score_requirement(ScoreRequest(data_path(*parts), cell_km=20.0))
    plain = found.to_dict()
    assert plain["stations"] == stations
    assert 1e5 < plain["area_km2"] < 1e7
    for row in plain["shares"]:
        if row["metric"] in {"update_frequency", "timeliness", "requirement"}:
            assert row["threshold"] is None
            continue
        assert 0.0 <= row["goal"] <= row["breakthrough"] <= row["threshold"] <= 1.0
        assert np.isclose(row["threshold"] + row["below"] + row["unknown"], 1.0)


def test_most_anatolian_stations_have_no_vertical_and_that_is_unknown():
    found = score_requirement(ScoreRequest(data_path("anatolia", "gnss_velocities_eurasia_fixed.vel"), cell_km=20.0))
    rows = {row["metric"]: row for row in found.rows()}
    assert rows["up"]["unknown"] > 0.4
    assert rows["horizontal"]["unknown"] == 0.0


def test_series_of_three_stations():
    series = tuple(
        data_path("series", name) for name in ("CODR.IGS08.tenv.txt", "MPRA.IGS08.tenv.txt", "sinex_tms_zimm")
    )
    request = ScoreRequest(data_path("velocities", "euref_all.raw"), series, cell_km=20.0, as_of="2024-03-01")
    rows = {row["metric"]: row for row in score_requirement(request).rows()}
    assert 0.0 < rows["timeliness"]["threshold"] < rows["update_frequency"]["threshold"] < 0.02
    assert rows["update_frequency"]["breakthrough"] == 0.0
