"""``fiducial orbits``: combine, compare, and see what happens without a centre."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="orbits", help="GNSS satellite orbits and clocks: combine analysis centres, compare, what if one fails.")

Flag = Annotated[bool, Parameter(negative="")]
Sources = Annotated[
    list[str], Parameter(name="SRC", help="SP3 and clock files, or folders of them; CENTRE=file names an odd one.")
]
_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


@app.command
def combine(
    src: Sources,
    /,
    *,
    out: Path,
    frame_summary: Path | None = None,
    metadata: Path | None = None,
    nanu: Path | None = None,
    eop: Path | None = None,
    compare_only: str | None = None,
    without: str | None = None,
    weights: Literal["variance-components", "absolute-deviation", "equal"] = "variance-components",
    weights_by: Literal["centre", "constellation", "block", "satellite"] = "constellation",
    scale: Literal["per-constellation", "common"] = "per-constellation",
    rotations: Annotated[bool, Parameter(negative="--no-rotations")] = True,
    clocks: Annotated[bool, Parameter(negative="--no-clocks")] = True,
    sampling: str | None = None,
    clock_sampling: str | None = None,
    frame: str | None = None,
    minimum_centres: int = 1,
    share_limit: float = 0.4,
    satellite_factor: float = 4.7,
    satellite_limit: str | None = None,
    satellites_before_centre: int = 5,
    translation_limit_mm: float = 50.0,
    rotation_limit_mas: float = 0.3,
    scale_limit_ppb: float = 1.0,
    gross_limit_m: float = 2.0,
    spike_limit_mm: float = 30.0,
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    name_as: str | None = None,
    page: Annotated[bool, Parameter(negative="--no-page")] = True,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Combine the orbits and clocks of one day: SP3, CLK, ERP, and a report as JSON, SUM text and page.

    Example: ``fiducial orbits combine 2024-263-final --compare-only IGF,IGL --out product``

    Parameters
    ----------
    out
        Folder of the product.
    frame_summary
        IGS SINEX-combination summary (YML) with the rotations; found beside the orbits by default.
    metadata
        Satellite-metadata SINEX: SVN and blocks; found beside the orbits by default.
    nanu
        NANU summary with manoeuvres; found beside the orbits by default.
    eop
        IERS finals with Bulletin A, for the ERP file; found beside the orbits by default.
    compare_only
        Centres that are compared but not weighted, such as IGF,IGL; the combined products of the IGS by default.
    without
        Centres to leave out, such as COD,ESA: what if they fail.
    weights
        How the centres are weighted.
    weights_by
        What one weight of a centre holds for.
    scale
        One scale of a centre for each constellation, or one for all.
    rotations
        Turn the centres by the rotations of the frame summary first.
    clocks
        Combine clocks.
    sampling
        Interval of the orbits, such as 5min; the finest of the centres by default.
    clock_sampling
        Interval of the clocks, such as 30s; the finest of the clock files by default.
    frame
        Terrestrial frame, such as IGS20, where headers do not name it or differ.
    minimum_centres
        Satellites of fewer centres are left out.
    share_limit
        Largest share of one centre in a mean.
    satellite_factor
        A centre's satellite is rejected above this times the RMS of its constellation.
    satellite_limit
        Limits by constellation in mm instead, such as G=15,R=25,E=15.
    satellites_before_centre
        With more rejected satellites a whole centre is compared only.
    translation_limit_mm
        A centre with a larger translation is compared only.
    rotation_limit_mas
        A centre with a larger rotation is compared only.
    scale_limit_ppb
        A constellation of a centre with a larger scale is compared only.
    gross_limit_m
        Records farther than this from the median of the centres are no positions of their satellite.
    spike_limit_mm
        Single records that jump out of their arc by more are outliers.
    strictness
        What becomes of faults in files that can be repaired.
    name_as
        AAAVPPPTTT of the product, such as FID0TSTFIN.
    page
        Write the HTML page.
    overwrite
        Replace files of the same names.
    json
        Print the report as JSON.
    """
    from fiducial.orbits.options import CombinationOptions
    from fiducial.runs.orbit_combine import CombineRequest, load
    from fiducial.runs.orbit_combine import combine as run
    from fiducial.runs.orbit_products import write_products

    options = CombinationOptions(
        weighting=weights, weights_by=weights_by, scale_model=scale, share_limit=share_limit,
        minimum_centres=minimum_centres, satellite_factor=satellite_factor,
        satellite_limit_m=_limits(satellite_limit), satellites_before_centre=satellites_before_centre,
        translation_limit_m=translation_limit_mm / 1e3, rotation_limit_mas=rotation_limit_mas,
        scale_limit_ppb=scale_limit_ppb, gross_limit_m=gross_limit_m, spike_limit_m=spike_limit_mm / 1e3,
    )  # fmt: skip
    request = CombineRequest(
        sources=src, frame_summary=frame_summary, metadata=metadata, nanus=nanu, earth_rotation=eop,
        compare_only=_names(compare_only), without=_names(without) or (), rotations=rotations, clocks=clocks,
        sampling_s=_seconds(sampling, "--sampling"), clock_sampling_s=_seconds(clock_sampling, "--clock-sampling"),
        frame=frame, strictness=strictness, options=options,
    )  # fmt: skip
    written = write_products(run(load(request)), out, name_as=name_as, overwrite=overwrite, page=page)
    if json:
        import sys

        sys.stdout.write(written.report.model_dump_json(indent=1) + "\n")
        return
    from fiducial.runs.orbit_tables import combination_tables

    for title, columns, rows in combination_tables(written.report):
        print_table(title, columns, rows)
    print_lines([*written.report.notes, *written.report.fragile, ""])
    print_lines([str(written.folder / file) for file in written.files])


