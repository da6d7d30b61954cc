"""What a finished task leaves beside its outputs: ``step.json``, which says what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.errors import RunError
from fiducial.runs.engine_content import Contents, canonical_json, files_in, key_of
from fiducial.runs.engine_model import OutputSlot, Task

STEP_FILE: Final = "step.json"
_LAYOUT: Final = 1


@dataclass(frozen=True, slots=True)
class Made:
    """A file that a task made: path inside its folder, and content."""

    path: str
    sha256: str
    identity: str
    size: int
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What a task was made from, and what it made.

    Attributes
    ----------
    inputs : dict of slot to list of [name, identity]
    outputs : tuple of Made
    shortcomings : tuple of str
    """

    task: str
    step: str
    version: int
    parameters: dict[str, Any]
    inputs: dict[str, list[list[str]]]
    key: str
    outputs: tuple[Made, ...] = ()
    shortcomings: tuple[str, ...] = ()

    @classmethod
    def of(cls, task: Task, inputs: dict[str, list[list[str]]]) -> StepRecord:
        """Return the record of a task that is about to be run."""
        parameters = parameters_in_key(task)
        key = key_of(task.step.name, task.step.version, parameters, inputs)
        return cls(task.name, task.step.name, task.step.version, parameters, inputs, key)

    def text(self) -> str:
        """Return ``step.json``; it states no instant: the same work gives the same text."""
        document = {
            "layout": _LAYOUT,
            "task": self.task,
            "step": self.step,
            "version": self.version,
            "key": self.key,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "shortcomings": list(self.shortcomings),
            "outputs": [
                {"path": one.path, "sha256": one.sha256, "identity": one.identity, "bytes": one.size,
                 "slots": list(one.slots)}
                for one in self.outputs
            ],
        }  # fmt: skip
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_record(place: Path) -> StepRecord | None:
    """Return what lies in the folder of a task; None when it is not there, or not whole."""
    try:
        found = json.loads((place / STEP_FILE).read_text(encoding="utf-8"))
        if found["layout"] != _LAYOUT:
            return None
        outputs = tuple(
            Made(str(one["path"]), str(one["sha256"]), str(one["identity"]), int(one["bytes"]), tuple(one["slots"]))
            for one in found["outputs"]
        )
        return StepRecord(
            str(found["task"]), str(found["step"]), int(found["version"]), dict(found["parameters"]),
            dict(found["inputs"]), str(found["key"]), outputs, tuple(map(str, found["shortcomings"])),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def parameters_in_key(task: Task) -> dict[str, Any]:
    """Return the parameters that change results, as plain values."""
    plain = task.parameters.model_dump(mode="json")
    fields = type(task.parameters).model_fields
    left_out = {
        name for name, one in fields.items()
        if isinstance(one.json_schema_extra, Mapping) and one.json_schema_extra.get("in_key") is False
    }  # fmt: skip
    return {name: value for name, value in plain.items() if name not in left_out}


def paths_of(slot: OutputSlot, place: Path) -> tuple[Path, ...]:
    """Return the outputs of a slot in a folder, in order of their names."""
    found = {path.parent if slot.folder else path for path in place.glob(slot.pattern) if path.name != STEP_FILE}
    return tuple(sorted(found))


def made_in(task: Task, folder: Path, contents: Contents) -> tuple[Made, ...]:
    """Hash everything that a step wrote.

    Raises
    ------
    RunError
        FID-5005 when it did not make an output that it declares.
    """
    slots: dict[Path, list[str]] = {}
    for slot in task.step.outputs:
        paths = paths_of(slot, folder)
        if slot.needed and not paths:
            raise RunError(
                "FID-5005", f"the step {task.step.name} made no output {slot.name!r} ({slot.pattern})", where=task.name,
                fix="this is a fault of the step: report it with the recipe",
            )  # fmt: skip
        for path in paths:
            for file in files_in(path):
                slots.setdefault(file, []).append(slot.name)
    made = []
    for file in files_in(folder):
        if file == folder / STEP_FILE:
            continue
        found = contents.of(file)
        name = file.relative_to(folder).as_posix()
        made.append(Made(name, found.sha256, found.identity, found.size, tuple(sorted(slots.get(file, ())))))
    return tuple(made)


def missing_or_changed(record: StepRecord, place: Path, contents: Contents) -> list[str]:
    """Return a sentence for every output that is not as it was made."""
    reasons = []
    for one in record.outputs:
        path = place / one.path
        try:
            if contents.of(path).sha256 != one.sha256:
                reasons.append(f"output {one.path} was changed")
        except FileNotFoundError:
            reasons.append(f"output {one.path} is missing")
        except OSError as error:
            reasons.append(f"output {one.path} cannot be read: {error.strerror}")
    return reasons


def differences(old: StepRecord, new: StepRecord) -> list[str]:
    """Say what of a task changed since its outputs were made."""
    reasons = []
    if old.step != new.step:
        reasons.append(f"step {old.step} became {new.step}")
    elif old.version != new.version:
        verb = "raised" if new.version > old.version else "lowered"
        reasons.append(f"version of the step {verb} from {old.version} to {new.version}")
    for name in sorted(old.parameters.keys() | new.parameters.keys()):
        before, after = old.parameters.get(name), new.parameters.get(name)
        if before != after:
            reasons.append(f"parameter {name} changed from {_short(before)} to {_short(after)}")
    for slot in sorted(old.inputs.keys() | new.inputs.keys()):
        before, after = dict_of(old.inputs.get(slot, [])), dict_of(new.inputs.get(slot, []))
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                verb = "was changed" if name in before and name in after else "is new" if name in after else "is gone"
                reasons.append(f"input {slot}: {name} {verb}")
    return reasons


def dict_of(pairs: list[list[str]]) -> dict[str, list[str]]:
    """Return identities by name; a name may stand several times."""
    found: dict[str, list[str]] = {}
    for name, identity in pairs:
        found.setdefault(name, []).append(identity)
    return found


def _short(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 60 else text[:57] + "..."
