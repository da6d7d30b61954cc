"""The summary of a station combination: what is left out, what comes back, and the signs on a world that is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats import sinex_summary, sinex_summary_writer
from fiducial.formats.igs_names import parse_name
from fiducial.runs.frame_combination_summary import combination_summary
from fiducial.runs.frame_combine import FrameRequest, combine_frame, write_frame
from fiducial.runs.world_centres import make_centres
from fiducial.runs.world_network import make_network
from fiducial.runs.world_orbits import centre_orbit, true_orbit
from fiducial.runs.world_solutions import write_reference, write_solution
from fiducial.runs.world_truth import make_truth
from fiducial.stations.combination_model import CentreResult, StationOptions
from fiducial.stations.helmert_design import ParameterKey
from small_world import ENOUGH

NOON, MIDNIGHT = "2024-09-19T12", "2024-09-19T00"
HELMERT = np.array([1e-3, -2e-3, 3e-3, -4e-10, 1e-10, -2e-10, 3e-10])
NAN = np.full(3, np.nan)
REFERENCE = np.array([4e6, 3e5, 4.9e6])


def _centre(name, *, rotation=(), redundancy=20.0, wrms=(1e-3, 2e-3, 3e-3), residual=(1e-3, 0.0, -2e-3)):
    return CentreResult(
        name=name, stations=12, core_stations=7, helmert=HELMERT, helmert_sigma=np.ones(7), variance_factor=4.0,
        redundancy=redundancy, wrms_enu_m=np.array(wrms), rms_enu_m=np.array(wrms), sites=(("AAAA", "A", "1"),),
        residuals_enu_m=np.array([residual]), datum_sigma_m=np.ones(7),
        earth_rotation=tuple((ParameterKey(kind, "", "", epoch), value) for kind, epoch, value in rotation),
    )  # fmt: skip


def _found(*centres, frame="IGS20", off_m=(0.0, 0.0, 0.0), files=None):
    paths = files or {one.name: f"{one.name}.SNX" for one in centres}
    result = SimpleNamespace(
        centres=centres,
        positions=lambda: ((("AAAA", "A", "1"),), np.array([REFERENCE + off_m]), None),
    )
    reference = SimpleNamespace(
        epoch_utc=np.datetime64("2024-09-19T12", "ns"), frame=frame,
        sites={("AAAA", "A"): SimpleNamespace(position_m=REFERENCE)},
    )  # fmt: skip
    return SimpleNamespace(
        result=result, reference=reference, request=SimpleNamespace(options=StationOptions()),
        files=[SimpleNamespace(name=name, path=Path(path)) for name, path in paths.items()],
    )  # fmt: skip


def _read(summary, **options):
    name = "FID0TSTSNX_20242630000_01D_01D_SUM.YML"
    return sinex_summary.read(sinex_summary_writer.to_bytes(summary), name=name, **{"strictness": "raise", **options})


def test_what_is_found_comes_back():
    rotation = (("XPO", NOON, 1e-10), ("YPO", NOON, -2e-10), ("LOD", NOON, 3e-6), ("XPOR", NOON, 4e-10))
    summary = combination_summary(_found(_centre("AAA", rotation=rotation), _centre("BBB", rotation=rotation)))
    back = _read(summary)
    assert (back.week, back.frame, back.findings) == (2332, "IGS20", ())
    assert [(one.name, one.file, one.weighted) for one in back.centres] == [
        ("AAA", "AAA.SNX", True), ("BBB", "BBB.SNX", True),
    ]  # fmt: skip
    day = np.datetime64("2024-09-19")
    assert back.translation_m("AAA", day) == pytest.approx(HELMERT[:3], abs=1e-7)
    assert back.scale("AAA", day) == pytest.approx(HELMERT[3], abs=1e-14)
    assert back.rotation_rad("AAA", day) == pytest.approx(HELMERT[4:], abs=1e-5 * MILLIARCSECOND_RAD)
    assert back.transformation("AAA", day).rms_enu_m == pytest.approx([1e-3, 0.0, 2e-3], abs=1e-7)
    residual = back.erp_residuals("BBB", day)
    assert residual.x_pole_rad == pytest.approx(1e-10, rel=1e-3)
    assert residual.y_pole_rad == pytest.approx(-2e-10, rel=1e-3)
    assert residual.x_pole_rate_rad_per_s == pytest.approx(4e-10 / 86_400, rel=1e-3)
    assert residual.length_of_day_s == pytest.approx(3e-6, rel=1e-3)
    # The combination estimates neither: geocentre and scale are in the transformation.
    assert np.isnan([residual.y_pole_rate_rad_per_s, residual.scale, *residual.geocentre_m]).all()
    statistics = back.station_statistics("AAA", day)
    assert (statistics.stations, statistics.frame_stations, statistics.core_stations) == (12, 1, 7)
    assert statistics.sqrt_variance_factor == 2.0
    assert np.isnan(statistics.median_sigma_enu_m).all()


def test_what_is_not_determined_is_left_out_and_never_zero():
    alone = _centre("AAA", rotation=(("XPO", NOON, 0.0), ("YPO", NOON, 0.0)), redundancy=0.0, wrms=NAN)
    other = _centre("BBB", rotation=(("LOD", NOON, 0.0),))
    summary = combination_summary(_found(alone, other, off_m=(1.0, 0.0, 0.0)))
    text = sinex_summary_writer.to_bytes(summary).decode()
    # Nobody else has this pole or length of day, and the reference is a metre away.
    assert "globres: []" in text
    assert " - {ac: aaa, day: 4, nsta: 12, nrf: 0, ncore: 7}" in text
    assert text.count("rms: [") == 1
    back = _read(summary)
    assert np.isnan(back.transformations["AAA", 4].rms_enu_m).all()
    assert np.isnan(back.statistics["AAA", 4].sqrt_variance_factor)
    assert back.erp_residuals("AAA", np.datetime64("2024-09-19")) is None
    plain = sinex_summary_writer.to_bytes(summary).replace(sinex_summary.LEFT_OUT.encode(), b"")
    with pytest.raises(FormatError, match=r"FID-2444.*missing"):
        sinex_summary.read(plain, name="SUM.YML")


@pytest.mark.parametrize(
    ("epochs", "value"),
    [([NOON, MIDNIGHT], 1e-10), ([MIDNIGHT], 1e-10), ([MIDNIGHT, "2024-09-19T18"], None), (["2024-09-20T00"], None)],
)
def test_earth_rotation_of_the_day(epochs, value):
    rotation = tuple(("XPO", epoch, (k + 1) * 1e-10) for k, epoch in enumerate(epochs))
    found = combination_summary(_found(_centre("AAA", rotation=rotation), _centre("BBB", rotation=rotation)))
    assert [one.x_pole_rad for one in found.residuals.values()] == ([] if value is None else [value, value])


def test_names_that_yaml_or_the_format_could_mistake():
    odd = "it's {a: b}, \u00e9\n#.SNX"
    named = _found(
        _centre("aaa"), _centre("AAA"), _centre("my day: 1"), files={"aaa": "a", "AAA": "b", "my day: 1": odd}
    )
    back = _read(combination_summary(named))
    assert [(one.name, one.file) for one in back.centres] == [("MY DAY: 1", odd.replace("\n", "?"))]
    assert set(back.transformations) == {("MY DAY: 1", 4)}
    nameless = combination_summary(_found(_centre("AAA"), frame="IGS 20"))
    assert _read(nameless, strictness="warn").frame == ""


def test_the_writer_refuses_halves():
    summary = combination_summary(_found(_centre("AAA")))
    key = "AAA", 4
    one, statistics = summary.transformations[key], summary.statistics[key]
    for bad in (
        replace(summary, transformations={key: replace(one, scale=np.nan)}),
        replace(summary, transformations={key: replace(one, rotation_rad=NAN)}),
        replace(summary, transformations={key: replace(one, rms_enu_m=np.array([1e-3, np.nan, 1e-3]))}),
        replace(summary, statistics={key: replace(statistics, sqrt_variance_factor=np.inf)}),
    ):
        with pytest.raises(FormatError, match="FID-2444"):
            sinex_summary_writer.to_bytes(bad)


def test_signs_and_sizes_on_a_known_world(tmp_path):
    truth = make_truth(ENOUGH)
    network, centres = make_network(truth), make_centres(ENOUGH)
    day = ENOUGH.centre_days()[0]
    files = [tmp_path / f"{one.name}0SIMFIN_20231550000_01D_01D_SOL.SNX.gz" for one in centres]
    for one, path in zip(centres, files, strict=True):
        write_solution(truth, network, one, 0, path)
    write_reference(truth, network, tmp_path / "REF.SNX")
    report = write_frame(
        combine_frame(FrameRequest(files=tuple(files), reference=tmp_path / "REF.SNX")), tmp_path / "out"
    )
    name = next(name for name in report.product.files if name.endswith("_SUM.YML"))
    assert parse_name(name).start == day
    summary = sinex_summary.read(tmp_path / "out" / name, strictness="raise")
    orbit = true_orbit(ENOUGH, day)
    assert [one.name for one in summary.centres] == [one.name for one in centres]
    for one in centres:
        rotation, wanted = summary.rotation_rad(one.name, day), one.helmert(0)
        # Forty stations of a few mm each: 0.5 mm, or 16 microarcseconds, at the surface.
        assert np.abs(rotation - wanted[4:]).max() < 0.025 * MILLIARCSECOND_RAD
        assert np.abs(summary.translation_m(one.name, day) - wanted[:3]).max() < 2e-3
        assert abs(summary.scale(one.name, day) - wanted[3]) < 2e-10
        own = centre_orbit(ENOUGH, one, 0, orbit).position_m
        away = [_rms(own + sign * np.cross(rotation, own) - orbit.position_m) for sign in (1.0, 0.0, -1.0)]
        assert away[0] < away[1] < away[2]


def _rms(error_m):
    # Of medians: a satellite of one centre is wrong by decimetres.
    return float(np.median(np.abs(error_m)))
