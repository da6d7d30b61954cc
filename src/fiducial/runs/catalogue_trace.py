"""What a trace looks like: lines of text, JSON, DOT, or a picture; many likes of one kind are told as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fiducial.catalogue.records import Relation
from fiducial.catalogue.rows import loaded_path, require_at_least
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import Direction, TraceNode, trace
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.runs.catalogue_output import replaceable

if TYPE_CHECKING:
    from fiducial.reports.trace_figure import Box

MANY: Final = 8
"""Likes of one kind under one parent that are still told one by one."""

_SHOWN: Final = 3
_DIGITS: Final = 16
_WORDS: Final = {"used": "used", "generated": "made by", "derived": "made from", "member": "file"}
_WORDS_DOWN: Final = {"used": "used by", "generated": "made", "derived": "in", "member": "part of"}


@dataclass(frozen=True, slots=True)
class Row:
    """A node, or several of one kind that differ in nothing but their name, or the files of a product."""

    node: TraceNode
    children: tuple[Row, ...]
    more: int = 0
    files: tuple[TraceNode, ...] = ()


def trace_in(catalogue: Catalogue, start: str, direction: Direction, depth: int | None = None) -> TraceNode:
    """Return the trace, after the catalogue's own rules; see :func:`fiducial.catalogue.trace.trace`."""
    require_at_least(0, depth, "--depth")
    return trace(catalogue, start, direction, depth)


def rows_of(root: TraceNode, *, every: bool = False) -> Row:
    """Return the tree with the likes of one kind put together, unless every one is wanted."""
    made: dict[int, Row] = {}
    for _, node in reversed(list(root.walk())):
        children = [made.pop(id(child)) for child in node.children]
        made[id(node)] = Row(node, tuple(children if every else _together(children)))
    return made[id(root)]


def _together(children: Sequence[Row]) -> Iterator[Row]:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for child in children:
        groups.setdefault((child.node.kind, str(child.node.relation), child.node.role), []).append(child)
    for group in groups.values():
        leaves = [row for row in group if not row.children]
        if len(leaves) > 1 and _is_part(leaves[0].node):
            yield from (row for row in group if row.children)
            yield Row(leaves[0].node, (), files=tuple(row.node for row in leaves))
            continue
        if len(leaves) <= MANY:
            yield from group
            continue
        yield from (row for row in group if row.children)
        yield from leaves[:_SHOWN]
        yield Row(leaves[_SHOWN].node, (), len(leaves) - _SHOWN)


def _is_part(node: TraceNode) -> bool:
    return node.kind == "file" and node.relation is Relation.MEMBER


def _told(files: Sequence[TraceNode]) -> str:
    """Return number and size of files, and how many lie nowhere."""
    size, unit = float(sum(one.details.get("size", 0) for one in files)), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000.0:
            break
        size, unit = size / 1000.0, larger
    lost = sum(not is_there(one) for one in files)
    shown = f"{size:.0f}" if unit == "bytes" else f"{size:.1f}"
    return f"{len(files)} files, {shown} {unit}" + (f", {lost} of them at none of its paths" if lost else "")


def text_lines(root: TraceNode, direction: Direction, *, every: bool = False) -> list[str]:
    """Return the tree as text, a line a node, with the first digits of every hash."""
    words = _WORDS if direction == "up" else _WORDS_DOWN
    lines: list[str] = []
    waiting = [(rows_of(root, every=every), "", "")]
    while waiting:
        row, lead, below = waiting.pop()
        lines.append(lead + _line(row, words))
        last = len(row.children) - 1
        branches = [(child, f"{below}{'└─ ' if k == last else '├─ '}", f"{below}{'   ' if k == last else '│  '}")
                    for k, child in enumerate(row.children)]  # fmt: skip
        waiting += reversed(branches)
    return lines


def _line(row: Row, words: dict[str, str]) -> str:
    node = row.node
    if row.files:
        return _told(row.files)
    if row.more:
        return f"{row.more} more of kind {node.kind}" + (f" ({node.role})" if node.role else "")
    parts = (
        [] if node.relation is None else [words[str(node.relation)] + (f" ({node.role})" if node.role else "") + ":"]
    )
    parts += [node.kind, node.name, detail(node)]
    parts += [text for flag, text in ((node.shared, "[see elsewhere in this tree]"), (node.cycle, "[a cycle]"),
                                      (node.cut, "[more beyond this depth]")) if flag]  # fmt: skip
    return " ".join(part for part in parts if part)


def detail(node: TraceNode) -> str:
    """Return what tells a node from others: hash and place, product and span, state."""
    found = node.details
    if node.kind == "file" and "sha256" in found:
        lost = "" if is_there(node) else " [at none of its paths]" if found["paths"] else " [held nowhere]"
        return f"{found['format']} {found['size']} bytes sha256:{found['sha256'][:_DIGITS]}{lost}"
    if node.kind == "file":
        return f"{node.id[: len('sha256:') + _DIGITS]} [known by its hash alone]"
    if node.kind == "run":
        short = [f"{len(found['shortcomings'])} shortcomings"] if found.get("shortcomings") else []
        return ", ".join([f"version {found['step_version']}", found["state"], found["started"][:19], *short])
    if node.kind == "product":
        span = [f"{found['start'][:10]} to {found.get('end', 'unknown')[:10]}"] if "start" in found else []
        stated = [found[key] for key in ("egv_product", "level", "tier", "frame") if key in found]
        return ", ".join([*stated, *span])
    return ""


