"""Reading a recipe: every fault is told with file, line and fix, before any work."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from fiducial.errors import FormatError, RunError
from fiducial.formats.yaml_tree import Node, parse_tree
from fiducial.runs.engine_model import Task
from fiducial.runs.recipes.builder import Builder
from fiducial.runs.recipes.models import KINDS, Recipe
from fiducial.runs.recipes.template import bounds_of, models_in

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_UNITS: Final = ("mm_per_yr", "mas", "ppb", "mm", "km", "deg", "yr", "m", "s", "h", "d")
_WITH_UNIT: Final = re.compile(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([A-Za-z°%/]+[\w/²]*)\s*")
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Loaded:
    """A recipe that was read.

    Attributes
    ----------
    path : Path
    recipe : Recipe
    root : Node
        The document, for the lines of its fields.
    lines : tuple of str
    """

    path: Path
    recipe: Recipe
    root: Node
    lines: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Kind of the recipe."""
        return self.recipe.kind

    @property
    def out(self) -> Path:
        """Folder of the outputs."""
        return self.path.absolute().parent / Path(self.recipe.out).expanduser()

    def where(self, place: tuple[str | int, ...]) -> str:
        """Say file and line of a field, or of what it would stand in."""
        return f"{self.path}, line {line_of(self.root, place, self.lines)}"

    def tasks(self) -> list[Task]:
        """Return the graph of the recipe.

        Raises
        ------
        FiducialError
            FID-1001 for files that are not there, and those of the sections.
        """
        builder = Builder(self.path.absolute().parent, self.where)
        self.recipe.build(builder)
        return builder.tasks


def load(path: Path) -> Loaded:
    """Read and validate a recipe.

    Raises
    ------
    FormatError
        FID-5000 when the file cannot be read, is no YAML, or its kind is not known.
    RunError
        FID-5001 for a field that is not known, such as a typing error or another unit; FID-5002 for a value that is
        missing, of another type, or out of bounds. The first fault is told in full, the others by their lines.
    """
    text = _text(path)
    root = parse_tree(text, str(path), "FID-5000")
    lines = tuple(text.splitlines())
    model = _model(root, path, lines)
    try:
        recipe = model.model_validate(_plain(root))
    except ValidationError as error:
        raise _fault(error, model, root, path, lines) from error
    return Loaded(path, recipe, root, lines)


def _text(path: Path) -> str:
    fix = "give a recipe; `fiducial recipe new KIND` writes one"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError("FID-5000", f"more than {_MOST_BYTES} bytes are no recipe", where=str(path), fix=fix)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(
            "FID-5000", f"the recipe cannot be read: {error.strerror}", where=str(path), fix=fix
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError("FID-5000", "the recipe is no UTF-8 text", where=str(path), fix=fix) from error


def _model(root: Node, path: Path, lines: tuple[str, ...]) -> type[Recipe]:
    if not isinstance(root.value, dict):
        raise FormatError("FID-5000", "a recipe is a mapping of fields to values", where=f"{path}, line {root.line}",
                          fix=f"write one with `fiducial recipe new KIND`: {', '.join(KINDS)}")  # fmt: skip
    kind = root.value.get("kind")
    name = "" if kind is None or isinstance(kind.value, list | dict) else str(kind.value)
    if name not in KINDS:
        problem = f"no kind of recipe: {name!r}" if name else "the kind of the recipe is missing, or no name"
        near = difflib.get_close_matches(name, KINDS, 1)
        where = f"{path}, line {1 if kind is None else line_of(root, ('kind',), lines)}"
        raise FormatError("FID-5000", problem, where=where, fix=f"kind: {near[0] if near else ' | '.join(KINDS)}")
    return KINDS[name]


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(one) for name, one in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(one) for one in node.value]
    return None if node.value in _NULLS else node.value


