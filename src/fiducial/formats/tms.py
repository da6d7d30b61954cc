"""Station series in the IGS exchange format SINEX TMS 1.0 (``%=TMS``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError, InputError
from fiducial.formats import tms_columns
from fiducial.formats.series_rows import in_order, split_rows
from fiducial.formats.strictness import Findings, Strictness
from fiducial.formats.text_source import open_source
from fiducial.formats.tms_writer import to_bytes, write
from fiducial.geodesy.frames import parse_frame, same_frame
from fiducial.stations.series import SeriesEvent, StationSeries

__all__ = ["read", "to_bytes", "write"]

Float64 = NDArray[np.float64]

_HEADER: Final = re.compile(rb"%=TMS +(\d+\.\d+)\b(.*)")
_BLOCK: Final = re.compile(rb"[+-]([A-Z]+(?:/[A-Z_ ]+)?)\s*")
_INSTANT: Final = re.compile(r"(\d{4}):(\d{3}):(\d{5})")
_NUMBER: Final = re.compile(r"[+-]?\d{1,9}(\.\d{0,9})?")
_NEEDED: Final = ("TIMESERIES/COLUMNS", "TIMESERIES/DATA")
_TIME_SCALES: Final = {"G": "GPS", "GPS": "GPS", "UTC": "UTC", "U": "UTC", "TAI": "TAI", "TT": "TT"}
_NAT: Final = np.datetime64("NaT", "ns")
_REFERENCE_WORDS: Final = (8, 9)
_HEADER_WORDS: Final = 8
_RADIUS_LIMIT_M: Final = (6.2e6, 6.5e6)


@dataclass
class _Block:
    """Lines of a block between its title and its end."""

    start: int
    texts: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


def read(
    source: str | Path | bytes, *, frame: str | None = None, strictness: Strictness = "warn", name: str = ""
) -> StationSeries:
    """Read a TMS file.

    Parameters
    ----------
    source : path or bytes
    frame : str, optional
        Frame of the series where the file states none.
    strictness : {"warn", "ignore", "raise"}
        For rows out of order or twice, dates and decimal years that contradict each other, two names of the frame, a
        missing last line.
    name : str, optional
        File name, for bytes.

    Returns
    -------
    StationSeries
        East, north, up (or X, Y, Z less the reference position) in metres. The frame is that of the reference
        coordinate. Antenna changes become steps; the file's events are kept as notes, because its codes do not say
        which of them move a position.

    Raises
    ------
    InputError
        FID-1332 when ``frame`` contradicts the file, FID-1004 when it is unknown.
    FormatError
        FID-2490 not TMS; FID-2491 damaged row; FID-2492 cut; FID-2493 impossible date; FID-2494 two positions at one
        epoch; FID-2495 a repairable fault with strictness ``raise``; FID-2496 a block is missing, doubled or not
        closed; FID-2497 columns or units unknown; FID-2400, FID-2401 unreadable.
    """
    content = open_source(source, name=name)
    findings = Findings(content.name, strictness, "FID-2495")
    blocks, station = _blocks(content.data, content.name, findings)
    titles, units = _columns(blocks["TIMESERIES/COLUMNS"], content.name)
    data = blocks["TIMESERIES/DATA"]
    if not data.texts:
        raise FormatError("FID-2496", "no rows of data", where=f"{content.name}, line {data.start}",
                          fix="fetch the file again")  # fmt: skip
    rows = split_rows(data.texts, data.numbers, (len(titles),), content.name)
    epochs = tms_columns.epochs(rows, titles, findings)
    names, position, others = tms_columns.positions(rows, titles, units)
    order = in_order(epochs, np.column_stack([position, others]), rows, findings)
    description = _description(blocks)
    reference, reference_epoch, system = _reference(blocks, content.name)
    local = names == tms_columns.LOCAL
    if not local and not np.isfinite(reference).all():
        raise FormatError("FID-2496", "X, Y, Z without a reference coordinate", where=content.name,
                          fix="give a file with block TIMESERIES/REF_COORDINATE")  # fmt: skip
    return StationSeries(
        station=station or (rows.name if "SITE/ID" not in blocks else _site(blocks["SITE/ID"], rows.name)),
        epochs=epochs[order],
        time_scale=_TIME_SCALES.get(description.get("TIME SYSTEM", ""), "unstated"),
        displacement_m=position[order] - (0.0 if local else reference),
        sigma_m=others[order, :3],
        correlation=others[order, 3:],
        axes="enu" if local else "xyz",
        reference_xyz_m=reference,
        reference_epoch=reference_epoch,
        frame=_frame(system, description.get("REFERENCE SYSTEM"), frame, content.name, findings),
        events=_events(blocks, epochs[order]),
        source=content.name,
        findings=findings.texts,
    )


def _blocks(data: bytes, name: str, findings: Findings) -> tuple[dict[str, _Block], str]:
    """Return the lines of every block, and the station of the header."""
    lines = data.splitlines()
    header = _HEADER.match(lines[0]) if lines else None
    if header is None or not header[1].startswith(b"1."):
        problem = "not a TMS file" if header is None else f"TMS version {header[1].decode()}"
        raise FormatError("FID-2490", problem, where=f"{name}, line 1, columns 1-5",
                          fix="give a file whose first line begins with %=TMS 1.0")  # fmt: skip
    blocks: dict[str, _Block] = {}
    title = ""
    ended = False
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith(b"%"):
            ended = line.rstrip() == b"%ENDTMS"
            break
        if match := _BLOCK.fullmatch(line):
            title = _turn(match[1].decode(), number, title, blocks, name, opens=line.startswith(b"+"))
        elif line.strip() and not line.startswith(b"*"):
            if not title:
                raise FormatError("FID-2496", "a line outside of every block", where=f"{name}, line {number}",
                                  fix="fetch the file again")  # fmt: skip
            blocks[title].texts.append(line)
            blocks[title].numbers.append(number)
    _check_whole(blocks, title, f"{name}, line {len(lines)}", ended=ended)
    if not ended:
        findings.note("no last line %ENDTMS; every block is closed", len(lines))
    words = header[2].split()
    return blocks, words[-1].decode("latin-1") if len(words) >= _HEADER_WORDS else ""


def _check_whole(blocks: dict[str, _Block], open_title: str, where: str, *, ended: bool) -> None:
    fix = "fetch the file again and compare its size"
    if open_title:
        raise FormatError("FID-2492", f"the file ends inside block {open_title}", where=where, fix=fix)
    missing = [needed for needed in _NEEDED if needed not in blocks]
    if missing and ended:
        raise FormatError("FID-2496", f"no block {missing[0]}", where=where, fix=fix)
    if missing:
        raise FormatError("FID-2492", f"the file ends before block {missing[0]}", where=where, fix=fix)


def _turn(title: str, number: int, open_title: str, blocks: dict[str, _Block], name: str, *, opens: bool) -> str:
    """Open or close a block; return the title that is open afterwards."""
    title = title.strip()
    if opens and not open_title and title not in blocks:
        blocks[title] = _Block(number)
        return title
    if not opens and title == open_title:
        return ""
    problem = f"block {title} begins inside block {open_title}" if opens and open_title else (
        f"block {title} stands twice" if opens else f"end of block {title}, which is not open")  # fmt: skip
    raise FormatError("FID-2496", problem, where=f"{name}, line {number}", fix="the file is damaged: fetch it again")


def _columns(block: _Block, name: str) -> tuple[dict[str, int], dict[str, str]]:
    titles: dict[str, int] = {}
    units: dict[str, str] = {}
    for row, text in enumerate(block.texts):
        words = text[:27].decode("latin-1").split()
        where = f"{name}, line {block.numbers[row]}"
        if len(words) < 2 or words[0] != str(row + 1) or words[1] in titles:
            raise FormatError("FID-2497", "columns are not numbered from 1 with a name each", where=where,
                              fix="the file is damaged: fetch it again")  # fmt: skip
        titles[words[1]] = row
        units[words[1]] = text[27:48].decode("latin-1").strip()
    if not titles:
        raise FormatError("FID-2497", "no columns are named", where=f"{name}, line {block.start}",
                          fix="the file is damaged: fetch it again")  # fmt: skip
    return titles, units


def _description(blocks: dict[str, _Block]) -> dict[str, str]:
    found = {}
    if "TIMESERIES/DESCRIPTION" in blocks:
        for text in blocks["TIMESERIES/DESCRIPTION"].texts:
            key, separator, value = text.decode("latin-1").partition(":")
            if separator:
                found[key.strip().upper()] = value.strip()
    return found


def _reference(blocks: dict[str, _Block], name: str) -> tuple[Float64, np.datetime64, str | None]:
    """Return position, epoch and frame of the reference coordinate; unknown where the block is missing."""
    block = blocks.get("TIMESERIES/REF_COORDINATE")
    if block is None or not block.texts:
        return np.full(3, np.nan), _NAT, None
    where = f"{name}, line {block.numbers[0]}"
    words = block.texts[0].decode("latin-1").split()
    if len(block.texts) > 1 or len(words) not in _REFERENCE_WORDS or not all(_NUMBER.fullmatch(w) for w in words[5:8]):
        raise FormatError("FID-2491", "the reference coordinate is not one row of eight or nine words", where=where,
                          fix="the file is damaged, or holds several stations")  # fmt: skip
    xyz = np.array([float(word) for word in words[5:8]])
    if not _RADIUS_LIMIT_M[0] < float(np.linalg.norm(xyz)) < _RADIUS_LIMIT_M[1]:
        raise FormatError("FID-2491", "the reference coordinate is not on the ground", where=where,
                          fix="the file is damaged: fetch it again")  # fmt: skip
    return xyz, _instant(words[4]), words[8] if len(words) > 8 else None


def _instant(text: str) -> np.datetime64:
    """Return an epoch such as 2019:359:00000; NaT for the open end 0000:000:00000 and for anything else."""
    match = _INSTANT.fullmatch(text)
    if match is None or not 1900 <= int(match[1]) < 2200 or not 1 <= int(match[2]) <= 366 or int(match[3]) > 86_400:
        return _NAT
    start = np.datetime64(match[1], "Y").astype("datetime64[ns]")
    return np.datetime64(start + np.timedelta64(int(match[2]) - 1, "D") + np.timedelta64(int(match[3]), "s"), "ns")


def _site(block: _Block, name: str) -> str:
    words = block.texts[0].decode("latin-1").split() if block.texts else []
    return words[0] if words else name


def _frame(system: str | None, described: str | None, given: str | None, name: str, findings: Findings) -> str | None:
    stated = system or described
    if system and described and system != described:
        findings.note(f"the reference coordinate is in {system}, the description says {described}: {system} is taken")
    if given is None:
        return stated or None
    wanted = parse_frame(given)
    try:
        known = parse_frame(stated) if stated else None
    except InputError:
        known = None
    if known is not None and not same_frame(wanted, known):
        raise InputError("FID-1332", f"the file says {stated}, not {given}", where=name,
                         fix=f"state {stated}, or leave the frame to the file")  # fmt: skip
    return stated if known is not None else wanted.given


def _event(epoch: np.datetime64, words: list[str], kind: str, *, is_step: bool) -> SeriesEvent:
    if is_step:
        return SeriesEvent(epoch, kind, " ".join(words))
    if words[:1] == [tms_columns.STEP_CODE] and len(words) > 1:
        return SeriesEvent(epoch, words[1].removesuffix(":"), " ".join(words[2:]))
    return SeriesEvent(epoch, words[0] if words else "note", " ".join(words[1:]), is_step=False)


def _events(blocks: dict[str, _Block], epochs: NDArray[np.datetime64]) -> tuple[SeriesEvent, ...]:
    """Return antenna changes inside the series as steps, and the events of the file as notes."""
    events = []
    for title, kind, is_step in (("SITE/ANTENNA", "equipment", True), ("TIMESERIES/EVENT", "", False)):
        texts = blocks[title].texts if title in blocks else []
        for text in texts:
            words = text.decode("latin-1").split()
            epoch = _instant(words[4]) if len(words) > 5 else _NAT
            if not np.isnat(epoch) and epochs[0] < epoch <= epochs[-1]:
                events.append(_event(epoch, words[6:], kind, is_step=is_step))
    return tuple(sorted(events, key=lambda event: event.epoch))
