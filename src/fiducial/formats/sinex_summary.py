"""Summary of the IGS combination of daily SINEX solutions (``IGS0OPSSNX_*_SUM.YML``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.errors import FiducialError, FormatError
from fiducial.formats import igs_names
from fiducial.formats.summary_rows import Row, Rows, Strictness, texts
from fiducial.formats.summary_units import Scaling, stated_units
from fiducial.formats.text_source import open_source
from fiducial.formats.yaml_tree import Node, parse_tree
from fiducial.orbits.frame_summary import (
    CentreDay,
    FrameSummary,
    FrameTransformation,
    GlobalResiduals,
    MetadataError,
    Rejection,
    StationOutlier,
    StationStatistics,
    SummaryCentre,
)

_REQUIRED: Final = ("ac", "stats", "globres", "transfo", "rejections", "outliers", "nologs", "errors", "missing")
_IGNORED: Final = frozenset({"authors", "contact", "igs", "bua", "sources"})
_COMBINATION: Final = "IGS"
_BULLETIN_A: Final = "BUA"

LEFT_OUT: Final = "# What was not determined is left out; lists of single stations are not made."
"""Line of summaries of ours: rows that lack residuals or statistics are no fault."""

_WEEK = re.compile(r"^#.*\bfor week (\d{1,4})\s*$", re.MULTILINE | re.ASCII)
_FRAME = re.compile(r'^#.*"AC -> (\w+)" 7-parameter', re.MULTILINE | re.ASCII)
# libyaml refuses "key:[" without a blank; YAML 1.2 and the pure parser of PyYAML take it.
_TIGHT_COLON = re.compile(r"(?<=[{,\s])(\w+):(?=[\[{])", re.ASCII)


def read(source: str | Path | bytes, *, strictness: Strictness = "warn", name: str = "") -> FrameSummary:
    """Read a combination summary.

    Parameters
    ----------
    source : path or bytes
        File, compressed or not.
    strictness : {"ignore", "warn", "raise"}
        What to do with what can be understood all the same: unknown keys and centres, units that the file does not
        state (then those of the format are taken: mm, ppb, mas, µas, µs), text that is not UTF-8, residuals and
        statistics that a row lacks (they become NaN; no fault where the file says `LEFT_OUT`).
    name : str, optional
        File name, where the source is bytes; it tells the week when the content does not.

    Returns
    -------
    FrameSummary
        SI units; rotations and translations centre to frame with position-vector signs, as printed.

    Raises
    ------
    FormatError
        FID-2443 when it is not one YAML document; FID-2444 for a value of the wrong type, missing, or standing twice,
        with its place in the document; FID-2445 when sections are missing, as in a cut file; FID-2446 for a stated
        unit or frame that is not known; FID-2447 for a repairable fault with ``strictness="raise"``; FID-2448 when
        neither content nor name tell the GPS week. FID-2400 and FID-2401 from reading the file.

    Notes
    -----
    Written weekly by the IGS reference frame coordinator (IGN) since repro3. Sign: as printed the rotations bring the
    orbits of 2024-09-19 closer to the official orbit (SIO 14.6 to 12.6 mm), reversed they take them away (20.8 mm).
    """
    opened = open_source(source, name=name)
    rows = Rows(opened.name, strictness)
    text = _decoded(opened.data, rows)
    root = parse_tree(_TIGHT_COLON.sub(r"\1: ", text), opened.name, "FID-2443")
    sections = _sections(root, rows)
    scaling = stated_units(text, rows)
    centres = _centres(sections["ac"], rows)
    known = {centre.name for centre in centres} | {_COMBINATION, _BULLETIN_A}
    whole = LEFT_OUT not in text.splitlines()
    transformations = {
        row.key: _transformation(row, scaling, whole) for row in _daily(sections["transfo"], "transfo", known, rows)
    }
    residuals = {
        row.key: _residuals(row, scaling, whole) for row in _daily(sections["globres"], "globres", known, rows)
    }
    statistics = {row.key: _statistics(row, scaling, whole) for row in _daily(sections["stats"], "stats", known, rows)}
    return FrameSummary(
        week=_week(text, opened.name, rows),
        frame=_frame(text, rows),
        centres=centres,
        transformations=transformations,
        residuals=residuals,
        statistics=statistics,
        rejections=tuple(_rejection(row) for row in rows.of(sections["rejections"], "rejections")),
        outliers=tuple(_outlier(row, scaling) for row in rows.of(sections["outliers"], "outliers")),
        stations_without_log=texts(sections["nologs"], "nologs", rows),
        metadata_errors=tuple(_metadata_error(row) for row in rows.of(sections["errors"], "errors")),
        missing_stations=texts(sections["missing"], "missing", rows),
        findings=tuple(rows.findings),
    )


def _decoded(data: bytes, rows: Rows) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        rows.finding(f"the text is not UTF-8; read as Latin-1, line {line}")
        return data.decode("latin-1")


def _sections(root: Node, rows: Rows) -> dict[str, Node]:
    if not isinstance(root.value, dict):
        raise rows.error("FID-2445", "the document is no mapping of sections", "document", root.line)
    missing = [section for section in _REQUIRED if section not in root.value]
    if missing:
        problem = f"sections are missing: {', '.join(missing)}; the file is cut, or no combination summary"
        raise rows.error("FID-2445", problem, "document", root.line)
    # The last section: a cut behind its colon would leave it empty.
    if not isinstance(root.value["missing"].value, list):
        raise rows.error("FID-2445", "no list; the file is cut", "missing", root.value["missing"].line)
    for section, node in root.value.items():
        if section not in _REQUIRED and section not in _IGNORED:
            rows.finding(f"unknown section {section!r}, line {node.line}")
    return root.value


def _week(text: str, name: str, rows: Rows) -> int:
    stated = {int(week) for week in _WEEK.findall(text)}
    named = _week_of_name(name)
    if len(stated) > 1 or (not stated and named is None):
        problem = "two GPS weeks stand in the comments" if stated else "neither a comment nor the name tells the week"
        fix = "name it as IGS does: IGS0OPSSNX_20242590000_07D_07D_SUM.YML"
        raise FormatError("FID-2448", problem, where=name, fix=fix)
    if not stated and named is not None:
        rows.finding(f"no comment states the week; taken from the file name: {named}")
        return named
    week = stated.pop()
    if named not in {None, week}:
        rows.finding(f"the comment says week {week}, the file name week {named}; taken from the comment")
    return week


def _week_of_name(name: str) -> int | None:
    try:
        start = igs_names.parse_name(name).start
    except FiducialError:
        return None
    if start is None or start < np.datetime64("1980-01-06"):
        return None
    return int((start - np.datetime64("1980-01-06")) / np.timedelta64(7, "D"))


def _frame(text: str, rows: Rows) -> str:
    stated = set(_FRAME.findall(text))
    if len(stated) == 1:
        return str(stated.pop())
    rows.finding("no comment, or two, name the frame of the transformations: it is unknown")
    return ""


def _centres(node: Node, rows: Rows) -> tuple[SummaryCentre, ...]:
    centres = []
    for row in rows.of(node, "ac"):
        row.expect({"name", "file", "weighted"})
        weighted = row.text("weighted").lower()
        if weighted not in {"true", "false"}:
            raise row.wrong("weighted", "neither True nor False")
        centres.append(SummaryCentre(row.text("name").upper(), row.text("file"), weighted == "true"))
    names = [centre.name for centre in centres]
    if len(set(names)) < len(names):
        raise rows.error("FID-2444", "a centre stands twice", "ac", node.line)
    return tuple(centres)


def _daily(node: Node, section: str, known: set[str], rows: Rows) -> list[Row]:
    found = rows.of(node, section)
    seen: set[CentreDay] = set()
    for row in found:
        if row.key in seen:
            raise row.wrong("ac", f"centre {row.key[0]}, day {row.key[1]} stands twice")
        seen.add(row.key)
        if row.key[0] not in known:
            rows.finding(f"{row.path}, line {row.line}: centre {row.key[0]} is not in the list of centres")
            known.add(row.key[0])
    return found


def _transformation(row: Row, scaling: Scaling, whole: bool) -> FrameTransformation:
    row.expect({"ac", "day", "T", "S", "R", "rms"}, absent=frozenset() if whole else frozenset({"rms"}))
    return FrameTransformation(
        translation_m=row.vector("T") * scaling["T"],
        scale=row.number("S") * scaling["S"],
        rotation_rad=row.vector("R") * scaling["R"],
        rms_enu_m=row.vector("rms", optional=not whole) * scaling["rms"],
    )


def _residuals(row: Row, scaling: Scaling, whole: bool) -> GlobalResiduals:
    scalars = ("dxpo", "dypo", "dxpor", "dypor", "dlod", "dsc")
    usual = {"dgc", "dsc"} if row.key[0] == _BULLETIN_A else set()
    row.expect({"ac", "day", "dgc", *scalars}, absent=usual if whole else {"dgc", *scalars})
    value = {key: row.number(key, optional=True) * scaling[key] for key in scalars}
    return GlobalResiduals(
        x_pole_rad=value["dxpo"],
        y_pole_rad=value["dypo"],
        x_pole_rate_rad_per_s=value["dxpor"],
        y_pole_rate_rad_per_s=value["dypor"],
        length_of_day_s=value["dlod"],
        geocentre_m=row.vector("dgc", optional=True) * scaling["dgc"],
        scale=value["dsc"],
    )


def _statistics(row: Row, scaling: Scaling, whole: bool) -> StationStatistics:
    fit = {"sqrtvf", "wrms", "sigm"}
    usual = row.key[0] == _COMBINATION or not whole
    row.expect({"ac", "day", "nsta", "nrf", "ncore", *fit}, absent=fit if usual else frozenset())
    return StationStatistics(
        stations=row.integer("nsta"),
        frame_stations=row.integer("nrf"),
        core_stations=row.integer("ncore"),
        sqrt_variance_factor=row.number("sqrtvf", optional=True),
        wrms_enu_m=row.vector("wrms", optional=True) * scaling["wrms"],
        median_sigma_enu_m=row.vector("sigm", optional=True) * scaling["sigm"],
    )


def _rejection(row: Row) -> Rejection:
    row.expect({"ac", "day", "sta"})
    return Rejection(*row.key, row.texts("sta"))


def _outlier(row: Row, scaling: Scaling) -> StationOutlier:
    row.expect({"ac", "day", "sta", "res"})
    east, north, up = (float(value) for value in row.vector("res") * scaling["res"])
    return StationOutlier(*row.key, row.text("sta"), (east, north, up))


def _metadata_error(row: Row) -> MetadataError:
    keys = ("ac", "sta", "type", "from_ac", "from_log", "source")
    row.expect(set(keys))
    centre, *others = (row.text(key) for key in keys)
    return MetadataError(centre.upper(), *others)