def line_of(root: Node, place: tuple[str | int, ...], lines: tuple[str, ...]) -> int:
    """Return the line of a field, counted from 1; of what it would stand in when it is not there.

    Parameters
    ----------
    root : Node
    place : tuple
        Names of fields and numbers of items.
    lines : tuple of str
        Of the document.
    """
    node, line = root, root.line
    for part in place:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[str(part)]
            line = _line_of_key(str(part), node.line, line, lines)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = value[part]
            line = node.line
        else:
            break
    return line


def _line_of_key(key: str, line: int, first: int, lines: tuple[str, ...]) -> int:
    """Return the line of a key, whose value may begin in a later one."""
    pattern = re.compile(rf"""(^|[\s{{,])["']?{re.escape(key)}["']?\s*:""")
    for number in range(min(line, len(lines)), first - 1, -1):
        if pattern.search(lines[number - 1]):
            return number
    return line


def _fault(error: ValidationError, model: type[BaseModel], root: Node, path: Path, lines: tuple[str, ...]) -> RunError:
    faults = sorted(
        ((line_of(root, one["loc"], lines), number, one) for number, one in enumerate(error.errors())),
        # A name mistyped leaves the right one missing: the mistake comes before what follows from it.
        key=lambda fault: (fault[2]["type"] != "extra_forbidden", *fault[:2]),
    )  # fmt: skip
    line, _, first = faults[0]
    code, problem, fix = _told(first, model)
    others = sorted({one[0] for one in faults[1:]})
    if others:
        problem += f"; more faults in line{'s' if len(others) > 1 else ''} {', '.join(map(str, others))}"
    return RunError(code, problem, where=f"{path}, line {line}", fix=fix)


def _told(fault: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str, str]:
    """Return code, problem and fix of a fault."""
    place = tuple(fault["loc"])
    name = ".".join(str(part) for part in place)
    last = str(place[-1]) if place else ""
    if fault["type"] == "extra_forbidden":
        known = tuple(_fields(model, place[:-1]))
        return "FID-5001", f"no field is called {name}", _nearest(last, known)
    if fault["type"] == "missing":
        return "FID-5002", f"the field {name} is missing", _described(model, place) or f"give {last}"
    given = fault.get("input")
    problem = f"{name}: {_lower(str(fault['msg']))}"
    if isinstance(given, str | int | float):
        problem += f", not {str(given)[:80]!r}"
        parts = _WITH_UNIT.fullmatch(str(given))
        if parts and fault["type"] in ("float_parsing", "int_parsing"):
            unit = _unit_of(last)
            told = f"the name says the unit: {unit.replace('_per_', '/')}" if unit else "the field has no unit"
            return "FID-5002", problem, f"give a number alone, as {last}: {parts[1]}; {told}"
    return "FID-5002", problem, _described(model, place) or "see `fiducial recipe new`"


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _nearest(name: str, known: tuple[str, ...]) -> str:
    stem = _stem(name)
    other_unit = [one for one in known if one != name and _unit_of(one) and _stem(one) == stem]
    if other_unit:
        return f"the field is {other_unit[0]}: convert the value to {_unit_of(other_unit[0]).replace('_per_', '/')}"
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"fields here are {', '.join(known)}" if known else "leave it out"


def _unit_of(name: str) -> str:
    return next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")


def _stem(name: str) -> str:
    unit = _unit_of(name)
    return name.removesuffix(f"_{unit}") if unit else name


def _model_at(model: type[BaseModel], place: tuple[str | int, ...]) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int):
            continue
        if found is None or part not in found.model_fields:
            return None
        found = next(models_in(found.model_fields[part].annotation), None)
    return found


def _fields(model: type[BaseModel], place: tuple[str | int, ...]) -> Iterator[str]:
    found = _model_at(model, place)
    if found is not None:
        yield from found.model_fields


def _described(model: type[BaseModel], place: tuple[str | int, ...]) -> str:
    names = [part for part in place if isinstance(part, str)]
    owner = _model_at(model, tuple(names[:-1])) if names else None
    if owner is None or names[-1] not in owner.model_fields:
        return ""
    field = owner.model_fields[names[-1]]
    bounds = bounds_of(field)
    return f"{names[-1]}: {field.description or ''}{f' ({bounds})' if bounds else ''}"
