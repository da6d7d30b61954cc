"""Systems of weekly solutions, made once and kept on the disk while a stack iterates over them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from fiducial.runs.frame_stack_reference import StackReference
from fiducial.runs.frame_stack_weeks import Week
from fiducial.stations.helmert_design import COORDINATES, ParameterKey, coordinate_rows
from fiducial.stations.stacking_segments import SiteName
from fiducial.stations.systems import CentreSolution, DatumFreeSystem, datum_free

Array = NDArray[np.float64]

_ARRAYS: Final = (
    "value", "normal", "datum_sigma_m", "design", "projection", "own_blocks", "helmert_covariance", "unconstrained",
)  # fmt: skip


class SystemStore:
    """A file without a name that holds systems: it goes with the process, even when that is killed."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._places: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._out.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=self._out)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def save(self, name: str, system: DatumFreeSystem) -> None:
        """Keep a system; one of fewer sites takes the place of the one before."""
        self._file.seek(self._places[name]) if name in self._places else self._file.seek(0, 2)
        self._places[name] = self._file.tell()
        np.save(self._file, np.array(system.rank))
        for part in _ARRAYS:
            np.save(self._file, getattr(system, part))

    def load(self, name: str, keys: tuple[ParameterKey, ...]) -> DatumFreeSystem:
        """Return a system."""
        self._file.seek(self._places[name])
        rank = int(np.load(self._file))
        parts = {part: np.load(self._file) for part in _ARRAYS}
        return DatumFreeSystem(name=name, keys=keys, rank=rank, **parts)


class WeekInput:
    """A weekly solution as a stack takes it.

    Attributes
    ----------
    name : str
        GPS week, or date.
    epoch_yr : float
    keys : tuple of ParameterKey
    spans : dict of segment to (first, last)
        Of its data.
    """

    def __init__(self, week: Week, reference: StackReference, store: SystemStore) -> None:
        self.name, self.epoch_yr = week.group.name, week.group.epoch_yr
        self._store, self._stored = store, week.path.stem
        solution = week.solution()
        table = solution.estimate
        rows = np.flatnonzero(np.isin(table.types, list(COORDINATES)))
        names = zip(
            *(column[rows].tolist() for column in (table.types, table.codes, table.points, table.solns)), strict=True
        )
        self.keys = tuple(ParameterKey(*name) for name in names)
        value = table.values[rows].copy()
        for row, key in enumerate(self.keys):
            value[row] -= reference.post_seismic_m((key.code, key.point), self.epoch_yr)[COORDINATES[key.kind]]
        covariance = np.diag(table.sigmas**2) if solution.covariance is None else solution.covariance
        system = datum_free(CentreSolution(self.name, self.keys, value, covariance[np.ix_(rows, rows)]))
        self._store.save(self._stored, system)
        self._places = value[coordinate_rows(self.keys)]
        self.spans: dict[SiteName, tuple[np.datetime64, np.datetime64]] = {}
        if solution.spans is not None:
            columns = (solution.spans.codes, solution.spans.points, solution.spans.solns)
            sites = zip(*(column.tolist() for column in columns), strict=True)
            self.spans = dict(
                zip(sites, zip(solution.spans.start_utc, solution.spans.end_utc, strict=True), strict=True)
            )

    def places(self) -> dict[SiteName, Array]:
        """Return where its stations are [m]."""
        rows = coordinate_rows(self.keys)
        return {self.keys[row[0]].site: place for row, place in zip(rows, self._places, strict=False)}

    def load(self) -> DatumFreeSystem:
        """Return the system."""
        return self._store.load(self._stored, self.keys)

    def keep(self, system: DatumFreeSystem) -> None:
        """Take a system with fewer sites in its place."""
        self.keys = system.keys
        self._store.save(self._stored, system)
