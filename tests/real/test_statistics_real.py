"""EGMS statistics against the printed columns of two real bursts of Ustica (EGMS L2b 2020_2024)."""

from __future__ import annotations

import zipfile

import numpy as np
import polars as pl
import pytest

from fiducial.motion.statistics import consistent_velocity, egms_statistics, egms_statistics_reference
from support import data_path

pytestmark = pytest.mark.real

BURSTS = ("EGMS_L2b_117_0227_IW2_VV_2020_2024_1", "EGMS_L2b_022_0845_IW2_VV_2020_2024_1")

# field, column of the file, printed unit, least share of identical printed values. The inputs are rounded to
# 0.1 mm, so not every digit can be hit.
COLUMNS = (
    ("mean_velocity_std", "mean_velocity_std", 1, 1.0),
    ("seasonality_std", "seasonality_std", 1, 0.998),
    ("acceleration_std", "acceleration_std", 2, 0.989),
    ("rmse", "rmse_ts", 1, 0.984),
    ("seasonality", "seasonality", 1, 0.983),
    ("acceleration", "acceleration", 2, 0.915),
)


def _burst(stem):
    with zipfile.ZipFile(data_path("egms", "ustica-west", f"{stem}.zip")) as archive:
        table = pl.read_csv(archive.read(f"{stem}.csv"), infer_schema_length=None)
    dates = [name for name in table.columns if name.isdigit()]
    epochs = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in dates], dtype="datetime64[ns]")
    return table, table.select(dates).to_numpy().T.astype(np.float32), epochs


@pytest.fixture(scope="module")
def bursts():
    return [_burst(stem) for stem in BURSTS]


@pytest.mark.parametrize(("field", "column", "decimals", "share"), COLUMNS)
def test_printed_values_of_both_bursts_are_reproduced(bursts, field, column, decimals, share):
    for table, series, epochs in bursts:
        computed = np.round(getattr(egms_statistics(series, epochs), field), decimals)
        steps = np.abs(np.rint((computed - table[column].to_numpy()) * 10**decimals))
        assert steps.max() <= 1
        assert np.mean(steps == 0) >= share


def test_temporal_coherence_is_reproduced(bursts):
    for table, series, epochs in bursts:
        coherence = egms_statistics(series, epochs).temporal_coherence
        assert np.abs(coherence - table["temporal_coherence"].to_numpy()).max() <= 0.006


def test_printed_velocity_is_the_refit_within_its_double_rounding(bursts):
    # round1(residual) + round1(GNSS): each adds up to 0.05 mm/yr, the rounding of the input 0.01.
    for table, series, epochs in bursts:
        velocity = egms_statistics(series, epochs).mean_velocity
        assert np.abs(velocity - table["mean_velocity"].to_numpy()).max() <= 0.11


def test_kernel_agrees_with_the_oracle_on_real_series_with_gaps(bursts):
    _, series, epochs = bursts[0]
    gappy = np.where(np.random.default_rng(7).random(series.shape) < 0.05, np.nan, series)
    for values in (series, gappy):
        fast, plain = egms_statistics(values, epochs), egms_statistics_reference(values, epochs)
        for field in ("mean_velocity", "acceleration", "seasonality", "rmse", "mean_velocity_std"):
            assert np.abs(getattr(fast, field) - getattr(plain, field)).max() < 1e-6
        assert np.abs(fast.temporal_coherence - plain.temporal_coherence).max() < 5e-5


def test_consistent_velocity_of_a_real_burst(bursts):
    _, series, epochs = bursts[0]
    ours = consistent_velocity(series, epochs)
    official = egms_statistics(series, epochs)
    difference = ours.velocity_mm_per_yr - official.mean_velocity
    # Another weighting of the same series: the estimates differ by less than the honest sigma.
    assert np.sqrt(np.mean((difference / ours.sigma_mm_per_yr) ** 2)) < 1.0
    assert np.all(ours.sigma_mm_per_yr > 0.9 * official.mean_velocity_std)
    assert np.median(ours.sigma_mm_per_yr / official.mean_velocity_std) > 1.05