@app.command
def compare(
    a: Path,
    b: Path,
    /,
    *,
    by_constellation: Flag = False,
    clock_threshold_ps: float = 50.0,
    radial_correction: Flag = False,
    leave_out: str | None = None,
    satellites: Flag = False,
    json: Flag = False,
) -> None:
    """Compare two orbit files: RMS radial, along, cross and 3-D, with and without Helmert; clocks; coverage.

    Example: ``fiducial orbits compare FID0TSTFIN_20242630000_01D_05M_ORB.SP3 IGS0OPSFIN_20242630000_01D_15M_ORB.SP3``

    Parameters
    ----------
    a
        First orbit; differences are first minus second.
    b
        Second orbit.
    by_constellation
        Fit a Helmert transformation for each constellation instead of one for all.
    clock_threshold_ps
        Clock records that stand out by more are listed.
    radial_correction
        Correct the clocks of the first orbit for the radial difference of the orbits.
    leave_out
        Satellites to leave out, such as G17,R26.
    satellites
        Show a row for every satellite.
    json
        Print JSON.
    """
    from fiducial.formats import sp3
    from fiducial.orbits.comparison import compare_orbits
    from fiducial.runs.orbit_tables import comparison_lines, comparison_tables

    first, second = sp3.read(a), sp3.read(b)
    one, two = (file.orbit.without(_names(leave_out) or ()) for file in (first, second))
    found = compare_orbits(
        one, two, similarity_by="constellation" if by_constellation else "all",
        clock_threshold_s=clock_threshold_ps * 1e-12, radial_correction=radial_correction,
    )  # fmt: skip
    if json:
        files = {"first": {"file": first.name, "sha256": first.sha256},
                 "second": {"file": second.name, "sha256": second.sha256}}  # fmt: skip
        print_json({**files, **found.to_dict()})
        return
    for title, columns, rows in comparison_tables(found, satellites=satellites):
        print_table(title, columns, rows)
    print_lines([*first.findings, *second.findings, *comparison_lines(found)])


