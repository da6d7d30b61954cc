"""However a data file of the chain is damaged, it is read or refused with a fault; never anything else."""

from __future__ import annotations

from importlib.resources import files

from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.chain.knowledge_checks import find_faults
from fiducial.errors import FiducialError
from fiducial.formats.chain_knowledge import read_knowledge
from fiducial.runs.chain_knowledge import DATA_FILES

FOLDER = files("fiducial.chain").joinpath("data")
TEXTS = {name: FOLDER.joinpath(name).read_text(encoding="utf-8") for name in DATA_FILES}
HARMED = ("egv.yaml", "workflow.yaml", "dependencies.yaml")
PIECES = (
    "id: ",
    "inputs",
    "[",
    "]",
    "{",
    "}",
    ": ",
    ", ",
    "-1",
    "Primary",
    "l3/",
    "source",
    "null",
    "nan",
    "1e999",
    "é",
)


@st.composite
def damaged(draw):
    name = draw(st.sampled_from(HARMED))
    lines = TEXTS[name].splitlines()
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(("drop", "double", "misspell", "insert", "cut")))
        line = lines[index]
        at = draw(st.integers(0, max(len(line) - 1, 0)))
        if kind == "drop":
            lines[index] = ""
        elif kind == "double":
            lines.insert(index, line)
        elif kind == "misspell":
            lines[index] = line[:at] + line[at + 1 :]
        elif kind == "cut":
            lines[index] = line[:at]
        else:
            lines[index] = line[:at] + draw(st.sampled_from(PIECES)) + line[at:]
    return name, "\n".join(lines)


@settings(max_examples=1500, deadline=None)
@given(damaged())
def test_damage_is_refused_or_harmless(change):
    name, text = change
    packaged = [(file, (text if file == name else TEXTS[file]).encode()) for file in DATA_FILES]
    try:
        faults = list(find_faults(read_knowledge(packaged)))
    except FiducialError as fault:
        problem = None if fault.code.startswith("FID-26") and ", line " in fault.where else str(fault)
    else:
        problem = faults or None
    assert problem is None
