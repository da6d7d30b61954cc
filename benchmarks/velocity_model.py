"""Cross-validation of the velocity model on the European field beside verde.Spline, GPS Imaging and the nearest site.

Every method sees the same training sites of the same folds (10 random ones, and 100 km blocks dealt to 10 folds); every
held-out site is scored, screened or not. verde runs in the Python of FIDUCIAL_PEERS_VERDE (default
/tmp/verde-venv/bin/python) with each damping of --dampings, and the best of them counts, for each component; without that
Python its lines say so. GPS Imaging is our reading of Hammond et al. (2016): spatial structure function from pairs,
despeckling by weighted medians over Delaunay neighbours, weighted median at the point.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyproj
from scipy.spatial import Delaunay, cKDTree

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.formats import velocity_tables
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.robust import robust_sigma
from fiducial.stations.velocity_model import fit_model, prepare_sites
from fiducial.stations.velocity_validation import block_folds, cross_validate, random_folds, training_sites

VERDE = os.environ.get("FIDUCIAL_PEERS_VERDE", "/tmp/verde-venv/bin/python")  # noqa: S108
DATA = Path(os.environ.get("FIDUCIAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
TABLE = DATA / "velocities/euref_all.raw"
USTICA = {"022": ((0.594, -0.120, 0.795), (-1.6,)), "117": ((-0.622, -0.098, 0.777), (-0.7, -0.8))}
SPLINE = """
import sys, numpy as np, verde, warnings
warnings.simplefilter("ignore")
given, out = np.load(sys.argv[1]), {}
for key in given["jobs"]:
    easting, northing, value = given[key + "/train"]
    spline = verde.Spline(damping=float(sys.argv[2])).fit((easting, northing), value)
    out[key] = spline.predict(tuple(given[key + "/held"]))
np.savez(sys.argv[3], **out)
"""


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted median of each row."""
    order = np.argsort(values, axis=1)
    ordered, weight = np.take_along_axis(values, order, 1), np.cumsum(np.take_along_axis(weights, order, 1), axis=1)
    chosen = np.argmax(weight >= 0.5 * weight[:, -1:], axis=1)
    return ordered[np.arange(len(values)), chosen]


