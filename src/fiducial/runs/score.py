"""Score of calibration recipes on real sources: every recipe through the same experiments, resumable."""

from __future__ import annotations

import multiprocessing
import queue
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.bootstrap import CONFIDENCE, REPLICATES
from fiducial.motion.calibration.evidence import Evidence
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.protocol import Recipe
from fiducial.motion.calibration.recipes import recipe as recipe_of
from fiducial.motion.calibration.recipes import recipes as known_recipes
from fiducial.motion.calibration.score_sentences import DEFINITIONS, sentences
from fiducial.motion.calibration.score_table import REFERENCE, RecipeRow, tabulate
from fiducial.motion.calibration.scoring import Advance, Plan, RecipeScore, make_plan, score_recipe
from fiducial.runs.calibration_sources import area_of, open_products, velocities
from fiducial.runs.gnss import load
from fiducial.runs.ingest import file_sha256, provenance_id
from fiducial.runs.progress import progress
from fiducial.runs.report_parts import input_hashes
from fiducial.runs.score_judges import with_judges
from fiducial.runs.sources import distinct

STEP_VERSION: Final = 1
ALL: Final = "all"
_POLL_S: Final = 0.2


@dataclass(frozen=True)
class Scored:
    """A finished score.

    Attributes
    ----------
    plan : Plan
    rows : tuple of RecipeRow
    scores : tuple of RecipeScore
        The arrays behind the rows.
    reference : str
        Recipe that the ratios refer to; scored even when it was not asked for.
    told : tuple of str
        The table in words.
    frame, gnss_source : str
    gnss_notes : tuple of str
    inputs : mapping of str to object
        Sources with their hashes.
    """

    plan: Plan
    rows: tuple[RecipeRow, ...]
    scores: tuple[RecipeScore, ...]
    reference: str
    told: tuple[str, ...]
    frame: str
    gnss_source: str
    gnss_notes: tuple[str, ...]
    inputs: Mapping[str, object]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; velocities in mm/yr, unknown is None."""
        plan = self.plan
        centres = [{"easting_m": float(e), "northing_m": float(n)} for e, n in plan.centres]
        return {
            "version": __version__,
            "frame": self.frame,
            "gnss_source": self.gnss_source,
            "inputs": dict(self.inputs),
            "notes": list(self.gnss_notes),
            "definitions": dict(DEFINITIONS),
            "reference": self.reference,
            "bootstrap": {"draws": REPLICATES, "confidence": CONFIDENCE},
            "hold_out": {
                "note": plan.folds.note,
                "block_km": _plain(plan.folds.block_km),
                "blocks": plan.folds.blocks,
                "folds": plan.folds.count,
                "nearest_kept_km": _plain(plan.folds.nearest_km),
            },
            "bowl_centres": centres,
            "thinned_networks": [draw.stations for draw in plan.draws],
            "recipes": [row.to_dict() for row in self.rows],
            "judges": self._judges(),
            "sentences": list(self.told),
        }

    def _judges(self) -> list[dict[str, Any]]:
        """Return every held-out sample with the residual of every recipe: no judge is out of sight."""
        plan, stations = self.plan, self.plan.evidence.stations
        rows = []
        for k, sample in enumerate(plan.judged):
            rows.append({
                "station": str(stations.names[plan.samples.station[sample]]),
                "source": plan.names[plan.samples.track[sample]],
                "fold": int(plan.fold[k]) + 1,
                "contradicted_by_neighbours": bool(plan.contradicted[k]),
                "gnss_only_mm_per_yr": _plain(plan.gnss_only[k]),
                "residual_mm_per_yr": {one.recipe: _plain(one.residual[k]) for one in self.scores},
                "sigma_mm_per_yr": {one.recipe: _plain(one.sigma[k]) for one in self.scores},
            })  # fmt: skip
        return rows


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def chosen_recipes(names: Sequence[str]) -> tuple[Recipe, ...]:
    """Return the recipes to score, the reference among them: without it the others have nothing to be held against.

    Parameters
    ----------
    names : sequence of str
        Names of recipes, or ``all``.

    Raises
    ------
    InputError
        FID-1060 for an unknown name.
    """
    wanted = list(known_recipes()) if ALL in names else list(dict.fromkeys(names))
    wanted += [] if REFERENCE in wanted else [REFERENCE]
    return tuple(recipe_of(name) for name in wanted)


def score(
    paths: Sequence[Path],
    table: Path,
    gnss_frame: str | None,
    *,
    recipes: Sequence[str] = (ALL,),
    holdout: Path | None = None,
    work: Path | None = None,
    workers: int = 1,
    up_prior_sigma_mm_per_yr: float | None = None,
) -> Scored:
    """Score calibration recipes on sources and a GNSS table.

    Parameters
    ----------
    paths : sequence of Path
        EGMS files, folders of GeoTIFFs or point products.
    table : Path
        GNSS velocities.
    gnss_frame : str or None
        Their frame; must be stated.
    recipes : sequence of str
        Names, or ``all``. The reference recipe ``egms`` is always scored too.
    holdout : Path, optional
        Judges of your own: a list of station names, or a second velocity table in the same frame
        (`runs.score_judges.with_judges`).
    work : Path, optional
        Folder for imported sources and finished recipes: an interrupted run goes on there. What is found is used
        only for the same inputs, options, recipe and version.
    workers : int
        Processes that score recipes side by side. More than one needs a program whose main module can be imported.
    up_prior_sigma_mm_per_yr : float, optional
        See ``runs.gnss.load``.

    Returns
    -------
    Scored

    Raises
    ------
    InputError
        FID-1004 frame, FID-1005 fewer than three usable stations, FID-1031 sources, FID-1032 no line of sight,
        FID-1060 recipe, FID-1120 too few judges, FID-1121 unknown judges, FID-1122 no recipe could be fitted;
        and those of the formats.
    """
    chosen = chosen_recipes(recipes)
    sources = distinct(paths)
    with tempfile.TemporaryDirectory() if work is None else nullcontext(str(work)) as folder:
        products = open_products(sources, Path(folder) / "products")
        area = area_of(products)
        gnss = load(table, gnss_frame, *area, up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr)
        stations, field, notes = gnss.stations, gnss.field, gnss.notes
        trainable = np.ones(stations.size, dtype=bool)
        if holdout is not None:
            panel = with_judges(holdout, gnss.field.frame, stations, *area)
            stations, trainable, notes = panel.stations, panel.trainable, (*notes, panel.note)
            field = VelocityField.fit(stations.select(trainable), up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr)
        tracks = tuple(observe_track(velocities(one, one.manifest.name), stations) for one in products)
        inputs = input_hashes([one.path for one in products])
        run: dict[str, Any] = {
            "step": "score",
            "step_version": STEP_VERSION,
            "version": __version__,
            "sources": [one.manifest.content_sha256 for one in products],
            "gnss": gnss.sha256,
            "frame": gnss.field.frame,
            "judges": None if holdout is None else file_sha256(holdout),
            "up_prior": up_prior_sigma_mm_per_yr,
        }
    evidence = Evidence(tracks, stations, field, trainable, up_prior_sigma_mm_per_yr)
    plan = make_plan(evidence)
    kept = {one.name: _Kept.of(work, run | {"recipe": repr(one)}) for one in chosen}
    found = {one.name: kept[one.name].read(plan) for one in chosen}
    open_recipes = [one for one in chosen if found[one.name] is None]
    with progress(f"score {len(open_recipes)} recipes", max(plan.fits * len(open_recipes), 1)) as advance:
        for made in _scores(plan, open_recipes, min(workers, len(open_recipes)), advance):
            kept[made.recipe].write(made)
            found[made.recipe] = made
    scores = tuple(made for made in found.values() if made is not None)
    return _scored(plan, scores, run, Path(gnss.stations.source).name, notes, inputs)


def _scored(
    plan: Plan,
    scores: tuple[RecipeScore, ...],
    run: Mapping[str, Any],
    gnss_source: str,
    notes: tuple[str, ...],
    inputs: Mapping[str, object],
) -> Scored:
    failed = [str(reason) for one in scores for reason in one.reasons if str(reason).startswith("all:")]
    if len(failed) == len(scores):
        raise InputError(
            "FID-1122",
            f"no recipe could be fitted, the first: {failed[0].partition(': ')[2]}",
            where=gnss_source,
            fix="give stations with a vertical inside the sources, or --up-prior-sigma",
        )
    rows = tabulate(plan, scores, REFERENCE)
    inputs = {**inputs, gnss_source: f"sha256 {run['gnss']}"}
    return Scored(plan, rows, scores, REFERENCE, tuple(sentences(rows)), str(run["frame"]), gnss_source,
                  (*notes, plan.folds.note), inputs)  # fmt: skip


@dataclass(frozen=True)
class _Kept:
    """The finished score of one recipe in the work folder; nowhere without one."""

    path: Path | None

    @classmethod
    def of(cls, work: Path | None, parts: dict[str, Any]) -> _Kept:
        return cls(None if work is None else work / "scores" / f"{provenance_id(parts)[:24]}.npz")

    def read(self, plan: Plan) -> RecipeScore | None:
        """Return what was kept; a file that is damaged or of another plan counts as absent: it is made again."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            # Opened here: NumPy leaves the file open when it is no archive.
            with self.path.open("rb") as source, np.load(source, allow_pickle=False) as stored:
                return RecipeScore.from_arrays({name: stored[name] for name in stored.files}, plan)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, made: RecipeScore) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as partial, partial.open("wb") as sink:
            np.savez_compressed(sink, **made.to_arrays())  # type: ignore[arg-type]


