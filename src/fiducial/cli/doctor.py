"""``fiducial doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fiducial import __version__
from fiducial.cli.console import print_json, print_table

_LIBRARIES = ("numpy", "scipy", "numba", "pyarrow", "polars", "zarr", "pyproj", "rasterio", "pyogrio", "matplotlib")


def doctor(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Tell whether this machine has what Fiducial needs.

    Example: ``fiducial doctor --json``

    Parameters
    ----------
    json
        Print JSON.
    """
    findings = [*_interpreter(), *_libraries(), *_work_place(), *_data()]
    if json:
        print_json([{"check": check, "state": state, "detail": detail} for check, state, detail in findings])
    else:
        print_table(f"Fiducial {__version__}", ["check", "state", "detail"], findings)
    if any(state == "missing" for _, state, _ in findings):
        sys.exit(6)


def _interpreter() -> list[tuple[str, str, str]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        ("Python", "ok", platform.python_version()),
        ("machine", "ok", f"{platform.system()} {platform.machine()}, {cores} cores"),
    ]


def _libraries() -> list[tuple[str, str, str]]:
    findings = []
    for name in _LIBRARIES:
        try:
            findings.append((name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            findings.append((name, "missing", "run `make demo` or `make test` once: both install it"))
    return findings


def _work_place() -> list[tuple[str, str, str]]:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    return [("free disk here", "ok" if free_gb > 5 else "low", f"{free_gb:.0f} GB")]


def _data() -> list[tuple[str, str, str]]:
    stated = os.environ.get("FIDUCIAL_DATA")
    folder = Path(stated or "../shared/data")
    state = "ok" if folder.is_dir() else "absent"
    hint = "" if folder.is_dir() else "; needed for `fiducial demo --real` and the tests on real files only"
    return [("real data (FIDUCIAL_DATA)", state, f"{folder}{hint}")]
