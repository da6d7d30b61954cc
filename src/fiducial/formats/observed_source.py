"""What a calibration sees of a source, in one Parquet file: block medians, samples at stations, and facts of the source.

A row is a block, or the surroundings of a station; the facts stand in the metadata of the schema. A burst of 50 000 points
is some 100 rows: all bursts of a continent fit into the memory of the machine that adjusts them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.motion.calibration.observations import Medians, StationSamples, TrackObservations

LAYOUT: Final = 1
_FACTS: Final = b"fiducial:observed-source"
_SIGHT: Final = ("los_east", "los_north", "los_up")
_MEDIANS: Final = tuple(one.name for one in fields(Medians) if one.name != "line_of_sight")
_NO_STATION: Final = -1
_UNREADABLE: Final = (OSError, KeyError, ValueError, TypeError, pa.ArrowException)


@dataclass(frozen=True)
class ObservedSource:
    """A source as a calibration sees it.

    Attributes
    ----------
    track : TrackObservations
        Its samples belong to a station table, row by row.
    content_sha256 : str
        Of the product.
    first_epoch : str or None
        First date of its series; None where there is none.
    tie_frame : str or None
        Frame that its velocities refer to; None for relative ones.
    """

    track: TrackObservations
    content_sha256: str
    first_epoch: str | None
    tie_frame: str | None


def write(path: Path, observed: ObservedSource) -> None:
    """Write a source atomically; an existing file is replaced. The same observations make the same bytes."""
    track = observed.track
    parts = [track.blocks, track.samples.medians]
    columns: dict[str, NDArray[Any]] = {
        "station": np.concatenate([np.full(track.blocks.size, _NO_STATION, dtype=np.int64), track.samples.station]),
        "name": np.concatenate([np.full(track.blocks.size, ""), track.samples.names]),
    }
    cells = np.concatenate([track.cell.reshape(-1, 2), np.zeros((track.samples.size, 2), dtype=np.int64)])
    columns |= {"cell_easting": cells[:, 0], "cell_northing": cells[:, 1]}
    columns |= {name: np.concatenate([getattr(part, name) for part in parts]) for name in _MEDIANS}
    sight = np.concatenate([part.line_of_sight for part in parts])
    columns |= {name: sight[:, axis] for axis, name in enumerate(_SIGHT)}
    facts = {
        "layout": LAYOUT, "name": track.name, "crs": track.crs, "block_size_m": track.block_size_m,
        "notes": list(track.notes), "track": track.track, "content_sha256": observed.content_sha256,
        "first_epoch": observed.first_epoch, "tie_frame": observed.tie_frame,
    }  # fmt: skip
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    with atomic_file(path) as partial:
        pq.write_table(table.replace_schema_metadata({_FACTS: json.dumps(facts).encode()}), partial)


def read(path: Path) -> ObservedSource:
    """Read a source.

    Raises
    ------
    FormatError
        FID-2104 when it cannot be read, or is of another layout.
    """
    try:
        table = pq.read_table(path)
        facts = json.loads((table.schema.metadata or {})[_FACTS])
        if facts["layout"] != LAYOUT:
            raise _damaged(path, f"layout {facts['layout']}")
        columns = {name: table[name].to_numpy().copy() for name in table.column_names if name != "name"}
        names = np.array(table["name"].to_pylist(), dtype=np.str_)
        sight = np.column_stack([columns[name] for name in _SIGHT])
        medians = Medians(**{name: columns[name] for name in _MEDIANS}, line_of_sight=sight)
        block = columns["station"] == _NO_STATION
        cell = np.column_stack([columns["cell_easting"], columns["cell_northing"]])[block]
        samples = StationSamples(columns["station"][~block], names[~block], medians.select(~block))
        track = TrackObservations(
            facts["name"], facts["crs"], float(facts["block_size_m"]), cell, medians.select(block), samples,
            tuple(facts["notes"]), facts["track"],
        )  # fmt: skip
        return ObservedSource(track, facts["content_sha256"], facts["first_epoch"], facts["tie_frame"])
    except FormatError:
        raise
    except _UNREADABLE as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def _damaged(path: Path, problem: str) -> FormatError:
    return FormatError(
        "FID-2104", f"the observations of a source cannot be read: {problem}", where=str(path),
        fix="remove the file and run again",
    )  # fmt: skip
