"""Subsets of centres from the moments alone: against combinations made of positions, and what is told of them."""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError, RunError
from fiducial.geodesy.similarity import fit_similarity
from fiducial.orbits.combination import combine_day, prepare_day
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.sensitivity import effect_of, leave_one_out, random_subsets, sensitivity_basis, subset_effects
from fiducial.orbits.sensitivity_results import FULL, Agreement, ConstellationEffect, SubsetEffect, summarise
from fiducial.orbits.stack import OrbitStack
from fiducial.reports.bars import Bars, bar_plot
from fiducial.runs.orbit_sensitivity import fragile_parts, sensitivity
from fiducial.runs.orbit_sensitivity_page import leave_one_out_figure, sensitivity_page, size_figure
from keplerian import orbit

OPTIONS = CombinationOptions()
SATELLITES = ("G01", "G02", "G03", "G04", "G05", "G06", "R01", "R02", "R03", "R04")
CENTRES = ("AAA", "BBB", "CCC", "DDD", "EEE", "REF")
GPS_ONLY = {"DDD", "EEE"}
EPOCHS = 48


def stacked(centres=CENTRES):
    """Centres with offsets, arc biases and noise of about a centimetre; some without satellites or records."""
    rng = np.random.default_rng(20240919)
    truth = orbit(SATELLITES, step_s=1800.0, count=EPOCHS)
    position = {}
    for name in CENTRES:
        noise = rng.normal(0.0, 0.004, (EPOCHS, len(SATELLITES), 3)) + rng.normal(0.0, 0.006, (len(SATELLITES), 3))
        position[name] = truth.position_m + noise + rng.normal(0.0, 0.002, 3)
        if name in GPS_ONLY:
            position[name][:, 6:] = np.nan
    position["REF"][:, 6:] = np.nan
    position["REF"][::3] = np.nan
    position["AAA"][20:30, 1] = np.nan
    for name in ("BBB", "CCC"):
        position[name][:, 9] = np.nan
        position[name][40:, 7] = np.nan
    for name in ("BBB", "CCC", "DDD", "EEE"):
        position[name][:5, 2] = np.nan
    clock = np.full((len(centres), EPOCHS, len(SATELLITES)), np.nan)
    interpolated = np.zeros((len(centres), EPOCHS), dtype=bool)
    return OrbitStack(
        tuple(centres), truth.epochs_gps, SATELLITES, np.stack([position[one] for one in centres]), clock, interpolated
    )


@functools.cache
def a_day(centres=CENTRES, **options):
    return prepare_day(stacked(centres), ("REF",), replace(OPTIONS, **options))


def combined(day, subset):
    """Positions of the combination of a subset, all satellites of the day, NaN where it has none."""
    chosen = np.array([name in subset for name in day.stack.centres])
    found = combine_day(day, OPTIONS, day.weighted & chosen[:, None]).orbit
    position = np.full((EPOCHS, len(SATELLITES), 3), np.nan)
    position[:, [SATELLITES.index(name) for name in found.satellites]] = found.position_m
    return position


def differences(one, other, letter):
    """RMS per coordinate as it is and after Helmert, and the number of records."""
    columns = [s for s, name in enumerate(SATELLITES) if name[0] == letter]
    one, other = one[:, columns], other[:, columns]
    known = np.isfinite(one[..., 0]) & np.isfinite(other[..., 0])
    if not known.any():
        return np.nan, np.nan, 0
    fit = fit_similarity(one[known], other[known], robust=False)
    raw, aligned = (np.sqrt(np.mean(values**2)) for values in ((one - other)[known], fit.residuals_m))
    return raw, aligned, int(known.sum())


SUBSETS = [
    frozenset(one)
    for one in ({"BBB", "CCC", "DDD", "EEE"}, {"AAA", "BBB", "CCC"}, {"AAA", "CCC", "EEE"}, {"AAA", "DDD", "EEE"},
                {"BBB", "CCC"}, {"AAA"}, {"DDD"}, {"DDD", "EEE"}, set(CENTRES) - {"REF"})
]  # fmt: skip


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "-".join(sorted(subset)))
def test_moments_give_what_positions_give(subset):
    day = a_day()
    (effect,) = subset_effects(day, OPTIONS, [subset], ("REF",))
    own, full, reference = combined(day, subset), combined(day, set(CENTRES)), day.stack.position_m[-1]
    assert effect.centres == tuple(name for name in CENTRES if name in subset)
    assert set(effect.left_out) == set(CENTRES) - {"REF"} - subset
    for part in effect.constellations:
        for agreement, other in zip(part.agreements, (full, reference), strict=False):
            raw, aligned, records = differences(own, other, part.constellation)
            assert agreement.records == records
            # A hundredth of a millimetre: the centres left out are still compared in the other way.
            assert agreement.rms_m == pytest.approx(raw, abs=1e-5, nan_ok=True)
            assert agreement.rms_helmert_m == pytest.approx(aligned, abs=1e-5, nan_ok=True)
        columns = [s for s, name in enumerate(SATELLITES) if name[0] == part.constellation]
        has, had = (np.isfinite(one[:, columns, 0]) for one in (own, full))
        assert (part.records, part.records_lost) == (has.sum(), (had & ~has).sum())
        lost = tuple(SATELLITES[columns[i]] for i in np.flatnonzero(had.any(axis=0) & ~has.any(axis=0)))
        assert part.satellites_lost == lost
        assert part.satellites == has.any(axis=0).sum()


