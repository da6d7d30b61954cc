"""Helpers that every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_path(*parts: str) -> Path:
    """Path inside FIDUCIAL_DATA (default ``../shared/data`` beside the checkout); skips visibly when absent."""
    base = Path(os.environ.get("FIDUCIAL_DATA", ROOT.parent / "shared" / "data"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data absent: {path} (set FIDUCIAL_DATA)")
    return path
