"""``fiducial demo``: a simulated world goes through the whole chain and is compared with what is known of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.point_product import PointProduct
from fiducial.reports.html import KeyFigure
from fiducial.runs.calibrate import Calibrated, calibrate
from fiducial.runs.demo_folder import prepare
from fiducial.runs.demo_page import DemoWorld, demo_page
from fiducial.runs.demo_truth import BurstTruth, OrthoTruth, calibration_against_truth, ortho_against_truth
from fiducial.runs.demo_verdicts import key_figures
from fiducial.runs.egms_from_simulation import write_world
from fiducial.runs.gnss import load
from fiducial.runs.ingest import file_sha256, import_egms
from fiducial.runs.ortho import OrthoOptions, ortho
from fiducial.runs.report_parts import write_page
from fiducial.runs.simulation import SimulatedWorld, WorldSize, simulate_world

SIZE: Final = WorldSize(points_per_burst=6_000, epochs=150, stations=60)
"""As many stations as the recipe ``plane`` needs, which sees only those inside a burst of 20 km x 85 km."""
FRAME: Final = "ETRF2000"
RECIPES: Final = ("plane", "egms", "joint")
"""The last one is carried on to the Ortho."""
_PIECES: Final = ("report.html", "demo.json", "egms", "products", "calibrated-plane", "calibrated-egms", "calibrated-joint",
                  "ortho-official", "ortho-best")  # fmt: skip


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration found.

    Attributes
    ----------
    out : Path
    seed : int
    size : WorldSize
    figures : tuple of KeyFigure
        With verdicts.
    calibrations : dict of str to tuple of BurstTruth
        By recipe.
    not_calibrated : dict of str to str
        Recipes that this world does not allow, with the reason.
    orthos : tuple of OrthoTruth
    inputs : dict of str to str
        SHA-256 of the simulated files.
    """

    out: Path
    seed: int
    size: WorldSize
    figures: tuple[KeyFigure, ...]
    calibrations: dict[str, tuple[BurstTruth, ...]]
    not_calibrated: dict[str, str]
    orthos: tuple[OrthoTruth, ...]
    inputs: dict[str, str]

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / "report.html"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; velocities in mm/yr."""
        return {
            "report": str(self.report),
            "version": __version__,
            "seed": self.seed,
            "size": vars(self.size),
            "frame": FRAME,
            "figures": [{"label": one.label, "value": one.value, "unit": one.unit, "verdict": one.verdict,
                         "detail": one.detail} for one in self.figures],
            "calibration": {recipe: [one.to_dict() for one in bursts] for recipe, bursts in self.calibrations.items()},
            "not_calibrated": self.not_calibrated,
            "ortho": [one.to_dict() for one in self.orthos],
            "inputs": self.inputs,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Return the figures as lines for a terminal."""
        width = max(len(one.label) for one in self.figures)
        rows = []
        for one in self.figures:
            value = f"{one.value:.2f}" if isinstance(one.value, float) else str(one.value)
            rows.append(f"{one.verdict or '-':4}  {one.label:{width}}  {value:>7} {one.unit:5}  {one.detail}")
        return [*rows, f"report: {self.report}"]


def tell(text: str) -> None:
    """Say on stderr what is being done."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run_demo(out: Path, *, seed: int = 1, size: WorldSize = SIZE) -> DemoResult:
    """Simulate a region, run the chain on it, and compare every result with the truth.

    Parameters
    ----------
    out : Path
        Folder of everything that is made; an earlier demonstration in it is replaced.
    seed : int
        Of the simulated world, not negative.
    size : WorldSize

    Returns
    -------
    DemoResult
        Also written to ``report.html`` and ``demo.json``.

    Raises
    ------
    RunError
        FID-5021 when the folder holds other things; FID-5013 when the seed is negative or the world too small.
    """
    tell("simulate a region with known motion")
    world = simulate_world(seed, size)
    prepare(out, _PIECES)
    tell("write EGMS Level 2a files and a GNSS table; the kernels compile once")
    archives, table = write_world(world, out / "egms")
    tell("import")
    products = [import_egms(path, out / "products") for path in archives]
    calibrated, calibrations, not_calibrated = _calibrate_all(world, products, table, out)
    tell("Ortho, official and best")
    chosen = calibrated[RECIPES[-1]]
    official, best = (_ortho(world, chosen, table, out, mode) for mode in ("official", "best"))
    figures = key_figures(world, chosen, calibrations[RECIPES[-1]], best, official)
    inputs = {path.name: file_sha256(path) for path in (*archives, table)}
    result = DemoResult(out, seed, size, tuple(figures), calibrations, not_calibrated, (official, best), inputs)
    tell("report")
    shown = DemoWorld(world, size, chosen, calibrations, not_calibrated, official, best, out / "ortho-best")
    write_page(demo_page(shown, result.figures, inputs), result.report)
    with atomic_file(out / "demo.json") as partial:
        partial.write_text(json.dumps(result.to_dict(), indent=1), encoding="utf-8")
    return result


def _calibrate_all(
    world: SimulatedWorld, products: Sequence[Path], table: Path, out: Path
) -> tuple[dict[str, Calibrated], dict[str, tuple[BurstTruth, ...]], dict[str, str]]:
    """Calibrate with every recipe; one that needs more stations than a burst has is told, and is not an end."""
    calibrated, compared, failed = {}, {}, {}
    columns = [PointProduct.open(path).attributes(["longitude", "latitude"]) for path in products]
    area = (np.concatenate([one[name] for one in columns]) for name in ("longitude", "latitude"))
    gnss = load(table, FRAME, *area)
    for recipe in RECIPES:
        tell(f"calibrate with the recipe {recipe}, and compare with the truth")
        folder = out / f"calibrated-{recipe}"
        try:
            made = calibrate(products, table, FRAME, folder, recipe=recipe)
            compared[recipe] = calibration_against_truth(world, made, gnss, folder)
        except InputError as error:
            if error.code != "FID-1061" or recipe == RECIPES[-1]:
                raise
            failed[recipe] = f"{error.problem} ({error.where})"
        else:
            calibrated[recipe] = made
    return calibrated, compared, failed


def _ortho(world: SimulatedWorld, calibrated: Calibrated, table: Path, out: Path, mode: str) -> OrthoTruth:
    folder = out / f"ortho-{mode}"
    # The tie was made with all three components of GNSS: what it ties holds North.
    options = OrthoOptions("best", north_in_input=True) if mode == "best" else OrthoOptions("official")
    result = ortho(calibrated.products, folder, options=options, table=table, gnss_frame=FRAME)
    return ortho_against_truth(world, result, folder, mode)
