"""Write a combination: SP3, CLK, ERP, and the report as JSON, text and page."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats import clk, erp, sp3
from fiducial.formats.atomic import atomic_file
from fiducial.formats.clk_header import ClockHeader
from fiducial.formats.igs_names import LongName, ProductName, parse_product_name
from fiducial.formats.name_parts import Period
from fiducial.formats.sp3_header import Sp3Header
from fiducial.geodesy.frames import same_frame
from fiducial.orbits.clock_results import ClockCombination
from fiducial.orbits.orbit import Clocks, Epochs, most_frequent_step_s
from fiducial.runs.orbit_combine import Combined
from fiducial.runs.orbit_earth_rotation import combined_earth_rotation, earth_rotation_entries
from fiducial.runs.orbit_report import build_report
from fiducial.runs.orbit_report_model import CombinationReport

_LABELS: Final = ("IGS20", "IGS14", "IGS08")
_CENTRE: Final = "FID"
_CAMPAIGN: Final = "TST"
_LINE: Final = 57


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    report: CombinationReport


def product_name(combined: Combined, name_as: str | None) -> ProductName:
    """Return AAAVPPPTTT of the product: as asked for, or with the product line of the inputs.

    Raises
    ------
    InputError
        FID-1236 when the inputs do not agree on a product line.
    """
    if name_as is not None:
        return parse_product_name(name_as.upper())
    solution = combined.given.solution
    if solution is None:
        raise InputError(
            "FID-1236",
            "the names of the orbit files do not agree on a product line (FIN, RAP, ULT)",
            where=", ".join(data.path.name for data in combined.given.centres.values()),
            fix="name the product, as in --name-as FID0TSTFIN",
        )
    return ProductName(_CENTRE, _CAMPAIGN, solution)


def write_products(
    combined: Combined, out: Path, *, name_as: str | None = None, overwrite: bool = False, page: bool = True
) -> Written:
    """Write all files of a combination.

    Parameters
    ----------
    combined : Combined
    out : Path
        Folder; made when missing.
    name_as : str, optional
        AAAVPPPTTT.
    overwrite : bool
        Replace files of the same names.
    page : bool
        Write the HTML page too.

    Raises
    ------
    InputError
        FID-1002 when a file exists already; FID-1236, FID-1237 for names; FID-1239 when the folder cannot be written.

    Notes
    -----
    Every content is complete and on the disk before the first file appears, and each file appears whole. The report
    as JSON, or the page, appears last.
    """
    name = product_name(combined, name_as)
    epochs = combined.orbit.epochs_gps
    contents: dict[str, bytes] = {}
    orbit_file = _long_name(name, epochs, "ORB", "SP3").build()
    contents[orbit_file] = sp3.to_bytes(sp3.Sp3File(combined.orbit, _sp3_header(combined, name)))
    if combined.clocks is not None:
        clock_file = _long_name(name, combined.clocks.epochs_gps, "CLK", "CLK").build()
        contents[clock_file] = _clock_bytes(combined.clocks, name, orbit_file)
    rotation = combined_earth_rotation(combined)
    if rotation is not None:
        day = np.array([epochs[0], epochs[0] + np.timedelta64(1, "D")], dtype="datetime64[ns]")
        comments = (f"COMBINED POLE OF GPS WEEK {rotation.week}", *rotation.comments)
        contents[_long_name(name, day, "ERP", "ERP", length_days=1).build()] = erp.to_bytes(
            rotation.rotation, comments=comments
        )
    summary = _long_name(name, epochs, "SUM", "SUM").build()
    stem = summary.removesuffix(".SUM")
    names = [*contents, summary, f"{stem}.JSON", *([f"{stem}.html"] if page else [])]
    report = build_report(combined, name.build(), names, earth_rotation_entries(rotation))
    contents |= _report_contents(report, summary, stem, page=page)
    _publish(contents, out, overwrite=overwrite)
    return Written(out, tuple(contents), report)


def _clock_bytes(clocks: ClockCombination, name: ProductName, orbit_file: str) -> bytes:
    # A satellite of the header without records would be a fault of the file.
    known = np.flatnonzero(np.isfinite(clocks.clock_s).any(axis=0))
    table = Clocks(
        clocks.epochs_gps,
        tuple(clocks.satellites[s] for s in known),
        clocks.clock_s[:, known],
        clocks.sigma_s[:, known],
    )
    header = ClockHeader(
        program=f"fiducial {__version__}", agency=name.centre, analysis_center=name.centre,
        comments=(f"TIME SCALE: CLOCKS OF {clocks.datum_centre}, ALL CONSTELLATIONS", "CLOCKS REFER TO THE ORBITS OF",
                  orbit_file),
    )  # fmt: skip
    return clk.to_bytes(table, header)


def _report_contents(report: CombinationReport, summary: str, stem: str, *, page: bool) -> dict[str, bytes]:
    from fiducial.runs.orbit_report_text import render_text

    contents = {
        summary: render_text(report).encode("ascii", "replace"),
        f"{stem}.JSON": (report.model_dump_json(indent=1) + "\n").encode(),
    }
    if page:
        from fiducial.runs.orbit_report_page import report_page

        contents[f"{stem}.html"] = report_page(report).render().encode()
    return contents


def _publish(contents: dict[str, bytes], out: Path, *, overwrite: bool) -> None:
    try:
        existing = [name for name in contents if (out / name).exists()]
        if existing and not overwrite:
            raise InputError(
                "FID-1002", f"output exists already: {existing[0]}", where=str(out),
                fix="choose another folder or name, or allow overwriting with --overwrite",
            )  # fmt: skip
        # All are on the disk before the first appears; the stack closes from its end, so the orbits appear first.
        with ExitStack() as files:
            for name, content in reversed(contents.items()):
                _write_through(files.enter_context(atomic_file(out / name, overwrite=overwrite)), content)
    except OSError as error:
        reason = error.strerror or str(error)
        fix = "give a folder that can be made and written, on a disk with room"
        raise InputError("FID-1239", f"the product cannot be written: {reason}", where=str(out), fix=fix) from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _long_name(
    name: ProductName, epochs: Epochs, content: str, ending: str, *, length_days: int | None = None
) -> LongName:
    step_s = most_frequent_step_s(epochs)
    seconds = float((epochs[-1] - epochs[0]) / np.timedelta64(1, "s")) + (step_s if length_days is None else 0.0)
    length = Period(length_days, "D") if length_days is not None else length_of(seconds)
    sampling = Period(1, "D") if length_days is not None or content == "SUM" else period_of(step_s)
    return LongName(name, epochs[0], length, sampling, content, ending)


def length_of(seconds: float) -> Period:
    """Return the length of a product as IGS names write it; what two digits cannot state counts to the next full hour.

    Raises
    ------
    InputError
        FID-1237 for a length of more than 99 hours that is no whole number of days, or none.

    Examples
    --------
    >>> str(length_of(172_800.0)), str(length_of(69_300.0))
    ('02D', '20H')
    """
    try:
        return period_of(seconds)
    except InputError:
        if not math.isfinite(seconds):
            raise
        return period_of(3_600.0 * math.ceil(seconds / 3_600.0))


def period_of(seconds: float) -> Period:
    """Return a length or interval as IGS names write it, in the largest unit that divides it.

    Raises
    ------
    InputError
        FID-1237 for a duration that two digits of a unit cannot state.

    Examples
    --------
    >>> str(period_of(86400.0)), str(period_of(300.0)), str(period_of(30.0))
    ('01D', '05M', '30S')
    """
    for unit, size in (("D", 86_400), ("H", 3_600), ("M", 60), ("S", 1)):
        count = seconds / size
        if math.isfinite(count) and abs(count - round(count)) < 1e-6 and 1 <= round(count) <= 99:
            return Period(round(count), unit)
    raise InputError(
        "FID-1237", f"a file name cannot state {seconds:g} s in two digits", where="length or sampling of the product",
        fix="combine a span of whole seconds, minutes, hours or days",
    )  # fmt: skip


def _sp3_header(combined: Combined, name: ProductName) -> Sp3Header:
    used = [
        centre
        for k, centre in enumerate(combined.given.stack.centres)
        if (combined.orbits.estimate.weight[k] > 0).any()
    ]
    lines = ["ORBIT COMBINATION FROM WEIGHTED AVERAGE OF:", *_wrapped(used)]
    if combined.clocks is not None:
        lines.append(f"CLOCKS IN THE TIME SCALE OF {combined.clocks.datum_centre}")
    lines.append(f"fiducial {__version__}; report: {name.build()}*_SUM.JSON")
    return Sp3Header(
        frame_label=_label(combined.given.frame), orbit_type="HLM", agency=name.centre, data_used="ORBIT",
        comments=tuple(lines),
    )  # fmt: skip


def _wrapped(words: Sequence[str]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > _LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _label(frame: str) -> str:
    """Five characters for the header: the IGS realisation of an ITRF, which is the same frame."""
    if len(frame) <= 5:
        return frame
    for label in _LABELS:
        if same_frame(frame, label):
            return label
    raise InputError(
        "FID-1237", f"the header of an SP3 file has no room for the frame {frame}", where="--frame",
        fix="give a frame of five characters, such as IGS20",
    )  # fmt: skip
