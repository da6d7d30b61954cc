"""``fiducial stations velocity``: files in; table, figures and JSON out."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import series_factory as factory
from commands import fiducial
from fiducial.errors import FormatError, InputError, NumericsError
from fiducial.formats import station_steps
from fiducial.runs.station_velocity import VelocityRequest, estimate, figure_of

STEP = 700


@pytest.fixture
def folder(tmp_path):
    values = factory.linear(1500, noise_m=0.002)
    values[STEP:] += 0.015
    (tmp_path / "AAAA.IGS20.tenv").write_bytes(factory.tenv(values, "AAAA"))
    (tmp_path / "BBBB.tenv3").write_bytes(factory.tenv3(factory.linear(1500, noise_m=0.002, seed=2), "BBBB"))
    (tmp_path / "c.tms").write_bytes(factory.tms(np.round(factory.linear(1500, noise_m=0.002, seed=3), 4)))
    (tmp_path / "steps.txt").write_text("# steps\nAAAA 09DEC06 1 antenna\nBBBB 2001.5 2 M6\n")
    return tmp_path


def _files(folder):
    return [folder / name for name in ("AAAA.IGS20.tenv", "BBBB.tenv3", "c.tms")]


def test_table_and_json(folder):
    out = folder / "rates.csv"
    done = fiducial("stations", "velocity", *_files(folder), "--steps", folder / "steps.txt", "--out", out)
    assert done.code == 0, done.err
    assert "IGS20" in done.out
    assert "unstated" in done.out
    assert "no frame is stated" in done.out
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(row["station"], row["method"]) for row in rows[:3]] == [
        ("AAAA", "midas"), ("AAAA", "trajectory"), ("BBBB", "midas")]  # fmt: skip
    for row in rows:
        assert float(row["east_mm_per_yr"]) == pytest.approx(20.0, abs=0.3)
        assert 0.0 < float(row["sigma_up_mm_per_yr"]) < 1.0
    again = fiducial("stations", "velocity", *_files(folder), "--out", out)
    assert again.code == 2
    assert "FID-1002" in again.err
    told = fiducial("stations", "velocity", folder / "c.tms", "--json", "--noise", "estimate", "--draconitic").json
    station = told["stations"][0]
    assert station["frame"] == "IGb14"
    assert len(station["trajectory"]["parameters"]) == 2 + 8
    assert station["midas"]["velocity_mm_per_yr"][0] == pytest.approx(20.0, abs=0.3)


def test_steps_are_detected_when_asked(folder):
    told = fiducial("stations", "velocity", folder / "AAAA.IGS20.tenv", "--detect-steps", "--json").json["stations"][0]
    assert [one["epoch"][:10] for one in told["tested_steps"] if one["accepted"]] == ["2009-12-06"]
    assert [one["kind"] for one in told["events"]] == ["detected"]
    assert "step 2009-12-06" in [one["name"] for one in told["trajectory"]["parameters"]]


def test_unlisted_steps_that_move_the_trajectory_are_hinted_at(folder):
    values = factory.linear(1500, noise_m=0.002)
    values[STEP:] += 0.1
    (folder / "D.tenv").write_bytes(factory.tenv(values, "DDDD"))
    assert "--detect-steps" in fiducial("stations", "velocity", folder / "D.tenv", "--noise", "white").out
    assert "there may be steps" not in fiducial("stations", "velocity", folder / "BBBB.tenv3").out


def test_a_series_in_millimetres_is_hinted_at(folder):
    (folder / "D.IGS20.tenv").write_bytes(factory.tenv(1e3 * factory.linear(1500, noise_m=0.002), "DDDD"))
    done = fiducial("stations", "velocity", folder / "D.IGS20.tenv", "--method", "midas")
    assert "is faster than any plate" in done.out
    told = fiducial(
        "stations", "velocity", folder / "D.IGS20.tenv", folder / "c.tms", "--method", "midas", "--json"
    ).json
    first, second = (one["hints"] for one in told["stations"])
    assert any("is faster than any plate" in text for text in first)
    assert second == []


def test_relaxation_after_the_earthquakes_of_the_list(folder):
    (folder / "steps.txt").write_text("AAAA 2009-12-06 2 M6\n")
    told = fiducial("stations", "velocity", folder / "AAAA.IGS20.tenv", "--steps", folder / "steps.txt", "--post-seismic", "log",
                    "--method", "trajectory", "--noise", "white", "--json").json["stations"][0]  # fmt: skip
    assert told["midas"] is None
    assert told["trajectory"]["relaxation_years"][0] > 0.0


def test_daily_sampling(folder):
    told = fiducial(
        "stations", "velocity", folder / "c.tms", "--noise-sampling", "daily", "--method", "trajectory", "--json"
    ).json
    assert told["stations"][0]["trajectory"]["averaging_days"] == 1
    assert told["stations"][0]["trajectory"]["velocity_mm_per_yr"][0] == pytest.approx(20.0, abs=0.3)


def test_the_model_line_is_on_top_of_the_points_in_another_colour(folder):
    (found,) = estimate(VelocityRequest((folder / "AAAA.IGS20.tenv",), detect_steps=True))
    top, below = figure_of(found, 0).axes
    lines = {line.get_label(): line for line in top.lines}
    assert lines["model"].get_zorder() > lines["position"].get_zorder()
    assert lines["model"].get_color() != lines["position"].get_color()
    assert "2009-12-06" in [text.get_text() for text in top.texts]
    assert any("trajectory +2" in text.get_text() and "mm/yr" in text.get_text() for text in top.texts)
    assert "IGS20" in top.get_title(loc="left")
    assert "observed" in below.get_ylabel()


def test_figures_with_and_without_a_model(folder):
    figures = folder / "figures"
    done = fiducial("stations", "velocity", folder / "c.tms", "--plot", figures)
    assert done.code == 0
    assert sorted(path.name for path in figures.iterdir()) == [
        "SIMU00EUR-east.png", "SIMU00EUR-north.png", "SIMU00EUR-up.png"]  # fmt: skip
    assert min(path.stat().st_size for path in figures.iterdir()) > 10_000
    found = estimate(VelocityRequest((folder / "BBBB.tenv3",), method="midas", frame="IGS14"))
    (axes,) = figure_of(found[0], 0).axes
    assert "IGS14" in axes.get_title(loc="left")
    assert "less the velocity" in axes.get_ylabel()


def test_requests_that_cannot_be_honoured(folder):
    first = folder / "AAAA.IGS20.tenv"
    with pytest.raises(InputError, match="FID-1336"):
        estimate(VelocityRequest((first, first)))
    (folder / "steps.txt").write_text("ZZZZ 2009-12-06\n")
    with pytest.raises(InputError, match="FID-1336"):
        estimate(VelocityRequest((first,), steps=folder / "steps.txt"))
    with pytest.raises(InputError, match="FID-1332"):
        estimate(VelocityRequest((first,), frame="IGS14"))
    with pytest.raises(InputError, match="FID-1004"):
        estimate(VelocityRequest((first,), frame="IGS99"))
    short = folder / "S.tenv"
    short.write_bytes(factory.tenv(factory.linear(12, noise_m=1e-3), "SSSS"))
    with pytest.raises(NumericsError, match="FID-3143"):
        estimate(VelocityRequest((short,)))
    found = estimate(VelocityRequest((first, short), detect_steps=True))
    assert found[0].problems == ()
    assert len(found[1].problems) == 3
    assert fiducial("stations", "velocity", first, short).out.count("SSSS") == 3
    with pytest.raises(FormatError, match="FID-2400"):
        estimate(VelocityRequest((folder / "missing",)))


@pytest.mark.parametrize(
    "row", ["AAAA", "AA 2010-01-01", "AAAA 2010-02-30", "AAAA 10XXX01", "AAAA 10FEB31", "AAAA 1e3"]
)
def test_rows_that_are_no_steps_are_refused(row):
    with pytest.raises(InputError, match="FID-1331") as caught:
        station_steps.read(f"# list\n{row}\n".encode(), name="steps.txt")
    assert "steps.txt, line 2, columns 1-" in caught.value.where


def test_every_way_to_write_a_date_of_a_step():
    found = station_steps.read(
        b"aaaa 10MAY01 1 new antenna\nAAAA 1999-05-01T06:30 2\nAAAA 2010.5\nAAAA 95MAY19 text\n"
    )["AAAA"]
    assert [str(one.epoch)[:16] for one in found] == [
        "1995-05-19T00:00", "1999-05-01T06:30", "2010-05-01T00:00", "2010-07-02T12:00"]  # fmt: skip
    assert [one.kind for one in found] == ["known", "earthquake", "equipment", "known"]
    assert found[2].description == "new antenna"
