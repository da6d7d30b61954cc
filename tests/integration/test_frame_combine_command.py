"""``fiducial frame combine`` and ``frame align`` on simulated SINEX files, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from commands import fiducial
from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import erp, sinex, sinex_summary
from fiducial.stations.solution import DiscontinuityTable, NormalEquations
from sinex_factory import EPOCH, POLE_RAD, YEAR, Centre, cumulative, network, simulated

NETWORK = network(24, seed=1)
HELMERT = np.array([2e-3, -3e-3, 5e-3, 2e-10, *(np.array([0.05, -0.08, 0.03]) * MILLIARCSECOND_RAD)])
PRODUCT = "FID0TSTSNX_20242590000_01D_01D"
NAMES = ("AAA", "BBB", "CCC")


def _path(folder, name):
    return folder / f"{name}0OPSFIN_20242590000_01D_01D_SOL.SNX"


@pytest.fixture
def day(tmp_path):
    """Three centres and their reference."""
    for seed, (name, factor) in enumerate(zip(NAMES, (1.0, 9.0, 1e-4), strict=True)):
        centre = Centre(name, NETWORK.part(range(2 * seed, 20 + 2 * seed)), factor=factor, helmert=HELMERT)
        sinex.write(simulated(centre, seed), _path(tmp_path, name))
    sinex.write(cumulative(NETWORK), tmp_path / "REF.SNX")
    return tmp_path


def _rewritten(folder, name, change):
    path = _path(folder, name)
    sinex.write(change(sinex.read(path).solution), path)


def _combine(folder, *more, names=NAMES):
    files = [_path(folder, name) for name in names]
    return fiducial(
        "frame", "combine", *files, "--reference", folder / "REF.SNX", "--out", folder / "out", "--json", *more
    )


def _good(done):
    assert done.code == 0, done.err
    return done.json


def _with_time(solution, seed, *, held):
    """Add UT1 - UTC and length of day, in one system with the rest; UT1 is observed, or held without observations."""
    rng = np.random.default_rng(seed)
    table, size = solution.estimate, len(solution.estimate)
    sigma = np.array([5e-6 if not held else 1e-5, 1e-5])
    values = np.array([0.0213, 8e-4]) + rng.normal(size=2) * sigma + np.array([3e-4 if held else 0.0, 0.0])
    more = {
        "types": ["UT", "LOD"], "codes": 2 * ["----"], "points": 2 * ["--"], "solns": 2 * ["----"],
        "epochs_utc": np.full(2, EPOCH), "printed_units": 2 * ["ms"], "units": 2 * ["s"],
        "constraints": np.full(2, 2, dtype=np.int8), "values": values, "sigmas": sigma,
    }  # fmt: skip
    estimate = replace(table, **{name: np.concatenate([getattr(table, name), column]) for name, column in more.items()})
    covariance = np.zeros((size + 2, size + 2))
    covariance[:size, :size] = solution.covariance
    covariance[size, size], covariance[size + 1, size + 1] = sigma**2
    if not held:
        return replace(solution, estimate=estimate, covariance=covariance)
    wide = 1e4 * np.sqrt(np.diag(covariance))
    wide[size] = sigma[0]
    apriori = replace(estimate, sigmas=wide)
    return replace(solution, estimate=estimate, covariance=covariance, apriori=apriori,
                   apriori_covariance=np.diag(wide**2))  # fmt: skip


def test_universal_time_and_length_of_day_are_combined_and_written(day):
    for seed, name in enumerate(NAMES):
        _rewritten(day, name, lambda solution, seed=seed, name=name: _with_time(solution, seed, held=name == "AAA"))
    report = _good(_combine(day))
    assert any("AAA: UT at 2024-09-15T12 is free" in note for note in report["notes"])
    kinds = [[entry["parameter"] for entry in one["earth_rotation"]] for one in report["centres"]]
    assert kinds == [["XPO", "YPO", "LOD"], *(2 * [["XPO", "YPO", "UT", "LOD"]])]
    rotation = erp.read(day / "out" / f"{PRODUCT}_ERP.ERP", strictness="raise").rotation
    assert rotation.mjd_utc.tolist() == [60568.5]
    assert rotation.x_pole_rad[0] == pytest.approx(POLE_RAD[0], abs=0.06 * MILLIARCSECOND_RAD)
    # UT1 of the centres is turned with their stations, by 0.03 mas or 2 microseconds.
    assert rotation.ut1_minus_utc_s[0] == pytest.approx(0.0213, abs=2e-5)
    assert rotation.lod_s[0] == pytest.approx(8e-4, abs=3e-5)
    assert rotation.lod_sigma_s[0] > 0
    written = sinex.read(day / "out" / f"{PRODUCT}_SOL.SNX", strictness="raise").solution.estimate
    assert written.types.tolist().count("UT") == 1


def test_product_and_report(day):
    report = _good(_combine(day))
    folder = day / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{PRODUCT}_ERP.ERP",
        f"{PRODUCT}_SOL.SNX",
        f"{PRODUCT}_SUM.JSON",
        f"{PRODUCT}_SUM.TXT",
        f"{PRODUCT}_SUM.YML",
    ]
    assert json.loads((folder / f"{PRODUCT}_SUM.JSON").read_text()) == report
    summary = sinex_summary.read(folder / f"{PRODUCT}_SUM.YML", strictness="raise")
    assert (summary.week, summary.frame) == (2332, "IGS20")
    assert set(summary.transformations) == set(summary.residuals) == {(name, 0) for name in NAMES}
    assert report["product"]["stations"] == 24
    assert report["reference"]["frame"] == "IGS20"
    assert [one["centre"] for one in report["centres"]] == list(NAMES)
    for one in report["centres"]:
        assert one["stations"] == one["reference_stations"] == one["core_stations"] == 20
        turned = summary.rotation_rad(one["centre"], EPOCH) / MILLIARCSECOND_RAD
        assert turned == pytest.approx(HELMERT[4:] / MILLIARCSECOND_RAD, abs=0.03)
        assert turned == pytest.approx([one["helmert"][f"rotation_{axis}_mas"] for axis in "xyz"], abs=6e-6)
        found = one["helmert"]
        assert [found[f"translation_{axis}_mm"] for axis in "xyz"] == pytest.approx(1e3 * HELMERT[:3], abs=2.0)
        assert one["datum"]["sentence"].startswith("origin known to")
        assert {entry["unit"] for entry in one["earth_rotation"]} == {"uas"}
    file = sinex.read(folder / f"{PRODUCT}_SOL.SNX", strictness="raise", check_matrix=True)
    solution = file.solution
    assert solution.reference_frame == "IGS20"
    assert len(solution.estimate) == 3 * 24 + 2
    found = solution.positions()
    truth = dict(zip(NETWORK.codes, NETWORK.xyz, strict=True))
    assert np.abs(found.xyz - np.array([truth[code] for code in found.codes.tolist()])).max() < 0.01
    assert (found.epochs_utc == EPOCH).all()
    assert np.sqrt(np.diag(solution.covariance)) == pytest.approx(solution.estimate.sigmas, rel=1e-5)


def test_the_text_has_the_table_of_the_igs(day):
    _good(_combine(day))
    text = (day / "out" / f"{PRODUCT}_SUM.TXT").read_text(encoding="ascii")
    assert all(len(line) <= 160 for line in text.splitlines())
    for word in ("WRMS E", "sqrt(vf)", "TX", "mas", "Rejected stations", "Core stations", "origin known to", "XPO"):
        assert word in text
    shown = fiducial("frame", "combine", *(_path(day, name) for name in NAMES), "--reference", day / "REF.SNX", "--out",
                     day / "again")  # fmt: skip
    assert shown.code == 0
    assert "24 stations, 24 core" in shown.out


def test_gross_stations_of_a_centre_and_of_the_reference(day):
    code = NETWORK.codes[12]
    gross = Centre("BBB", NETWORK.part(range(2, 22)), factor=9.0, gross_enu_m={code: (0.0, 0.0, 0.09)})
    sinex.write(simulated(gross, 1), _path(day, "BBB"))
    reference = replace(NETWORK, xyz=NETWORK.xyz + np.eye(24)[8][:, None] * [0.0, 0.07, 0.07])
    sinex.write(cumulative(reference), day / "REF.SNX")
    report = _good(_combine(day))
    rejected = {(one["centre"], one["station"]): one for one in report["rejected_stations"]}
    assert set(rejected) == {("BBB", f"{code} A 1"), ("", "S008 A 1")}
    assert rejected["BBB", f"{code} A 1"]["reason"] == "residual"
    assert "minus reference" in rejected["", "S008 A 1"]["sentence"]
    assert "S008 A 1" not in report["product"]["core_stations"]


def test_a_core_list_with_comments(day):
    core = day / "core.txt"
    core.write_text("# core\nS002 A\ns003\nS004 # good\n\nS010 A 1\nS002\nXXXX A\nXXXX\n")
    report = _good(_combine(day, "--core", core))
    assert report["product"]["core_stations"] == [f"S{row:03d} A 1" for row in (2, 3, 4, 10)]
    assert any(text.endswith(": XXXX A") for text in report["findings"])
    core.write_text("S002 A\nthe second line\n")
    refused = _combine(day, "--core", core, "--overwrite")
    assert refused.code == 2
    assert "FID-1354" in refused.err
    assert "line 2" in refused.err
    core.write_text("XXXX\n")
    assert "FID-1354" in _combine(day, "--core", core, "--overwrite").err


def test_existing_files_stay(day):
    _good(_combine(day))
    again = _combine(day)
    assert again.code == 2
    assert "FID-1002" in again.err
    _good(_combine(day, "--overwrite"))


def test_a_folder_that_cannot_be_made(day):
    (day / "out").write_text("a file")
    assert "FID-1355" in _combine(day).err


def test_matrix_of_information_gives_the_same_combination(day):
    first = _good(_combine(day))

    def change(solution):
        scale = solution.estimate.sigmas
        inverse = np.linalg.inv(solution.covariance / np.outer(scale, scale)) / np.outer(scale, scale)
        return replace(solution, covariance=None, information=0.5 * (inverse + inverse.T))

    _rewritten(day, "AAA", change)
    second = _good(_combine(day, "--overwrite"))
    assert second["inputs"][0]["matrix"] == "information"
    _same(first, second)


def test_normal_equations_give_the_same_combination(day):
    first = _good(_combine(day))

    def change(solution):
        scale = solution.estimate.sigmas
        inverse = np.linalg.inv(solution.covariance / np.outer(scale, scale)) / np.outer(scale, scale)
        inverse = 0.5 * (inverse + inverse.T)
        step = np.where(solution.estimate.units == "m", 0.01, 1e-9)
        about = replace(solution.estimate, values=solution.estimate.values - step)
        normal = NormalEquations(replace(solution.estimate, values=inverse @ step), inverse)
        return replace(solution, estimate=_none_of(solution.estimate), covariance=None, apriori=about, normal=normal)

    _rewritten(day, "AAA", change)
    second = _good(_combine(day, "--overwrite"))
    assert second["inputs"][0]["matrix"] == "normal equations"
    _same(first, second)


def _none_of(table):
    return type(table)(*(getattr(table, name)[:0] for name in table.__dataclass_fields__))


def _same(first, second):
    for one, other in zip(first["centres"], second["centres"], strict=True):
        assert other["wrms_enu_mm"] == pytest.approx(one["wrms_enu_mm"], abs=0.02)
        assert other["sqrt_variance_factor"] == pytest.approx(one["sqrt_variance_factor"], rel=1e-3)


def test_without_a_matrix_standard_deviations_serve_and_are_told(day):
    _rewritten(day, "BBB", lambda solution: replace(solution, covariance=None))
    report = _good(_combine(day))
    assert report["inputs"][1]["matrix"] == "standard deviations"
    assert any("diagonal" in text for text in report["inputs"][1]["findings"])


def test_a_centre_whose_matrix_is_wrong_is_left_out_by_name(day):
    def change(solution):
        covariance = solution.covariance.copy()
        covariance[5, 5] *= 1e-4
        return replace(solution, covariance=covariance)

    _rewritten(day, "CCC", change)
    report = _good(_combine(day))
    assert [one["centre"] for one in report["centres"]] == ["AAA", "BBB"]
    rejected = report["rejected_centres"][0]
    assert (rejected["centre"], rejected["code"]) == ("CCC", "FID-3130")
    assert "STAZ S005" in rejected["reason"]
    assert any(
        "standard deviations disagree" in text or "disagrees" in text for text in report["inputs"][2]["findings"]
    )
    alone = _combine(day, "--overwrite", names=("CCC",))
    assert alone.code == 4
    assert "FID-3130" in alone.err


def test_moved_stations_and_wrong_domes_numbers(day):
    def change(solution):
        values, domes = solution.estimate.values.copy(), solution.sites.domes.copy()
        values[9:12] += 40.0
        domes[5] = "99999M009"
        return replace(
            solution, estimate=replace(solution.estimate, values=values), sites=replace(solution.sites, domes=domes)
        )

    _rewritten(day, "AAA", change)
    report = _good(_combine(day))
    assert any("S003 A of AAA is" in text and "moved" in text for text in report["findings"])
    assert any("S005 A" in text and "99999M009 in AAA" in text for text in report["findings"])
    assert report["centres"][0]["stations"] == 19
    assert not report["rejected_stations"]


def test_two_solutions_of_a_station_in_one_day_are_left_out(day):
    def change(solution):
        codes = solution.estimate.codes.copy()
        solns = solution.estimate.solns.copy()
        codes[12:15], solns[12:15] = codes[15], "2"
        return replace(solution, estimate=replace(solution.estimate, codes=codes, solns=solns))

    _rewritten(day, "AAA", change)
    report = _good(_combine(day))
    assert any("S005 A has several solutions" in text for text in report["inputs"][0]["findings"])
    assert report["centres"][0]["stations"] == 18


def test_days_that_differ(day):
    centre = Centre("BBB", NETWORK.part(range(2, 22)))
    sinex.write(simulated(centre, 1, epoch=EPOCH + np.timedelta64(3, "D")), _path(day, "BBB"))
    refused = _combine(day)
    assert refused.code == 2
    assert "FID-1353" in refused.err
    assert "2024-09-18" in refused.err
    assert "FID-1353" in _combine(day, names=("AAA", "AAA")).err


def test_a_cumulative_file_among_the_days(day):
    def change(solution):
        epochs = solution.estimate.epochs_utc.copy()
        epochs[:3] -= YEAR
        return replace(solution, estimate=replace(solution.estimate, epochs_utc=epochs))

    _rewritten(day, "AAA", change)
    assert "FID-1352" in _combine(day).err


def test_a_file_without_stations(day):
    _rewritten(day, "AAA", lambda solution: replace(solution, estimate=_tail(solution.estimate), covariance=None))
    assert "FID-1351" in _combine(day).err


def _tail(table):
    return type(table)(*(getattr(table, name)[-2:] for name in table.__dataclass_fields__))


def test_a_reference_without_velocities(day):
    def change(solution):
        rows = np.char.startswith(solution.estimate.types, "STA")
        table = solution.estimate
        return replace(
            solution, estimate=type(table)(*(getattr(table, name)[rows] for name in table.__dataclass_fields__))
        )

    sinex.write(change(cumulative(NETWORK)), day / "REF.SNX")
    refused = _combine(day)
    assert refused.code == 2
    assert "FID-1350" in refused.err
    assert "no velocity" in refused.err


def test_discontinuities_choose_the_solution_of_the_day(day):
    old, new = cumulative(replace(NETWORK, xyz=NETWORK.xyz + 0.3), solution="1"), cumulative(NETWORK, solution="2")
    both = type(old.estimate)(
        *(
            np.concatenate([getattr(old.estimate, name), getattr(new.estimate, name)])
            for name in old.estimate.__dataclass_fields__
        )
    )
    codes = np.array(NETWORK.codes)
    points, kinds, comments = np.full(48, "A"), np.full(48, "P"), np.full(48, "")
    never, jump = np.full(24, np.datetime64("NaT", "ns")), np.full(24, EPOCH - 2 * YEAR)
    table = DiscontinuityTable(
        np.concatenate([codes, codes]), points, np.repeat(["1", "2"], 24), np.concatenate([never, jump]),
        np.concatenate([jump, never]), kinds, comments,
    )  # fmt: skip
    sinex.write(replace(new, estimate=both, discontinuities=table, spans=None), day / "REF.SNX")
    report = _good(_combine(day))
    assert {station.split()[2] for station in report["product"]["core_stations"]} == {"2"}
    assert not report["rejected_stations"]


def test_post_seismic_models_move_the_reference(day):
    relaxed, quake = NETWORK.codes[6], EPOCH - 4 * YEAR
    base = cumulative(NETWORK)
    table = replace(
        base.estimate, types=np.array(["AEXP_E", "TEXP_E"]), codes=np.full(2, relaxed), points=np.full(2, "A"),
        solns=np.full(2, "----"), epochs_utc=np.full(2, quake), printed_units=np.array(["m", "m"]),
        units=np.array(["m", "yr"]), constraints=np.full(2, 2, dtype=np.int8), values=np.array([0.25, 0.8]),
        sigmas=np.array([1e-3, 1e-2]),
    )  # fmt: skip
    sinex.write(replace(base, estimate=table, spans=None), day / "PSD.SNX")
    path = _path(day, "AAA")
    with_model = ("--reference", day / "REF.SNX", "--psd", day / "PSD.SNX", "--json")
    found = _good(fiducial("frame", "align", path, *with_model))
    # The simulated station did not relax: with the model its reference is 25 cm to the east, a part of which the fit takes up.
    rejected = found["rejected_stations"]
    assert [(one["station"], one["component"]) for one in rejected] == [(f"{relaxed} A 1", "E")]
    assert rejected[0]["value"] == pytest.approx(230.0, abs=30.0)
    assert found["reference"]["post_seismic_stations"] == [f"{relaxed} A"]
    report = _good(_combine(day, "--psd", day / "PSD.SNX"))
    assert {one["station"] for one in report["rejected_stations"]} == {f"{relaxed} A 1"}


def test_a_name_that_is_nearly_a_long_one(day):
    old = _path(day, "AAA")
    new = old.rename(day / "AAA0MGXFIN_20242590000_01D_000_SOL.SNX")
    done = fiducial(
        "frame", "combine", new, _path(day, "BBB"), "--reference", day / "REF.SNX", "--out", day / "out", "--json"
    )
    assert [one["centre"] for one in _good(done)["centres"]] == ["AAA", "BBB"]


def test_align(day):
    path = _path(day, "AAA")
    found = _good(fiducial("frame", "align", path, "--reference", day / "REF.SNX", "--json"))
    helmert = found["helmert"]
    assert [helmert[f"translation_{axis}_mm"] for axis in "xyz"] == pytest.approx(1e3 * HELMERT[:3], abs=2.0)
    assert found["used_stations"] == found["common_stations"] == 20
    shown = fiducial("frame", "align", path, "--reference", day / "REF.SNX")
    assert "20 of 20 common stations" in shown.out
    other = network(6, seed=9)
    sinex.write(cumulative(replace(other, codes=[f"Z{row:03d}" for row in range(6)])), day / "OTHER.SNX")
    assert "FID-1356" in fiducial("frame", "align", path, "--reference", day / "OTHER.SNX").err
