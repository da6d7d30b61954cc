"""Tables of plain columns, written part by part: Parquet or CSV by the ending of the name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file

Columns = Mapping[str, NDArray[Any]]


class Append(Protocol):
    """Adds rows to a table."""

    def __call__(self, columns: Columns) -> None:
        """Add rows; every part has the same columns."""
        ...


def _arrow(columns: Columns) -> pa.Table:
    return pa.table({
        name: pa.array(values.astype("U") if values.dtype.kind == "S" else values) for name, values in columns.items()
    })  # fmt: skip


@contextmanager
def open_table(path: Path, *, overwrite: bool = False) -> Iterator[Append]:
    """Open a table for writing; it appears whole or not at all.

    Parameters
    ----------
    path : Path
        Ending in ``.parquet`` or ``.csv``.
    overwrite : bool

    Raises
    ------
    InputError
        FID-1002 when it exists; FID-1022 for another ending.
    """
    kind = path.suffix.lower()
    if kind not in {".parquet", ".csv"}:
        raise InputError(
            "FID-1022", f"no table format for {path.suffix!r}", where=str(path), fix="end the name in .parquet or .csv"
        )
    with atomic_file(path, overwrite=overwrite) as partial:
        writer: Any = None

        def append(columns: Columns) -> None:
            nonlocal writer
            table = _arrow(columns)
            if writer is None:
                schema = table.schema
                writer = pq.ParquetWriter(partial, schema) if kind == ".parquet" else pa_csv.CSVWriter(partial, schema)
            writer.write_table(table)

        try:
            yield append
        finally:
            if writer is not None:
                writer.close()
