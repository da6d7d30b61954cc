"""``fiducial stations check`` and ``common-mode``: what people and pipes see, and the exit code."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import series_factory as factory
from commands import fiducial
from fiducial.errors import InputError, RunError
from fiducial.formats import filtered_series, sinex
from fiducial.reports import style
from fiducial.reports.station_figures import StepMark, common_mode_figure, trajectory_figure
from fiducial.runs.station_check import check_stations
from fiducial.runs.station_common_mode import CommonModeRequest, filter_series
from sinex_samples import SITES, full_solution, small, text


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "sound.snx"
    path.write_bytes(sinex.to_bytes(full_solution()))
    return path


def test_a_sound_file_passes(sound):
    done = fiducial("stations", "check", sound)
    assert done.code == 0, done.err
    assert "0 errors, 0 warnings, 0 notes" in done.out
    assert "SITE/ANTENNA (1)" in done.out
    told = fiducial("stations", "check", sound, "--sites", sound, "--json")
    assert told.code == 0
    assert told.json["counts"] == {"error": 0, "warning": 0, "note": 0}
    assert told.json["site_table"] == "sound.snx"


def test_errors_give_exit_code_one(tmp_path, sound):
    table = tmp_path / "sites.csv"
    table.write_text("station,domes,antenna,radome,receiver\nAAAA,10001M009,ASH701945B_M,SCIS,OTHER\n")
    done = fiducial("stations", "check", sound, "--sites", table)
    assert done.code == 1
    assert "DOMES number 10001M001 where the site table has 10001M009" in done.out
    told = fiducial("stations", "check", sound, "--sites", table, "--json")
    assert told.code == 1
    assert [(one["severity"], one["subject"]) for one in told.json["findings"]] == [
        ("error", "antenna"), ("error", "domes"), ("warning", "receiver")]  # fmt: skip


def test_warnings_alone_do_not(tmp_path):
    path = tmp_path / "w.snx"
    path.write_bytes(small().replace(b"10001M001", b"AUM000200"))
    told = fiducial("stations", "check", path, "--json")
    assert told.code == 0
    assert told.json["counts"]["warning"] == 1
    assert told.json["reading"] == []


def test_spans_gaps_and_tables_that_do_not_know_each_other():
    solution = full_solution()
    year = np.timedelta64(365, "D").astype("timedelta64[ns]")
    spans = solution.spans
    start = spans.start_utc[0]
    three = replace(
        spans, codes=np.repeat(spans.codes, 3), points=np.repeat(spans.points, 3), solns=np.array(["1", "2", "3"]),
        start_utc=np.array([start - 3 * year, start, start + 10 * (year // 365)]),
        end_utc=np.array([start - 2 * year, start + 20 * (year // 365), start + 5 * (year // 365)]),
        mean_utc=np.full(3, np.datetime64("NaT", "ns")),
    )  # fmt: skip
    from fiducial.stations.metadata_checks import check_metadata

    found = [
        (one.severity, one.text) for one in check_metadata(replace(solution, spans=three)) if one.subject == "span"
    ]
    assert [severity for severity, _ in found] == ["error", "note", "error"]
    assert found[0][1] == "the data of solution 3 end before they start"
    assert found[1][1].startswith("no data for 730 days between solutions 1 and 2")
    assert found[2][1].startswith("solutions 2 and 3 have data at one time")
    other = replace(solution.receivers, codes=np.array(["BBBB"]))
    unequal = check_metadata(replace(solution, spans=None, receivers=other))
    assert [(one.code, one.subject, one.severity) for one in unequal] == [
        ("AAAA", "receiver", "warning"), ("BBBB", "antenna", "error"), ("BBBB", "eccentricity", "error")]  # fmt: skip
    assert unequal[0].text == "no receiver is stated, although antenna and eccentricity are"


def test_files_without_sites_are_refused(tmp_path, sound):
    bare = tmp_path / "bare.snx"
    bare.write_bytes(text("+FILE/COMMENT\n nothing\n-FILE/COMMENT"))
    for pair in ((bare, None), (sound, bare)):
        with pytest.raises(InputError, match="FID-1348"):
            check_stations(*pair)
    assert SITES.startswith("+SITE/ID")


@pytest.fixture
def region(tmp_path):
    rng = np.random.default_rng(6)
    shared = factory.flicker(rng, 400, 3, 0.006)
    rows = ["station,longitude,latitude,height"]
    for number in range(6):
        name = f"ST{number:02d}"
        values = factory.linear(400, noise_m=0.001, seed=number) + shared
        (tmp_path / f"{name}.IGS14.tenv").write_bytes(factory.tenv(values, name))
        rows.append(f"{name},{12 + 0.3 * number},46,100")
    (tmp_path / "sites.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_a_common_mode_is_removed_and_marked(region, monkeypatch):
    files, out = sorted(region.glob("*.tenv")), region / "out"
    drawn, draw = [], style.png_bytes

    def once(figure):
        """One figure is drawn; five more take seconds and show nothing else."""
        drawn.append(figure)
        return draw(figure) if len(drawn) == 1 else b"figure"

    monkeypatch.setattr(style, "png_bytes", once)
    done = fiducial("stations", "common-mode", *files, "--sites", region / "sites.csv", "--out", out)
    assert done.code == 0, done.err
    assert "never for rates" in done.out
    names = sorted(path.name for path in out.iterdir())
    assert names[:3] == ["ST00-common-mode.csv", "ST00-common-mode.png", "ST01-common-mode.csv"]
    assert len(names) == 13
    told = json.loads((out / "common_mode.json").read_text())
    assert "display and screening only" in told["purpose"]
    for station in told["stations"]:
        assert station["epochs_with_common_mode"] == 400
        assert np.all(np.array(station["scatter_after_mm"]) < 0.6 * np.array(station["scatter_before_mm"]))
    first = (out / "ST00-common-mode.csv").read_text().splitlines()
    assert "NEVER FOR RATES" in first[0]
    assert first[6].startswith("epoch,east_mm")
    assert len(first) == 7 + 400
    refused = fiducial("stations", "velocity", out / "ST00-common-mode.csv")
    assert refused.code == 2
    assert "FID-1357" in refused.err
    again = fiducial("stations", "common-mode", *files, "--sites", region / "sites.csv", "--out", out)
    assert "FID-1002" in again.err
    assert (out / "ST00-common-mode.png").read_bytes().startswith(b"\x89PNG")
    answer = fiducial(
        "stations", "common-mode", *files, "--sites", region / "sites.csv", "--out", out, "--overwrite", "--json"
    ).json
    assert len(answer["files"]) == 13


def test_all_files_of_a_common_mode_are_written_or_none(region, monkeypatch):
    monkeypatch.setattr("fiducial.reports.style.png_bytes", lambda _: b"figure")
    words = ["stations", "common-mode", *sorted(region.glob("*.tenv")), "--sites", region / "sites.csv", "--out"]
    out = region / "out"
    out.mkdir()
    (out / "ST05-common-mode.csv").write_text("of another region")
    assert "FID-1002" in fiducial(*words, out).err
    assert [path.name for path in out.iterdir()] == ["ST05-common-mode.csv"]
    assert "FID-1355" in fiducial(*words, out / "ST05-common-mode.csv").err


def test_a_site_at_two_places_is_refused(region):
    table = region / "sites.csv"
    files = tuple(sorted(region.glob("*.tenv")))
    sound = table.read_text()
    table.write_text(sound + "ST00,12.001,46,100\n")
    assert len(filter_series(CommonModeRequest(files, sites=table))) == 6
    table.write_text(sound + "ST00,13,46,100\n")
    with pytest.raises(InputError, match="FID-1378: ST00 stands at two places 77"):
        filter_series(CommonModeRequest(files, sites=table))


@pytest.mark.parametrize("options", [{"length_km": -1.0}, {"length_km": np.nan}, {"least_stations": 0}])
def test_a_mean_of_nothing_is_refused(region, options):
    files = tuple(sorted(region.glob("*.tenv")))
    with pytest.raises(InputError, match=r"FID-1335: .* give no mean"):
        filter_series(CommonModeRequest(files, sites=region / "sites.csv", **options))


def test_what_is_no_region_is_refused(region):
    files = tuple(sorted(region.glob("*.tenv")))
    with pytest.raises(InputError, match="FID-1358"):
        filter_series(CommonModeRequest(files))
    with pytest.raises(InputError, match="FID-1335"):
        filter_series(CommonModeRequest(files[:3], sites=region / "sites.csv"))
    with pytest.raises(InputError, match="FID-1336"):
        filter_series(CommonModeRequest((files[0], *files), sites=region / "sites.csv"))
    with pytest.raises(InputError, match="FID-1004"):
        filter_series(CommonModeRequest(files, sites=region / "sites.csv", frame="IGS99"))


def test_the_mark_is_known_behind_a_byte_order_mark():
    assert filtered_series.is_filtered(b"\xef\xbb\xbf" + filtered_series.MARK + b"\n")
    assert not filtered_series.is_filtered(b"station,epoch\n")


def test_figures_refuse_what_does_not_fit():
    epochs = factory.START + np.arange(3) * factory.DAY
    plain = {"title": "t", "subtitle": "s", "quantity": "q", "time_scale": "GPS"}
    with pytest.raises(RunError, match="FID-5010"):
        trajectory_figure(epochs, np.zeros(3), rejected=np.zeros(2, dtype=bool), **plain)
    with pytest.raises(RunError, match="FID-5011"):
        trajectory_figure(epochs, np.full(3, np.nan), **plain)
    with pytest.raises(RunError, match="FID-5010"):
        common_mode_figure(
            epochs, np.zeros((3, 3)), np.zeros((3, 2)), texts=[("", "")] * 3, title="t", note="n", time_scale="GPS"
        )
    outside = trajectory_figure(epochs, np.zeros(3), steps=[StepMark(np.datetime64("1990-01-01", "ns"))], **plain)
    assert len(outside.axes) == 1