def test_references_count_where_they_have_records():
    gps, glonass = effect_of(sensitivity_basis(a_day(), OPTIONS, ("REF", "REF")), SUBSETS[0]).constellations
    assert [one.reference for one in gps.agreements] == [FULL, "REF"]
    assert [one.reference for one in glonass.agreements] == [FULL]
    # REF has two of three epochs; G03 is lost at the first five, three of which REF has.
    assert gps.agreement("REF").records == 6 * 32 - 3
    assert glonass.agreement("REF") is None
    assert (gps.centres, glonass.centres) == (4, 2)


def test_full_set_is_the_full_combination():
    day = a_day()
    effect = effect_of(sensitivity_basis(day, OPTIONS), frozenset(CENTRES) - {"REF"})
    for part in effect.constellations:
        assert (part.records_lost, part.satellites_lost) == (0, ())
        assert part.agreement().rms_m == 0.0
        assert part.agreement().records == part.records


def test_order_of_centres_does_not_matter():
    turned = tuple(reversed(CENTRES))
    one, other = a_day(), a_day(turned)
    assert random_subsets(one, 4, 7) == random_subsets(other, 4, 7)
    for subset in SUBSETS[:3]:
        first, second = (subset_effects(day, OPTIONS, [subset], ("REF",))[0] for day in (one, other))
        for a, b in zip(first.constellations, second.constellations, strict=True):
            assert (a.records, a.satellites_lost) == (b.records, b.satellites_lost)
            assert [x.rms_m for x in a.agreements] == pytest.approx([x.rms_m for x in b.agreements], abs=1e-7)


def test_drawn_subsets_are_distinct_and_as_many_as_asked():
    day = a_day()
    drawn = random_subsets(day, 7, seed=3)
    sizes = [len(one) for one in drawn]
    assert len(set(drawn)) == len(drawn)
    assert [sizes.count(size) for size in range(1, 5)] == [5, 7, 7, 5]
    assert sizes == sorted(sizes)
    assert drawn == random_subsets(day, 7, seed=3) != random_subsets(day, 7, seed=4)
    assert not any("REF" in one for one in drawn)
    assert [sum(len(one) == 2 for one in random_subsets(day, n, 1)) for n in (3, 10, 50)] == [3, 10, 10]
    assert [frozenset(CENTRES[:5]) - one for one in leave_one_out(day)] == [{name} for name in CENTRES[:5]]


