"""Snapshots of a catalogue for the tests of its exports: one by hand, any by Hypothesis, one of any size."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    EntityKind,
    FileRecord,
    ProductRecord,
    Relation,
    RequirementResult,
    RunRecord,
    RunState,
    Snapshot,
)

NOON = datetime(2024, 9, 15, 12, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(name: str, kind: str = "SP3", folder: str = "/data", content: str | None = None) -> FileRecord:
    content = name if content is None else content
    return FileRecord(sha(content), len(content.encode()), kind, name, (f"{folder}/{name}",))


def run(name: str = "combine", **changes) -> RunRecord:
    values = {
        "id": f"run:{name}",
        "recipe": "orbit_combination",
        "step": name,
        "step_version": 3,
        "parameters": {"interval_s": 300, "centres": ["COD", "GFZ"], "limit": float("nan")},
        "key": sha(name),
        "software": "fiducial 0.1.0",
        "machine": "x86_64",
        "started": NOON,
        "ended": NOON + timedelta(minutes=3),
        "state": RunState.DONE,
        "timing": {"total_s": 180.0},
        "requirements": (RequirementResult("369", "Essential", "given", "12 stations"),),
        "shortcomings": ("no snow mask",),
    }
    return RunRecord(**{**values, **changes})


def product(name: str, files: tuple[FileRecord, ...], **changes) -> ProductRecord:
    values = {
        "id": f"product:{name}",
        "name": name,
        "egv_product": "GSO",
        "level": "Level 2",
        "tier": "Tier 3",
        "frame": "IGS20",
        "start": NOON,
        "end": NOON + timedelta(days=1),
        "issued": NOON + timedelta(days=13),
        "files": tuple(one.id for one in files),
    }
    return ProductRecord(**{**values, **changes})


def small() -> Snapshot:
    """Two centres' orbits, combined by a run into a product of two files; an Ortho derived from it and a scene."""
    inputs = tuple(file(f"{centre}0OPSFIN_20242590000_01D_05M_ORB.SP3") for centre in ("COD", "GFZ"))
    combined = (file("IGS0OPSFIN_20242590000_01D_15M_ORB.SP3.gz"), file("report.json", "unknown"))
    ortho = file("ortho.parquet", "Ortho")
    orbit = product("GSO 2024/259", combined)
    final = product("Ortho E32N34", (ortho,), egv_product="ESD", attributes={"bbox": [13.0, 38.0, 14.0, 39.0]})
    scene = Entity(
        "scene:S1A_IW_SLC", EntityKind.SCENE, "S1A_IW_SLC", {"orbit_type": "POEORB", "url": "https://s.org/1"}
    )
    made = run()
    edges = [EdgeRecord(Relation.USED, made.id, one.id, "orbit", f"agent:{one.name[:3]}") for one in inputs]
    edges += [EdgeRecord(Relation.GENERATED, one.id, made.id, "result", "agent:IGS") for one in combined]
    edges += [EdgeRecord(Relation.MEMBER, orbit.id, one.id) for one in combined]
    edges += [
        EdgeRecord(Relation.DERIVED, ortho.id, combined[0].id, "orbit"),
        EdgeRecord(Relation.DERIVED, ortho.id, scene.id, "scene"),
        EdgeRecord(Relation.DERIVED, ortho.id, "dem:unknown"),
    ]
    agents = tuple(AgentRecord(f"agent:{one}", "centre", f"Centre {one}") for one in ("COD", "GFZ", "IGS"))
    return Snapshot((scene,), (*inputs, *combined, ortho), (orbit, final), (made,), agents, tuple(edges))


