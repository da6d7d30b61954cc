"""Settings of every suite."""

from __future__ import annotations

import os

from hypothesis import settings

# Shared and slow machines make the time of one example meaningless.
settings.register_profile("fiducial", deadline=None)
# CI asks whether a change broke something, and must give the same answer twice; new examples are found by `make test`.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fiducial"))
