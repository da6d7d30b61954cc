"""Numbers and epochs as reports hold them: unknown is None."""

from __future__ import annotations

from datetime import datetime

import numpy as np


def number(value: float, scale: float = 1.0) -> float | None:
    """Return a scaled number, None where unknown."""
    return float(value) * scale if np.isfinite(value) else None


def moment(epoch: np.datetime64) -> datetime:
    """Return an epoch as a datetime without time zone, whole microseconds."""
    value: datetime = epoch.astype("datetime64[us]").astype(datetime)
    return value


def optional_moment(epoch: np.datetime64 | None) -> datetime | None:
    """Return an epoch as a datetime, None where there is none."""
    return None if epoch is None else moment(epoch)