def is_there(node: TraceNode) -> bool:
    """Whether a file lies at one of its recorded paths; its content is not read."""
    return any(_exists(path) for path in node.details.get("paths", ()))


def _exists(path: str) -> bool:
    try:
        return Path(loaded_path(path)).exists()
    except (OSError, ValueError):
        return False


def document(root: TraceNode, direction: Direction, depth: int | None) -> dict[str, Any]:
    """Return the trace for JSON: every node once, the steps between them."""
    return {"direction": direction, "depth": depth, **root.to_dict()}


def write_picture(root: TraceNode, direction: Direction, path: Path, *, overwrite: bool = False) -> None:
    """Write the trace as SVG, PNG, DOT or JSON, by the suffix of the name.

    Raises
    ------
    InputError
        FID-1002 when the file exists and may not be replaced; FID-1426 for another suffix.
    RunError
        FID-5010 when the picture would have too many rows.
    """
    makers: dict[str, Callable[[], bytes]] = {
        ".dot": lambda: _dot(root, direction).encode(),
        ".json": lambda: json.dumps(document(root, direction, None), indent=1).encode() + b"\n",
        ".svg": lambda: _figure(root, direction, "svg"),
        ".png": lambda: _figure(root, direction, "png"),
    }
    maker = makers.get(path.suffix.lower())
    if maker is None:
        raise InputError("FID-1426", f"a trace cannot be written as {path.suffix or 'a file without suffix'}",
                         where=str(path), fix=f"end the name in {', '.join(makers)}")  # fmt: skip
    data = maker()
    with replaceable(overwrite=overwrite), atomic_file(path, overwrite=overwrite) as partial:
        partial.write_bytes(data)


def _title(root: TraceNode, direction: Direction) -> str:
    return f"What {root.name} was made from" if direction == "up" else f"What stands on {root.name}"


def _dot(root: TraceNode, direction: Direction) -> str:
    from fiducial.formats import chain_dot
    from fiducial.formats.chain_graph import ChainGraph, GraphEdge, GraphNode, Group

    nodes = {node.id: node for _, node in root.walk()}
    kinds = sorted({node.kind for node in nodes.values()})
    edges: dict[tuple[str, str, str], None] = {}
    for _, node in root.walk():
        for child in node.children:
            upper, lower = (child.id, node.id) if direction == "up" else (node.id, child.id)
            edges[upper, lower, str(child.relation)] = None
    return chain_dot.write(ChainGraph(
        _title(root, direction),
        tuple(Group(kind, kind) for kind in kinds),
        tuple(GraphNode(one.id, one.name, one.kind, one.kind, note=detail(one)) for one in nodes.values()),
        tuple(GraphEdge(upper, lower, "input") for upper, lower, _ in edges),
    ))  # fmt: skip


def _figure(root: TraceNode, direction: Direction, form: str) -> bytes:
    from fiducial.reports.style import png_bytes, svg_bytes
    from fiducial.reports.trace_figure import Line, trace_figure

    boxes: list[Box] = []
    lines: list[Line] = []
    places: dict[str, int] = {}
    repeats: list[tuple[int, str]] = []
    row = 0.0
    waiting: list[tuple[Row, int, int]] = [(rows_of(root), 0, -1)]
    while waiting:
        one, column, parent = waiting.pop()
        node = one.node
        if node.shared or node.cycle:
            repeats.append((parent, node.id))
            continue
        # The first child stands beside its parent, the others below.
        row += 1.0 if boxes and column <= boxes[-1].column else 0.0
        boxes.append(_box(one, column, row))
        if one.files:
            places.update((part.id, len(boxes) - 1) for part in one.files)
        elif not one.more:
            places[node.id] = len(boxes) - 1
        if parent >= 0:
            lines.append(Line(parent, len(boxes) - 1))
        waiting += [(child, column + 1, len(boxes) - 1) for child in reversed(one.children)]
    lines += [Line(parent, places[target], is_repeat=True) for parent, target in repeats if target in places]
    figure = trace_figure(boxes, lines, title=_title(root, direction))
    return svg_bytes(figure) if form == "svg" else png_bytes(figure)


def _box(row: Row, column: int, height: float) -> Box:
    from fiducial.reports.trace_figure import Box

    node = row.node
    if row.files:
        tops = ", ".join(dict.fromkeys(part.name.split("/")[0] for part in row.files))
        return Box(node.kind, _told(row.files), tops, column, height, not all(map(is_there, row.files)))
    if row.more:
        return Box(node.kind, f"{row.more} more", node.role, column, height)
    return Box(node.kind, node.name, _short(node), column, height, node.kind == "file" and not is_there(node))


def _short(node: TraceNode) -> str:
    if node.kind == "file":
        return node.id[: len("sha256:") + _DIGITS]
    return detail(node)
