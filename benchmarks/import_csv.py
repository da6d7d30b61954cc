"""CSV to product beside polars' bare read_csv; product to NumPy beside pandas on the CSV."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import polars as pl

import common
from fiducial.formats.point_product import PointProduct
from fiducial.runs.ingest import import_egms


def measure(points: int = 200_000, epochs: int = 210, rounds: int = 5) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as name:
        folder = Path(name)
        csv = common.write_burst(folder, points, epochs)
        target = folder / "products" / csv.stem

        def make() -> None:
            shutil.rmtree(target, ignore_errors=True)
            import_egms(csv, folder / "products")

        importing = common.alternate({"polars read_csv": lambda: pl.read_csv(csv), "import": make}, rounds)
        megabytes = csv.stat().st_size / 1e6
        reading = common.alternate({"product": lambda: PointProduct.open(target).series_mm()}, rounds)
        pandas = common.alternate({"pandas": lambda: pd.read_csv(csv).to_numpy()}, 1)
    return {
        "csv_megabytes": round(megabytes, 1),
        "polars_read_csv_s": round(importing["polars read_csv"], 3),
        "import_s": round(importing["import"], 3),
        "import_speed_over_polars": round(importing["polars read_csv"] / importing["import"], 3),
        "product_to_numpy_s": round(reading["product"], 4),
        "pandas_csv_s": round(pandas["pandas"], 3),
        "product_speed_over_pandas": round(pandas["pandas"] / reading["product"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--epochs", type=int, default=210)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.points, arguments.epochs)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
