"""Eight processes that add 1 000 files each to one SQLite and to one PostgreSQL catalogue; the real files through the command."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from catalogue_writers import add_at_once, check_all  # noqa: E402
from fiducial.catalogue.store import Catalogue  # noqa: E402
from fiducial.catalogue.trace import trace  # noqa: E402
from fiducial.catalogue.verify import verify  # noqa: E402
from fiducial.runs.catalogue_add import add_paths  # noqa: E402
from postgres_server import postgres_server  # noqa: E402


def _measure(url: str, folder: Path, writers: int, count: int) -> float:
    seconds = add_at_once(url, folder, writers, count)
    check_all(url, writers, count)
    return writers * count / seconds


def _real(folder: Path) -> dict[str, float]:
    base = Path(os.environ.get("FIDUCIAL_DATA", ROOT.parent / "shared" / "data"))
    paths = [base / "orbits" / "2024-263-final", base / "egms", base / "sinex"]
    if not all(path.exists() for path in paths):
        return {}
    with Catalogue.open(folder / "real.sqlite") as catalogue:
        first = add_paths(catalogue, paths)
        second = add_paths(catalogue, paths)
        began = time.perf_counter()
        root = trace(catalogue, "EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip", "up")
        traced = time.perf_counter() - began
        began = time.perf_counter()
        found = verify(catalogue)
        verified = time.perf_counter() - began
    return {"real_files": first.added, "real_mb": first.size / 1e6, "real_entities": first.entities,
            "real_edges": first.edges, "real_s": first.seconds, "real_again_s": second.seconds,
            "trace_nodes": sum(1 for _ in root.walk()), "trace_s": traced, "verify_paths": found.checked,
            "verify_s": verified}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    result: dict[str, float] = {"writers": options.writers, "files_each": options.count}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        url = str(folder / "catalogue.sqlite")
        result["sqlite_files_per_s"] = _measure(url, folder, options.writers, options.count)
        result["sqlite_mb"] = Path(url).stat().st_size / 1e6
        try:
            with postgres_server(durable=True) as server:
                result["postgresql_files_per_s"] = _measure(server, folder, options.writers, options.count)
        except BaseException as error:
            if type(error).__name__ != "Skipped":
                raise
            print(error, file=sys.stderr)
        result |= _real(folder)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        print(f"{name:32s}{value:14.3f}" if isinstance(value, float) else f"{name:32s}{value:14d}")


if __name__ == "__main__":
    main()
