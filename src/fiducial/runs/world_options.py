"""How large a simulated world is: sizes, bounds, and the days it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

import numpy as np

from fiducial.errors import InputError

Size = Literal["small", "medium", "country"]
Part = Literal["insar", "stations", "centres"]

PARTS: Final[dict[Part, frozenset[str]]] = {
    "insar": frozenset({"burst", "velocities", "truth"}),
    "stations": frozenset({"series", "steps", "velocities", "truth"}),
    "centres": frozenset({
        "orbit", "clock", "earth rotation", "frame summary", "station solution", "reference frame", "true orbit", "truth",
    }),
}  # fmt: skip
"""Kinds of the files of each part of a world; together they are all kinds."""

FIRST_SERIES_DAY: Final = np.datetime64("2020-01-01", "D")
FIRST_CENTRE_DAY: Final = np.datetime64("2023-06-04", "D")
"""A Sunday: seven days of centres lie in one GPS week, and IGS20 was the frame of the products."""

_BOUNDS: Final = {
    "seed": (0, 2**31), "bursts": (2, 5_000), "points": (50, 1_000_000), "epochs": (12, 1_000),
    "stations": (5, 20_000), "global_stations": (24, 600), "centres": (3, 30), "days": (1, 366),
    "day_interval": (1, 366), "satellites": (8, 60), "series_years": (1, 20),
}  # fmt: skip


@dataclass(frozen=True)
class WorldOptions:
    """Size of a world.

    Attributes
    ----------
    seed : int
        The same seed and sizes give the same bytes.
    bursts : int
        EGMS Level 2a bursts, half ascending, half descending.
    points, epochs : int
        Of each burst.
    stations : int
        GNSS stations of the region of the bursts.
    global_stations : int
        Further stations that the analysis centres share, a third of them on the plate of the region.
    centres, satellites : int
    days, day_interval : int
        Days of orbits, clocks and station solutions, and their distance; the first is 2023-06-04.
    series_years : int
        Length of the daily station series, from 2020-01-01.
    """

    seed: int = 1
    bursts: int = 4
    points: int = 2_500
    epochs: int = 100
    stations: int = 24
    global_stations: int = 36
    centres: int = 5
    days: int = 1
    day_interval: int = 1
    satellites: int = 24
    series_years: int = 4

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                option = f"--{name.replace('_', '-')}"
                raise InputError("FID-1430", f"a simulated world cannot have {name} = {value}", where=option,
                                 fix=f"give {least} to {most}")  # fmt: skip

    def centre_days(self) -> list[np.datetime64]:
        """Return the days of the analysis centres."""
        return [FIRST_CENTRE_DAY + np.timedelta64(k * self.day_interval, "D") for k in range(self.days)]

    def to_dict(self) -> dict[str, int]:
        """Return the sizes by name."""
        return asdict(self)


SIZES: Final[dict[str, WorldOptions]] = {
    "small": WorldOptions(),
    "medium": WorldOptions(bursts=16, points=10_000, epochs=150, stations=60, global_stations=60, centres=6, days=7,
                           satellites=48),
    "country": WorldOptions(bursts=200, points=50_000, epochs=150, stations=300, global_stations=120, centres=8, days=7,
                            satellites=56),
}  # fmt: skip


def world_options(size: Size = "small", **changes: int | None) -> WorldOptions:
    """Return the options of a size, with changes; those that are None are left as they are.

    Raises
    ------
    InputError
        FID-1430 for a size that is not known, or a number out of its bounds.

    Examples
    --------
    >>> world_options("medium", bursts=6, seed=None).bursts
    6
    """
    if size not in SIZES:
        raise InputError("FID-1430", f"no size {size!r}", where="--size", fix=f"choose {', '.join(SIZES)}")
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    known = {one.name for one in fields(WorldOptions)}
    if unknown := sorted(set(given) - known):
        raise InputError("FID-1430", f"no option {unknown[0]!r}", where="options", fix=f"choose {', '.join(known)}")
    return replace(SIZES[size], **given)
