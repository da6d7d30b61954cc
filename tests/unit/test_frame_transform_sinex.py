"""A SINEX solution in another frame and epoch: values, covariance, constraints, solutions that hold, post-seismic terms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import FiducialError
from fiducial.formats import sinex
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_graph import FrameCoordinates, transform_coordinates, transform_positions
from fiducial.geodesy.frame_propagation import plate_velocity
from fiducial.runs.frame_transform import transform_file
from fiducial.runs.frame_transform_request import TransformRequest
from fiducial.runs.frame_transform_sinex import epoch_instant, transform_solution
from fiducial.stations.solution import NormalEquations, ParameterTable, SolutionHeader, StationSolution
from fiducial.stations.solution_tables import DiscontinuityTable, SiteTable, SpanTable

T0 = np.datetime64("2010-01-01", "ns")
OPEN = np.datetime64("NaT", "ns")
SITES = ("AAAA", "BBBB", "CCCC")
POSITION = geocentric_position_m([10.0, 12.5, 8.0], [50.0, 47.0, 45.0], [200.0, 900.0, 30.0])
VELOCITY = 1e-3 * np.array([[-14.0, 18.0, 10.0], [-15.0, 17.5, 10.5], [-16.0, 18.0, 11.0]])
POSITIONS, VELOCITIES = ("STAX", "STAY", "STAZ"), ("VELX", "VELY", "VELZ")


def table(values, kinds, codes, solns, sigmas, epoch=T0):
    size = len(values)
    units = ["m" if kind in POSITIONS else "m/yr" if kind in VELOCITIES else "rad" for kind in kinds]
    printed = [{"m": "m", "m/yr": "m/y", "rad": "mas"}[unit] for unit in units]
    points = ["--" if code == "----" else "A" for code in codes]
    return ParameterTable(
        np.array(kinds), np.array(codes), np.array(points), np.array(solns), np.full(size, epoch), np.array(printed),
        np.array(units), np.full(size, 1, dtype=np.int8), np.asarray(values, dtype=float), np.asarray(sigmas, dtype=float),
    )  # fmt: skip


def solution(*, velocities=True, seed=1, matrix=True, **extra):
    """Three stations, X and V of each in turn, with a full covariance and a-priori values of 1 m and 0.1 m/yr."""
    rng = np.random.default_rng(seed)
    kinds, codes, values = [], [], []
    for code, xyz, moving in zip(SITES, POSITION, VELOCITY, strict=True):
        kinds += [*POSITIONS, *(VELOCITIES if velocities else ())]
        codes += [code] * (6 if velocities else 3)
        values += [*xyz, *(moving if velocities else ())]
    solns = ["1"] * len(values)
    spread = np.where(np.isin(kinds, POSITIONS), 0.004, 0.0003)
    root = spread[:, None] * rng.normal(size=(len(values), 2 * len(values))) / np.sqrt(2 * len(values))
    covariance = root @ root.T
    prior = np.diag(np.where(np.isin(kinds, POSITIONS), 1.0, 0.1) ** 2)
    apriori = table(np.array(values) + 0.01 * spread, kinds, codes, solns, np.sqrt(np.diag(prior)))
    estimate = table(values, kinds, codes, solns, np.sqrt(np.diag(covariance)))
    given = StationSolution(
        SolutionHeader(agency="ABC", created_utc=T0, start_utc=T0, end_utc=T0, technique="P", parameters=len(values),
                       constraint=1, contents=("S",)),
        estimate, covariance if matrix else None, apriori=apriori, apriori_covariance=prior if matrix else None,
        sites=SiteTable(np.array([*SITES, "DDDD"]), np.full(4, "A"), np.array([f"1234{k}M001" for k in range(4)]), np.full(4, "P"),
                        np.full(4, "a site"), np.array([10.0, 12.5, 8.0, 0.0]), np.array([50.0, 47.0, 45.0, 0.0]), np.full(4, 100.0)),
        reference_frame="IGS20", reference={"SOFTWARE": "other", "DESCRIPTION": "simulated"}, comments=("kept",),
    )  # fmt: skip
    return replace(given, **extra)


def as_file(given, findings=()):
    return sinex.SinexFile(given, findings, ("SOLUTION/ESTIMATE",), "a.snx", "")


def moved(given, **request):
    asked = {"source": "IGS20", "target": "ETRF2000", "epoch": None} | request
    return transform_solution(TransformRequest(**asked), as_file(given))


def jacobian(given, **request):
    """Derivatives of the whole transform by differences of 1 m and 1 m/yr."""
    given = replace(given, covariance=None, apriori=None, apriori_covariance=None)
    base = moved(given, **request).solution.estimate.values
    columns = []
    for row in range(len(given.estimate)):
        values = given.estimate.values.copy()
        step = 1.0 if given.estimate.types[row] in POSITIONS else 0.1
        values[row] += step
        there = moved(replace(given, estimate=replace(given.estimate, values=values)), **request)
        columns.append((there.solution.estimate.values - base) / step)
    return np.array(columns).T


@pytest.mark.parametrize("to_epoch", [None, "2024.5"])
@pytest.mark.parametrize("velocities", [True, False])
def test_covariance_is_that_of_the_jacobian(to_epoch, velocities):
    given = solution(velocities=velocities)
    request = {"to_epoch": to_epoch, "plate": "" if to_epoch is None else "EURA"}
    found = moved(given, **request).solution
    by_differences = jacobian(given, **request)
    expected = by_differences @ given.covariance @ by_differences.T
    spread = np.sqrt(np.diag(expected))
    assert np.abs((found.covariance - expected) / np.outer(spread, spread)).max() < 1e-6
    assert np.array_equal(found.estimate.sigmas, np.sqrt(np.diag(found.covariance)))
    # Constraints can still be removed: N' = J^-T N J^-1.
    information = np.linalg.inv(given.covariance) - np.linalg.inv(given.apriori_covariance)
    freed = np.linalg.inv(found.covariance) - np.linalg.inv(found.apriori_covariance)
    back = by_differences.T @ freed @ by_differences
    assert np.abs(back - information).max() < 1e-5 * np.abs(information).max()
    difference = found.apriori.values - found.estimate.values
    assert np.allclose(difference, by_differences @ (given.apriori.values - given.estimate.values), atol=1e-8)
    assert (found.estimate.constraints == 1).all()


def test_values_are_those_of_the_frame_graph_and_written_as_sinex(tmp_path):
    given = solution()
    file, out = tmp_path / "a.snx", tmp_path / "b.SNX"
    sinex.write(given, file)
    result = transform_file(TransformRequest("IGS20", "ETRF2000", None, "2024.5"), file, out)
    expected = transform_coordinates(FrameCoordinates("ITRF2020", 2010.0, POSITION, VELOCITY), "ETRF2000")
    there = sinex.read(out, strictness="raise", check_matrix=True).solution
    positions, velocities = there.positions(), there.velocities()
    assert np.abs(positions.xyz - expected.position_m - 14.5 * expected.velocity_m_per_yr).max() < 1e-6
    assert np.abs(velocities.xyz - expected.velocity_m_per_yr).max() < 1e-12
    assert set(positions.epochs_utc) == set(velocities.epochs_utc) == {np.datetime64("2024-07-02", "ns")}
    assert (there.reference_frame, there.header.contents, there.header.agency) == ("ETRF2000", ("S", "V"), "FID")
    assert there.header.data_agency == "ABC"
    assert any(line.startswith("Frame ETRF2000, transformed from IGS20 by EPSG:10586") for line in there.comments)
    assert "Propagated to 2024.500000 in ETRF2000, after the transform" in there.comments
    assert "kept" in there.comments
    assert there.reference["DESCRIPTION"] == "simulated"
    assert there.sites.codes.tolist() == list(SITES)
    assert np.allclose(result["rows"][1]["xyz_m"], positions.xyz[1], atol=1e-8)
    assert np.allclose(result["rows"][1]["sigma_xyz_m"], there.estimate.sigmas[6:9], rtol=1e-5)
    assert result["velocity_source"] == {"given": 3, "plate": 0, "plate_model": None, "origin_rate_bias": None}
    with pytest.raises(FiducialError, match="FID-1002"):
        transform_file(TransformRequest("IGS20", "ETRF2000", None), file, out)
    transform_file(TransformRequest("IGS20", "IGS14", None), file, out, overwrite=True)
    back = tmp_path / "c.snx"
    transform_file(TransformRequest("IGS14", "IGS20", None), out, back)
    again = sinex.read(back).solution
    assert np.abs(again.estimate.values - given.estimate.values).max() < 2e-8
    assert np.allclose(again.covariance, given.covariance, rtol=1e-9, atol=1e-16)


def test_a_table_of_a_solution(tmp_path):
    file, out = tmp_path / "a.snx", tmp_path / "b.csv"
    sinex.write(solution(), file)
    transform_file(TransformRequest("IGS20", "ITRF2014", "2010.0", "2020.0"), file, out)
    assert out.read_text().splitlines()[3].startswith("AAAA A 1,")
    with pytest.raises(FiducialError, match="FID-1316"):
        transform_file(TransformRequest("IGS20", "ITRF2014", "2011.0", "2020.0"), file)


def test_a_plate_moves_what_has_no_velocity():
    given = solution(velocities=False)
    with pytest.raises(FiducialError, match="FID-1370") as error:
        moved(given, to_epoch="2020.0")
    assert "AAAA A 1 and 2 more" in str(error.value)
    start = transform_positions(POSITION, "ITRF2020", "ETRF2000", epoch_yr=2010.0)
    for plate, bias in (
        ("eura", False),
        ("plate:EURA@ITRF2020+ORB", True),
        ("EURA+ORB", True),
        ("EURA@ITRF2014", False),
    ):
        found = moved(given, to_epoch="2020.0", plate=plate)
        model = "ITRF2014" if "2014" in plate else "ITRF2020"
        driven = plate_velocity(f"plate:EURA@{model}" + ("+ORB" if bias else ""), "ETRF2000", POSITION)
        assert np.abs(found.carried.coordinates.position_m - start - 10.0 * driven).max() < 1e-6
        said = found.carried.described(TransformRequest("IGS20", "ETRF2000", None, "2020.0", plate))["velocity_source"]
        assert (said["plate"], said["origin_rate_bias"]) == (3, bias)
        assert any(f"{'with' if bias else 'without'} origin rate bias" in line for line in found.notes)
        # The file holds no velocities that nobody observed.
        assert not np.isin(found.solution.estimate.types, VELOCITIES).any()
        assert found.solution.header.contents == ("S",)
    assert (
        TransformRequest("IGS20", "ETRF2000", None, "2020.0", "EURA", origin_rate_bias=True)
        .plate_name()
        .endswith("+ORB")
    )


def test_without_a_matrix_propagated_sigmas_are_unknown():
    given = solution(matrix=False)
    still = moved(given)
    assert np.array_equal(still.solution.estimate.sigmas, given.estimate.sigmas)
    later = moved(given, to_epoch="2020.0")
    sigmas = later.solution.estimate.sigmas.reshape(3, 2, 3)
    assert np.isnan(sigmas[:, 0]).all()
    assert np.array_equal(sigmas[:, 1], given.estimate.sigmas.reshape(3, 2, 3)[:, 1])
    assert any("standard deviations of propagated positions are unknown" in line for line in later.notes)


def test_information_becomes_covariance():
    given = solution()
    found = moved(replace(given, covariance=None, information=np.linalg.inv(given.covariance)))
    assert np.allclose(found.solution.covariance, moved(given).solution.covariance, rtol=1e-6, atol=1e-14)
    singular = np.zeros_like(given.covariance)
    with pytest.raises(FiducialError, match="FID-3121"):
        moved(replace(given, covariance=None, information=singular))
    loose = moved(replace(given, apriori_covariance=None, apriori_information=singular))
    assert loose.solution.apriori is None
    assert any("A-priori values left out" in line for line in loose.notes)


def test_what_cannot_go_along_is_left_out_and_named():
    given = solution()
    pole = table([1e-3], ["XGC"], ["----"], ["----"], [1e-9])
    columns = ParameterTable.__dataclass_fields__
    joined = ParameterTable(*(np.concatenate([getattr(given.estimate, k), getattr(pole, k)]) for k in columns))
    matrix = np.zeros((19, 19))
    matrix[:18, :18], matrix[18, 18] = given.covariance, 1e-18
    normal = NormalEquations(given.estimate, np.eye(18))
    found = moved(replace(given, estimate=joined, covariance=matrix, normal=normal))
    assert len(found.solution.estimate) == 18
    assert np.allclose(found.solution.covariance, moved(given).solution.covariance, rtol=1e-12)
    assert found.solution.normal is None
    assert found.solution.apriori is None
    assert {"Parameters left out: 1 XGC", "Normal equations left out"} <= set(found.notes)
    assert any("constraints cannot be removed" in line for line in found.notes)
    positions_only = given.apriori.types == "STAX"
    for rows in (~np.isin(given.apriori.types, VELOCITIES), ~positions_only):
        part = ParameterTable(*(getattr(given.apriori, k)[rows] for k in columns))
        fewer = replace(given, apriori=part, apriori_covariance=None)
        assert moved(fewer, to_epoch="2020.0").solution.apriori is None
    # In another frame at the same epoch a-priori positions go by themselves.
    part = ParameterTable(*(getattr(given.apriori, k)[~np.isin(given.apriori.types, VELOCITIES)] for k in columns))
    assert len(moved(replace(given, apriori=part, apriori_covariance=None)).solution.apriori) == 9
    other = replace(given.apriori, epochs_utc=np.full(18, T0 + np.timedelta64(40, "D")))
    assert moved(replace(given, apriori=other), to_epoch="2020.0").solution.apriori is None
    named = replace(given.apriori, codes=np.full(18, "XXXX"))
    named = replace(named, solns=np.repeat(["1", "2", "3"], 6))
    assert moved(replace(given, apriori=named)).solution.apriori is None


def two_solutions():
    """BBBB has two solutions, cut on 2015-01-01, 50 mm apart in X."""
    given = solution(matrix=False, apriori=None)
    again = table([POSITION[1, 0] + 0.05, *POSITION[1, 1:], *VELOCITY[1]], [*POSITIONS, *VELOCITIES], ["BBBB"] * 6, ["2"] * 6,
                  np.full(6, 0.001))  # fmt: skip
    columns = ParameterTable.__dataclass_fields__
    return replace(given, estimate=ParameterTable(*(np.concatenate([getattr(given.estimate, k), getattr(again, k)])
                                                    for k in columns)))  # fmt: skip


CUT = np.datetime64("2015-01-01", "ns")


def discontinuities(kinds=("P", "P")):
    return DiscontinuityTable(np.full(2, "BBBB"), np.full(2, "A"), np.array(["1", "2"]), np.array([OPEN, CUT]),
                              np.array([CUT, OPEN]), np.array(kinds), np.full(2, "earthquake"))  # fmt: skip


@pytest.mark.parametrize(
    ("to_epoch", "soln", "jump"), [("2014.9", "1", 0.0), ("2015.0", "2", 0.05), ("2024.5", "2", 0.05)]
)
def test_the_solution_that_holds(tmp_path, to_epoch, soln, jump):
    given = two_solutions()
    cut = replace(given, discontinuities=discontinuities())
    found = moved(cut, to_epoch=to_epoch)
    assert found.names == (
        ("AAAA A 1", "BBBB A 1", "CCCC A 1") if soln == "1" else ("AAAA A 1", "CCCC A 1", "BBBB A 2")
    )
    assert found.left_out == {}
    row = found.names.index(f"BBBB A {soln}")
    single = moved(solution(matrix=False, apriori=None), to_epoch=to_epoch).carried.coordinates.position_m[1]
    assert found.carried.coordinates.position_m[row] - single == pytest.approx([jump, 0.0, 0.0], abs=1e-8)
    file = tmp_path / "disc.snx"
    sinex.write(cut, file)
    assert moved(given, to_epoch=to_epoch, discontinuities=file).names == found.names
    bare = tmp_path / "bare.snx"
    sinex.write(given, bare)
    with pytest.raises(FiducialError, match="FID-2463"):
        moved(given, to_epoch=to_epoch, discontinuities=bare)


def test_solutions_by_data_spans_and_none_that_holds():
    given = two_solutions()
    assert moved(given, to_epoch="2014.0").left_out == {"BBBB A": "2 solutions and no table of discontinuities"}
    gap = np.datetime64("2016-01-01", "ns")
    spans = SpanTable(np.full(2, "BBBB"), np.full(2, "A"), np.array(["1", "2"]), np.array([T0, gap]), np.array([CUT, gap + 1]),
                      np.array([T0, gap]))  # fmt: skip
    given = replace(given, spans=spans)
    assert moved(given, to_epoch="2005.0").names[1] == "BBBB A 1"
    found = moved(given, to_epoch="2015.5")
    assert list(found.left_out) == ["BBBB A"]
    assert "1 stations have no coordinates at the epoch" in found.notes
    rows = given.estimate.codes == "BBBB"
    only = ParameterTable(*(getattr(given.estimate, k)[rows] for k in ParameterTable.__dataclass_fields__))
    with pytest.raises(FiducialError, match="FID-1372"):
        moved(replace(given, estimate=only), to_epoch="2015.5")


def test_an_observed_position_does_not_cross_a_discontinuity():
    given = replace(solution(velocities=False), discontinuities=discontinuities())
    found = moved(given, to_epoch="2020.0", plate="EURA")
    assert list(found.left_out) == ["BBBB A"]
    assert len(found.solution.covariance) == 6
    assert found.solution.apriori is None


def psd_file(path, code="BBBB", *, frame="", terms=True):
    quake = np.datetime64("2005-01-01", "ns")
    kinds = ["ALOG_E", "TLOG_E", "AEXP_U", "TEXP_U"] if terms else ["STAX", "STAY", "STAZ"]
    values = [0.1, 0.5, -0.02, 1.0] if terms else POSITION[0]
    size = len(kinds)
    units = np.array([("m", "yr")[k % 2] if terms else "m" for k in range(size)])
    listed = ParameterTable(np.array(kinds), np.full(size, code), np.full(size, "A"), np.full(size, "----" if terms else "1"),
                            np.full(size, quake), np.full(size, "m"), units, np.full(size, 2, dtype=np.int8),
                            np.array(values), np.full(size, 0.01))  # fmt: skip
    matrix = 1e-4 * (np.eye(size) + 0.5)
    made = SolutionHeader(created_utc=T0, start_utc=T0, end_utc=T0, technique="P", parameters=size)
    sinex.write(
        StationSolution(made, replace(listed, sigmas=np.sqrt(np.diag(matrix))), matrix, reference_frame=frame), path
    )
    return path


def displacement(epoch):
    since = epoch - 2005.0
    return np.array([0.1 * np.log1p(since / 0.5), 0.0, -0.02 * (1.0 - np.exp(-since))]) @ local_axes(12.5, 47.0)


def test_post_seismic_deformation(tmp_path):
    file = psd_file(tmp_path / "psd.snx")
    given = solution()
    plain, with_psd = moved(given, to_epoch="2020.0"), moved(given, to_epoch="2020.0", psd=file)
    added = with_psd.carried.coordinates.position_m - plain.carried.coordinates.position_m
    # The earthquake is 2005-01-01; positions of a frame solution are regularised, nothing is taken off at 2010.
    assert added[1] == pytest.approx(displacement(2020.0), abs=1e-8)
    assert not added[[0, 2]].any()
    grown = with_psd.solution.covariance - plain.solution.covariance
    own = np.ix_(range(6, 9), range(6, 9))
    assert np.linalg.eigvalsh(grown[own])[-1] > 1e-5
    assert np.count_nonzero(np.abs(grown) > 1e-15) == 9
    assert with_psd.solution.apriori is None
    assert any("post-seismic parameters are uncertain" in line for line in with_psd.notes)
    observed = moved(given, to_epoch="2020.0", psd=file, psd_start="observed")
    added = observed.carried.coordinates.position_m - plain.carried.coordinates.position_m
    assert added[1] == pytest.approx(displacement(2020.0) - displacement(2010.0), abs=1e-8)
    daily = moved(solution(velocities=False), to_epoch="2020.0", plate="EURA", psd=file)
    without = moved(solution(velocities=False), to_epoch="2020.0", plate="EURA")
    added = daily.carried.coordinates.position_m - without.carried.coordinates.position_m
    assert added[1] == pytest.approx(displacement(2020.0) - displacement(2010.0), abs=1e-8)


def test_post_seismic_files_of_another_frame(tmp_path):
    named = psd_file(tmp_path / "ITRF2014-psd.snx")
    assert any("do not fit together" in line for line in moved(solution(), to_epoch="2020.0", psd=named).notes)
    fitting = psd_file(tmp_path / "ITRF2020-psd.snx")
    assert not any("do not fit together" in line for line in moved(solution(), to_epoch="2020.0", psd=fitting).notes)
    odd = psd_file(tmp_path / "ITRF1234-psd.snx")
    assert not any("do not fit together" in line for line in moved(solution(), to_epoch="2020.0", psd=odd).notes)
    stated = psd_file(tmp_path / "a.snx", frame="ITRF2014")
    with pytest.raises(FiducialError, match="FID-1316"):
        moved(solution(), to_epoch="2020.0", psd=stated)
    empty = psd_file(tmp_path / "b.snx", terms=False)
    with pytest.raises(FiducialError, match="FID-2464"):
        moved(solution(), to_epoch="2020.0", psd=empty)


def test_swapped_frames_and_wrong_units():
    with pytest.raises(FiducialError, match="FID-1316"):
        moved(solution(), source="ETRF2000", target="IGS20")
    unstated = solution(matrix=False, apriori=None, reference_frame="")
    # Three velocities are few: said, not refused.
    assert any("cannot be in" in line for line in moved(unstated, source="ETRF2000", target="IGS20").notes)
    assert not any("cannot be in" in line for line in moved(unstated).notes)
    estimate = unstated.estimate
    fast = np.where(np.isin(estimate.types, VELOCITIES), 1e3, 1.0) * estimate.values
    with pytest.raises(FiducialError, match="FID-1315"):
        moved(replace(unstated, estimate=replace(estimate, values=fast)))
    no_epoch = replace(estimate, epochs_utc=np.full(18, OPEN))
    with pytest.raises(FiducialError, match="FID-1310"):
        moved(replace(unstated, estimate=no_epoch))


@pytest.mark.parametrize("epoch", [1994.0, 2010.123456, 2020.5, 2024.999999])
def test_dates_of_decimal_years(epoch):
    assert float(decimal_year(epoch_instant(epoch))) == pytest.approx(epoch, abs=2e-8)
