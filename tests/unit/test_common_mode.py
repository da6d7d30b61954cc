"""The common-mode filter helps the eye, and may not touch rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import series_factory as factory
from fiducial.errors import InputError
from fiducial.stations.common_mode import detrended, remove_common_mode
from fiducial.stations.midas import midas


def _network(days=900, stations=8):
    rng = np.random.default_rng(6)
    shared = factory.flicker(rng, days, 3, 0.006)
    return [
        factory.series(factory.linear(days, velocity=rng.normal(0, 0.02, 3), noise_m=0.001, seed=k) + shared,
                       station=f"ST{k:02d}", reference_xyz_m=factory.XYZ + 40e3 * k * np.array([0.0, 1.0, 0.2]))
        for k in range(stations)
    ]  # fmt: skip


def test_the_common_mode_is_removed_and_the_trend_stays():
    target, *others = _network()
    found = remove_common_mode(target, others)
    assert np.all(found.scatter_after_m < 0.6 * found.scatter_before_m)
    assert found.stations.min() == 7
    assert "display and screening only" in found.statement
    slopes = [np.polyfit(one.years, one.displacement_m[:, 0], 1)[0] for one in (target, found.filtered)]
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-9)
    np.testing.assert_allclose(target.displacement_m - found.filtered.displacement_m, found.mode_m, atol=1e-15)


def test_a_filtered_series_is_refused_by_estimators_of_rates():
    target, *others = _network()
    with pytest.raises(InputError, match="FID-1333"):
        midas(remove_common_mode(target, others).filtered)


def test_epochs_with_too_few_neighbours_have_no_common_mode():
    target, *others = _network()
    late = [
        one.select(one.epochs > factory.START + 300 * factory.DAY) if k < 3 else one for k, one in enumerate(others)
    ]
    found = remove_common_mode(target, late)
    assert np.isnan(found.mode_m[:301]).all()
    assert np.isfinite(found.mode_m[301:]).all()
    silent = [replace(one, displacement_m=np.full_like(one.displacement_m, np.nan)) for one in others]
    assert np.isnan(remove_common_mode(target, silent).mode_m).all()
    assert np.isnan(detrended(silent[0])).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda target, others: (target, others[:4]),
        lambda target, others: (target, [*others[:-1], replace(others[-1], frame="IGS14")]),
        lambda target, others: (target, [*others[:-1], replace(others[-1], reference_xyz_m=np.full(3, np.nan))]),
        lambda target, others: (target, [*others[:-1], replace(others[-1], axes="xyz")]),
        lambda target, others: (target, [*others, replace(target, station="COPY")]),
        lambda target, others: (target, [*others, target]),
    ],
)
def test_what_is_no_region_is_refused(spoil):
    target, *others = _network(days=100)
    with pytest.raises(InputError, match="FID-1335"):
        remove_common_mode(*spoil(target, others))