def test_what_cannot_be_asked():
    day = a_day()
    basis = sensitivity_basis(day, OPTIONS)
    for code, ask in (
        ("FID-1220", lambda: sensitivity_basis(day, OPTIONS, ("AAA",))),
        ("FID-1220", lambda: sensitivity_basis(day, OPTIONS, ("IGF",))),
        ("FID-1221", lambda: effect_of(basis, frozenset())),
        ("FID-1221", lambda: effect_of(basis, frozenset({"AAA", "REF"}))),
        ("FID-1222", lambda: random_subsets(day, 0, 1)),
        ("FID-1222", lambda: random_subsets(day, 3, -1)),
        ("FID-1222", lambda: sensitivity(day, OPTIONS, workers=0)),
        ("FID-1223", lambda: leave_one_out(a_day(("AAA", "REF")))),
        ("FID-1224", lambda: sensitivity_basis(day, replace(OPTIONS, minimum_centres=9))),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == code


def effect(left_out, gps, glonass, lost=0):
    """A made-up effect: RMS [mm] of GPS to REF, of GLONASS to the full combination."""
    parts = (
        ConstellationEffect("G", 4, 30, 3000, (), 0, (Agreement(FULL, 3000, 1e-3, 1e-3), Agreement("REF", 900, gps / 1e3, 0.0))),
        ConstellationEffect("R", 3, 20, 2000 - lost, ("R05",) if lost else (), lost, (Agreement(FULL, 2000 - lost, glonass / 1e3, 0.0),)),
    )  # fmt: skip
    return SubsetEffect(tuple(name for name in "ABCD" if name not in left_out), tuple(left_out), parts, ())


def test_sentences_name_the_fragile_part_first():
    full = effect("", 2.0, 0.0)
    glonass = "without B or A it moves by 6.0 and 5.0 mm RMS per coordinate."
    gps = "without A or B its RMS to REF goes from 2.0 to 4.0 and 3.1 mm."
    alone = [effect("A", 4.04, 5.0), effect("B", 3.1, 6.0), effect("C", 2.2, 1.0), effect("D", 2.0, 0.0)]
    assert fragile_parts(full, alone) == (
        f"GLONASS hangs on 3 centres: it keeps all records whichever centre is lost; {glonass}",
        f"GPS hangs on 4 centres: it keeps all records whichever centre is lost; {gps}",
    )
    alone[3] = effect("D", 2.0, 0.5, lost=100)
    assert fragile_parts(full, alone)[0].startswith(
        "GLONASS hangs on 3 centres: without D it loses 5.0 % of its records, up to 1 of its 20 satellites whole;"
    )


def test_many_centres_of_like_effect_are_told_as_a_range():
    alone = [effect(name, 3.0 - 0.1 * i, 0.0) for i, name in enumerate("ABCDE")]
    told = " ".join(fragile_parts(effect("", 2.0, 0.0), alone))
    assert "without A its RMS to REF goes from 2.0 to 3.0 mm, without any of 4 others 2.6 to 2.9 mm." in told


def test_summary_by_number_of_centres():
    found = summarise([effect("A", 1.0, 2.0), effect("B", 3.0, 4.0, lost=100), effect("A", 1.0, 2.0)])
    assert [(one.constellation, one.reference, one.centres, one.subsets) for one in found] == [
        ("G", FULL, 4, 2), ("G", "REF", 4, 2), ("R", FULL, 3, 2),
    ]  # fmt: skip
    assert found[1].median_m == pytest.approx(2e-3)
    assert (found[1].p05_m, found[1].p95_m) == pytest.approx((1.1e-3, 2.9e-3))
    assert (found[2].records_lost_median, found[2].records_lost_most) == pytest.approx((0.025, 0.05))


@functools.cache
def result():
    return sensitivity(a_day(), OPTIONS, ("REF",), 8, seed=5)


def test_result_is_plain_json_with_units_in_its_keys():
    plain = result().to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert [one["left_out"] for one in plain["leave_one_out"]] == [[name] for name in CENTRES[:5]]
    first = plain["leave_one_out"][0]["constellations"]
    assert set(first[0]["agreements"][1]) == {"reference", "records", "rms_mm", "rms_helmert_mm"}
    assert first[1]["satellites_lost"] == ["R04"]
    without_glonass = [
        one for one in plain["by_number_of_centres"] if (one["constellation"], one["centres"]) == ("R", 0)
    ]
    assert [one["rms_median_mm"] for one in without_glonass] == [None]
    assert [one["records_lost_most_percent"] for one in without_glonass] == [100.0]
    assert "R04" in plain["leave_one_out"][0]["constellations"][1]["satellites_lost"]


def test_more_centres_are_better():
    medians = [one.median_m for one in result().summaries if (one.constellation, one.reference) == ("G", FULL)]
    assert len(medians) == 5
    assert all(more < fewer for fewer, more in itertools.pairwise(medians))


def test_progress_adds_up_and_processes_change_no_number():
    told = []
    one, several = (sensitivity(a_day(), OPTIONS, ("REF",), 10, 5, workers, told.append) for workers in (1, 2))
    assert sum(told) == pytest.approx(2.0)
    assert len({one.full.centres, *(each.centres for each in (*one.leave_one_out, *one.random))}) == 31
    assert json.dumps(one.to_dict()) == json.dumps(several.to_dict())


def test_tables_figures_and_page():
    for table in (result().leave_one_out_table(), result().size_table()):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[0] for row in result().leave_one_out_table().rows] == ["none", *CENTRES[:5]]
    assert len(leave_one_out_figure(result()).axes[0].patches) == 10
    assert size_figure(result()).axes[0].get_legend_handles_labels()[1] == ["GPS to REF", "GLONASS to full combination"]
    page = sensitivity_page(result(), {"AAA": "a.SP3"}).render()
    assert result().sentences[0] in page
    assert page.count("<img") == 2


def test_bars_that_cannot_be_drawn():
    for cases, groups, code in (
        ([], [Bars("a", [])], "FID-5010"),
        (["x"], [], "FID-5010"),
        (["x"], [Bars("a", [1.0, 2.0])], "FID-5010"),
        (["x"], [Bars("a", [np.nan])], "FID-5011"),
    ):
        with pytest.raises(RunError) as caught:
            bar_plot(cases, groups, title="Bars", value_label="mm")
        assert caught.value.code == code
