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


EDITS = st.tuples(
    st.integers(0, 600),
    st.integers(0, 120),
    st.sampled_from(("drop", "double", "misspell", "insert", "cut")),
    st.sampled_from(PIECES),
)


def _damaged(text, edits):
    lines = text.splitlines()
    for row, column, kind, piece in edits:
        index = row % len(lines)
        line = lines[index]
        at = column % (len(line) + 1)
        if kind == "double":
            lines.insert(index, line)
        else:
            harmed = {"drop": "", "misspell": line[:at] + line[at + 1 :], "cut": line[:at]}
            lines[index] = harmed.get(kind, line[:at] + piece + line[at:])
    return "\n".join(lines)


@settings(max_examples=35, deadline=None)
@given(st.sampled_from(HARMED), st.lists(EDITS, min_size=1, max_size=3))
def test_damage_is_refused_or_harmless(name, edits):
    texts = {**TEXTS, name: _damaged(TEXTS[name], edits)}
    packaged = [(file, text.encode()) for file, text in texts.items()]
    try:
        faults = list(find_faults(read_knowledge(packaged)))
    except FiducialError as fault:
        problem = None if fault.code.startswith("FID-26") and ", line " in fault.where else str(fault)
    else:
        problem = faults or None
    assert problem is None
