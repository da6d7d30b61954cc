"""The network adjustment of 14 400 simulated bursts, each a plane, beside SciPy's solvers on the same normal equations.

Three swaths of many bursts on many tracks: neighbours overlap along the track, across it and between tracks, in twelve
cells each; four stations for five bursts. The noise of a burst is one field with a correlation length of 10 km.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy.sparse import bsr_array
from scipy.sparse.linalg import lsqr, splu, spsolve

import common
from fiducial.motion.calibration.burst_groups import Groups, information
from fiducial.motion.calibration.burst_network import BurstOptions, adjust_bursts
from fiducial.motion.calibration.burst_ties import BurstNetwork, BurstTies, StationTies, rows_of

SHORT_WAVE, WHITE, GNSS, LENGTH_M, REACH_M = 1.5, 0.5, 0.5, 10e3, 45e3
STATED = BurstOptions(robust=False, tie_factor=1.0, station_factor=1.0)


class World:
    """True planes and noise fields of bursts."""

    def __init__(self, bursts, rng):
        tracks = max(bursts // 360, 1)
        number = np.arange(tracks * 3 * (bursts // (3 * tracks))).reshape(tracks, 3, -1)
        track, swath, along = np.unravel_index(number.ravel(), number.shape)
        self.centre = np.column_stack([215e3 * track + 80e3 * swath, 18e3 * along + 6e3 * swath])
        self.pairs = np.concatenate([
            np.stack([a.ravel(), b.ravel()], axis=1)
            for a, b in ((number[:, :, :-1], number[:, :, 1:]), (number[:, :-1], number[:, 1:]),
                         (number[:-1, 2], number[1:, 0]))
        ])  # fmt: skip
        self.size = number.size
        self.truth = rng.normal(0.0, [5.0, 1.0, 1.0], (self.size, 3))
        # One cosine wave a burst has the exponential covariance over the draws of its wave number.
        wave_number = np.sqrt((1.0 - rng.random(self.size)) ** -2.0 - 1.0) / LENGTH_M
        angle, self.phase = 2.0 * np.pi * rng.random((2, self.size))
        self.wave = wave_number[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])

    def seen(self, burst, place, rng):
        """The correction of bursts at places, with noise."""
        surface = self.truth[burst, 0] + np.sum((place - self.centre[burst]) / REACH_M * self.truth[burst, 1:], axis=1)
        wave = np.cos(np.sum(place * self.wave[burst], axis=1) + self.phase[burst])
        return surface + np.sqrt(2.0) * SHORT_WAVE * wave + WHITE * rng.standard_normal(len(burst))


def simulate(bursts, ties=12, stations=0.8, seed=0):
    """Return a network and its true coefficients."""
    rng = np.random.default_rng(seed)
    world = World(bursts, rng)
    first, second = (np.repeat(side, ties) for side in world.pairs.T)
    middle = 0.5 * (world.centre[first] + world.centre[second])
    beside = world.centre[first, 0] == world.centre[second, 0]
    place = middle + np.where(beside[:, None], [38e3, 2e3], [2.5e3, 8e3]) * rng.uniform(-1, 1, middle.shape)
    difference = world.seen(first, place, rng) - world.seen(second, place, rng)
    none = np.zeros(len(first))
    tied = BurstTies(first, second, *place.T, difference, none + np.sqrt(2.0) * SHORT_WAVE,
                     none + np.sqrt(2.0) * WHITE, none, none + 1.0)  # fmt: skip
    burst = np.sort(rng.integers(0, world.size, int(stations * world.size)))
    where = world.centre[burst] + [40e3, 9e3] * rng.uniform(-1, 1, (len(burst), 2))
    at = world.seen(burst, where, rng) + GNSS * rng.standard_normal(len(burst))
    none = np.zeros(len(burst))
    seen = StationTies.of(burst, tuple(where.T), at, none + SHORT_WAVE, none + GNSS**2)
    seen = StationTies(**vars(seen) | {"white_sigma_mm_per_yr": none + WHITE})
    names = tuple(f"B{number:05d}" for number in range(world.size))
    return BurstNetwork(names, *world.centre.T, np.full(world.size, REACH_M), tied, seen), world.truth


def same_equations(network):
    """Return the normal matrix and right-hand side, and the same as a least-squares problem, for the peers."""
    rows = rows_of(network)
    groups = Groups.of(network, rows, 3)
    told = information(groups, np.ones(len(groups.row)), network.correlation_length_km)
    moments = told.moments(groups, rows.value_mm_per_yr[:, None], np.ones(groups.size))
    values, vectors = np.linalg.eigh(told.normal)
    known = values > 1e-9 * values[:, -1:]
    root = np.sqrt(np.where(known, values, 0.0))[:, :, None] * vectors.transpose(0, 2, 1)
    inverse = np.where(known, 1.0 / np.sqrt(np.where(known, values, 1.0)), 0.0)[:, :, None]
    data = (inverse * (vectors.transpose(0, 2, 1) @ moments)).ravel()
    number, ties = np.arange(groups.size), slice(groups.ties)
    blocks = np.concatenate(
        [root @ groups.to_first.transpose(0, 2, 1), -(root @ groups.to_second.transpose(0, 2, 1))[ties]]
    )
    row, column = np.concatenate([number, number[ties]]), np.concatenate([groups.first, groups.second[ties]])
    order = np.lexsort((column, row))
    start = np.concatenate([[0], np.cumsum(np.bincount(row))])
    design = bsr_array((blocks[order], column[order], start), shape=(3 * groups.size, 3 * network.size)).tocsr()
    normal = (design.T @ design).tocsc()
    normal.eliminate_zeros()
    return normal, design.T @ data, design, data


def measure(bursts=14_400, right_hand_sides=300, rounds=5):
    adjust_bursts(simulate(60)[0])  # compile or load
    network, truth = simulate(bursts)
    normal, right, design, data = same_equations(network)

    def superlu():
        return splu(normal, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def iterate():
        return lsqr(design, data, atol=1e-10, btol=1e-10, iter_lim=20_000)[0]

    seconds = common.alternate({
        "adjusted_s": lambda: adjust_bursts(network),
        "stated_weights_s": lambda: adjust_bursts(network, STATED),
        "stated_weights_without_sigma_s": lambda: adjust_bursts(network, BurstOptions(robust=False, covariance=False)),
        "peer_splu_s": lambda: superlu().solve(right),
    }, rounds)  # fmt: skip
    seconds |= common.alternate({"peer_lsqr_s": iterate, "peer_spsolve_s": lambda: spsolve(normal, right)}, 1)
    found, stated, factor = adjust_bursts(network), adjust_bursts(network, STATED), superlu()
    values = np.random.default_rng(1).standard_normal((network.observations, right_hand_sides))
    many = np.random.default_rng(1).standard_normal((len(right), right_hand_sides))
    block = many.reshape(network.size, 3, -1)
    seconds |= common.alternate({
        "right_hand_sides_s": lambda: found.solve(values),
        "right_hand_sides_substitution_s": lambda: found.system.normals.solve(block),
        "peer_splu_right_hand_sides_s": lambda: factor.solve(many),
    }, max(rounds // 2, 1))  # fmt: skip
    start = time.perf_counter()
    for chosen in np.array_split(np.arange(300), 3):
        unit = np.zeros((len(right), len(chosen)))
        unit[chosen, np.arange(len(chosen))] = 1.0
        factor.solve(unit)
    blocked = (time.perf_counter() - start) / 300 * len(right)
    start = time.perf_counter()
    found.system.normals.selected_inverse()
    selected = time.perf_counter() - start
    error = found.coefficients - truth
    pull = np.linalg.solve(np.linalg.cholesky(found.covariance), error[:, :, None])
    sigma = np.sqrt(np.einsum("bii->bi", found.covariance))
    return {
        "bursts": network.size,
        "ties": network.ties.size,
        "stations": network.stations.size,
        "right_hand_sides": right_hand_sides,
        **{name: round(value, 3) for name, value in seconds.items()},
        "sigmas_by_selected_inverse_s": round(selected, 3),
        "peer_sigmas_by_blocked_solves_s_scaled_from_300": round(blocked, 1),
        "difference_to_splu_mm_per_yr": float(np.abs(stated.coefficients.ravel() - factor.solve(right)).max()),
        "difference_to_lsqr_mm_per_yr": float(np.abs(stated.coefficients.ravel() - iterate()).max()),
        "offset_error_rms_mm_per_yr": round(float(np.sqrt(np.mean(error[:, 0] ** 2))), 3),
        "offset_sigma_rms_mm_per_yr": round(float(np.sqrt(np.mean(sigma[:, 0] ** 2))), 3),
        "pull_rms": round(float(np.sqrt(np.mean(pull**2))), 3),
        "tie_factor": round(found.tie_factor, 3),
        "station_factor": round(found.station_factor, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--bursts", type=int, default=14_400)
    parser.add_argument("--right-hand-sides", type=int, default=300)
    arguments = parser.parse_args()
    found = measure(arguments.bursts, arguments.right_hand_sides)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:48} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
