"""The recipes that the demonstration writes beside its world."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fiducial.formats.atomic import atomic_file

CHAIN: Final = "chain.yaml"
SERIES: Final = "velocities.yaml"
PRODUCTS: Final = "products"
SERIES_PRODUCTS: Final = "products-series"
WORLD: Final = "world"

_TEXTS: Final = {
    CHAIN: f"""\
# The whole way from files of analysis centres to Ortho. `fiducial recipe new chain` writes every field there is.
kind: chain
out: {PRODUCTS}
orbits:
  sources: ["{WORLD}/orbits/*/"]
frame:
  solutions: ["{WORLD}/sinex/*/*.SNX.gz"]
  reference: {WORLD}/frame/reference.snx
velocities:             # of the stacked frame: what the bursts are tied to stands on every file of every centre
  table_frame: ETRF2000
  model: false          # six stations of the region are in the solutions of the centres: {SERIES} has all of them
calibration:
  sources: ["{WORLD}/insar/*.zip"]
ortho:
  options:
    mode: best
    north_in_input: true  # tied with all three components of GNSS, the lines of sight hold the north motion
""",
    SERIES: f"""\
# The other way to velocities: daily series of all stations of the region, and a velocity model of them.
kind: velocity_model
out: {SERIES_PRODUCTS}
velocities:
  series: ["{WORLD}/stations/*.tenv3", "{WORLD}/stations/*.tms"]
  steps: {WORLD}/stations/steps.txt
  table_frame: ETRF2000
  options:
    method: trajectory
""",
}


def write_recipes(out: Path) -> tuple[Path, ...]:
    """Write the recipes into a folder, where they do not stand already; return them in the order to run them."""
    paths = []
    for name, text in _TEXTS.items():
        path = out / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with atomic_file(path) as partial:
                partial.write_text(text, encoding="utf-8")
        paths.append(path)
    return tuple(paths)
