"""Coefficients of one burst on their way from the adjustment to its product: a NumPy archive of what is stored there.

No instant of writing stands in it: the same adjustment makes the same bytes.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.calibration_file import PackedCalibration

LAYOUT: Final = 1
_STATED: Final = "stated"
_UNREADABLE: Final = (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile)


def write(path: Path, packed: PackedCalibration) -> None:
    """Write the coefficients of a burst atomically; an existing file is replaced.

    Parameters
    ----------
    path : Path
        Ending in ``.npz``.
    packed : PackedCalibration
    """
    stated = {
        "layout": LAYOUT, "version": packed.version, "frame": packed.frame, "surface": packed.surface,
        "document": packed.document,
    }  # fmt: skip
    text = np.frombuffer(json.dumps(stated).encode(), dtype=np.uint8)
    arrays: dict[str, Any] = {_STATED: text} | packed.arrays
    with atomic_file(path) as partial:
        np.savez(partial, **arrays)


def read(path: Path) -> PackedCalibration:
    """Read the coefficients of a burst.

    Raises
    ------
    FormatError
        FID-2102 when they cannot be read, or are of another layout.
    """
    try:
        # Of a damaged archive NumPy would leave the file open.
        with path.open("rb") as stream, np.load(stream) as stored:
            arrays = {name: stored[name] for name in stored.files}
        stated = json.loads(arrays.pop(_STATED).tobytes())
        if stated["layout"] != LAYOUT:
            raise _damaged(path, f"layout {stated['layout']}")
        return PackedCalibration(
            str(stated["version"]), str(stated["frame"]), dict(stated["surface"]), arrays, dict(stated["document"])
        )
    except FormatError:
        raise
    except _UNREADABLE as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def _damaged(path: Path, problem: str) -> FormatError:
    return FormatError(
        "FID-2102", f"the coefficients cannot be read: {problem}", where=str(path), fix="calibrate the bursts again"
    )
