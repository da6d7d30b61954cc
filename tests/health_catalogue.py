"""Catalogues of file names and times, for the tests of health."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fiducial.catalogue.records import FileRecord, ProductRecord


class Held:
    """Files that were issued, or only added, at a time; None leaves it unknown."""

    def __init__(
        self, issued: Iterable[tuple[str, str | None]] = (), added: Iterable[tuple[str, str | None]] = ()
    ) -> None:
        self._issued = dict(issued)
        self._added = dict(added)

    def files(self, **_: object) -> list[FileRecord]:
        return [file(name, when) for name, when in [*((one, None) for one in self._issued), *self._added.items()]]

    def products(self, **_: object) -> list[ProductRecord]:
        return [product(name, when) for name, when in self._issued.items() if when is not None]


def file(name: str, added: str | None = None) -> FileRecord:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FileRecord(digest, 1, "SP3", name, (f"/data/{name}",), {} if added is None else {"added": added})


def product(name: str, issued: str) -> ProductRecord:
    when = datetime.fromisoformat(issued).replace(tzinfo=UTC)
    return ProductRecord(f"product:{name}", name, "GSO", None, None, None, None, None, when, (file(name).id,))


def rapid(first: str, last: str, at: str = "16:50") -> dict[str, str]:
    """Rapid orbits of days, each issued on the day after."""
    day, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    names = {}
    while day <= end:
        names[f"IGS0OPSRAP_{day:%Y%j}0000_01D_15M_ORB.SP3"] = f"{day + timedelta(days=1):%Y-%m-%d}T{at}"
        day += timedelta(days=1)
    return names
