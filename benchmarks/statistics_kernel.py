"""Speed of the EGMS statistics: compiled kernel against batched NumPy, in one run.

Three NumPy contenders: the oracle (three float64 fits, every field); the fastest batch of every field we could
write (the kernel's own idea, one set of nested normal equations, float32 matrix products); and the leanest of
all, float32 normal equations for the velocity fit alone, with no standard deviation and no coherence.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from fiducial.motion.statistics import egms_statistics, egms_statistics_reference
from fiducial.timescales import egms_years


def _data(points, epochs, gaps):
    rng = np.random.default_rng(20240919)
    dates = np.datetime64("2020-01-03", "ns") + np.arange(epochs) * np.timedelta64(6, "D")
    series = rng.standard_normal((epochs, points), dtype=np.float32) * np.float32(3.0)
    series += (egms_years(dates)[:, None] * rng.normal(0.0, 10.0, points)).astype(np.float32)
    complete = series.copy()
    series[rng.random(series.shape, dtype=np.float32) < gaps] = np.nan
    return dates, complete, series


def lean_batch(series, dates):
    """Velocities by batched float32 normal equations of four parameters."""
    t = egms_years(dates)
    angle = 2.0 * np.pi * t
    design = np.column_stack([t - t.mean(), np.ones_like(t), np.cos(angle), np.sin(angle)]).astype(np.float32)
    products = (design[:, :, None] * design[:, None, :]).reshape(len(t), 16)
    velocity = np.empty(series.shape[1])
    for start in range(0, series.shape[1], 8192):
        block = series[:, start : start + 8192]
        valid = ~np.isnan(block)
        normal = (valid.astype(np.float32).T @ products).reshape(-1, 4, 4)
        right = np.where(valid, block, np.float32(0)).T @ design
        velocity[start : start + 8192] = np.linalg.solve(normal, right[:, :, None])[:, 0, 0]
    return velocity


def nested_batch(series, dates):
    """Every field by one batch of nested 6 x 6 normal equations in the full set's orthonormal basis."""
    t = egms_years(dates)
    angle, t = 2.0 * np.pi * t, t - t.mean()
    columns = [np.ones_like(t), np.cos(angle), np.sin(angle), t, t**2 / 2.0, t**3]
    basis, triangle = np.linalg.qr(np.column_stack(columns))
    functionals = np.linalg.inv(triangle)[1:5].T[None]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(t), 36).astype(np.float32)
    design, year = basis.astype(np.float32), t.astype(np.float32)[:, None]
    out = np.empty((8, series.shape[1]))
    for start in range(0, series.shape[1], 4096):
        block = series[:, start : start + 4096]
        valid = ~np.isnan(block)
        mask, values = valid.astype(np.float32), np.where(valid, block, np.float32(0))
        count = mask.sum(axis=0)
        factor = np.linalg.cholesky((mask.T @ products).reshape(-1, 6, 6).astype(np.float64))
        right = np.concatenate([(values.T @ design)[:, :, None], functionals.repeat(len(factor), 0)], axis=2)
        z, cosine, sine, line, bend = np.moveaxis(np.linalg.solve(factor, right), 2, 0)
        squares = np.einsum("ep,ep->p", values, values) - (z**2).sum(axis=1)
        rmse = np.sqrt(np.maximum(squares, 0.0) / count)
        bend_rms = np.sqrt(rmse**2 + z[:, 5] ** 2 / count)
        line_rms = np.sqrt(bend_rms**2 + z[:, 4] ** 2 / count)
        velocity = line[:, 3] * z[:, 3]
        amplitude = np.hypot((cosine * z).sum(axis=1), (sine * z).sum(axis=1))
        cofactor = ((cosine**2).sum(axis=1) + (sine**2).sum(axis=1)) / 2.0
        phase = np.float32(4.0 * np.pi / 55.46576) * (values - year * velocity.astype(np.float32))
        coherence = np.hypot((np.cos(phase) * mask).sum(axis=0), (np.sin(phase) * mask).sum(axis=0)) / count
        out[:, start : start + 4096] = (
            velocity, np.abs(line[:, 3]) * line_rms, bend[:, 4] * z[:, 4], np.abs(bend[:, 4]) * bend_rms,
            amplitude, np.sqrt((4.0 - np.pi) / 2.0 * cofactor) * rmse, rmse, coherence,
        )  # fmt: skip
    return out


def _best(function, *arguments, repeat):
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(points=200_000, epochs=300, gaps=0.03, repeat=7):
    dates, complete, series = _data(points, epochs, gaps)
    egms_statistics(series[:, :64], dates)  # compile or load
    oracle_points = min(points, 20_000)
    plain = egms_statistics_reference(series[:, :oracle_points], dates)
    batch = nested_batch(series[:, :oracle_points], dates)
    for name, values in zip(list(vars(plain))[:8], batch, strict=True):
        assert np.abs(values - getattr(plain, name)).max() < 1e-2, name
    rates = {
        "kernel_mpoint_per_s": points / _best(egms_statistics, series, dates, repeat=repeat) / 1e6,
        "kernel_without_gaps_mpoint_per_s": points / _best(egms_statistics, complete, dates, repeat=repeat) / 1e6,
        "oracle_mpoint_per_s": oracle_points
        / _best(egms_statistics_reference, series[:, :oracle_points], dates, repeat=2)
        / 1e6,
        "nested_batch_mpoint_per_s": points / _best(nested_batch, series, dates, repeat=2) / 1e6,
        "lean_batch_mpoint_per_s": points / _best(lean_batch, series, dates, repeat=3) / 1e6,
    }
    rates["ratio_to_oracle"] = rates["kernel_mpoint_per_s"] / rates["oracle_mpoint_per_s"]
    rates["ratio_to_nested_batch"] = rates["kernel_mpoint_per_s"] / rates["nested_batch_mpoint_per_s"]
    rates["ratio_to_lean_batch"] = rates["kernel_mpoint_per_s"] / rates["lean_batch_mpoint_per_s"]
    return {"points": points, "epochs": epochs, "gap_share": gaps} | rates


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--epochs", type=int, default=300)
    arguments = parser.parse_args()
    result = measure(arguments.points, arguments.epochs)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:34} {value:10.3f}" if isinstance(value, float) else f"{name:34} {value:10d}")


if __name__ == "__main__":
    main()
