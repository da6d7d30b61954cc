"""``fiducial demo``: a simulated world goes through the whole chain and is compared with what is known of it."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.runs.demo_folder import claim, prepare
from fiducial.runs.demo_recipes import CHAIN, PRODUCTS, SERIES, SERIES_PRODUCTS, WORLD, write_recipes
from fiducial.runs.world import SimulatedFiles, simulate_world
from fiducial.runs.world_options import WorldOptions
from fiducial.runs.world_truth import CALIBRATION_FRAME, load_truth

SIZE: Final = WorldOptions(points=12_000, days=5, day_interval=365)
"""Five days a year apart give velocities; at the same time of the year, season does not enter them."""
CATALOGUE: Final = "fiducial-catalogue.sqlite"
REPORT: Final = "report.html"
DOCUMENT: Final = "demo.json"
_PIECES: Final = (REPORT, DOCUMENT, CHAIN, SERIES, WORLD, PRODUCTS, SERIES_PRODUCTS, CATALOGUE,
                  *(f"{CATALOGUE}{end}" for end in ("-wal", "-shm", "-journal")))  # fmt: skip


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration found.

    Attributes
    ----------
    out : Path
    document : dict
        What ``demo.json`` holds: options, the table of products, figures with verdicts, hashes of the inputs.
    ran : int
        Tasks that were run now; the others were there.
    """

    out: Path
    document: dict[str, Any]
    ran: int

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / REPORT

    @property
    def ortho(self) -> Path:
        """Up of the tile with the most cells."""
        return self.out / PRODUCTS / "ortho" / str(self.document["ortho"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"report": str(self.report), "catalogue": str(self.out / CATALOGUE), "ortho": str(self.ortho),
                "tasks_run": self.ran, **self.document}  # fmt: skip

    def lines(self) -> list[str]:
        """Return the figures as lines for a terminal, and what to do next."""
        figures = self.document["figures"]
        width = max(len(one["label"]) for one in figures)
        rows = []
        for one in figures:
            value = f"{one['value']:.2f}" if isinstance(one["value"], float) else str(one["value"])
            rows.append(
                f"{one['verdict'] or '-':4}  {one['label']:{width}}  {value:>8} {one['unit']:5}  {one['detail']}"
            )
        recipe, catalogue = self.out / CHAIN, self.out / CATALOGUE
        return [
            *rows, f"report: {self.report}", "next:",
            f"  python3 -m webbrowser {self.report.absolute().as_uri()}",
            f"  fiducial catalogue trace {self.ortho} --catalogue {catalogue}",
            f"  fiducial catalogue verify --catalogue {catalogue}",
            f"  fiducial run {recipe} --catalogue {catalogue} --dry-run",
        ]  # fmt: skip


def tell(text: str) -> None:
    """Say on stderr what is being done."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run_demo(out: Path, *, seed: int = 1, size: WorldOptions = SIZE) -> DemoResult:
    """Simulate a region, run the chain on it, and compare every product with the truth.

    Parameters
    ----------
    out : Path
        Folder of everything that is made. An earlier demonstration of the same world in it goes on where it was: what is
        there is not made again. One of another world is replaced.
    seed : int
        Of the simulated world, not negative.
    size : WorldOptions

    Returns
    -------
    DemoResult
        Also written to ``report.html`` and ``demo.json``.

    Raises
    ------
    RunError
        FID-5021 when the folder holds other things.
    InputError
        FID-1430 when the seed is negative.
    FiducialError
        As `run_recipe`.
    """
    from fiducial.runs.recipes.running import run_recipe

    options = replace(size, seed=seed)
    claim(out)
    if not _is_of(out / WORLD, options):
        prepare(out, _PIECES)
    tell("a region with known motion")
    world = simulate_world(options, out / WORLD)
    ran = 0
    for recipe in write_recipes(out):
        tell(f"fiducial run {recipe}")
        ran += run_recipe(recipe, catalogue=str(out / CATALOGUE))["made"]
    fingerprint = _fingerprint(out, world)
    document = _kept(out, fingerprint)
    if document is None:
        tell("compare with the truth, and report")
        document = _compare(out, world, fingerprint)
    return DemoResult(out, document, ran)


def _is_of(world: Path, options: WorldOptions) -> bool:
    """Tell whether a folder holds the world of these options, finished or not."""
    try:
        return load_truth(world).options == options
    except InputError:
        return False


def _fingerprint(out: Path, world: SimulatedFiles) -> str:
    """Return a digest of all that the report is made from."""
    digest = hashlib.sha256(json.dumps([__version__, world.truth.to_json()]).encode())
    for folder in (PRODUCTS, SERIES_PRODUCTS):
        for path in sorted((out / folder).rglob("step.json")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _kept(out: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return what an earlier run found of the same products, if its report is still there as it was written."""
    try:
        document: dict[str, Any] = json.loads((out / DOCUMENT).read_text(encoding="utf-8"))
        written = hashlib.sha256((out / REPORT).read_bytes()).hexdigest()
        return document if (document["fingerprint"], document["report_sha256"]) == (fingerprint, written) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _compare(out: Path, world: SimulatedFiles, fingerprint: str) -> dict[str, Any]:
    from fiducial.runs.demo_page import compared, demo_page
    from fiducial.runs.report_parts import write_page

    shown = compared(out, world)
    write_page(demo_page(shown), out / REPORT)
    document = {
        "version": __version__, "options": world.truth.options.to_dict(), "frame": CALIBRATION_FRAME,
        "products": [one.to_dict() for one in shown.scores],
        "figures": [{"label": one.label, "value": one.value, "unit": one.unit, "verdict": one.verdict,
                     "detail": one.detail} for one in shown.figures],
        "ortho": shown.main_tile, "inputs": dict(sorted(world.digests.items())), "fingerprint": fingerprint,
        "report_sha256": hashlib.sha256((out / REPORT).read_bytes()).hexdigest(),
    }  # fmt: skip
    with atomic_file(out / DOCUMENT) as partial:
        partial.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return document