def large(count: int) -> Snapshot:
    """As many files: each of the first half made from one of the second by a run of its own thousand."""
    files = tuple(file(f"file {k}.SP3", content=str(k)) for k in range(count))
    half = count // 2
    made = [run(f"r{k}") for k in range(0, half, 1000)]
    edges = []
    for k in range(half):
        edges.append(EdgeRecord(Relation.GENERATED, files[k].id, made[k // 1000].id, "result", "agent:x"))
        edges.append(EdgeRecord(Relation.USED, made[k // 1000].id, files[half + k].id, "input"))
    products = tuple(product(f"p{k}", files[k : k + 1000]) for k in range(0, half, 1000))
    agents = (AgentRecord("agent:x", "centre", "X"),)
    return Snapshot((), files, products, tuple(made), agents, tuple(edges))


_TEXTS = st.text(max_size=12) | st.sampled_from(
    ["a b", "a:b/c", 'quote " and \\', "Zürich\n", "\udcff raw", "\0", "{}", "<a>", "%41", "../x", "-", ".", "é\t"]
)
_TIMES = st.datetimes(
    datetime(1992, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=5))]),
)
_JSON = st.dictionaries(
    _TEXTS,
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | _TEXTS | st.lists(_TEXTS, max_size=2),
    max_size=3,
)
_BBOXES = st.sampled_from([None, [1, 2, 3, 4], [170.0, -10.0, -170.0, 10.0], [0, 5, 1, 4], "x", [float("nan")] * 4])


def _unique(kind: str, most: int = 3):
    return st.lists(_TEXTS, max_size=most, unique=True).map(lambda texts: [f"{kind}:{text}" for text in texts])


@st.composite
def snapshots(draw) -> Snapshot:
    """Any snapshot whose ids are of one kind each; edges also to what is not recorded, and in circles."""
    files = tuple(
        FileRecord(sha(str(k)), draw(st.integers(0, 2**40)), draw(_TEXTS), draw(_TEXTS), tuple(draw(st.lists(_TEXTS.map("/".__add__), max_size=2))), draw(_JSON))
        for k in range(draw(st.integers(0, 3)))
    )  # fmt: skip
    scenes = draw(_unique("scene"))
    products, runs, agents = draw(_unique("product")), draw(_unique("run")), draw(_unique("agent"))
    ids = [one.id for one in files]
    optional, moment = st.none() | _TEXTS, st.none() | _TIMES
    things = [*ids, *scenes, *products, "dem:nowhere"]
    all_runs = [*runs, "run:nowhere"]
    makers = st.sampled_from([None, *agents, "agent:nobody"])
    edges = []
    for _ in range(draw(st.integers(0, 8))):
        relation = draw(st.sampled_from(list(Relation)))
        source, target = draw(st.sampled_from(things)), draw(st.sampled_from(things))
        source = draw(st.sampled_from(all_runs)) if relation is Relation.USED else source
        target = draw(st.sampled_from(all_runs)) if relation is Relation.GENERATED else target
        edges.append(EdgeRecord(relation, source, target, draw(_TEXTS), draw(makers)))
    results = st.builds(RequirementResult, _TEXTS | st.just("369"), _TEXTS, _TEXTS, _TEXTS)
    return Snapshot(
        tuple(Entity(one, draw(st.sampled_from(list(EntityKind))), draw(_TEXTS), draw(_JSON)) for one in scenes),
        files,
        tuple(
            ProductRecord(one, draw(_TEXTS), draw(optional), draw(optional), draw(optional), draw(optional), draw(moment), draw(moment), draw(moment),
                          tuple(draw(st.lists(st.sampled_from(ids), unique=True))) if ids else (), {"bbox": draw(_BBOXES)})
            for one in products
        ),
        tuple(
            RunRecord(one, draw(_TEXTS), draw(_TEXTS), draw(st.integers(0, 9)), draw(_JSON), draw(_TEXTS), draw(_TEXTS), draw(_TEXTS), draw(_TIMES), draw(moment),
                      draw(st.sampled_from(list(RunState))), {}, tuple(draw(st.lists(results, max_size=2))), tuple(draw(st.lists(_TEXTS, max_size=2))))
            for one in runs
        ),
        tuple(AgentRecord(one, draw(st.sampled_from(["centre", "person", "software", "x"])), draw(_TEXTS), draw(optional)) for one in agents),
        tuple(edges),
    )  # fmt: skip
