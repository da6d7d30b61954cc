"""Reading a product with a calibration applied, against reading it as it is: 200 000 points x 300 dates."""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import common
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.bases import Basis, PolynomialBasis, SplineBasis
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.runs.ingest import import_egms
from fiducial.runs.sources import Source

COLUMNS = ("pid", "mean_velocity")


def _source(product: PointProduct, name: str, basis: Basis) -> Source:
    """Write a calibration with a full covariance, and open the product with it."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(basis.terms, basis.terms))
    surface = CorrectionSurface(product.manifest.name, "EPSG:3035", basis, rng.normal(size=basis.terms), root @ root.T)
    calibration_file.write(product.path, CalibrationFile(name, "ETRF2000", surface, {}), overwrite=True)
    return Source(product, calibration_file.read(product.path, name))


def _reader(source: Source) -> Callable[[], object]:
    """Return a function that reads the next row group, over and over."""
    groups = itertools.cycle(range(source.product.row_groups))
    return lambda: source.block(next(groups), COLUMNS)


def measure(points: int, epochs: int, rounds: int, folder: Path) -> dict[str, float]:
    product = PointProduct.open(import_egms(common.write_burst(folder, points, epochs), folder / "products"))
    where = product.attributes(["easting", "northing"])
    easting, northing = where["easting"], where["northing"]
    sources = {
        "plain": Source(product, None),
        "spline_20_km": _source(product, "spline", SplineBasis.covering(easting, northing, 20_000.0)),
        "spline_8_km": _source(product, "fine", SplineBasis.covering(easting, northing, 25_000.0 / 3)),
        "polynomial": _source(product, "polynomial", PolynomialBasis.full(easting, northing, 2)),
    }
    # In turns by row groups: a busy machine slows whole reads down by more than what is to be measured.
    seconds = common.alternate({name: _reader(source) for name, source in sources.items()}, rounds * product.row_groups)
    found: dict[str, float] = {"points": points, "epochs": epochs}
    found |= {f"{name}_s": round(value * product.row_groups, 4) for name, value in seconds.items()}
    return found | {
        f"{name}_over_plain": round(value / seconds["plain"], 3) for name, value in seconds.items() if name != "plain"
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        found = measure(arguments.points, arguments.epochs, arguments.rounds, Path(folder))
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