def _scores(plan: Plan, recipes: Sequence[Recipe], workers: int, advance: Advance) -> Iterator[RecipeScore]:
    if workers <= 1:
        for one in recipes:
            yield score_recipe(plan, one, advance)
        return
    # Processes are started anew, not forked: a fork would copy the locks of Arrow's and numba's threads.
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    with ProcessPoolExecutor(workers, context, _start, (plan.evidence, told)) as pool:
        # The registry goes from the simple to the dear ones: the longest are begun first, so that none is left over.
        left: set[Future[RecipeScore]] = {pool.submit(_work, one) for one in reversed(recipes)}
        try:
            while left:
                done, left = wait(left, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                _drain(told, advance)
                for future in done:
                    yield future.result()
        except BaseException:
            # An interrupted pool would otherwise work through all that is still queued.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _drain(told: Any, advance: Advance) -> None:
    while True:
        try:
            advance(told.get_nowait())
        except queue.Empty:
            return


_here: dict[str, Any] = {}
"""What a worker process was given; empty in the main process."""


def _start(evidence: Evidence, told: Any) -> None:
    _here.update(plan=make_plan(evidence), told=told)


def _work(recipe: Recipe) -> RecipeScore:
    return score_recipe(_here["plan"], recipe, _here["told"].put)
