"""Reading a point motion product: attributes without touching the series, series without reading the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import zarr
from numpy.typing import NDArray
from pydantic import ValidationError

from fiducial.errors import FormatError
from fiducial.formats.point_product_writer import codecs, content_digest
from fiducial.formats.product_manifest import Manifest
from fiducial.formats.quantised_series import decode_exact, decode_time_major
from fiducial.motion.points import PointBlock
from fiducial.timescales import Epochs, egms_years

MANIFEST: Final = "product.json"
POINTS: Final = "points.parquet"
_READ_GROUPS: Final = 5
# What pyarrow and zarr raise, in one version or another, when bytes are not what they wrote.
_UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError)
_HIDDEN: Final = frozenset({"geometry", "negative_zero_epochs"})


def is_product(path: Path) -> bool:
    """Tell whether a path is a point motion product."""
    return (path / MANIFEST).is_file()


def _damaged(path: Path, problem: str) -> FormatError:
    return FormatError("FID-2101", problem, where=str(path), fix="import the source again with --overwrite")


@dataclass(frozen=True)
class PointProduct:
    """A point motion product on disk.

    Attributes
    ----------
    path : Path
    manifest : Manifest
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> PointProduct:
        """Open a product.

        Raises
        ------
        FormatError
            FID-2100 when it is not a product; FID-2101 when its parts are missing or do not belong together.
        """
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FormatError(
                "FID-2100",
                "not a point motion product: it has no product.json",
                where=str(path),
                fix="make one with `fiducial motion import`",
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise FormatError(
                "FID-2100",
                f"product.json is not valid: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                where=str(path),
                fix="import the source again with this version of Fiducial",
            ) from error
        product = cls(path, manifest)
        product._check_parts()
        return product

    def _check_parts(self) -> None:
        try:
            rows = self._table.metadata.num_rows
            shape = self._series.shape if self.manifest.epochs else (rows, 0)
            dtype = self._series.dtype.name if self.manifest.epochs else self.manifest.series_dtype
        except _UNREADABLE as error:
            raise _damaged(self.path, f"a part is missing or damaged: {error}") from error
        expected = (self.manifest.points, len(self.manifest.epochs))
        if rows != expected[0] or tuple(shape) != expected:
            raise _damaged(self.path, f"table has {rows} points, series {shape}, product.json says {expected}")
        size = self.manifest.row_group_points
        groups = [self._table.metadata.row_group(k).num_rows for k in range(self._table.num_row_groups)]
        if groups != [min(size, rows - start) for start in range(0, rows, size)]:
            raise _damaged(self.path, f"row groups of the table are not of {size} points, as product.json says")
        if dtype != self.manifest.series_dtype:
            raise _damaged(self.path, f"series are {dtype}, product.json says {self.manifest.series_dtype}")

    def _check_epochs(self) -> None:
        """Compare the time axis that others read in series.zarr with the dates of the manifest."""
        if not self.manifest.epochs:
            return
        try:
            axis = zarr.open_group(self.path / "series.zarr", mode="r")["epoch"]
            first = str(axis.attrs["units"]).removeprefix("days since ")
            days = np.datetime64(first, "D") + np.asarray(axis[:]).astype("timedelta64[D]")  # type: ignore[index]
            same = np.array_equal(days, self.epochs.astype("datetime64[D]"))
        except _UNREADABLE as error:
            raise _damaged(self.path, f"the epochs of series.zarr cannot be read: {error}") from error
        if not same:
            raise _damaged(self.path, "the epochs of series.zarr are not those of product.json")

    @cached_property
    def _table(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path / POINTS, page_checksum_verification=True)

    @cached_property
    def _series(self) -> zarr.Array[Any]:
        with codecs():
            array = zarr.open_group(self.path / "series.zarr", mode="r")["displacement"]
        if not isinstance(array, zarr.Array):
            raise _damaged(self.path, "series.zarr holds no array named displacement")
        return array

    @property
    def epochs(self) -> Epochs:
        """Scene dates, UTC, ``datetime64[ns]``."""
        return np.array(self.manifest.epochs, dtype="datetime64[ns]")

    @property
    def column_names(self) -> list[str]:
        """Attribute columns."""
        return [name for name in self._table.schema_arrow.names if name not in _HIDDEN]

    @property
    def row_groups(self) -> int:
        """Number of row groups."""
        return int(self._table.num_row_groups)

    def bounds(self, group: int) -> tuple[int, int]:
        """First and last (exclusive) series index of a row group."""
        size = self.manifest.row_group_points
        return group * size, min((group + 1) * size, self.manifest.points)

    def extent(self) -> tuple[float, float, float, float]:
        """Return smallest and largest easting, and northing, of all points, metres; no column is read.

        Raises
        ------
        FormatError
            FID-2101 when the table does not state them.
        """
        metadata, names = self._table.metadata, self._table.schema_arrow.names
        found: list[float] = []
        for column in (names.index("easting"), names.index("northing")):
            stated = [metadata.row_group(group).column(column).statistics for group in range(self.row_groups)]
            known = [(one.min, one.max) for one in stated if one is not None and one.has_min_max]
            if not known or len(known) < len(stated):
                raise _damaged(self.path, "the table states no extent of its row groups")
            smallest, largest = zip(*known, strict=True)
            found += [float(min(smallest)), float(max(largest))]
        return found[0], found[1], found[2], found[3]

    def attributes(
        self, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Read attributes in storage order, without touching the series.

        Parameters
        ----------
        columns : sequence of str, optional
            Canonical names; all by default.
        groups : sequence of int, optional
            Row groups; all by default.

        Returns
        -------
        dict of str to ndarray, shape (point,)
            Numbers with NaN where missing; ``pid`` as bytes.
        """
        names = list(self.column_names if columns is None else columns)
        chosen = range(self.row_groups) if groups is None else groups
        try:
            table = self._table.read_row_groups(list(chosen), columns=names)
            arrays = [table.column(name).to_numpy() for name in names]
        except _UNREADABLE as error:
            raise _damaged(self.path, f"points.parquet cannot be read: {error}") from error
        result: dict[str, NDArray[Any]] = {}
        for name, values in zip(names, arrays, strict=True):
            result[name] = values.astype(np.bytes_) if values.dtype == object else values
        return result

    def stored(self, start: int, stop: int) -> NDArray[Any]:
        """Read series as stored, shape (point, epoch)."""
        try:
            return np.asarray(self._series[start:stop])
        except _UNREADABLE as error:
            raise _damaged(self.path, f"series.zarr cannot be read: {error}") from error

    def series_mm(
        self, start: int = 0, stop: int | None = None, *, rate_mm_per_yr: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """Read series of a range of points.

        Parameters
        ----------
        start, stop : int
            First and last (exclusive) point; all by default.
        rate_mm_per_yr : ndarray, shape (stop - start,), optional
            Of a calibration: its product with the years of 365 days since the first date is taken off in the same pass.

        Returns
        -------
        ndarray of float32, shape (epoch, point)
            mm, NaN where missing.
        """
        stop = self.manifest.points if stop is None else min(stop, self.manifest.points)
        out = np.empty((len(self.manifest.epochs), stop - start), dtype=np.float32)
        if not self.manifest.epochs:
            return out
        rate = None if rate_mm_per_yr is None else rate_mm_per_yr.astype(np.float32)
        step = _READ_GROUPS * self.manifest.row_group_points
        # While one piece is decoded, the next is read, and not more: two pieces are in memory at a time.
        with ThreadPoolExecutor(2) as pool:
            ahead = pool.submit(self.stored, start, min(start + step, stop))
            for first in range(start, stop, step):
                stored, following = ahead.result(), first + step
                if following < stop:
                    ahead = pool.submit(self.stored, following, min(following + step, stop))
                self._decode(pool, stored, out, first - start, rate)
        return out

    def _decode(
        self,
        pool: ThreadPoolExecutor,
        stored: NDArray[Any],
        out: NDArray[np.float32],
        first: int,
        rate: NDArray[np.float32] | None,
    ) -> None:
        years = None if rate is None else egms_years(self.epochs).astype(np.float32)
        if stored.dtype != np.int16:
            part_of_out = out[:, first : first + len(stored)]
            part_of_out[...] = stored.T
            if rate is not None and years is not None:
                part_of_out -= years[:, np.newaxis] * rate[first : first + len(stored)]
            return
        step = max(1, self.manifest.row_group_points // 4)

        def part(start: int) -> None:
            block = stored[start : start + step]
            own = None if rate is None else rate[first + start : first + start + len(block)]
            decode_time_major(block, out, first + start, rate_mm_per_yr=own, years=years)

        list(pool.map(part, range(0, len(stored), step)))

    def block(self, group: int, columns: Sequence[str] | None = None) -> PointBlock:
        """Read one row group with its series."""
        return PointBlock(self.attributes(columns, [group]), self.series_mm(*self.bounds(group)), self.epochs)

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[PointBlock]:
        """Read row group by row group; memory does not grow with the number of points."""
        for group in range(self.row_groups):
            yield self.block(group, columns)

    def source_rows(self, group: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
        """Read one row group in the order of the source, with the printed numbers.

        Returns
        -------
        attributes : dict of str to ndarray, shape (point,)
        series_mm : ndarray of float64, shape (point, epoch)
            The numbers of the source, the sign of zero included.
        """
        try:
            table = self._table.read_row_group(group, columns=["source_row", "negative_zero_epochs"])
        except _UNREADABLE as error:
            raise _damaged(self.path, f"points.parquet cannot be read: {error}") from error
        back = np.argsort(table.column("source_row").to_numpy())
        attributes = {name: values[back] for name, values in self.attributes(None, [group]).items()}
        stored = self.stored(*self.bounds(group)) if self.manifest.epochs else np.empty((len(back), 0), np.int16)
        if stored.dtype != np.int16:
            # The shortest decimal of a float32 is what its source printed.
            return attributes, np.array(stored[back], dtype=np.str_).astype(np.float64)
        zeros: Any = table.column("negative_zero_epochs").combine_chunks()
        counts = np.diff(zeros.offsets.to_numpy()).astype(np.int32)
        epochs = zeros.flatten().to_numpy().astype(np.uint16)
        return attributes, decode_exact(stored, counts, epochs)[back]

    def verify(self) -> None:
        """Read everything and compare with the hash that ties table and series together.

        Raises
        ------
        FormatError
            FID-2101 when the contents are not those that were written.
        """
        self._check_epochs()
        try:
            found = content_digest(self.path)
        except OSError as error:
            raise _damaged(self.path, f"a part cannot be read: {error}") from error
        if found != self.manifest.content_sha256:
            raise _damaged(self.path, "table and series are not those that were written together")