@app.command
def sensitivity(
    src: Sources,
    /,
    *,
    compare_only: str | None = None,
    reference: str | None = None,
    without: str | None = None,
    subsets: int = 25,
    seed: int = 0,
    workers: int | None = None,
    frame_summary: Path | None = None,
    nanu: Path | None = None,
    rotations: Annotated[bool, Parameter(negative="--no-rotations")] = True,
    weights: Literal["variance-components", "absolute-deviation", "equal"] = "variance-components",
    sampling: str | None = None,
    frame: str | None = None,
    plot: Path | None = None,
    report: Path | None = None,
    json: Flag = False,
) -> None:
    """Show what the combined orbits lose without a centre: every leave-one-out and random subsets of every size.

    Files are read once; every subset is evaluated from the inner products of the day's orbits.

    Example: ``fiducial orbits sensitivity 2024-263-final --compare-only IGF,IGL --report sensitivity.html``

    Parameters
    ----------
    compare_only
        Centres that are compared but not weighted; the combined products of the IGS by default.
    reference
        Compared centres that the subsets are held against, beside the full combination; all of them by default.
    without
        Centres to leave out from the start.
    subsets
        Most random subsets of each number of centres.
    seed
        Of the random subsets.
    workers
        Processes; as many as the machine has cores by default.
    frame_summary
        IGS SINEX-combination summary with the rotations; found beside the orbits by default.
    nanu
        NANU summary; found beside the orbits by default.
    rotations
        Turn the centres by the rotations of the frame summary first.
    weights
        How the centres are weighted.
    sampling
        Interval of the orbits, such as 15min; the finest of the centres by default.
    frame
        Terrestrial frame, where headers do not name it or differ.
    plot
        Write the figure of RMS against the number of centres (PNG or SVG by its ending).
    report
        Write a page with tables and figures.
    json
        Print JSON.
    """
    import os

    from fiducial.orbits.combination import prepare_day
    from fiducial.orbits.options import CombinationOptions
    from fiducial.runs.orbit_combine import CombineRequest, load
    from fiducial.runs.orbit_sensitivity import sensitivity as run
    from fiducial.runs.progress import progress

    options = CombinationOptions(weighting=weights)
    request = CombineRequest(
        sources=src, frame_summary=frame_summary, nanus=nanu, compare_only=_names(compare_only),
        without=_names(without) or (), rotations=rotations, clocks=False, sampling_s=_seconds(sampling, "--sampling"),
        frame=frame, options=options,
    )  # fmt: skip
    given = load(request)
    day = prepare_day(given.stack, given.compared, options, manoeuvres=given.manoeuvre_begins)
    chosen = _names(reference)
    with progress("subsets", 1.0) as advance:
        found = run(
            day, options, given.compared if chosen is None else chosen, subsets_per_count=subsets, seed=seed,
            workers=workers or os.cpu_count() or 1, progress=advance,
        )  # fmt: skip
    if plot is not None:
        from fiducial.runs.orbit_sensitivity_page import write_figure

        write_figure(found, plot)
    if report is not None:
        from fiducial.runs.orbit_sensitivity_page import sensitivity_page
        from fiducial.runs.report_parts import write_page

        inputs: dict[str, object] = {data.orbit.name: data.orbit.sha256 for data in given.centres.values()}
        write_page(sensitivity_page(found, inputs), report)
    if json:
        print_json(found.to_dict())
        return
    for table in (found.leave_one_out_table(), found.size_table()):
        heads = [f"{head} {unit}".strip() for head, unit, _ in table.columns]
        print_table(table.caption, heads, table.rows)
    print_lines([*given.notes, *found.sentences])


def _names(text: str | None) -> tuple[str, ...] | None:
    """Centres of a list such as IGF,IGL; an empty text is an empty list."""
    if text is None:
        return None
    return tuple(name.strip().upper() for name in text.split(",") if name.strip())


def _seconds(text: str | None, option: str) -> float | None:
    from fiducial.errors import InputError

    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or (match[2] or "s") not in _UNITS:
        fix = "give seconds, or a number with a unit, such as 30s, 5min or 1h"
        raise InputError("FID-1238", f"no duration: {text!r}", where=option, fix=fix)
    return float(match[1]) * _UNITS[match[2] or "s"]


def _limits(text: str | None) -> dict[str, float] | None:
    """Limits in mm by constellation, as metres."""
    from fiducial.errors import InputError

    if text is None:
        return None
    found: dict[str, float] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Z])\s*=\s*(\d+(?:\.\d+)?)\s*", part.upper())
        if match is None or not float(match[2]) > 0:
            fix = "give constellation letters with limits in mm, such as G=15,R=25"
            raise InputError("FID-1238", f"no limit: {part!r}", where="--satellite-limit", fix=fix)
        found[match[1]] = float(match[2]) / 1e3
    return found
