"""Health of a catalogue, and what the gaps do to the chain."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import numpy as np
import pytest

from chain_small import packaged
from commands import fiducial
from fiducial.catalogue.store import Catalogue
from fiducial.chain.deliveries import IssueState
from fiducial.errors import CatalogueError
from fiducial.runs.catalogue_health import HealthOptions, run_health
from fiducial.runs.catalogue_health_impact import ImpactSettings
from fiducial.runs.chain_impact import ImpactOptions, run_impact
from health_catalogue import Held, file, product, rapid

FEW = ImpactSettings(samples=30)
S = IssueState
NINE_HOURS_LATE = "2026-11-21T02:00"


def health(held, as_of, **options):
    return run_health(held, packaged(), HealthOptions(as_of=as_of, impact=FEW, **options))


def states(result):
    return {one.rule.id: one.state for one in result.classes if one.state is not S.NOT_WATCHED}


def test_a_missing_rapid_product_is_dated_as_chain_impact_says():
    result = health(Held(rapid("2026-11-01", "2026-11-18").items()), NINE_HOURS_LATE)
    assert states(result) == {"igs_rapid_orbits": S.MISSING}
    assert result.is_missing
    (one,) = result.consequences.each
    assert [out.node for out in one.outages] == ["gso_gsc_rapid"]
    assert str(one.outages[0].since_utc)[:16] == "2026-11-20T17:00"
    said = run_impact(packaged(), ["gso_gsc_rapid"], ImpactOptions(samples=30, horizon_days=365.0))
    days = {
        effect.id: effect.days_to_10_percent.p5
        for effect in said.variables
        if effect.days_to_10_percent is not None and np.isfinite(effect.days_to_10_percent.p5)
    }
    found = {
        effect.id: float((effect.early_utc - one.outages[0].since_utc) / np.timedelta64(1, "D"))
        for effect in one.effects
    }
    assert found == pytest.approx(days, abs=1e-9)
    first = min(one.effects, key=lambda effect: effect.early_utc)
    when = str(first.early_utc)[:16].replace("T", " ")
    assert one.sentence.startswith(
        f"IGS rapid orbits 9 h late: nothing degrades before {when} UTC (5 % of draws); then"
    )


def test_what_degraded_already_is_said_so():
    result = health(Held(rapid("2026-10-01", "2026-10-20").items()), NINE_HOURS_LATE)
    (one,) = result.consequences.each
    assert "may have degraded already (5 % of draws)" in one.sentence
    (found,) = [one for one in result.classes if one.state is S.MISSING]
    assert found.verdict.missing == 30


def test_an_issue_that_came_late_was_an_outage_of_that_length():
    names = rapid("2026-11-10", "2026-11-18") | rapid("2026-11-19", "2026-11-19", at="23:00")
    result = health(Held(names.items()), NINE_HOURS_LATE)
    assert states(result) == {"igs_rapid_orbits": S.LATE}
    assert not result.is_missing
    (one,) = result.consequences.each
    assert one.outages[0].hours == 6.0
    assert one.sentence.startswith("IGS rapid orbits came 6 h late: nothing loses 10 %")


def test_when_only_the_time_of_adding_is_known_it_is_said_and_makes_no_outage():
    names = dict.fromkeys(rapid("2026-11-19", "2026-11-19"), "2026-11-20T23:00:00+00:00")
    result = health(Held(added=names.items()), NINE_HOURS_LATE)
    assert states(result) == {"igs_rapid_orbits": S.LATE}
    assert result.consequences.each == ()
    (one,) = [one for one in result.classes if one.state is S.LATE]
    assert one.detail == "late 6 h, added to the catalogue; when issued is not stated: 2026-11-20 23:00 UTC"
    assert one.to_dict()["troubles"][0]["arrival_is_issue_time"] is False


def test_without_any_time_it_is_held_and_nothing_is_guessed():
    held = Held(added=[("IGS0OPSRAP_20263230000_01D_15M_ORB.SP3", None), ("notes.txt", None)])
    result = health(held, NINE_HOURS_LATE)
    assert states(result) == {"igs_rapid_orbits": S.HELD}
    assert (result.files, result.others) == (2, 1)


def test_a_centre_is_out_only_when_none_of_its_watched_products_comes():
    final = {
        f"{centre}0OPSFIN_20242{day}0000_01D_05M_ORB.SP3": "2024-10-01T10:00"
        for centre in ("COD", "ESA")
        for day in range(59, 66)
    }
    rapid_cod = {
        name.replace("IGS", "COD"): when for name, when in rapid("2024-10-01", "2024-10-09", at="15:00").items()
    }
    result = health(Held((final | rapid_cod).items()), "2024-10-10T12:00")
    found = states(result)
    assert found["ac_final_orbits:COD"] is found["ac_final_orbits:ESA"] is S.MISSING
    assert found["ac_rapid_orbits:COD"] is S.ON_TIME
    (one,) = result.consequences.each
    assert [out.node for out in one.outages] == ["ac_esa"]
    assert "what makes Final orbits of CODE still delivers other products" in one.sentence


def test_old_short_names_are_issues_too():
    names = {
        "igs22380.sp3.Z": "2022-12-16T10:00", "igr22380.sp3": "2022-11-28T16:00", "igu22380_06.sp3": "2022-11-27T08:30",
        "igrg3310.22i": "2022-11-28T12:00", "igs22P2238.snx": "2022-12-14T10:00", "cod22380.sp3": "2022-12-06T10:00",
        "igs22387.erp": "2022-12-16T10:00", "COD0MGXFIN_20223310000_01D_05M_ORB.SP3": "2022-12-06T10:00",
    }  # fmt: skip
    result = health(Held(names.items()), "2022-11-28T17:00:00")
    watched = states(result)
    assert set(watched) == {
        "igs_final_orbits", "igs_rapid_orbits", "igs_ultra_orbits", "igs_gim_rapid", "igs_sinex",
        "ac_final_orbits:COD", "igs_final_erp",
    }  # fmt: skip
    assert watched["igs_rapid_orbits"] is S.ON_TIME
    (ultra,) = [one for one in result.classes if one.rule.id == "igs_ultra_orbits"]
    assert ultra.judged.issues.start_gps[0] == np.datetime64("2022-11-26T06:00", "us")
    assert ultra.judged.states[0] is S.ON_TIME
    assert result.others == 1


def test_classes_never_held_are_expected_only_when_asked_for():
    empty = Held()
    assert states(health(empty, NINE_HOURS_LATE)) == {}
    found = states(health(empty, NINE_HOURS_LATE, since="2026-11-20", unwatched=True))
    assert set(found.values()) <= {S.MISSING, S.NOT_DUE}
    assert found["igs_rapid_orbits"] is S.MISSING
    with pytest.raises(CatalogueError, match="FID-4060"):
        health(empty, NINE_HOURS_LATE, unwatched=True)
    some = health(Held(rapid("2026-11-10", "2026-11-19").items()), NINE_HOURS_LATE, unwatched=True)
    clocks = next(one for one in some.classes if one.rule.id == "igs_rapid_clocks")
    assert str(clocks.due_utc)[:16] == "2026-11-11T17:00"
    assert some.consequences.together is not None


def test_since_leaves_earlier_issues_out_and_asks_for_later_ones():
    held = Held(rapid("2026-11-15", "2026-11-19").items())
    assert states(health(held, NINE_HOURS_LATE, since="2026-11-18")) == {"igs_rapid_orbits": S.ON_TIME}
    one = next(
        one for one in health(held, NINE_HOURS_LATE, since="2026-11-10").classes if one.rule.id == "igs_rapid_orbits"
    )
    assert one.judged.states.count(S.MISSING) == 6


@pytest.mark.parametrize(("options", "code"), [
    ({"as_of": "yesterday"}, "FID-4061"), ({"as_of": "1979-12-31"}, "FID-4061"), ({"since": "2300-01-01"}, "FID-4061"),
    ({"since": "2026-11-22"}, "FID-4062"),
])  # fmt: skip
def test_times_that_are_none_are_refused(options, code):
    with pytest.raises(CatalogueError, match=code):
        run_health(Held(), packaged(), HealthOptions(**({"as_of": NINE_HOURS_LATE} | options)))


def test_now_is_asked_of_the_clock_and_zones_are_minded():
    now = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert run_health(Held(), packaged(), HealthOptions(), now=lambda: now).as_of_utc == np.datetime64(
        "2026-11-21T02:00"
    )
    zoned = run_health(Held(), packaged(), HealthOptions(as_of="2026-11-21T03:00+01:00"))
    assert zoned.as_of_utc == np.datetime64("2026-11-21T02:00")


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as opened:
        for name, when in rapid("2026-11-10", "2026-11-18").items():
            opened.add_file(file(name))
            opened.add_product(product(name, when))
    return path


def test_the_command_reads_a_catalogue_and_changes_nothing(stored):
    before = sqlite3.connect(stored).execute("SELECT count(*) FROM node").fetchone()
    arguments = ("catalogue", "health", "--catalogue", stored, "--as-of", NINE_HOURS_LATE, "--samples", 30)
    done = fiducial(*arguments, "--json")
    assert done.code == 0, done.err
    assert done.json["missing"] is True
    (found,) = [one for one in done.json["classes"] if one["state"] == "missing"]
    assert (found["class"], found["hours_late"], found["due_utc"]) == ("igs_rapid_orbits", 9.0, "2026-11-20T17:00:00")
    assert done.json["impact"]["each"][0]["sentence"].startswith("IGS rapid orbits 9 h late: nothing degrades before")
    strict = fiducial(*arguments, "--strict")
    assert strict.code == 1
    assert "IGS rapid orbits 9 h late: nothing degrades before" in strict.out
    assert "propagating: IGS rapid orbits" in strict.err
    assert fiducial(*arguments[:-3], "2026-11-19T18:00", "--strict").code == 0
    assert sqlite3.connect(stored).execute("SELECT count(*) FROM node").fetchone() == before


def test_where_nothing_is_watched_it_is_said_and_no_table_is_drawn(tmp_path):
    with Catalogue.open(tmp_path / "c.sqlite"):
        pass
    done = fiducial("catalogue", "health", "--catalogue", tmp_path / "c.sqlite", "--as-of", NINE_HOURS_LATE)
    assert done.code == 0, done.err
    assert " ".join(done.out.split()).startswith("Nothing is watched as of ")
    assert "next due" not in done.out


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--samples", "0", "FID-1422"), ("--samples", "-1", "FID-1422"), ("--samples", "1000001", "FID-1422"),
        ("--seed", "-1", "FID-1422"), ("--horizon", "nan", "FID-1421"), ("--horizon", "inf", "FID-1421"),
        ("--horizon", "0", "FID-1421"), ("--horizon", "-5", "FID-1421"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused_before_the_catalogue_is_opened(option, value, code, tmp_path):
    done = fiducial("catalogue", "health", option, value, "--catalogue", tmp_path / "none.sqlite")
    assert done.code == 2
    assert code in done.err
    assert f"where: {option}" in done.err


def test_a_catalogue_that_is_not_there_is_said_so(tmp_path):
    done = fiducial("catalogue", "health", "--catalogue", tmp_path / "none.sqlite")
    assert done.code == 5
    assert "FID-4000" in done.err


def test_files_that_arrive_keep_the_time_at_which_they_came(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    (files / "IGS0OPSRAP_20262900000_01D_15M_ORB.SP3").write_bytes(b"not an orbit, but a name")
    catalogue = tmp_path / "catalogue.sqlite"
    for arguments in (["--arriving"], ["--rehash"]):
        assert fiducial("catalogue", "add", files, "--catalogue", catalogue, *arguments).code == 0
    with Catalogue.open(catalogue, read_only=True) as opened:
        (file,) = opened.files()
    assert file.attributes["added"].endswith("+00:00")
