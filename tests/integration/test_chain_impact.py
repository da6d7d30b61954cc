"""``fiducial chain impact``: schema, seeds, names that are near, options that cannot be."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest

from chain_small import packaged
from commands import fiducial
from fiducial.chain.egv import Level
from fiducial.errors import FiducialError
from fiducial.runs.chain_dependencies import list_dependencies
from fiducial.runs.chain_impact import ImpactOptions, run_impact

QUICK = {"samples": 20, "horizon_days": 400.0}


def _impact(*arguments):
    return fiducial("chain", "impact", *arguments)


def _run(target, **options):
    """Run without the command, on knowledge that is read once."""
    return run_impact(packaged(), [target], ImpactOptions(**(QUICK | options))).to_dict()


@pytest.fixture(scope="module")
def orbits():
    done = _impact("satellite_orbits", "--json", "--samples", 20)
    assert done.code == 0, done.err
    # NaN and infinity are no JSON.
    return json.loads(done.out, parse_constant=pytest.fail)


def _spreads(effect):
    return [effect[key] for key in ("days_to_10_percent", "days_to_50_percent", "held_days_to_10_percent")]


def test_every_variable_of_level_3_has_tier_bounds_and_reason(orbits):
    wanted = [egv.id for egv in packaged().catalogue.of_level(Level.LEVEL_3)]
    assert [effect["egv"] for effect in orbits["effects"]] == wanted
    assert len(wanted) == 14
    tiers = {tier["id"]: tier["bounds_days"] for tier in orbits["tiers"]}
    products = 0
    for effect in orbits["effects"]:
        products += len(effect["products"])
        for one in (effect, *effect["products"]):
            assert one["because"]
            assert abs(sum(one["tier_shares"].values()) - 1) < 1e-9
            for spread in _spreads(one):
                if spread is not None:
                    ordered = [spread[key] for key in ("p5", "p50", "p95") if spread[key] is not None]
                    assert ordered == sorted(ordered)
                    # Unknown comes last: what half of the samples never reach, the slower ones do not reach either.
                    assert [spread[key] for key in ("p5", "p50", "p95")][: len(ordered)] == ordered
                    assert min(ordered) >= 0
            ten, fifty = one["days_to_10_percent"], one["days_to_50_percent"]
            if fifty is not None:
                assert all(fifty[key] is None or ten[key] <= fifty[key] for key in ("p5", "p50", "p95"))
            if ten is None or ten["p50"] is None:
                assert one["tier"] is one["tier_id"] is None
            else:
                low, high = tiers[one["tier_id"]]
                assert low <= ten["p50"]
                assert high is None or ten["p50"] < high
            for step in one["path"]:
                assert step["evidence"] in {"measured", "sourced", "derived", "assumption"}
                assert step["hold_days"] >= 0
    assert products == len(packaged().catalogue.products(Level.LEVEL_3))
    assert orbits["duration_days"] is None
    assert orbits["failed"][0]["target"] == "l2/satellite_orbits"


def test_a_path_leads_from_what_failed_to_the_variable(orbits):
    failed = {node for one in orbits["failed"] for node in one["nodes"]}
    paths = [effect for effect in orbits["effects"] if effect["path"]]
    assert len(paths) >= 12
    for effect in paths:
        steps = effect["path"]
        assert steps[0]["supplier"] in failed
        assert steps[-1]["consumer"] == effect["egv"]
        assert all(a["consumer"] == b["supplier"] for a, b in itertools.pairwise(steps))
        times = [step["lost_after_days"] for step in steps]
        assert all(b >= 0.9 * a for a, b in itertools.pairwise(times)), effect["because"]
        assert "  " not in effect["because"]
        assert "( " not in effect["because"]
        assert "nan" not in effect["because"]


def test_help_is_ranked_and_never_more_than_all(orbits):
    saved = [one["saved_days"] for one in orbits["would_help"]]
    assert saved == sorted(saved, reverse=True)
    assert all(0 < one["saved_share"] <= 1 for one in orbits["would_help"])
    assert {one["measure"] for one in orbits["would_help"]} <= {"hold", "substitute", "spare"}


def test_the_same_seed_gives_the_same_answer():
    first, second = (_run("gdc_pool", seed=3, horizon_days=60.0)["effects"] for _ in range(2))
    assert first == second


def test_an_outage_that_ends_tells_when_production_is_back():
    found = _run("gdc_pool", duration_days=30.0)
    back = [effect["recovery_days"] for effect in found["effects"] if effect["recovery_days"] is not None]
    assert back
    assert all(spread["p5"] >= 0 for spread in back)
    # What has not ended within the horizon has not been recovered from, and is not lost for ever either.
    never = _run("gdc_pool", duration_days=100.0, horizon_days=60.0)
    assert all(effect["recovery_days"] is None for effect in never["effects"])


def _touched(name):
    return {(one.supplier, one.consumer) for one in list_dependencies(packaged(), [name])}


def test_dependencies_take_the_names_that_impact_takes():
    assert _touched("ESD") == _touched("earth surface deformation")
    assert _touched("spocc_software") == _touched("SPOCC")
    of_products = set().union(*(_touched(product) for product in ("GSO", "GSC", "ESO")))
    assert _touched("satellite_orbits") >= of_products
    with pytest.raises(FiducialError, match="FID-1410"):
        _touched("zzzzzz")
    with pytest.raises(FiducialError, match="FID-1424"):
        _touched("Geodetic Standards and Conventions")


def test_a_late_outage_is_counted_from_its_beginning():
    now, later = (_run("gdc_pool", start_days=start)["effects"] for start in (0.0, 100.0))
    for a, b in zip(now, later, strict=True):
        first, second = a["days_to_10_percent"], b["days_to_10_percent"]
        assert (first is None) == (second is None)
        if first is not None and first["p50"] is not None:
            assert second["p50"] == pytest.approx(first["p50"], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("options", [{"duration_days": 0.0}, {"level": 0.0}])
def test_nothing_lasts_nothing(options):
    found = _run("satellite_orbits", **options)
    assert all(effect["days_to_10_percent"] is None for effect in found["effects"])
    assert all(effect["lost_days"] == {"p5": 0, "p50": 0, "p95": 0} for effect in found["effects"])
    assert found["would_help"] == []


def test_official_lost_and_delivery_kept():
    found = _run("acc_combination")
    delivered = {one["node"]: one for one in found["delivered"]}
    assert delivered["gso_gsc_final"]["days_to_10_percent"]["p95"] < 60
    assert delivered["gso_gsc_final_any"]["days_to_10_percent"] is None
    assert all(effect["days_to_10_percent"] is None for effect in found["effects"])
    bare = _run("acc_combination", substitutes=False)
    assert sum(effect["days_to_10_percent"] is not None for effect in bare["effects"]) >= 3


def test_a_part_of_the_production_is_not_said_to_stop():
    found = _run("gdc_pool", level=0.6)
    texts = [effect["because"] for effect in found["effects"] if effect["path"]]
    assert texts
    assert all(text.startswith("Pool of global data centres loses 0.6 of its production →") for text in texts)


def test_tables():
    done = _impact("acc_combination", "--samples", 5, "--horizon", 100)
    assert done.code == 0
    for text in ("Out: ", "Final orbits and clocks or a substitute", "What would help most", "no loss reaches"):
        assert text in done.out


@pytest.mark.parametrize("text", ["satelite_orbits", "acc_combinaton"])
def test_a_name_that_is_nearly_one(text):
    done = _impact(text)
    assert done.code == 2
    assert "FID-14" in done.err
    assert "perhaps" in done.err


@pytest.mark.parametrize(
    "options",
    [
        {"duration_days": -1.0}, {"duration_days": math.nan}, {"level": 2.0}, {"level": -0.1}, {"level": math.nan},
        {"samples": 0}, {"samples": -3}, {"samples": 10**12}, {"seed": -1}, {"horizon_days": 0.0}, {"horizon_days": -5.0},
        {"horizon_days": math.nan}, {"horizon_days": math.inf}, {"start_days": -1.0}, {"start_days": math.nan},
        {"start_days": math.inf}, {"start_days": 1e300}, {"start_days": 5.0, "horizon_days": -1.0},
        {"sensitivity": Path("/nowhere.json")},
    ],
)  # fmt: skip
def test_options_that_cannot_be(options):
    with pytest.raises(FiducialError, match="FID-"):
        _run("gdc_pool", **options)


@pytest.mark.parametrize("arguments", [(), ("gdc_pool", "--samples", 0), ("gdc_pool", "--duration", -1)])
def test_commands_that_cannot_be(arguments):
    done = _impact(*arguments)
    assert done.code == 2
    assert "FID-142" in done.err
    assert done.out == ""


def test_measured_losses_and_tolerances_that_are_none(tmp_path):
    rows = [
        {"constellation": "G", "centres": centres, "reference": None, "rms_median_mm": 10.0 - centres,
         "records_lost_median_percent": 0.0}
        for centres in (10, 8, 4)
    ]  # fmt: skip
    study = tmp_path / "study.json"
    study.write_text(json.dumps({"centres": list("ABCDEFGHIJ"), "by_number_of_centres": rows}))
    good = _run("ac_cod", sensitivity=study)
    assert "with 6 of 10 centres lost GPS orbits differ by 6.0 mm (measured)" in good["measured"]["sentences"]
    for tolerance in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(FiducialError, match="FID-1428"):
            _run("ac_cod", sensitivity=study, tolerance_mm=tolerance)
