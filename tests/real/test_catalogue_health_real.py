"""Health of a catalogue of one real day of analysis-centre orbits, before and after the deadlines of its week."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from chain_small import packaged
from commands import fiducial
from fiducial.catalogue.records import FileRecord
from fiducial.catalogue.store import Catalogue
from fiducial.runs.catalogue_health import HealthOptions, run_health
from fiducial.runs.catalogue_health_impact import ImpactSettings
from support import data_path

pytestmark = pytest.mark.real
CENTRES = ("COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO")


def health(tmp_path, as_of, added=None):
    path, folder = tmp_path / "catalogue.sqlite", data_path("orbits", "2024-263-final")
    if added is None:
        done = fiducial("catalogue", "add", folder, "--catalogue", path)
        assert done.code == 0, done.err
    else:
        with Catalogue.open(path) as opened:
            for one in sorted(one for one in folder.rglob("*") if one.is_file()):
                content = one.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                places = (str(one),)
                opened.add_file(FileRecord(digest, len(content), one.suffix[1:], one.name, places, {"added": added}))
    with Catalogue.open(path, create=False, read_only=True) as opened:
        return run_health(opened, packaged(), HealthOptions(as_of=as_of, impact=ImpactSettings(samples=30)))


def watched(result):
    return {one.rule.id: str(one.state) for one in result.classes if str(one.state) != "not watched"}


def test_before_the_deadline_nothing_is_due(tmp_path):
    result = health(tmp_path, "2024-10-01")
    states = watched(result)
    assert set(states) == {"igs_sinex_summary", *(f"ac_final_orbits:{centre}" for centre in CENTRES)}
    assert set(states.values()) == {"not due yet"}
    assert result.consequences.each == ()
    due = {str(one.next_due_utc)[:16] for one in result.classes if one.rule.id.startswith("ac_final_orbits:")} - {
        "None"
    }
    assert due == {"2024-10-02T05:00"}


def test_after_it_one_day_of_seven_is_there_and_the_next_week_falls_due(tmp_path):
    result = health(tmp_path, "2024-10-08")
    assert Counter(watched(result).values()) == {"incomplete": 10, "held": 1}
    one = next(one for one in result.classes if one.rule.id == "ac_final_orbits:COD")
    assert one.detail == "1 of 7 days are there, 6 d after it fell due"
    assert result.is_missing
    assert result.consequences.each == ()
    later = health(tmp_path, "2024-10-10")
    assert Counter(watched(later).values()) == {"missing": 10, "held": 1}
    one = next(one for one in later.classes if one.rule.id == "ac_final_orbits:COD")
    assert (one.detail, str(one.due_utc)[:16]) == ("1 issue, 19 h late", "2024-10-09T05:00")
    (said,) = later.consequences.each
    assert said.sentence.startswith("Final orbits of CODE, NRCan, ESA/ESOC, ")
    assert "although only some of its product classes are watched" in said.sentence


def test_what_was_added_later_was_missing_then(tmp_path):
    result = health(tmp_path, "2024-10-10", "2026-11-21T12:00:00+00:00")
    assert Counter(watched(result).values()) == {"missing": 11}
    (centres,) = [one for one in result.consequences.each if "ac_final_orbits:COD" in one.classes]
    assert {out.node for out in centres.outages} == {f"ac_{centre.lower()}" for centre in CENTRES} - {"ac_jgx"}
    assert {str(out.since_utc)[:16] for out in centres.outages} == {"2024-10-02T05:00"}
    assert "no node of the chain stands for Final orbits of GSI and JAXA" in centres.sentence
