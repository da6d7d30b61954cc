"""Ortho of the Ustica cells beside a group-apply with one lstsq a cell and epoch, as the public notebook is structured."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import common
from fiducial.formats.point_product import PointProduct
from fiducial.motion import ortho, resampling
from fiducial.runs.ingest import import_egms

GROUPS = 4_000


def _ours(blocks):
    grid = resampling.common_grid([block.epochs for block in blocks])
    keys = [ortho.cell_keys(block.attributes["easting"], block.attributes["northing"]) for block in blocks]
    ascending = np.concatenate([ortho.is_ascending(block.attributes["los_east"]) for block in blocks])
    system = ortho.OrthoAccumulator(ortho.solvable_cells(np.concatenate(keys), ascending), grid)
    for block, key in zip(blocks, keys, strict=True):
        mask = np.isin(key, system.cell_key)
        chosen = block.select(mask)
        system.add_series(
            key[mask], chosen.line_of_sight(), chosen.attributes["height"], chosen.displacement_mm, chosen.epochs
        )
    return system.solve(), grid


def _long_table(blocks, cells, grid):
    """A row a point and epoch, as the notebook feeds its group-apply."""
    parts = []
    for block in blocks:
        key = ortho.cell_keys(block.attributes["easting"], block.attributes["northing"])
        mask = np.isin(key, cells)
        chosen = block.select(mask)
        series = resampling.resample(chosen.displacement_mm, chosen.epochs, grid, "nearest")
        count = chosen.size
        parts.append(pd.DataFrame({
            "cell": np.repeat(key[mask], len(grid)), "epoch": np.tile(np.arange(len(grid)), count),
            "d": series.T.ravel(), "e": np.repeat(chosen.attributes["los_east"], len(grid)),
            "u": np.repeat(chosen.attributes["los_up"], len(grid)),
        }))  # fmt: skip
    return pd.concat(parts)


def _solve_group(group):
    return np.linalg.lstsq(group[["e", "u"]].to_numpy(), group["d"].to_numpy(), rcond=None)[0]


def measure(data: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as work:
        products = [import_egms(path, Path(work)) for path in sorted(data.glob("EGMS_L2b_*.zip"))]
        blocks = [PointProduct.open(path).block(0) for path in products]
    seconds = common.alternate({"ours": lambda: _ours(blocks)}, 9)["ours"]
    solved, grid = _ours(blocks)
    table = _long_table(blocks, solved.cell_key, grid)
    total = len(solved.cell_key) * len(grid)
    some = table[table["cell"].isin(solved.cell_key[: GROUPS // len(grid) + 1])]
    groups = some.groupby(["cell", "epoch"])
    start = time.perf_counter()
    groups.apply(_solve_group)
    peer = (time.perf_counter() - start) / groups.ngroups * total
    return {
        "cells": len(solved.cell_key),
        "epochs": len(grid),
        "ours_s": round(seconds, 4),
        "group_apply_lstsq_s_scaled_from_groups": groups.ngroups,
        "group_apply_lstsq_s": round(peer, 1),
        "speed_over_group_apply": round(peer / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    base = Path(os.environ.get("FIDUCIAL_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=base / "egms" / "ustica-west")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.data)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:40} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
