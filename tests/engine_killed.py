"""Run a small graph in this process, with the real catalogue: what the tests kill."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_worlds import chain_of
from fiducial.catalogue.store import Catalogue
from fiducial.runs.engine import Engine
from fiducial.runs.engine_executor import executor


def main():
    folder = Path(sys.argv[1])
    with Catalogue.open(folder / "catalogue.sqlite") as store, executor("local", 2) as (pool, count):
        engine = Engine(folder / "out", store, "test", lambda text: print(text, flush=True))
        results = engine.run(chain_of(folder / "source.txt", pause_s=float(sys.argv[2])), pool, count)
    print("finished", sum(one.state == "made" for one in results), flush=True)


if __name__ == "__main__":
    main()
