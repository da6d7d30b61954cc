"""The instant that a file states it was made at; of reproducible runs the one that they state."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def creation_time() -> datetime:
    """Return now in UTC, or the instant of the environment variable SOURCE_DATE_EPOCH (seconds since 1970).

    The variable is that of reproducible-builds.org: with it, the same inputs give the same bytes.
    """
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(stated), UTC) if stated.isdecimal() else datetime.now(UTC)
