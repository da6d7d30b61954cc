"""Series without their common mode: a text that says what it is for, and that no reader of series takes for one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fiducial.formats.atomic import atomic_file
from fiducial.stations.common_mode import CommonMode

MARK: Final = b"# Fiducial series without common mode: FOR DISPLAY AND SCREENING ONLY, NEVER FOR RATES"
"""First line of such a file."""


def is_filtered(data: bytes) -> bool:
    """Tell whether a content is such a file."""
    return data.removeprefix(b"\xef\xbb\xbf").startswith(MARK)


def write(found: CommonMode, sink: str | Path, *, overwrite: bool = False) -> None:
    """Write a filtered series and its common mode; see :func:`to_bytes`.

    Raises
    ------
    InputError
        FID-1002 when the file exists.
    """
    content = to_bytes(found)
    with atomic_file(sink, overwrite=overwrite) as partial:
        partial.write_bytes(content)


def to_bytes(found: CommonMode) -> bytes:
    """Return a filtered series and its common mode as CSV behind comments, millimetres to the micrometre."""
    series = found.filtered
    lines = [
        MARK.decode(),
        f"# {found.statement}",
        f"# station: {series.station}",
        f"# frame: {series.frame or 'unstated'}",
        f"# time scale: {series.time_scale}",
        "# columns in mm: displacement less the common mode, then the common mode; empty where too few neighbours",
        "epoch,east_mm,north_mm,up_mm,mode_east_mm,mode_north_mm,mode_up_mm,neighbours",
    ]
    epochs = np.datetime_as_string(series.epochs, "s")
    table = 1e3 * np.column_stack([series.displacement_m, found.mode_m])
    for epoch, row, count in zip(epochs, table, found.stations, strict=True):
        cells = ("" if np.isnan(value) else f"{value:.3f}" for value in row)
        lines.append(f"{epoch},{','.join(cells)},{count}")
    return ("\n".join(lines) + "\n").encode("utf-8")
