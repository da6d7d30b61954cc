"""What the orbits were measured to lose with their centres, read from a file and made a loss of the pool."""

from __future__ import annotations

import json
import math

import pytest

from chain_small import packaged
from fiducial.chain.assembly import assemble
from fiducial.chain.propagation import Outage, propagate
from fiducial.chain.transfer import MeasuredLoss, pool_curve
from fiducial.errors import FormatError, InputError
from fiducial.runs.chain_transfer import POOL, read_transfer


def _row(centres, millimetres, lost=0.0, constellation="G", reference=None):
    return {
        "constellation": constellation, "centres": centres, "reference": reference, "rms_median_mm": millimetres,
        "records_lost_median_percent": lost,
    }  # fmt: skip


def _study(*rows):
    return {"centres": [f"A{index}" for index in range(10)], "by_number_of_centres": list(rows)}


GOOD = _study(
    _row(10, 0.0), _row(9, 1.0), _row(6, 5.0), _row(2, 20.0, 8.0), _row(6, 3.0, 0.0, "G", "IGF"),
    _row(7, 0.0, 0.0, "R"), _row(4, 12.0, 30.0, "R"), _row(9, None, 0.0, "C"),
)  # fmt: skip


def _read(tmp_path, study, tolerance=25.0):
    path = tmp_path / "study.json"
    path.write_text(study if isinstance(study, str) else json.dumps(study))
    return read_transfer(path, packaged(), tolerance)


def test_the_curve_by_hand():
    measured = [
        MeasuredLoss(2, 20.0, 0.08),
        MeasuredLoss(9, 1.0, 0.0),
        MeasuredLoss(6, 5.0, 0.3),
        MeasuredLoss(10, 0.0, 0.0),
    ]
    curve = pool_curve(10, measured, 25.0, 12)
    expected = [(0, 0), (1.2, 0.04), (4.8, 0.3), (9.6, 0.8), (12, 1)]
    assert [value for point in curve for value in point] == pytest.approx(
        [value for point in expected for value in point]
    )
    # A measurement that falls again is taken as noise, and nothing is lost beyond all.
    odd = pool_curve(10, [MeasuredLoss(8, 9.0, 0.0), MeasuredLoss(5, 4.0, 0.0), MeasuredLoss(1, 99.0, 0.0)], 25.0, 10)
    assert [loss for _, loss in odd] == pytest.approx([0, 0.36, 0.36, 1, 1])


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan, math.inf])
def test_a_tolerance_that_is_none(tolerance):
    with pytest.raises(InputError, match="FID-1428"):
        pool_curve(10, [MeasuredLoss(5, 4.0, 0.0)], tolerance, 12)


@pytest.mark.parametrize("measured", [[], [MeasuredLoss(10, 0.0, 0.0)], [MeasuredLoss(0, 5.0, 0.0)]])
def test_nothing_measured(measured):
    with pytest.raises(InputError, match="FID-1428"):
        pool_curve(10, measured, 25.0, 12)


def test_a_study_becomes_the_law_of_the_pool(tmp_path):
    found = _read(tmp_path, GOOD)
    assert found.curves[POOL][-1] == (12.0, 1.0)
    assert set(found.losses) == {"G", "R"}
    text = " | ".join(found.sentences)
    assert "with 4 of 10 centres lost GPS orbits differ by 5.0 mm (measured)" in text
    assert "GLONASS orbits differ by 12.0 mm and miss 30% of the records (of 7)" in text
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["curves"][POOL][0] == [0.0, 0.0]
    chain = assemble(packaged(), pools=found.curves)
    lost = [node.id for node in packaged().workflow.nodes if node.id.startswith("ac_")][:4]
    assert POOL not in lost
    outages = [Outage(node) for node in lost]
    run = propagate(chain.network, chain.parameters(chain.nominal()), outages, horizon_days=60.0, watched=[POOL])
    # 4 of 12 centres are 3.33 of the 10 measured: between the points at 1 and 4 lost.
    assert run.final_lost[0, chain.network.index(POOL)] == pytest.approx(0.04 + (4 - 1.2) / 3.6 * 0.16, rel=1e-3)


@pytest.mark.parametrize(
    "study",
    [
        "", '{"centres": ["A", "B"], "by_number', "[]", "null", "3", '"text"', "{}", '{"effects": [], "failed": []}',
        {"centres": ["A"]}, {"by_number_of_centres": []}, _study(), _study(_row(5, None)), _study(_row(5, 3.0, 0, "R")),
        {"centres": ["A"], "by_number_of_centres": [1, 2]}, {"centres": None, "by_number_of_centres": []},
        {"centres": ["A"], "by_number_of_centres": [{"constellation": "G"}]}, _study(_row("many", 3.0)),
        _study(_row(5, "x")), _study(_row(5, 3.0, None)), _study(_row(10, 0.0), _row(5, math.nan)),
        _study(_row(10, 0.0), _row(5, 3.0, math.nan)), _study(_row(10, 0.0), _row(5, math.inf)),
        _study(_row(10, 0.0), _row(5, -3.0)), _study(_row(10, 0.0), _row(5, 3.0, 130.0)), _study(_row(math.inf, 0.0)),
        _study(_row(math.nan, 0.0)), _study(_row(10, 0.0), _row(5, 3.0), _row(5, 4.0)), "[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_is_no_study(tmp_path, study):
    with pytest.raises(FormatError, match="FID-2640"):
        _read(tmp_path, study)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(FormatError, match="FID-2640"):
        read_transfer(tmp_path / "none.json", packaged(), 25.0)
    with pytest.raises(FormatError, match="FID-2640"):
        read_transfer(tmp_path, packaged(), 25.0)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(FormatError, match="FID-2640"):
        read_transfer(tmp_path / "binary", packaged(), 25.0)


def test_a_study_of_the_full_set_alone(tmp_path):
    with pytest.raises(InputError, match="FID-1428"):
        _read(tmp_path, _study(_row(10, 0.0)))