def structure_function(position: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and normalised similarity: inverse of the monotone robust difference of pairs."""
    generator = np.random.default_rng(0)
    near = cKDTree(position).query(position, k=30)[1]
    first = np.r_[generator.integers(0, len(value), 200_000), np.repeat(np.arange(len(value)), 29)]
    second = np.r_[generator.integers(0, len(value), 200_000), near[:, 1:].ravel()]
    distance = np.linalg.norm(position[first] - position[second], axis=1)
    difference = np.abs(value[first] - value[second])
    edges = np.r_[0.0, np.geomspace(5.0, 3000.0, 25)]
    centres, spread = [], []
    for low, high in itertools.pairwise(edges):
        inside = (distance > low) & (distance <= high)
        if inside.sum() > 30:
            centres.append(np.sqrt(max(low, 1.0) * high))
            spread.append(np.median(difference[inside]))
    monotone = np.maximum.accumulate(spread)
    return np.log(centres), monotone[0] / monotone


def gps_imaging(vectors: np.ndarray, value: np.ndarray, sigma: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Predict by medians of despeckled stations."""
    position, target = vectors * MEAN_EARTH_RADIUS_KM, points * MEAN_EARTH_RADIUS_KM
    centres, similarity = structure_function(position, value)
    weight_sigma = np.maximum(sigma, 0.05)

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.interp(np.log(np.maximum(distance, 0.1)), centres, similarity)

    middle = vectors.mean(axis=0)
    flat = vectors @ np.linalg.svd(middle[None])[2][1:].T
    pointers, others = Delaunay(flat).vertex_neighbor_vertices
    width = int(np.diff(pointers).max()) + 1
    index, present = np.zeros((len(value), width), dtype=int), np.zeros((len(value), width))
    for row in range(len(value)):
        members = np.r_[row, others[pointers[row] : pointers[row + 1]]]
        index[row, : len(members)], present[row, : len(members)] = members, 1.0
    distance = np.linalg.norm(position[index] - position[:, None], axis=2)
    clean = weighted_median(value[index], present * weights(distance) / weight_sigma[index])
    distance, near = cKDTree(position).query(target, k=8)
    return weighted_median(clean[near], weights(distance) / weight_sigma[near])


def peers(sites, folds, dampings: list[float]) -> dict[str, np.ndarray]:
    """Residuals of the peers, shape (site, 3) each."""
    vectors = unit_vectors(sites.longitude_deg, sites.latitude_deg)
    easting, northing = pyproj.Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True).transform(
        sites.longitude_deg, sites.latitude_deg
    )
    imaging = np.full((sites.size, 3), np.nan)
    jobs: dict[str, np.ndarray] = {}
    for fold in range(folds.count):
        held = np.flatnonzero(folds.number == fold)
        training = training_sites(sites, folds, fold)
        place = {name: row for row, name in enumerate(map(str, sites.names))}
        rows = np.array([place[str(name)] for name in training.names])
        for component in range(3):
            known = np.isfinite(training.velocity_enu_mm_per_yr[:, component])
            used, value = rows[known], training.velocity_enu_mm_per_yr[known, component]
            sigma = np.sqrt(training.covariance_enu[known, component, component])
            imaging[held, component] = gps_imaging(vectors[used], value, sigma, vectors[held])
            jobs[f"{fold}_{component}/train"] = np.stack([easting[used], northing[used], value])
            jobs[f"{fold}_{component}/held"] = np.stack([easting[held], northing[held]])
    found = {"gps_imaging": sites.velocity_enu_mm_per_yr - imaging}
    if Path(VERDE).exists():
        for damping in dampings:
            spline = np.full((sites.size, 3), np.nan)
            with tempfile.TemporaryDirectory() as folder:
                given, out = Path(folder, "given.npz"), Path(folder, "out.npz")
                names = sorted({key.partition("/")[0] for key in jobs})
                np.savez(given, jobs=np.array(names), **jobs)
                subprocess.run([VERDE, "-c", SPLINE, str(given), str(damping), str(out)], check=True,
                               env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
                answer = np.load(out)
                for key in names:
                    fold, component = map(int, key.split("_"))
                    spline[folds.number == fold, component] = answer[key]
            found[f"verde_spline_{damping:g}"] = sites.velocity_enu_mm_per_yr - spline
    return found


def measure(dampings: list[float]) -> dict[str, object]:
    stations = velocity_tables.read(TABLE, frame="ETRF2014")
    sites, _, _ = prepare_sites(stations)
    result: dict[str, object] = {"stations": stations.size, "sites": sites.size}
    for folds in (random_folds(sites), block_folds(sites)):
        ours = cross_validate(sites, folds)
        others = peers(sites, folds, dampings)
        others["nearest"] = ours.nearest_enu_mm_per_yr
        for column, (component, values) in enumerate(ours.scores().items()):
            line = {"robust_sd": values["robust_sd_mm_per_yr"], "rms": values["rms_mm_per_yr"],
                    "standardised_robust_sd": values["standardised_robust_sd"],
                    "standardised_sd": values["standardised_sd"]}  # fmt: skip
            robust = {name: robust_sigma(residual[:, column]) for name, residual in others.items()}
            line |= robust | {f"{name}_rms": float(np.sqrt(np.nanmean(residual[:, column] ** 2)))
                              for name, residual in others.items()}  # fmt: skip
            line["over_nearest"] = line["robust_sd"] / robust["nearest"]
            line["over_gps_imaging"] = line["robust_sd"] / robust["gps_imaging"]
            splines = [value for name, value in robust.items() if name.startswith("verde")]
            if splines:
                line["over_best_verde_spline"] = line["robust_sd"] / min(splines)
            result[f"{folds.name}, {component}"] = {name: round(value, 3) for name, value in line.items()}
    if not Path(VERDE).exists():
        result["verde_spline"] = f"not measured: no {VERDE} (set FIDUCIAL_PEERS_VERDE)"
    return result | speed_and_ustica(stations)


def speed_and_ustica(stations) -> dict[str, object]:
    start = time.perf_counter()
    model = fit_model(stations)
    result: dict[str, object] = {"fit_s": round(time.perf_counter() - start, 1)}
    generator = np.random.default_rng(0)
    longitude, latitude = generator.uniform(-10.0, 30.0, 100_000), generator.uniform(36.0, 70.0, 100_000)
    start = time.perf_counter()
    model.predict(longitude, latitude)
    result["predict_100000_points_s"] = round(time.perf_counter() - start, 1)
    usix = int(np.flatnonzero(np.char.startswith(stations.names, "USIX"))[0])
    for frame in ("ETRF2014", "ETRF2000"):
        velocity = model.predict(stations.longitude_deg[usix], stations.latitude_deg[usix], frame=frame)
        for track, (along, official) in USTICA.items():
            rate = float(velocity.velocity_enu_mm_per_yr[0] @ np.array(along))
            result[f"ustica_{track}_{frame}"] = {"los_mm_per_yr": round(rate, 2), "official": official}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dampings", type=float, nargs="*", default=[1e-5, 1e-4, 1e-3])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.dampings)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:32} {value}" for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(main())
