"""The report of a score: the table, what it means, curves and maps, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.interpolation import unproject
from fiducial.motion.calibration.bootstrap import NO_RATIO, Ratio
from fiducial.motion.calibration.leakage import PEAK_MM_PER_YR
from fiducial.motion.calibration.overlaps import block_starts, direction_of
from fiducial.motion.calibration.score_sentences import DEFINITIONS, against_reference, failures, merit
from fiducial.motion.calibration.score_table import COMPONENTS, DIRECTIONS, ClosureRow, RecipeRow
from fiducial.motion.calibration.scoring import RecipeScore
from fiducial.reports.curves import Curve, curve_plot
from fiducial.reports.html import Column, Page, format_cell
from fiducial.reports.maps import PointLayer, Scale, panel_of_maps
from fiducial.runs.report_parts import LOS_SIGN, short_name, software
from fiducial.runs.score import Scored
from fiducial.runs.score_text import east_by_gnss, interval, number, overlap_before, overlap_groups

Floats = NDArray[np.float64]

_PEAK: Final = f"{PEAK_MM_PER_YR:g}".replace("-", "\N{MINUS SIGN}")
_SHOWN_SOURCES: Final = 6
_SHOWN_PAIRS: Final = 30
DRAWN: Final = ("joint", "egms")
"""Recipes whose surfaces are shown as maps."""


def score_page(scored: Scored) -> Page:
    """Return the page.

    Parameters
    ----------
    scored : Scored

    Returns
    -------
    Page
    """
    plan, rows = scored.plan, scored.rows
    names = [short_name(name) for name in plan.names]
    shown = ", ".join(names[:_SHOWN_SOURCES])
    shown += f" and {len(names) - _SHOWN_SOURCES} more" if len(names) > _SHOWN_SOURCES else ""
    page = Page(
        "Score of calibration recipes",
        f"{len(names)} source{'s' if len(names) > 1 else ''} ({shown}) tied to the GNSS velocities of {scored.gnss_source}, frame "
        f"{scored.frame}, by {len(rows)} recipes. All recipes saw the same folds, bowls and draws.",
    )
    page.section("All recipes, in all respects")
    for told in merit(rows):
        page.paragraph(told)
    _add_table(page, scored)
    compared = against_reference(rows, scored.reference)
    for name in DRAWN:
        if name in compared:
            page.paragraph(f"{compared[name][0].upper()}{compared[name][1:]}")
    failed = [[text] for row in rows for text in failures(row)]
    if failed:
        page.table([Column("not scored, and why")], failed, caption="What is a dash above, and in the curves below.")
    page.section("What a calibration removes, and what it needs")
    _add_curves(page, rows)
    page.section("Surfaces, their sigma, and held-out stations")
    _add_maps(page, scored)
    page.section("Details")
    _add_details(page, rows)
    page.section("How the numbers are made")
    page.table([Column("number"), Column("definition")], [[name, text] for name, text in DEFINITIONS.items()],
               caption="Definitions. All velocities are in mm/yr, in the line of sight unless said.")  # fmt: skip
    notes = [*scored.gnss_notes, *dict.fromkeys(f"{row.recipe}: {note}" for row in rows for note in row.notes)]
    page.table([Column("note")], [[note] for note in notes], caption="What was read, decided and rejected.")
    page.table([Column("bowl"), Column("longitude", "deg", 3), Column("latitude", "deg", 3)],
               [[k + 1, *place] for k, place in enumerate(_centres(scored))],
               caption="Centres of the injected bowls: seen by several tracks, well inside the area, chosen by rule.")  # fmt: skip
    page.provenance("Inputs", scored.inputs)
    page.provenance("Software", software())
    return page


def _add_table(page: Page, scored: Scored) -> None:
    """Add the table, a column a recipe: all that is asked of one stands under its name."""
    rows = scored.rows
    only = rows[0].hold_out.gnss_only_rms_mm_per_yr
    cells: list[list[object]] = [
        ["hold-out", None, only, *(row.hold_out.rms_mm_per_yr for row in rows)],
        *_ratios([row.hold_out.ratio for row in rows], scored.reference),
        ["chi", None, None, *(row.hold_out.chi for row in rows)],
    ]
    for kind, direction in overlap_groups(rows):
        found = [row.overlap(kind, direction) for row in rows]
        before = overlap_before(rows, kind, direction)
        cells.append(
            [
                f"overlaps of {kind}, {direction}",
                before,
                None,
                *(None if one is None else one.rms_after_mm_per_yr for one in found),
            ]
        )
        cells += _ratios([NO_RATIO if one is None else one.ratio for one in found], scored.reference)
        cells.append(["chi", None, None, *(None if one is None else one.chi for one in found)])
    cells.append(["closure, east", None, east_by_gnss(rows), *(row.closure[0].rms_mm_per_yr for row in rows)])
    cells.append(["track left out", None, None, *(row.track_out.rms_apart_mm_per_yr for row in rows)])
    for k, size in enumerate(rows[0].leakage):
        cells.append(
            [f"leakage, {size.sigma_km:g}\N{NO-BREAK SPACE}km", None, None, *(row.leakage[k].mean for row in rows)]
        )
    for k, thin in enumerate(rows[0].thinning):
        errors = [row.thinning[k].rms_mm_per_yr.mean_mm_per_yr for row in rows]
        cells.append([f"{thin.stations} stations", None, thin.gnss_only_rms_mm_per_yr, *errors])
    # As text, so that numbers and intervals stand under each other.
    shown = [[label, *(format_cell(value, 2) for value in values)] for label, *values in cells]
    columns = [Column(name) for name in ("", "before", "GNSS only", *(_whole(row.recipe) for row in rows))]
    page.table(columns, shown, caption=(
        f"RMS in mm/yr; ratio, chi and leakage are plain numbers. Read a column as a whole. {scored.plan.folds.note}. Leakage is "
        f"the share that is taken away of a bowl of {_PEAK} mm/yr: 0 keeps it, 1 erases it. Chi is the RMS of residual over predicted "
        "sigma, 1 when the sigma is right. What each number is stands at the end of the page."
    ))  # fmt: skip


def _ratios(ratios: Sequence[Ratio], reference: str) -> list[list[object]]:
    """Return ratios and their intervals; the reference against itself is no finding."""
    own = [one.value == 1.0 == one.low for one in ratios]
    values = [None if same else one.value for one, same in zip(ratios, own, strict=True)]
    ranges = [None if same or not np.isfinite(one.low) else _span(one) for one, same in zip(ratios, own, strict=True)]
    return [[f"ratio to\N{NO-BREAK SPACE}{reference}", None, None, *values], ["95 % of it", None, None, *ranges]]


def _span(ratio: Ratio) -> str:
    return f"{number(ratio.low)}\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}{number(ratio.high)}"


def _whole(name: str) -> str:
    """Return a name that is not broken at its hyphen."""
    return name.replace("-", "\N{NON-BREAKING HYPHEN}")


def _first_drawn(rows: Sequence[RecipeRow]) -> list[RecipeRow]:
    """Return the rows with those on top that the maps show too: they get the clearest colours."""
    return sorted(rows, key=lambda row: DRAWN.index(row.recipe) if row.recipe in DRAWN else len(DRAWN))


def _add_curves(page: Page, rows: Sequence[RecipeRow]) -> None:
    ordered = _first_drawn(rows)
    sizes = [one.sigma_km for one in rows[0].leakage]
    known = [row for row in ordered if np.isfinite([one.mean for one in row.leakage]).any()]
    if sizes and known:
        curves = [Curve(row.recipe, [one.mean for one in row.leakage], [one.least for one in row.leakage],
                        [one.most for one in row.leakage]) for row in known]  # fmt: skip
        page.figure(
            curve_plot(sizes, curves, title="Leakage: the share of a bowl that is taken for an error",
                       size_label="sigma of the bowl (km)", value_label="share taken away", floor=min(0.0, _least(curves)),
                       ceiling=1.02),
            alt="Curves of the share of an injected bowl that each recipe removes, over the size of the bowl.",
            caption=f"A Gaussian bowl of {_PEAK} mm/yr vertical motion, injected into all tracks, unknown to GNSS: the "
                    "worst case, a bowl between stations. Mean of the centres, bars from the least to the most. The 40 km bowl is "
                    "as large as what a calibration is there to remove; what is lost at 5 to 20 km is ground motion.",
        )  # fmt: skip
    counts = [one.stations for one in rows[0].thinning]
    known = [row for row in ordered if np.isfinite([one.rms_mm_per_yr.mean_mm_per_yr for one in row.thinning]).any()]
    if counts and known:
        curves = [Curve(row.recipe, [one.rms_mm_per_yr.mean_mm_per_yr for one in row.thinning],
                        [one.rms_mm_per_yr.low_mm_per_yr for one in row.thinning],
                        [one.rms_mm_per_yr.high_mm_per_yr for one in row.thinning]) for row in known]  # fmt: skip
        baseline = [one.gnss_only_rms_mm_per_yr for one in rows[0].thinning]
        page.figure(
            curve_plot(counts, [*curves, Curve("GNSS only", baseline, baseline=True)], floor=0.0,
                       title="Few stations: the error at all the others", size_label="stations in the fit (number)",
                       value_label="hold-out RMS (mm/yr)"),
            alt="Curves of the hold-out error of each recipe and of GNSS alone, over the number of stations in the fit.",
            caption="The same random stations for every recipe, judged by all the others. Bars are 95 % intervals of the mean "
                    "over the draws; recipes share the draws, so that their differences are surer than the bars. A curve begins "
                    "where the recipe can be fitted in every draw.",
        )  # fmt: skip


def _least(curves: Sequence[Curve]) -> float:
    return float(np.nanmin([np.asarray(one.low, dtype=np.float64) for one in curves])) * 1.05


def _add_maps(page: Page, scored: Scored) -> None:
    chosen = [one for name in DRAWN for one in scored.scores if one.recipe == name and np.isfinite(one.surface).all()]
    if not chosen:
        chosen = [one for one in scored.scores if np.isfinite(one.surface).all()][:1]
    names = " and ".join(one.recipe for one in chosen)
    block_km = scored.plan.evidence.tracks[0].block_size_m / 1000
    surfaces = [
        layer for direction in DIRECTIONS for one in chosen for layer in _blocks(scored, one, direction, one.surface)
    ]
    page.figure(
        panel_of_maps(surfaces, scale=Scale("mm/yr", "surface", f"{LOS_SIGN}; calibrated = InSAR minus surface")),
        alt=f"Maps of the correction surface of {names}, by direction of flight.",
        caption=f"The surface that {names} subtract{'s' if len(chosen) == 1 else ''}, at the medians of {block_km:g} km blocks.",
    )  # fmt: skip
    sigmas = [
        layer
        for direction in DIRECTIONS
        for one in chosen
        for layer in _blocks(scored, one, direction, one.surface_sigma)
    ]
    page.figure(
        panel_of_maps(sigmas, scale=Scale("mm/yr", "standard deviation of the surface", symmetric=False)),
        alt=f"Maps of the predicted standard deviation of the surface of {names}.",
        caption="Predicted sigma of the surface: what GNSS and the noise of the InSAR leave uncertain. It is correlated over "
                "tens of kilometres: averaging points does not make it smaller.",
    )  # fmt: skip
    residuals = [layer for direction in DIRECTIONS for one in chosen for layer in _residuals(scored, one, direction)]
    if residuals:
        page.figure(
            panel_of_maps(residuals, scale=Scale("mm/yr", "calibrated InSAR minus held-out station", LOS_SIGN)),
            alt=f"Maps of the residuals of {names} at stations that were held out.",
            caption="Every station as it was predicted without it and without its square; stations that their neighbours "
                    "contradict are not drawn.",
        )  # fmt: skip


def _centres(scored: Scored) -> list[list[float]]:
    easting, northing = scored.plan.centres.T
    longitude, latitude = unproject(easting, northing, scored.plan.evidence.crs)
    return [[float(x), float(y)] for x, y in zip(longitude, latitude, strict=True)]


def _rows_of(scored: Scored, direction: str) -> NDArray[np.bool_]:
    tracks = scored.plan.evidence.tracks
    starts = block_starts(tracks)
    rows = np.zeros(int(starts[-1]), dtype=bool)
    for k, track in enumerate(tracks):
        rows[starts[k] : starts[k + 1]] = track.blocks.size > 0 and direction_of(track) == direction
    return rows


def _blocks(scored: Scored, one: RecipeScore, direction: str, values: Floats) -> list[PointLayer]:
    tracks, rows = scored.plan.evidence.tracks, _rows_of(scored, direction)
    if not rows.any():
        return []
    longitude, latitude = (np.concatenate([getattr(track.blocks, axis) for track in tracks])[rows]
                           for axis in ("longitude_deg", "latitude_deg"))  # fmt: skip
    sight = np.concatenate([track.blocks.line_of_sight for track in tracks])[rows].mean(axis=0)
    return [PointLayer(f"{one.recipe}, {direction}", longitude, latitude, values[rows], los=sight)]


def _residuals(scored: Scored, one: RecipeScore, direction: str) -> list[PointLayer]:
    plan = scored.plan
    heading = np.array(
        [direction_of(track) == direction if track.blocks.size else False for track in plan.evidence.tracks]
    )
    rows = heading[plan.samples.track[plan.judged]] & np.isfinite(one.residual) & ~plan.contradicted
    if not rows.any():
        return []
    medians = plan.samples.medians.select(plan.judged[rows])
    return [PointLayer(f"{one.recipe}, {direction}", medians.longitude_deg, medians.latitude_deg, one.residual[rows])]


def _add_details(page: Page, rows: Sequence[RecipeRow]) -> None:
    page.table(
        [Column("recipe"), Column("samples"), Column("stations"), Column("RMS", "mm/yr"), Column("chi"), Column("chi from the median"),
         Column("contradicted samples"), Column("RMS at these", "mm/yr"), Column("GNSS only at these", "mm/yr")],
        [[_whole(row.recipe), row.hold_out.samples, row.hold_out.stations, row.hold_out.rms_mm_per_yr, row.hold_out.chi,
          row.hold_out.robust_chi, row.hold_out.contradicted_samples, row.hold_out.contradicted_rms_mm_per_yr,
          row.hold_out.contradicted_gnss_only_rms_mm_per_yr] for row in rows],
        caption="Held-out stations. Contradicted: by the GNSS stations around them, judged without any InSAR; they may be wrong, or "
                "right on ground that moves by itself, and count in no other number.",
    )  # fmt: skip
    page.table(
        [Column("recipe"), *(Column(f"{name}, {what}", unit) for name in COMPONENTS for what, unit in (
            ("RMS", "mm/yr"), ("mean", "mm/yr"), ("chi", "")))],
        [[_whole(row.recipe), *(value for one in row.closure for value in (one.rms_mm_per_yr, one.bias_mm_per_yr, one.chi))] for row in rows]
        + [["GNSS only", *(value for one in _closure_of(rows) for value in (one.gnss_only_rms_mm_per_yr, None, None))]],
        caption="Closure: east and up from ascending and descending samples, minus the held-out station's own, at "
                f"{_closure_of(rows)[0].stations} stations with east and {_closure_of(rows)[1].stations} with up.",
    )  # fmt: skip
    _add_pairs(page, rows)
    page.table(
        [Column("recipe"), Column("tracks"), Column("cells"), Column("together", "mm/yr"), Column("apart", "mm/yr"),
         Column("predicted cells"), Column("predicted", "mm/yr"), Column("by GNSS alone", "mm/yr")],
        [[_whole(row.recipe), row.track_out.tracks, row.track_out.cells, row.track_out.rms_together_mm_per_yr,
          row.track_out.rms_apart_mm_per_yr, row.track_out.predicted_cells, row.track_out.predicted_rms_mm_per_yr,
          row.track_out.gnss_only_rms_mm_per_yr] for row in rows],
        caption="Each track left out in turn: RMS of its overlaps when calibrated together with the others and apart from them; and "
                "its line of sight, calibrated alone, minus what east and up of the others predict, beside what GNSS alone predicts. "
                "A recipe that treats every track by itself has the same numbers together and apart.",
    )  # fmt: skip
    if rows[0].thinning:
        page.table(
            [Column("recipe"), *(Column(f"{one.stations} stations") for one in rows[0].thinning)],
            [[_whole(row.recipe), *(interval(one.ratio.mean_mm_per_yr, one.ratio.low_mm_per_yr, one.ratio.high_mm_per_yr)
                            for one in row.thinning)] for row in rows],
            caption="Few stations: error over that of egms with its 95 % interval over the draws, pair by pair. The draws of many "
                    "stations overlap: their intervals are too narrow.",
        )  # fmt: skip


def _closure_of(rows: Sequence[RecipeRow]) -> tuple[ClosureRow, ...]:
    return max((row.closure for row in rows), key=lambda closure: closure[0].stations)


def _add_pairs(page: Page, rows: Sequence[RecipeRow]) -> None:
    pairs = rows[0].pairs
    if not pairs:
        page.paragraph("No two sources of one direction overlap.")
        return
    worst = sorted(range(len(pairs)), key=lambda k: -pairs[k].rms_before_centred_mm_per_yr)[:_SHOWN_PAIRS]
    cells = [["\N{NO-BREAK SPACE}| ".join(short_name(name) for name in pairs[k].sources), pairs[k].direction, pairs[k].cells,
              pairs[k].rms_before_centred_mm_per_yr, *(row.pairs[k].rms_after_mm_per_yr for row in rows)]
             for k in worst]  # fmt: skip
    more = (
        f" The {_SHOWN_PAIRS} of {len(pairs)} that were worst before; --json holds all."
        if len(pairs) > len(worst)
        else ""
    )
    page.table(
        [Column("sources"), Column("direction"), Column("cells"), Column("before"), *(Column(_whole(row.recipe)) for row in rows)],
        cells, caption=f"RMS of the difference of overlapping sources, mm/yr, before (median removed) and after each recipe.{more}",
    )  # fmt: skip
