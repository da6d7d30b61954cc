"""Centres of 2024-09-19 lost one by one and in random subsets: figures of reference/orbits.md section 3.5."""

from __future__ import annotations

import functools

import pytest

from fiducial.formats import sinex_summary, sp3
from fiducial.orbits.combination import prepare_day
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.sensitivity import random_subsets, subset_effects
from fiducial.orbits.sensitivity_results import summarise
from fiducial.orbits.stack import common_grid, rotate_centre, stack_orbits
from fiducial.runs.orbit_sensitivity import sensitivity
from support import data_path

pytestmark = pytest.mark.real

OPTIONS = CombinationOptions()
REFERENCES = ("IGF", "IGL")


@functools.cache
def prepared():
    folder = data_path("orbits", "2024-263-final")
    summary = sinex_summary.read(next(folder.glob("*SUM.YML")))
    orbits = {path.name[:3]: sp3.read(path).orbit for path in sorted((folder / "sp3").glob("*.SP3"))}
    stack = stack_orbits(orbits, common_grid(orbits))
    rotations = {name: summary.rotation_rad(name, stack.epochs_gps[0]) for name in orbits if name not in REFERENCES}
    turned = rotate_centre(stack, {name: rotation for name, rotation in rotations.items() if rotation is not None})
    return prepare_day(turned, REFERENCES, OPTIONS)


@functools.cache
def result():
    return sensitivity(prepared(), OPTIONS, REFERENCES, 6, seed=1)


def part_of(effect, letter):
    return next(one for one in effect.constellations if one.constellation == letter)


def rms_mm(effect, letter, reference):
    return 1e3 * part_of(effect, letter).agreement(reference).rms_m


def test_gps_keeps_every_record_whichever_centre_is_lost():
    assert len(result().leave_one_out) == 10
    for effect in result().leave_one_out:
        gps = part_of(effect, "G")
        assert (gps.satellites, gps.records, gps.records_lost) == (32, 32 * 288, 0)
        assert rms_mm(effect, "G", "IGF") < 2.7, effect.left_out
    assert rms_mm(result().full, "G", "IGF") < 1.5


def test_glonass_is_the_fragile_part():
    assert 8.5 < rms_mm(result().full, "R", "IGL") < 9.2
    for effect in result().leave_one_out:
        (lost,) = effect.left_out
        found = rms_mm(effect, "R", "IGL")
        # The coarser method of the reference has 11.5 to 12.3 mm for the first four.
        assert (9.5 < found < 12.3) if lost in {"COD", "ESA", "GFZ", "GRG", "JGX"} else (8.5 < found < 9.2), lost
    assert result().sentences[0].startswith("GLONASS hangs on 5 centres: it keeps all records whichever centre is lost")


def test_rms_by_number_of_centres():
    found = {
        one.centres: 1e3 * one.median_m
        for one in result().summaries
        if (one.constellation, one.reference) == ("G", "IGF")
    }
    single = summarise(subset_effects(prepared(), OPTIONS, random_subsets(prepared(), 10, 1)[:10], REFERENCES))
    alone = next(one for one in single if (one.constellation, one.reference) == ("G", "IGF"))
    assert (alone.centres, alone.subsets) == (1, 10)
    assert (1e3 * alone.median_m, 1e3 * alone.p95_m) == pytest.approx((11.1, 14.5), abs=0.8)
    # With ROCS's rule for G17 the reference has these; no median may be worse.
    for centres, rms in {2: 8.3, 3: 6.8, 4: 5.9, 5: 5.1, 6: 4.0, 7: 3.4, 8: 3.2, 9: 2.9, 10: 2.7}.items():
        assert found[centres] < rms + 0.3, centres
    assert found[1] > found[3] > found[6] > found[9] > found[10]
