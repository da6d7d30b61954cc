"""``fiducial demo --real``: the chain on real files, the island of Ustica (EGMS) and the North Anatolian Fault (LiCSBAS)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import RunError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.egms_names import TileName, parse
from fiducial.formats.point_product import PointProduct
from fiducial.motion.audit import AuditReport
from fiducial.reports.style import png_bytes
from fiducial.runs.audit import audit
from fiducial.runs.calibrate import Calibrated, calibrate
from fiducial.runs.demo import tell
from fiducial.runs.demo_folder import prepare
from fiducial.runs.demo_real_page import Anatolia, OfficialComparison, Ustica, demo_real_page, ustica_picture
from fiducial.runs.ingest import import_egms
from fiducial.runs.ingest_frame import import_frame
from fiducial.runs.ortho import OrthoOptions, OrthoResult, ortho
from fiducial.runs.report_pages import OrthoCells, ortho_cells
from fiducial.runs.report_parts import write_page
from fiducial.runs.stats import statistics

RECIPES: Final = ("plane", "quadratic", "egms", "joint")
DEFAULT_DATA: Final = Path("../shared/data")
_USTICA: Final = Path("egms/ustica-west")
_MODEL: Final = Path("egms/EGMS_AEPND_V2022.0_subset.csv")
_ANATOLIA: Final = Path("anatolia")
_STATIONS: Final = _ANATOLIA / "gnss_velocities_eurasia_fixed.vel"
_PIECES: Final = ("report.html", "ustica_east_up.png", "ustica", "anatolia")
_PICTURE_DPI: Final = 130


@dataclass(frozen=True)
class _Data:
    """Real files that were found."""

    line_of_sight: tuple[Path, ...]
    official: dict[str, Path]
    model: Path
    frames: tuple[Path, ...]
    stations: Path


def find_data(data: Path | None) -> Path:
    """Return the folder of real data: as given, FIDUCIAL_DATA, or ``../shared/data``.

    Raises
    ------
    RunError
        FID-5020 when it is absent or holds not what is needed.
    """
    base = data or Path(os.environ.get("FIDUCIAL_DATA", DEFAULT_DATA))
    for part in (_USTICA, _MODEL, _ANATOLIA, _STATIONS):
        if not (base / part).exists():
            raise RunError("FID-5020", f"the real data are absent: there is no {part}", where=str(base),
                           fix="set FIDUCIAL_DATA to the folder that holds egms/ and anatolia/, or run `fiducial demo` "
                               "without --real, which needs no data")  # fmt: skip
    return base


def _files(base: Path) -> _Data:
    archives = sorted((base / _USTICA).glob("EGMS_L*.zip"))
    official: dict[str, Path] = {}
    for path in archives:
        name = parse(path.name)
        if isinstance(name, TileName):
            official[name.component] = path
    lines = tuple(path for path in archives if path not in official.values())
    frames = tuple(sorted(path for path in (base / _ANATOLIA).iterdir() if path.is_dir()))
    if len(lines) < 2 or set(official) != {"E", "U"} or not frames:
        raise RunError("FID-5020", "the real data are not whole: two Level 2b files, Level 3 East and Up, and frames are needed",
                       where=str(base), fix="restore egms/ustica-west and anatolia")  # fmt: skip
    return _Data(lines, official, base / _MODEL, frames, base / _STATIONS)


def run_demo_real(out: Path, data: Path | None) -> Path:
    """Run the chain on real data and write a report.

    Parameters
    ----------
    out : Path
        Folder of everything that is made; an earlier demonstration in it is replaced.
    data : Path or None
        Folder of the data; FIDUCIAL_DATA or ``../shared/data`` by default. It is only read.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    RunError
        FID-5020 when the data are absent; FID-5021 when the folder holds other things.
    """
    files = _files(find_data(data))
    prepare(out, _PIECES)
    ustica = _ustica(files, out / "ustica")
    anatolia = _anatolia(files, out / "anatolia")
    tell("report")
    with atomic_file(out / "ustica_east_up.png") as partial:
        partial.write_bytes(png_bytes(ustica_picture(ustica.official), dpi=_PICTURE_DPI))
    write_page(demo_real_page(ustica, anatolia), out / "report.html")
    return out / "report.html"


def _ustica(files: _Data, folder: Path) -> Ustica:
    tell("Ustica: import")
    products = [import_egms(path, folder / "products") for path in files.line_of_sight]
    references = {part: import_egms(path, folder / "published") for part, path in files.official.items()}
    tell("Ustica: statistics and audit")
    fields = tuple(statistics(path, own_velocity=False) for path in products)
    audits = tuple(_audit(path, references["E"], files.model) for path in products)
    tell("Ustica: Ortho")
    result, cells = _ortho(products, folder / "official", OrthoOptions("official"), files)
    comparison = {
        part: compare_with_official(folder / "official" / name, references[part])
        for part, name in (("E", result.tiles[0].name_east), ("U", result.tiles[0].name_up))
    }
    removed, with_north = _ortho(
        products, folder / "best-north-in-input", OrthoOptions("best", north_in_input=True), files
    )
    _, without = _ortho(products, folder / "best-north-removed", OrthoOptions("best", north_in_input=False), files)
    return Ustica(
        fields, audits, cells, with_north, without, comparison, (*result.notes, *removed.notes), tuple(products)
    )


def _ortho(products: list[Path], folder: Path, options: OrthoOptions, files: _Data) -> tuple[OrthoResult, OrthoCells]:
    result = ortho(products, folder, options=options, table=files.model, gnss_frame="ETRF2000")
    return result, ortho_cells(result, folder)


def _audit(path: Path, level3: Path, model: Path) -> AuditReport:
    return audit(path, gnss=model, gnss_frame="ETRF2000", level3=level3)


def compare_with_official(ours: Path, published: Path) -> OfficialComparison:
    """Compare an Ortho component with the published one of the same cells, value by printed value.

    Parameters
    ----------
    ours, published : Path
        Point products of Level 3.
    """
    made, reference = PointProduct.open(ours), PointProduct.open(published)
    our_ids, their_ids = (product.attributes(["pid"])["pid"] for product in (made, reference))
    common, here, there = np.intersect1d(our_ids, their_ids, return_indices=True)
    same_dates = made.manifest.epochs == reference.manifest.epochs
    difference: NDArray[Any] = np.empty((0, len(common)))
    if same_dates:
        # Printed with one decimal: rounding takes away what float32 adds to it.
        difference = np.round(made.series_mm()[:, here].astype(np.float64) - reference.series_mm()[:, there], 1)
    velocity = made.attributes(["mean_velocity"])["mean_velocity"][here]
    published_velocity = reference.attributes(["mean_velocity"])["mean_velocity"][there]
    return OfficialComparison(
        cells=made.manifest.points,
        published_cells=reference.manifest.points,
        common=len(common),
        dates=len(made.manifest.epochs),
        same_dates=same_dates,
        rms_mm=float(np.sqrt(np.mean(difference**2))) if difference.size else float("nan"),
        largest_mm=float(np.max(np.abs(difference))) if difference.size else float("nan"),
        identical_percent=100.0 * float(np.mean(difference == 0)) if difference.size else float("nan"),
        velocity_identical_percent=100.0 * float(np.mean(np.abs(velocity - published_velocity) < 0.05)),
    )


def _anatolia(files: _Data, folder: Path) -> Anatolia:
    tell("Anatolia: import of four frames")
    products = [import_frame(path, folder / "products") for path in files.frames]
    made: dict[str, Calibrated] = {}
    for recipe in RECIPES:
        tell(f"Anatolia: calibrate with the recipe {recipe}")
        made[recipe] = calibrate(products, files.stations, "plate:EURA", folder / recipe, recipe=recipe, folds=5)
    return Anatolia(made)
