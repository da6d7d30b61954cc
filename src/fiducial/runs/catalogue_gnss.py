"""Recognise the text files of the GNSS services by their first lines: SP3, clocks, ERP, SINEX, IONEX, RINEX, series."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import numpy as np

from fiducial.errors import FiducialError
from fiducial.formats import sinex_blocks, sp3_header
from fiducial.formats.strictness import Findings
from fiducial.runs.catalogue_content import Content
from fiducial.runs.catalogue_facts import T3, Facts, Span, epoch_of, mjd_utc, plain_utc, utc

_COMBINED: Final = re.compile(r"COMBINATION FROM WEIGHTED AVERAGE OF:")
_CENTRES: Final = re.compile(r"(?:\s*\b[A-Za-z0-9]{3}\b)+\s*")
_CLOCK_LINE: Final = re.compile(r"^(?:AR|AS|CR|DR|MS) \S+ +(\d{4} +\d+ +\d+ +\d+ +\d+ +[\d.]+)", re.MULTILINE)
_MJD_LINE: Final = re.compile(r"^ *(\d{5}\.\d+) ", re.MULTILINE)
_FINALS_LINE: Final = re.compile(r"^[ \d]\d[ \d]\d[ \d]\d (\d{5}\.\d\d) [IP ]", re.MULTILINE)
_C04_LINE: Final = re.compile(r"^(\d{5});", re.MULTILINE)
_TENV_LINE: Final = re.compile(r"^ *(\w{4}) +\d\d[A-Z]{3}\d\d +\d{4}\.\d{4} +(\d{5}) ", re.MULTILINE)
_TENV_FRAME: Final = re.compile(r"\w{4}\.(IGS\d\d|IGb\d\d|ITRF\d{2,4})\.tenv3?")
_FRAME_LINE: Final = re.compile(r"^ REFERENCE FRAME +(\S+)", re.MULTILINE)
_INPUT_AGENCY: Final = re.compile(r"^ \+SNX +\S+ +([A-Z0-9]{3}) ", re.MULTILINE)
_SUMMARY: Final = re.compile(r"# (IGS c|C)ombination of daily (?:AC )?SINEX solutions for week (\d{1,4})")
_SUMMARY_DAY: Final = re.compile(r"^ *- *\{ac: *\w+, *day: *([0-6])[,}]", re.MULTILINE)
_RUN_DATE: Final = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{2,4})(?: +(\d\d):(\d\d))?")
# SINEX names Natural Resources Canada and NOAA by other codes than the names of their products.
_AGENCY_CODES: Final = {"NRC": "EMR", "NOA": "NGS"}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RINEX: Final = {"O": "observations", "N": "navigation", "G": "navigation", "M": "meteorology", "L": "navigation",
                 "S": "summary"}  # fmt: skip


def recognise_text(content: Content) -> Facts | None:
    """Return what the first lines say, None where no format knows them.

    Notes
    -----
    A file that opens as one of the formats and is damaged further on keeps that format, with a note.
    """
    text = content.text
    for opening, recognise in _OPENINGS:
        if opening.match(text):
            return _guarded(recognise, content, opening)
    return None


def _guarded(recognise: Callable[[Content], Facts], content: Content, opening: re.Pattern[str]) -> Facts:
    try:
        return recognise(content)
    except FiducialError as error:
        return Facts(_NAMES[opening.pattern], note=f"damaged: {error.code} {error.problem}")


def _sp3(content: Content) -> Facts:
    lines = content.text.splitlines()
    end = next((row for row, line in enumerate(lines) if line.startswith("* ")), len(lines))
    found = sp3_header.parse_header(lines[:end], content.name, Findings(content.name, "ignore", "FID-2408"))
    header = found.header
    first = epoch_of(found.first_epoch[3:31].split())
    last = first
    if not np.isnat(first) and found.epoch_count > 0 and np.isfinite(found.interval_s):
        last = first + np.timedelta64(round((found.epoch_count - 1) * found.interval_s * 1e9), "ns")
    inputs = _stated_inputs(header.comments)
    attributes: dict[str, Any] = {
        "time_system": header.time_system, "satellites": len(found.satellites), "epochs": found.epoch_count,
        "interval_s": found.interval_s, "version": header.version, "orbit_type": header.orbit_type,
    }  # fmt: skip
    return Facts(
        "SP3", ("GSO",), tier=T3 if inputs else None, frame=header.frame_label or None, centre=header.agency or None,
        span=Span(utc(first, header.time_system), utc(last, header.time_system)), stated_inputs=inputs,
        attributes=attributes, is_product=True,
    )  # fmt: skip


def _stated_inputs(comments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the centres that the comments of a combination name, in capitals; none where they name none."""
    texts = [comment.removeprefix("/*").strip() for comment in comments]
    start = next((row for row, text in enumerate(texts) if _COMBINED.search(text)), None)
    if start is None:
        return ()
    # The list may go over several lines; the next sentence has longer words.
    named = takewhile(_CENTRES.fullmatch, filter(None, [texts[start].partition("OF:")[2], *texts[start + 1 :]]))
    return tuple(dict.fromkeys(" ".join(named).upper().split()))


