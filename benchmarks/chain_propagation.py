"""2000 samples of the packaged chain over 3000 days, every variable and product of Level 3 watched, hours resolved.

In a process of its own: the first call (compiled kernels come from the cache, if there is one), then rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from common import report

PROGRAM = """
import json, resource, sys, time
from fiducial.chain.assembly import assemble
from fiducial.chain.egv import Level
from fiducial.chain.propagation import Outage, propagate, time_steps
from fiducial.chain.scenario import failing_nodes
from fiducial.runs.chain_knowledge import load_knowledge
knowledge = load_knowledge()
chain = assemble(knowledge)
catalogue = knowledge.catalogue
watched = [egv.id for egv in catalogue.of_level(Level.LEVEL_3)] + [one.id for one in catalogue.products(Level.LEVEL_3)]
outages = [Outage(node) for node in failing_nodes(knowledge, chain, "l2/satellite_orbits").nodes]
parameters = chain.parameters(chain.sample(2000, 0))
start = time.perf_counter()
propagate(chain.network, chain.parameters(chain.nominal()), outages, horizon_days=1.0)
first = time.perf_counter() - start
seconds, processor = [], []
for _ in range(int(sys.argv[1])):
    start, used = time.perf_counter(), time.process_time()
    propagate(chain.network, parameters, outages, horizon_days=3000.0, watched=watched, output_times=120)
    seconds.append(time.perf_counter() - start)
    processor.append(time.process_time() - used)
print(json.dumps({
    "nodes": len(chain.network.nodes), "edges": int(chain.network.supplier.size), "watched": len(watched),
    "steps": int(time_steps(3000.0, outages).size - 1), "first": first, "seconds": seconds, "processor": processor,
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
}))
"""


def measure(rounds: int = 5) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(rounds)], check=True, capture_output=True, text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    found = json.loads(done.stdout)
    return {
        "samples": 2000,
        **{name: found[name] for name in ("nodes", "edges", "watched", "steps")},
        "rounds": rounds,
        "first_call_s": round(found["first"], 2),
        "median_s": round(statistics.median(found["seconds"]), 2),
        "smallest_s": round(min(found["seconds"]), 2),
        "largest_s": round(max(found["seconds"]), 2),
        "processor_median_s": round(statistics.median(found["processor"]), 2),
        "peak_megabytes": round(found["megabytes"], 0),
    }


if __name__ == "__main__":
    report(measure, __doc__)
