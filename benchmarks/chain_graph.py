"""Closures of a large dependency graph: 200 000 nodes, 600 000 edges, beside rustworkx.

The graph is random and cyclic, so that almost every node is upstream of almost every other: the largest answer there is.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import rustworkx as rx

from common import report
from fiducial.chain.structure import DirectedGraph

NODES, EDGES, ASKED = 200_000, 600_000, 5


def measure(rounds: int) -> dict[str, object]:
    """Time building, ancestors with distances, descendants and circles; and ancestors without distances in rustworkx."""
    rng = np.random.default_rng(20261121)
    suppliers, consumers = rng.integers(0, NODES, EDGES), rng.integers(0, NODES, EDGES)
    start = time.perf_counter()
    graph = DirectedGraph(NODES, suppliers, consumers)
    _ = graph.forward, graph.backward
    build = time.perf_counter() - start
    start = time.perf_counter()
    peer: rx.PyDiGraph = rx.PyDiGraph()
    peer.add_nodes_from(range(NODES))
    peer.add_edges_from_no_data(list(zip(suppliers.tolist(), consumers.tolist(), strict=True)))
    peer_build = time.perf_counter() - start
    asked = [node for node in range(3 * ASKED) if graph.ancestors(node)[0].size > NODES // 2][:ASKED]
    ours, theirs, down = [], [], []
    for _round in range(rounds):
        for node in asked:
            start = time.perf_counter()
            found, _far = graph.ancestors(node)
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            other = rx.ancestors(peer, node)
            theirs.append(time.perf_counter() - start)
            if set(found.tolist()) != other - {node}:
                raise AssertionError(node)
            start = time.perf_counter()
            graph.descendants(node)
            down.append(time.perf_counter() - start)
    start = time.perf_counter()
    circles = graph.circles()
    return {
        "nodes": NODES,
        "edges": EDGES,
        "build_s": round(build, 4),
        "rustworkx_build_s": round(peer_build, 4),
        "ancestors_found": int(found.size),
        "ancestors_median_s": round(statistics.median(ours), 4),
        "ancestors_largest_s": round(max(ours), 4),
        "descendants_median_s": round(statistics.median(down), 4),
        "rustworkx_ancestors_median_s": round(statistics.median(theirs), 4),
        "circles": len(circles),
        "circles_s": round(time.perf_counter() - start, 4),
    }


if __name__ == "__main__":
    report(measure, __doc__)
