"""From a recipe to its graph: paths are found, and tasks named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from fiducial.errors import FiducialError, InputError
from fiducial.runs.engine_model import Given, Made, Source, Step, Task

_WILD: Final = re.compile(r"[*?\[]")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]+")

Where = Callable[[tuple[str | int, ...]], str]


def _nowhere(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place)) or "recipe"


@dataclass(slots=True)
class Builder:
    """Collects the tasks of a recipe.

    Attributes
    ----------
    base : Path
        Folder of the recipe: relative paths in it begin there.
    where : callable
        From the place of a field in the recipe to file and line.
    """

    base: Path
    where: Where = _nowhere
    tasks: list[Task] = field(default_factory=list)

    def files(self, place: tuple[str | int, ...], texts: Sequence[str] | str | None) -> tuple[Given, ...]:
        """Return the files of paths and patterns.

        Parameters
        ----------
        place : tuple
            Of the field in the recipe.
        texts : sequence of str, str or None
            Paths, or patterns with ``*``, ``?``, ``[...]`` and ``**``; one that ends in ``/`` means folders only.

        Raises
        ------
        InputError
            FID-1001 when a path is not there or a pattern finds nothing.
        """
        listed = () if texts is None else (texts,) if isinstance(texts, str) else tuple(texts)
        found: list[Path] = []
        for number, text in enumerate(listed):
            at = place if isinstance(texts, str) else (*place, number)
            found += self.paths(at, text)
        return tuple(Given(path) for path in dict.fromkeys(found))

    def paths(self, place: tuple[str | int, ...], text: str) -> tuple[Path, ...]:
        """Return the paths that one text of the recipe means; errors as `files`."""
        path = self.base / Path(text).expanduser()
        if path.exists():
            return (path,)
        if _WILD.search(text):
            top = Path(path.anchor)
            matches = tuple(sorted(top.glob(str(path.relative_to(top))))) if path.anchor else ()
            if text.endswith("/"):
                matches = tuple(one for one in matches if one.is_dir())
            if matches:
                return matches
            raise InputError("FID-1001", f"no file is called {text!r}", where=self.where(place),
                             fix=f"check the pattern; it is relative to {self.base}")  # fmt: skip
        raise InputError("FID-1001", f"no such file or folder: {text}", where=self.where(place),
                         fix=f"check the path; it is relative to {self.base}")  # fmt: skip

    def add(
        self, name: str, step: Step, parameters: BaseModel, inputs: Mapping[str, Sequence[Source]],
        places: Mapping[str, tuple[str | int, ...]],
    ) -> Task:  # fmt: skip
        """Add a task; ``places`` say where the recipe speaks of slots, of ``options.NAME``, and with ``""`` of the task."""
        given = {slot: tuple(sources) for slot, sources in inputs.items() if sources}
        task = Task(name, step, parameters, given, {slot: self.where(place) for slot, place in places.items()})
        self.tasks.append(task)
        return task


def options_at(model: type[BaseModel], place: tuple[str | int, ...]) -> dict[str, tuple[str | int, ...]]:
    """Return the places of parameters, as `Builder.add` takes them, that stand as fields of one section of a recipe."""
    return {f"options.{name}": (*place, name) for name in model.model_fields}


def day_of(path: Path) -> str:
    """Return the day that the name of a file states, empty when it states none."""
    import numpy as np

    from fiducial.formats.igs_names import LongName, parse_name

    try:
        name = parse_name(path.name)
    except FiducialError:
        return ""
    return str(np.datetime_as_string(name.start, "D")) if isinstance(name, LongName) else ""


def plain_name(text: str) -> str:
    """Return a text as it may stand in the name of a task.

    Examples
    --------
    >>> plain_name("EGMS L2a:117.zip"), plain_name("..")
    ('EGMS_L2a_117.zip', '_..')
    """
    plain = _NOT_IN_NAMES.sub("_", text)
    return f"_{plain}" if not plain or plain.startswith(".") else plain


def made(task: Task, slot: str, name: str | None = None) -> tuple[Made, ...]:
    """Return the outputs of a slot of a task, or the one of a name, as an input of another task."""
    return (Made(task.name, slot, name),)
