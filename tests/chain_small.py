"""A chain of two variables and two nodes, with whatever names a test wants; and the packaged one, read once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from fiducial.chain.dependencies import Dependencies
from fiducial.chain.egv import (
    Annotation,
    EgvCatalogue,
    EssentialVariable,
    Level,
    MatrixCell,
    MatrixLabel,
    Place,
    Product,
    Source,
    Strength,
    StrengthClass,
    Version,
)
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.register import Register
from fiducial.chain.workflow import Gate, Status, Workflow, WorkflowNode
from fiducial.runs.chain_knowledge import load_knowledge

PLACE = Place("small.yaml", 1)


@cache
def packaged() -> Knowledge:
    return load_knowledge()


def node(identity: str, name: str, inputs: tuple[str, ...] = (), **changes: object) -> WorkflowNode:
    one = WorkflowNode(
        id=identity, name=name, tier="T3", kind="combination", gate=Gate.ALL, inputs=inputs, required=len(inputs), group=False,
        realises=(), hold_days=None, breaks_cycle=False, alternates=(), latency_days=None, facts=(), note=None, source=("S",),
        status=Status.SEEN, place=PLACE,
    )  # fmt: skip
    return replace(one, **changes)


def small(
    egv: str = "Sea Level",
    product: str = "Mean level",
    step: str = "Combination",
    label: str = "[A → B]",
    source: str = "A page",
    product_id: str = "ML",
) -> Knowledge:
    made = Product(product_id, product, "ML", None, f"{product} (ML)", "l3/a", PLACE)
    top = EssentialVariable("l3/a", Level.LEVEL_3, egv, "Ocean", "Physical", None, (made,), PLACE)
    low = EssentialVariable("l2/b", Level.LEVEL_2, "Orbits", "Global", "Geometric", None, (), PLACE)
    catalogue = EgvCatalogue(
        "V7.0",
        (Version("V7.0", None, (), ("S",), (), PLACE),),
        (top, low),
        (MatrixLabel(egv, "l3/a"),),
        (MatrixLabel("Orbits", "l2/b"),),
        (MatrixCell("l3/a", "l2/b", Strength.PRIMARY, circular=True, raw="Primary ⚠️", place=PLACE),),
        (StrengthClass(Strength.PRIMARY, "needed", "Red"),),
        (), (), (), (Annotation("at the end", label, "there", ("end",), PLACE),), (),
    )  # fmt: skip
    end = node("end", step, ("start",), realises=(product_id,))
    workflow = Workflow((node("start", "Start"), end), (), (), (), (), ())
    register = Register((), (), (), (), (), (), (), ())
    dependencies = Dependencies((), (), (), (), (), (), ())
    return Knowledge(
        catalogue, workflow, register, dependencies, (Source("S", source, None, None, PLACE),), ("small.yaml",)
    )
