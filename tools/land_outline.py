# ruff: noqa: INP001 - a script, not a package
"""Make the packaged land outline from ``land-50m.json`` (TopoJSON) of the npm package ``world-atlas``.

Usage: ``python tools/land_outline.py land-50m.json src/fiducial/formats/land/land-50m.npz``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _ring(arcs: list[NDArray[np.int64]], indices: list[int]) -> NDArray[np.int64]:
    """Join arcs to a ring; the one's complement of a number is its arc backwards (TopoJSON 2.1.4)."""
    parts = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in indices]
    return np.concatenate([part[1:] if number else part for number, part in enumerate(parts)])


def _polygons(geometry: dict[str, Any]) -> list[list[list[int]]]:
    if geometry["type"] == "GeometryCollection":
        return [polygon for part in geometry["geometries"] for polygon in _polygons(part)]
    return [geometry["arcs"]] if geometry["type"] == "Polygon" else list(geometry["arcs"])


def _cut(rings: list[NDArray[np.int64]], turn: int) -> list[list[NDArray[np.int64]]]:
    """Cut a polygon along the meridian of 180°; the source joins the two sides, and encloses the pole by a hole."""
    outer, *holes = [_unwrapped(ring, turn) for ring in rings]
    around = outer[-1, 0] != outer[0, 0]
    if around:
        # The hole is the source's way to end at the pole; the outline gets its lower side instead.
        low, high = outer[0, 0], outer[-1, 0]
        outer = np.vstack([outer, [[high, 0], [low, 0]], outer[:1]])
        holes = [hole for hole in holes if hole[-1, 0] == hole[0, 0]]
    middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
    holes = [hole + np.array([turn * round((middle - hole[0, 0]) / turn), 0]) for hole in holes]
    parts = []
    for shift in (-turn, 0, turn):
        cut = [_half(_half(ring + np.array([shift, 0]), 0, 1), turn, -1) for ring in (outer, *holes)]
        if len(cut[0]) > 3 and np.ptp(cut[0][:, 0]) > 0:
            parts.append([ring for ring in cut if len(ring) > 3])
    return parts


def _unwrapped(ring: NDArray[np.int64], turn: int) -> NDArray[np.int64]:
    step = np.diff(ring[:, 0])
    jumps = np.flatnonzero(np.abs(step) > turn // 2)
    if len(jumps) % 2:  # once around the pole: begin at the cut, so that the ends lie on it
        ring = np.vstack([ring[jumps[0] + 1 : -1], ring[: jumps[0] + 2]])
        step = np.diff(ring[:, 0])
    turns = np.concatenate([[0], np.cumsum(-np.round(step / turn).astype(np.int64))])
    return ring + np.column_stack([turns * turn, np.zeros_like(turns)])


def _half(ring: NDArray[np.int64], limit: int, sign: int) -> NDArray[np.int64]:
    """Keep the side of a meridian (Sutherland and Hodgman 1974)."""
    if len(ring) == 0:
        return ring
    kept: list[tuple[int, int]] = []
    inside = sign * (ring[:, 0] - limit) >= 0
    for k in range(len(ring) - 1):
        here, there = ring[k], ring[k + 1]
        if inside[k]:
            kept.append((int(here[0]), int(here[1])))
        if inside[k] != inside[k + 1]:
            share = (limit - here[0]) / (there[0] - here[0])
            kept.append((limit, round(float(here[1] + share * (there[1] - here[1])))))
    return np.array([*kept, kept[0]] if kept else np.zeros((0, 2)), dtype=np.int64).reshape(-1, 2)


def convert(source: Path, sink: Path) -> None:
    """Decode the topology and write its rings as differences of whole numbers, which compress well."""
    topology = json.loads(source.read_text())
    arcs = [np.cumsum(np.array(arc, dtype=np.int64), axis=0) for arc in topology["arcs"]]
    turn = round(360.0 / topology["transform"]["scale"][0])
    whole = [[_ring(arcs, ring) for ring in polygon] for polygon in _polygons(topology["objects"]["land"])]
    polygons = [part for rings in whole for part in _cut(rings, turn)]
    rings = [ring for polygon in polygons for ring in polygon]
    np.savez_compressed(
        sink,
        steps=np.concatenate([np.diff(ring, axis=0, prepend=0) for ring in rings]).astype(np.int32),
        vertices_of_ring=np.array([len(ring) for ring in rings], dtype=np.int32),
        rings_of_polygon=np.array([len(polygon) for polygon in polygons], dtype=np.int32),
        scale_deg=np.array(topology["transform"]["scale"]),
        origin_deg=np.array(topology["transform"]["translate"]),
    )


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
