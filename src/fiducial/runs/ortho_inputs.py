"""Sources of an Ortho: opened, checked against each other, and read cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import egms_names
from fiducial.formats.egms_names import BurstName, Window
from fiducial.geodesy.frames import same_frame
from fiducial.motion.identifiers import decode_points
from fiducial.motion.ortho import cell_centres, cell_keys, is_ascending, solvable_cells
from fiducial.motion.points import PointBlock
from fiducial.motion.resampling import common_grid
from fiducial.runs.gnss import Gnss, load
from fiducial.runs.ortho_writer import TILE_M
from fiducial.runs.sources import Source, distinct, open_source
from fiducial.timescales import Epochs

_TILE: Final = re.compile(r"E(\d{2})N(\d{2})(?:_100km)?", re.ASCII)


@dataclass(frozen=True)
class OrthoInputs:
    """Opened sources with the geometry of all their points.

    Attributes
    ----------
    sources : tuple of Source
    tracks : tuple of str
        Relative orbit of each source.
    keys : tuple of ndarray of int64, shape (point,)
        Cell of every point of each source.
    cells : ndarray of int64, shape (cell,)
        Cells seen from both directions, increasing.
    grid : ndarray of datetime64
        Common time grid.
    elsewhere : tuple of int
        Sources as given that have no point in the tile, if there is one: by number.
    """

    sources: tuple[Source, ...]
    tracks: tuple[str, ...]
    keys: tuple[NDArray[np.int64], ...]
    cells: NDArray[np.int64]
    grid: Epochs
    elsewhere: tuple[int, ...] = ()


def _check_series(source: Source) -> None:
    manifest = source.product.manifest
    if manifest.component != "LOS" or not manifest.epochs:
        raise InputError(
            "FID-1007",
            f"{source.name} has no line-of-sight series: it is {manifest.level}",
            where=str(source.product.path),
            fix="give Level 2b files, or calibrated Level 2a products; rates of frames only together with rates",
        )


def check_frames(sources: Sequence[Source]) -> str:
    """Return the frame that all sources are tied to.

    Raises
    ------
    InputError
        FID-1033 when one is relative, FID-1034 when they are tied to different frames.
    """
    for source in sources:
        if source.frame is None:
            raise InputError(
                "FID-1033",
                f"{source.name} is relative: East and Up of it would have no datum",
                where=str(source.product.path),
                fix="calibrate it first, with `fiducial motion calibrate`, and give the product that makes",
            )
    frames = {source.name: str(source.frame) for source in sources}
    first = next(iter(frames.values()))
    if not all(same_frame(first, frame) for frame in frames.values()):
        raise InputError(
            "FID-1034",
            "the sources are tied to different frames: " + ", ".join(f"{k}: {v}" for k, v in frames.items()),
            where="SRC",
            fix="calibrate all with one GNSS table and frame",
        )
    return first


def gnss_for(sources: Sequence[Source], table: Path | None, gnss_frame: str | None) -> Gnss | None:
    """Read the GNSS velocities around the sources; None without a table.

    Raises
    ------
    InputError
        FID-1034 when they are in another frame than the sources, and those of ``runs.gnss.load``.
    """
    if table is None:
        return None
    columns = [source.product.attributes(["longitude", "latitude"]) for source in sources]
    area = (np.concatenate([one[name] for one in columns]) for name in ("longitude", "latitude"))
    gnss = load(table, gnss_frame, *area)
    if not same_frame(gnss.stations.frame, str(sources[0].frame)):
        raise InputError(
            "FID-1034",
            f"the GNSS velocities are in {gnss.stations.frame}, the sources are tied to {sources[0].frame}",
            where="--gnss-frame",
            fix="give velocities in the frame of the sources; no frame is switched silently",
        )
    return gnss


def check_north(north_in_input: bool | None, table: Path | None, *, in_recipe: bool = False) -> None:
    """Refuse to guess whether the lines of sight still hold north (FID-1003); recipes have fields for the options."""
    if north_in_input is None:
        raise InputError(
            "FID-1003",
            "it is not stated whether the lines of sight still hold the north motion; it moves Up by 0.14 of it",
            where="north_in_input" if in_recipe else "--north-in-input",
            fix=f"state {'north_in_input: true or false' if in_recipe else '--north-in-input yes or no'}; "
            "`fiducial motion audit` shows what speaks for either",
        )
    if north_in_input and table is None:
        raise InputError(
            "FID-1003",
            "north is to be removed and no velocities are given to remove it with",
            where="gnss_table" if in_recipe else "--gnss",
            fix="give gnss_table and gnss_frame, or state north_in_input: false"
            if in_recipe
            else "give --gnss TABLE --gnss-frame F, or state --north-in-input no",
        )


def tile_corner(text: str) -> tuple[int, int]:
    """Return the south-western corner of a tile, easting and northing in units of 100 km (EPSG:3035).

    Raises
    ------
    InputError
        FID-1036 when it is no name of a tile.

    Examples
    --------
    >>> tile_corner("E44N27")
    (44, 27)
    """
    found = _TILE.fullmatch(text)
    if found is None:
        raise InputError("FID-1036", f"no name of a tile: {text[:40]!r}", where="--tile",
                         fix="write it as EGMS does, such as E44N27: easting and northing in 100 km, EPSG:3035")  # fmt: skip
    return int(found[1]), int(found[2])


def _reaches(source: Source, corner: tuple[int, int]) -> bool:
    """Whether the points of a source may lie in a tile: rectangles are compared."""
    west, east, south, north = (one / TILE_M for one in source.product.extent())
    return west < corner[0] + 1 and east >= corner[0] and south < corner[1] + 1 and north >= corner[1]


def open_inputs(paths: Sequence[Path], work: Path, tile: str | None = None) -> OrthoInputs:
    """Open the sources of an Ortho.

    Parameters
    ----------
    paths : sequence of Path
        EGMS Level 2b files or calibrated products.
    work : Path
        Folder where EGMS files are imported to.
    tile : str, optional
        Only the cells of this tile, from the sources that reach it. The time grid stays that of all sources.

    Raises
    ------
    InputError
        FID-1036 no such tile, FID-1006 one direction only, FID-1007 no series, FID-1008 no common time, FID-1033 relative source,
        FID-1034 different frames.
    """
    corner = None if tile is None else tile_corner(tile)
    every = tuple(open_source(path, work) for path in distinct(paths))
    for source in every:
        _check_series(source)
    check_frames(every)
    elsewhere = tuple(k for k, one in enumerate(every) if corner is not None and not _reaches(one, corner))
    away = set(elsewhere)
    sources = tuple(one for k, one in enumerate(every) if k not in away)
    columns = [source.product.attributes(["easting", "northing", "los_east"]) for source in sources]
    keys = tuple(cell_keys(one["easting"], one["northing"]) for one in columns)
    ascending = np.concatenate([np.zeros(0, dtype=bool), *(is_ascending(one["los_east"]) for one in columns)])
    cells = solvable_cells(np.concatenate([np.zeros(0, dtype=np.int64), *keys]), ascending)
    if corner is not None:
        cells = cells[np.all([a // TILE_M == b for a, b in zip(cell_centres(cells), corner, strict=True)], axis=0)]
    if not len(cells):
        raise InputError(
            "FID-1006",
            f"no 100 m cell{'' if tile is None else f' of the tile {tile}'} is seen from both directions ({int(ascending.sum())} ascending and "
            f"{int((~ascending).sum())} descending points)",
            where="SRC",
            fix="give ascending and descending bursts of the same area",
        )
    return OrthoInputs(sources, tuple(_track(source) for source in sources), keys, cells,
                   common_grid([source.product.epochs for source in every]), elsewhere)  # fmt: skip


def _track(source: Source) -> str:
    ids = decode_points(source.product.attributes(["pid"], [0])["pid"][:1])
    return f"{int(ids.track[0]):03d}" if ids.track[0] >= 0 else source.name


def release_window(inputs: OrthoInputs) -> Window:
    """Return the window of the sources, with number 1: a first delivery of ours; FID-1035 when they differ."""
    windows = set()
    for source in inputs.sources:
        try:
            name = egms_names.parse(source.name)
        except ValueError:
            continue
        if isinstance(name, BurstName) and name.window is not None:
            windows.add((name.window.first_year, name.window.last_year))
    if len(windows) > 1:
        raise InputError(
            "FID-1035",
            f"the sources are of different releases: {sorted(windows)}",
            where="SRC",
            fix="give files of one release: series of two have offsets from each other",
        )
    years = [int(str(day)[:4]) for day in inputs.grid[[0, -1]]]
    first, last = windows.pop() if windows else (years[0], years[1])
    return Window(first, last, 1)


def read_cells(
    inputs: OrthoInputs, cells: NDArray[np.int64], columns: Sequence[str]
) -> Iterator[tuple[int, NDArray[np.int64], PointBlock]]:
    """Read the points of chosen cells, from those row groups only that hold some.

    Parameters
    ----------
    inputs : OrthoInputs
    cells : ndarray of int64, shape (cell,)
        Keys, increasing.
    columns : sequence of str
        Attributes wanted.

    Yields
    ------
    source : int
        Index of the source.
    keys : ndarray of int64, shape (point,)
        Cell of each point.
    block : PointBlock
        Calibrated.
    """
    for index, source in enumerate(inputs.sources):
        inside = np.isin(inputs.keys[index], cells)
        for group in range(source.product.row_groups):
            chosen = slice(*source.product.bounds(group))
            if inside[chosen].any():
                mask = inside[chosen]
                yield index, inputs.keys[index][chosen][mask], source.block(group, columns).select(mask)
