"""The whole score: a copy of GNSS wins the hold-out and is told to be no merit; failures are not left out quietly."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fiducial.motion.calibration.score_sentences import DEFINITIONS, against_reference, failures, merit, sentences
from fiducial.motion.calibration.score_table import tabulate
from fiducial.motion.calibration.scoring import RecipeScore, make_plan, score_recipe
from scored_world import Known, evidence, median_offset, offsets, scored


def row(name):
    return next(one for one in scored()[2] if one.recipe == name)


def test_all_recipes_make_the_announced_fits_and_see_the_same_stations():
    plan, _, _, recipes = scored()
    assert [recipe.fits for recipe in recipes] == [plan.fits] * 3
    first, *others = [[names.tolist() for names in recipe.seen] for recipe in recipes]
    assert all(one == first for one in others)


def test_a_copy_of_gnss_wins_the_hold_out_and_erases_everything():
    copy, base = row("copy"), row("egms")
    assert copy.hold_out.rms_mm_per_yr < base.hold_out.rms_mm_per_yr < row("nothing").hold_out.rms_mm_per_yr
    assert copy.hold_out.ratio.high < 1.0
    assert [one.sigma_km for one in copy.leakage] == [5.0, 10.0, 20.0, 40.0]
    assert all(one.mean == pytest.approx(1.0, abs=0.02) for one in copy.leakage)
    assert all(one.least <= one.mean <= one.most for one in base.leakage)
    (told,) = [text for text in merit(scored()[2]) if text.startswith("copy")]
    assert "no merit" in told
    assert "100 % of a 10 km bowl" in told
    assert "more than any other recipe" in told


def test_without_the_thief_the_best_is_not_accused():
    honest = [one for one in scored()[2] if one.recipe != "copy"]
    (told,) = [text for text in merit(honest) if text.startswith("egms")]
    assert "no merit" not in told
    (alone,) = [text for text in merit([row("egms")]) if text.startswith("egms")]
    assert "10 km bowl" in alone
    (thief,) = [text for text in merit([row("copy")]) if text.startswith("copy")]
    assert "no merit" in thief
    assert merit([]) == []


def test_one_that_does_nothing_changes_nothing():
    idle = row("nothing")
    plan, made, *_ = scored()
    assert all(one.mean == 0.0 for one in idle.leakage)
    after = idle.overlap("tracks", "ascending").rms_after_mm_per_yr
    assert after == pytest.approx(
        np.sqrt(np.mean(plan.cells.before_mm_per_yr[plan.cells.of("tracks", "ascending")] ** 2))
    )
    assert after > 2.0 > idle.overlap("tracks", "ascending").rms_before_centred_mm_per_yr
    residual = made[0].residual
    own = plan.samples.select(plan.judged).medians.velocity_mm_per_yr
    assert np.corrcoef(residual, own)[0, 1] > 0.9


def test_offsets_close_the_overlaps_and_the_closure():
    base = row("egms")
    assert base.overlap("tracks", "ascending").rms_after_mm_per_yr < 0.7
    assert base.overlap("tracks", "descending").ratio.value == 1.0
    assert base.overlap("bursts", "ascending") is None
    east, up = base.closure
    assert (east.component, up.component) == ("east", "up")
    assert east.stations > 20
    # The waves are up only, and in both directions: east comes back, up holds them.
    assert east.rms_mm_per_yr < 1.0
    assert up.rms_mm_per_yr > east.rms_mm_per_yr
    assert base.track_out.tracks == 4
    assert base.track_out.rms_apart_mm_per_yr == pytest.approx(base.track_out.rms_together_mm_per_yr)
    assert base.track_out.predicted_rms_mm_per_yr < 0.8 * base.track_out.gnss_only_rms_mm_per_yr


def test_the_row_is_whole_and_plain():
    for one in scored()[2]:
        plain = json.loads(json.dumps(one.to_dict(), allow_nan=False))
        assert set(plain) >= {"hold_out", "overlaps", "closure", "leakage", "thinning", "track_out", "reasons"}
        assert plain["hold_out"]["ratio"]["units"] == plain["hold_out"]["stations"] > 20
        assert [size["stations"] for size in plain["thinning"]] == [4, 8, 16, 32]
        assert plain["hold_out"]["chi"] > 0.0
    assert set(DEFINITIONS) >= {"hold-out", "leakage", "chi", "overlaps", "closure", "thinning", "GNSS only"}


def test_every_recipe_is_held_against_the_reference_in_all_respects():
    told = against_reference(scored()[2])
    assert set(told) == {"nothing", "copy"}
    for part in ("hold-out", "ascending overlaps", "descending overlaps", "leakage", "few stations", "chi"):
        assert part in told["copy"]
    assert against_reference(scored()[2], "joint") == {}


def test_one_that_fails_in_a_fold_has_no_hold_out_error():
    """The folds that it manages are the easy ones."""
    plan, made, *_ = scored()
    sizes = [plan.hold_out_trials[k].training.stations.size for k in range(len(plan.hold_out_trials))]
    picky = Known("picky", median_offset, least_stations=max(sizes))
    found = score_recipe(plan, picky)
    (bad,) = tabulate(plan, (found,))
    assert np.isnan(bad.hold_out.rms_mm_per_yr)
    assert np.isnan(bad.hold_out.chi)
    assert np.isfinite(found.residual).any()
    assert bad.closure[0].stations == 0
    assert all(np.isnan(one.rms_mm_per_yr.mean_mm_per_yr) for one in bad.thinning)
    assert np.isfinite(bad.overlap("tracks", "ascending").rms_after_mm_per_yr)
    told = failures(bad)
    assert any("hold-out" in text and "FID-1061" in text for text in told)
    assert any("4 stations" in text for text in told)
    assert any(text.startswith("picky") for text in sentences([*tabulate(plan, made), bad]))


def test_one_that_cannot_be_fitted_is_a_row_of_unknowns():
    plan, made, *_ = scored()
    told = []
    never = score_recipe(plan, Known("never", median_offset, least_stations=10_000), told.append)
    assert sum(told) == plan.fits
    good, bad = tabulate(plan, (made[1], never))
    assert np.isfinite(good.hold_out.rms_mm_per_yr)
    plain = bad.to_dict()
    assert plain["hold_out"]["rms_mm_per_yr"] is None
    assert plain["leakage"][0]["mean"] is None
    assert plain["track_out"]["predicted_rms_mm_per_yr"] is None
    assert "never could not be fitted" in failures(bad)[0]


def test_no_overlap_no_other_track():
    world = evidence()
    plan = make_plan(replace(world, tracks=world.tracks[:1]))
    (alone,) = tabulate(plan, (score_recipe(plan, offsets()),))
    assert alone.overlaps == alone.pairs == ()
    assert alone.track_out.tracks == 0
    assert alone.closure[0].stations == 0
    assert np.isfinite(alone.hold_out.rms_mm_per_yr)
    json.dumps(alone.to_dict(), allow_nan=False)


def test_a_score_is_rebuilt_from_its_arrays_only_for_its_plan():
    plan, made, rows, _ = scored()
    back = RecipeScore.from_arrays(made[1].to_arrays(), plan)
    again = tabulate(plan, (made[0], back, made[2]))
    assert [one.to_dict() for one in again] == [one.to_dict() for one in rows]
    other = make_plan(replace(evidence(), tracks=evidence().tracks[:2]))
    assert RecipeScore.from_arrays(made[1].to_arrays(), other) is None
    assert RecipeScore.from_arrays({}, plan) is None