def _labels(text: str) -> dict[str, str]:
    """Return the first line of every label of a RINEX header; the label stands from column 61, or 66, on."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        for column in (60, 65):
            label = line[column : column + 20].strip()
            if re.fullmatch(r"[A-Z#][A-Z0-9 /#.]+", label):
                found.setdefault(label, line[:column])
                break
        if "END OF HEADER" in line:
            break
    return found


def _rinex(content: Content) -> Facts:
    labels = _labels(content.text)
    version = labels.get("RINEX VERSION / TYPE", "")
    kind = version[20:21].upper()
    letters = [word for word in re.split(r"\s{2,}", version[9:].strip()) if word]
    if kind == "C" or (letters and letters[0].upper().startswith("C")):
        return _clock(content, labels)
    system = labels.get("TIME OF FIRST OBS", "")[48:51].strip() or "GPS"
    first, last = (labels.get(f"TIME OF {which} OBS", "").split()[:6] for which in ("FIRST", "LAST"))
    attributes = {"version": version[:9].strip(), "content": _RINEX.get(kind, kind),
                  "marker": labels.get("MARKER NAME", "").strip()}  # fmt: skip
    span = Span(utc(epoch_of(first), system), utc(epoch_of(last), system))
    return Facts("RINEX", level="Level 1" if kind == "O" else None, span=span, is_product=kind == "O",
                 attributes={key: value for key, value in attributes.items() if value},
                 issued=_run_date(labels))  # fmt: skip


def _clock(content: Content, labels: dict[str, str]) -> Facts:
    system = labels.get("TIME SYSTEM ID", "")[3:6].strip() or "GPS"
    centre = labels.get("ANALYSIS CENTER", "")[:3].strip()
    first = _CLOCK_LINE.search(content.text)
    last = None
    for last in _CLOCK_LINE.finditer(content.end):  # noqa: B007 - the last one is wanted
        pass
    span = Span(*(utc(epoch_of(one[1].split()), system) if one else None for one in (first, last)))
    frame = labels.get("# OF SOLN STA / TRF", "")[10:].strip() or None
    return Facts("CLK", ("GSC",), frame=frame, centre=centre or None, span=span, is_product=True,
                 attributes={"time_system": system}, issued=_run_date(labels))  # fmt: skip


def _ionex(content: Content) -> Facts:
    labels = _labels(content.text)
    first, last = (utc(epoch_of(labels.get(f"EPOCH OF {which} MAP", "").split()), "UT") for which in ("FIRST", "LAST"))
    interval = labels.get("INTERVAL", "").strip()
    attributes = {"interval_s": float(interval)} if re.fullmatch(r"\d+", interval) else {}
    return Facts("IONEX", ("GIM",), span=Span(first, last), issued=_run_date(labels), attributes=attributes,
                 is_product=True)  # fmt: skip


def _run_date(labels: dict[str, str]) -> datetime | None:
    """Return when the file was made, where its header states a date that names the month; taken as UTC."""
    match = _RUN_DATE.search(labels.get("PGM / RUN BY / DATE", "")[40:])
    if match is None or match[2].lower() not in _MONTHS or match[4] is None:
        return None
    year = int(match[3]) + (0 if len(match[3]) == 4 else 1900 if int(match[3]) >= 80 else 2000)
    words = [str(year), str(_MONTHS.index(match[2].lower()) + 1), match[1], match[4] or "0", match[5] or "0"]
    return plain_utc(epoch_of(words))


def _erp(content: Content) -> Facts:
    header = content.text[:2000].upper()
    # UT1 of these files is held to the a priori series: GNSS gives its rate alone.
    products = tuple(name for name, label in (("PM", "XSIG"), ("LOD", "LOD")) if label in header)
    return Facts("ERP", products, span=_mjd_span(_MJD_LINE, content), is_product=True)


def _c04(content: Content) -> Facts:
    return Facts("EOP-C04", ("PM", "UT1", "LOD", "CPO"), span=_mjd_span(_C04_LINE, content), is_product=True)


def _finals(content: Content) -> Facts:
    return Facts("EOP-finals", ("PM", "UT1", "LOD", "CPO"), span=_mjd_span(_FINALS_LINE, content), is_product=True)


def _mjd_span(pattern: re.Pattern[str], content: Content) -> Span:
    first = pattern.search(content.text)
    last = None
    for last in pattern.finditer(content.end):  # noqa: B007 - the last one is wanted
        pass
    return Span(*(mjd_utc(float(one[1])) if one else None for one in (first, last)))


def _sinex(content: Content) -> Facts:
    line, _, _ = content.head.partition(b"\n")
    header = sinex_blocks.read_header(line, content.name)
    frame = _FRAME_LINE.search(content.text)
    agencies = dict.fromkeys(_AGENCY_CODES.get(one, one) for one in _INPUT_AGENCY.findall(content.text))
    inputs = tuple(agencies) if len(agencies) > 1 else ()
    # Post-seismic parameters alone are a correction, no positions.
    correction = re.search(r"^ +\d+ [AT](?:EXP|LOG)_", content.text, re.MULTILINE) and " STAX " not in content.text
    is_solution = bool({"S", "X", "V"} & set(header.contents)) and not correction
    satellites = "+SATELLITE/" in content.text and not is_solution
    attributes: dict[str, Any] = {
        "version": header.version, "technique": header.technique, "data_agency": header.data_agency,
        "contents": list(header.contents), "parameters": header.parameters,
        "content": "satellite metadata" if satellites else "station solution" if is_solution
                   else "post-seismic parameters" if correction else None,
    }  # fmt: skip
    return Facts(
        "SINEX", ("SPTS",) if is_solution else (), tier=T3 if inputs else None, frame=frame[1] if frame else None, centre=header.agency or None,
        span=Span(plain_utc(header.start_utc), plain_utc(header.end_utc)), issued=plain_utc(header.created_utc),
        stated_inputs=inputs, attributes={key: one for key, one in attributes.items() if one}, is_product=is_solution,
    )  # fmt: skip


def _other_sinex(content: Content) -> Facts:
    kind = content.text[2:5]
    words = content.text.partition("\n")[0].split()
    epochs = [_sinex_epoch(word) for word in words if re.fullmatch(r"\d{2,4}:\d{3}:\d{5}", word)]
    created, start, end = (*epochs, None, None, None)[:3]
    agency = words[2] if len(words) > 2 and ":" not in words[2] else None
    frame = re.search(r"^ *(?:TRF|REFERENCE FRAME|REFERENCE SYSTEM) +(\S+)", content.text, re.MULTILINE)
    series = kind == "TMS"
    return Facts(
        {"TRO": "TRO", "TMS": "TMS", "BIA": "BIA"}[kind], ("SPTS",) if series else (), frame=frame[1] if frame else None,
        centre=agency, span=Span(start, end), issued=created, is_product=series or kind == "TRO",
        attributes={"quantity": "zenith total delay"} if kind == "TRO" else {},
    )  # fmt: skip


def _sinex_epoch(word: str) -> datetime | None:
    year, day, second = (int(part) for part in word.split(":"))
    if year < 100:
        year += 2000 if year <= 50 else 1900
    if day == 0 or not 1900 < year < 2262:
        return None
    base = np.datetime64(f"{year:04d}-01-01", "s")
    return plain_utc(np.datetime64(base + np.timedelta64(86400 * (day - 1) + second, "s")))


def _summary(content: Content) -> Facts:
    match = _SUMMARY.search(content.text)
    week, igs = (int(match[2]), match[1] != "C") if match else (0, True)
    sunday = np.datetime64("1980-01-06", "ns") + np.timedelta64(7 * week, "D")
    # The IGS combines whole weeks; those of ours may be of one day.
    days = [0, 6] if igs else sorted({int(day) for day in _SUMMARY_DAY.findall(content.text)}) or [0, 6]
    first, end = (np.datetime64(sunday + np.timedelta64(day, "D")) for day in (days[0], days[-1] + 1))
    span = Span(utc(first), utc(end))
    names = re.findall(r"^ *- *\{name: *(\w{3}),.*weighted: *True", content.text, re.MULTILINE)
    attributes = {"gps_week": week, "combined": [name.upper() for name in names]}
    return Facts("SINEX-SUM", tier=T3, span=span, attributes=attributes, centre="IGS" if igs else None)


def _series(content: Content) -> Facts:
    first = _TENV_LINE.search(content.text)
    last = None
    for last in _TENV_LINE.finditer(content.end):  # noqa: B007 - the last one is wanted
        pass
    frame = _TENV_FRAME.match(content.stem)
    span = Span(*(mjd_utc(float(one[2])) if one else None for one in (first, last)))
    attributes = {"station": first[1]} if first else {}
    if frame:
        attributes["frame_stated_by"] = "name"
    form = "tenv3" if content.text.startswith("site ") else "tenv"
    return Facts(form, ("SPTS",), frame=frame[1] if frame else None, span=span, attributes=attributes, is_product=True)


def _plain(name: str) -> Callable[[Content], Facts]:
    return lambda _: Facts(name)


_TABLE: Final[tuple[tuple[str, str, Callable[[Content], Facts]], ...]] = (
    (r"#[a-z][PV]\d{4}", "SP3", _sp3),
    (r"%=SNX", "SINEX", _sinex),
    (r"%=(?:TRO|TMS|BIA)", "SINEX", _other_sinex),
    (r"[^\n]{60}(?:IONEX|.{5}IONEX) VERSION", "IONEX", _ionex),
    (r"[^\n]{60}(?:.{5})?RINEX VERSION / TYPE", "RINEX", _rinex),
    (r"[^\n]{60}CRINEX VERS", "RINEX", _plain("RINEX (Hatanaka)")),
    (r"(?i)\s*version +2\b", "ERP", _erp),
    (r"(?:# .*EOP \(IERS\)|MJD;Year;Month;Day)", "EOP-C04", _c04),
    (r"[ \d]\d[ \d]\d[ \d]\d \d{5}\.\d\d [IP ]", "EOP-finals", _finals),
    (r"(?s).{0,400}# (?:IGS c|C)ombination of daily (?:AC )?SINEX solutions", "SINEX-SUM", _summary),
    (r'(?s)\{\s*"layout_version": *\d+,.{0,20000}?"software": *\{\s*"name": *"fiducial"', "JSON", _plain("JSON")),
    (r"(?:COMBINATION OF DAILY|STACK OF) STATION SOLUTIONS\s|=+\s+Combination \w+: orbits ", "text", _plain("text")),
    (r" *\w{4} +\d\d[A-Z]{3}\d\d +\d{4}\.\d{4} +\d{5} ", "tenv", _series),
    (r"site YYMMMDD yyyy\.yyyy", "tenv3", _series),
    (r"(?:-+\s+)?COST-716", "COST-716", _plain("COST-716")),
    (r"(?s).{0,600}STATION NAME +FLG +YYYY MM DD HH MM SS.{0,80}MOD_U", "Bernese TRP", _plain("Bernese TRP")),
)
_OPENINGS: Final = tuple((re.compile(pattern), recognise) for pattern, _, recognise in _TABLE)
_NAMES: Final = {pattern: name for pattern, name, _ in _TABLE}
