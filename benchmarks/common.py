"""What the benchmarks share: synthetic EGMS files of any size, and timing of alternatives in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fiducial.formats import egms_csv, egms_xml
from fiducial.formats.egms_columns import DECIMALS, LEVEL2_COLUMNS, Header, date_columns_of
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.motion.identifiers import PointIds, encode_points
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.simulation import simulate_large_burst

TRACK, BURST, SWATH = 117, 227, 2
STYLES = dict.fromkeys(LEVEL2_COLUMNS, "shortest") | {
    "mp_type": "integer", "line": "integer", "pixel": "integer", "cluster_label": "integer", "": "shortest",
}  # fmt: skip


def write_burst(folder: Path, points: int, epochs: int) -> Path:
    """Write a simulated Level 2a burst as CSV with its XML, in bounded memory."""
    stem = folder / f"EGMS_L2a_{TRACK:03d}_{BURST:04d}_IW{SWATH}_VV_2018_2022_1"
    csv = stem.with_suffix(".csv")
    metadata = EgmsMetadata("L2a", TRACK, BURST, SWATH, production_date="01/01/2024", dem_version="simulated")
    stem.with_suffix(".xml").write_bytes(egms_xml.write(metadata))
    names = tuple(name for name in LEVEL2_COLUMNS if name != "gnss_velocity")
    with csv.open("wb") as sink:
        for block in simulate_large_burst(points, epochs):
            header = Header("L2a", names, names, date_columns_of(block.epochs))
            if sink.tell() == 0:
                egms_csv.write_header(sink, header)
            columns = dict(block.attributes)
            count = block.size
            whole = np.ones(count, dtype=np.int64)
            ids = PointIds(
                0 * whole, TRACK * whole, BURST * whole, SWATH * whole, 3 * whole,
                columns["line"].astype(np.int64), columns["pixel"].astype(np.int64),
            )  # fmt: skip
            columns["pid"] = encode_points(ids).astype("S10")
            found = egms_statistics(block.displacement_mm, block.epochs)
            for name in names:
                if name not in columns:
                    columns[name] = getattr(found, name)
                if name in DECIMALS:
                    columns[name] = np.round(np.asarray(columns[name], dtype=np.float64), DECIMALS[name])
            series = np.round(block.displacement_mm.T.astype(np.float64), 1)
            egms_csv.write_rows(sink, header, columns, series, STYLES)
    return csv


def alternate(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time contenders in turns and return the median seconds of each: a busy machine then hurts all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender()
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(measure: Callable[[int], dict[str, object]], description: str | None) -> None:
    """Command line of a benchmark of so many rounds: lines of names and values, or JSON."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))
