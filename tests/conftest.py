"""Settings of every suite."""

from __future__ import annotations

from hypothesis import settings

# Shared and slow machines make the time of one example meaningless.
settings.register_profile("fiducial", deadline=None)
settings.load_profile("fiducial")
