"""The register of requirements: the packaged one, faults with their lines, states, units."""

from __future__ import annotations

from importlib.resources import files

import pytest

from fiducial.chain.register import Direction, MetricLevel, State
from fiducial.chain.register_states import Actor, advance
from fiducial.chain.requirement_units import DIMENSIONS, convert, find_unit, parse_quantity
from fiducial.errors import FormatError, InputError
from fiducial.formats.chain_register import packaged_register, packaged_sources, read_register

TEXT = files("fiducial.chain").joinpath("data", "requirements.yaml").read_text(encoding="utf-8")


def _damaged(before: str, after: str) -> FormatError:
    assert TEXT.count(before) >= 1, "the sample text is gone"
    with pytest.raises(FormatError) as caught:
        read_register(TEXT.replace(before, after, 1).encode(), name="mine.yaml")
    return caught.value


def _line_of(text: str, whole: str) -> int:
    return whole[: whole.index(text)].count("\n") + 1


def test_product_343_has_its_seven_requirements():
    register = packaged_register()
    needs = [need for need in register.product_requirements if need.product == 343]
    assert [need.requirement for need in needs] == [369, 379, 502, 505, 515, 436, 501]
    assert [need.criticality for need in needs].count("Essential") == 3
    assert needs[0].egv_products == ("SPTS", "RTRF")
    assert (register.products[0].egv, register.products[0].egv_product) == ("l3/land_geometry", "ESD")


def test_requirement_369_as_the_register_prints_it_and_as_numbers():
    requirement = packaged_register().requirement(369)
    assert [metric.name for metric in requirement.metrics] == list(DIMENSIONS)
    goal = requirement.metric("uncertainty").value(MetricLevel.GOAL)
    assert (goal.value, goal.unit, goal.text) == (0.1, "cm/yr", "1 mm/year")
    assert convert(goal.value, goal.unit, "mm/yr") == pytest.approx(1.0)
    assert requirement.metric("scale").values == ()
    assert requirement.metric("vertical_resolution").suspect is not None
    assert requirement.state is State.DRAFT
    assert all(metric.direction is Direction.SMALLER for metric in requirement.metrics if metric.values)


@pytest.mark.parametrize("uid", [379, 502, 505, 515, 436, 501])
def test_metrics_that_nobody_read_stay_empty(uid):
    requirement = packaged_register().requirement(uid)
    assert not requirement.known
    assert [metric.name for metric in requirement.metrics] == list(DIMENSIONS)
    assert all(metric.values == () for metric in requirement.metrics)


def test_every_source_is_described():
    register = packaged_register()
    known = {source.id for source in packaged_sources()}
    assert {one for item in (*register.products, *register.requirements) for one in item.source} <= known
    with pytest.raises(KeyError):
        register.requirement(1)


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("FID-2620", "    group: EU-GM\n", "    grupp: EU-GM\n"),
        ("FID-2620", "unit: km, text: 100 km}", "unit: km, text: [}"),
        ("FID-2620", "observations:\n", "observation:\n"),
        ("FID-2620", "state: draft", "state: drafted"),
        ("FID-2621", "    criticality: Essential\n", "    criticality: Vital\n"),
        ("FID-2621", "barriers: [Data policy, Update Frequency]", "barriers: [Data policy, Weather]"),
        ("FID-2621", "- name: timeliness", "- name: punctuality"),
        ("FID-2622", "{value: 100, unit: km, text: 100 km}", "{value: 100, text: 100 km}"),
        ("FID-2622", "{value: 100, unit: km, text: 100 km}", "{value: 100, unit: furlong, text: 100 km}"),
        ("FID-2622", "{value: 100, unit: km, text: 100 km}", "{value: 1, unit: cm/yr, text: 1 cm/year}"),
        ("FID-2622", "        suspect: repeats the velocities of uncertainty; a resolution is a length\n", ""),
        ("FID-2623", "goal: {value: 10, unit: km, text: 10 km}", "goal: {value: 80, unit: km, text: 80 km}"),
        ("FID-2623", "        breakthrough: {value: 50, unit: km, text: 50 km}\n", ""),
        ("FID-2623", "- name: timeliness", "- name: update_frequency"),
        ("FID-2624", "goal: {value: 0.1, unit: cm/yr", "goal: {value: 0.2, unit: cm/yr"),
        ("FID-2625", "requirement: 379", "requirement: 380"),
        ("FID-2625", "{uid: 379,", "{uid: 369,"),
        ("FID-2625", "source: [cis2-requirement-369]", "source: [hearsay]"),
        ("FID-2625", "uid: 369\n    name: GNSS\n    known: true", "uid: 369\n    name: GNSS\n    known: false"),
    ],
)  # fmt: skip
def test_faults_name_file_and_line(code, before, after):
    error = _damaged(before, after)
    assert error.code == code
    assert error.where.startswith("mine.yaml, line ")


def test_the_line_is_that_of_the_fault():
    before = "goal: {value: 10, unit: km, text: 10 km}"
    error = _damaged(before, "goal: {value: 80, unit: km, text: 80 km}")
    assert error.where == f"mine.yaml, line {_line_of(before, TEXT)}"


def test_bytes_that_are_no_text():
    with pytest.raises(FormatError) as caught:
        read_register(b"\xff\xfe\x00", name="mine.yaml")
    assert caught.value.code == "FID-2620"


def test_data_and_providers_are_read_and_checked():
    data = (
        "data:\n  - {id: d, name: D, providers: [p], requirements: [{requirement: 369, level_of_compliance: Fully}]}\n"
    )
    providers = "providers:\n  - {id: p, name: P, role: Originator, is_network: true}\n"
    text = TEXT.replace("data: []\n", data).replace("providers: []\n", providers)
    register = read_register(text.encode())
    assert register.data[0].requirements == ((369, "Fully"),)
    assert register.providers[0].is_network
    with pytest.raises(FormatError) as caught:
        read_register(text.replace("providers: [p]", "providers: [q]").encode())
    assert caught.value.code == "FID-2625"


def test_the_way_of_a_record():
    transitions = packaged_register().transitions
    assert advance(State.DRAFT, State.READY, Actor.OWNER, transitions) is State.READY
    assert advance(State.READY, State.VALID, Actor.OTHER, transitions) is State.VALID
    assert advance(State.READY, State.CHANGES, Actor.OWNER, transitions, feedback="unit missing") is State.CHANGES
    assert advance(State.VALID, State.DRAFT, Actor.TEAMMATE, transitions) is State.DRAFT


@pytest.mark.parametrize(
    ("state", "to", "by"),
    [
        (State.DRAFT, State.VALID, Actor.OTHER),
        (State.READY, State.VALID, Actor.OWNER),
        (State.READY, State.VALID, Actor.TEAMMATE),
        (State.READY, State.CHANGES, Actor.OTHER),  # without feedback
        (State.VALID, State.DRAFT, Actor.OTHER),
        (State.CHANGES, State.READY, Actor.OWNER),
    ],
)
def test_steps_that_are_not_allowed(state, to, by):
    with pytest.raises(InputError) as caught:
        advance(state, to, by, packaged_register().transitions)
    assert caught.value.code == "FID-1402"


def test_units():
    assert find_unit("months").name == "month"
    assert find_unit("m").name == "m"
    assert parse_quantity("as soon as possible") is None
    assert parse_quantity("nan km") is None
    assert convert(6, "month", "day") == pytest.approx(182.625)
    with pytest.raises(ValueError, match="length"):
        convert(1, "km", "day")
