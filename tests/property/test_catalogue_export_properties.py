"""Any snapshot exports, is taken by the tools of others, and always gives the same bytes."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from catalogue_snapshots import snapshots
from export_judges import judge_crate, judge_datacite, judge_dcat, judge_prov, judge_stac
from fiducial.catalogue.export_datacite import datacite_request
from fiducial.catalogue.export_dcat import dcat_turtle
from fiducial.catalogue.export_graph import ExportOptions
from fiducial.catalogue.export_names import document, record
from fiducial.catalogue.export_prov import prov_document
from fiducial.catalogue.export_rocrate import METADATA_FILE, crate
from fiducial.catalogue.export_stac import stac_files
from fiducial.catalogue.export_upstream import upstream
from fiducial.errors import CatalogueError

NOW = ExportOptions(
    published=datetime(2026, 1, 1, tzinfo=UTC), publisher="P", creators=("C",), title="T", base_url="https://a.org/b"
)
# Drawing a snapshot takes long; rdflib and rocrate too, on a busy core.
STEADY = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def _something(snapshot):
    assume(snapshot.entities or snapshot.files or snapshot.products or snapshot.runs)
    return snapshot


@STEADY
@given(snapshots())
def test_any_snapshot_is_read_by_prov(snapshot):
    judge_prov(prov_document(_something(snapshot)))


@STEADY
@given(snapshots())
def test_any_snapshot_is_read_by_rocrate(snapshot):
    metadata = crate(_something(snapshot), NOW)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, METADATA_FILE).write_bytes(document(metadata))
        judge_crate(metadata, folder)


@STEADY
@given(snapshots())
def test_any_snapshot_fits_the_schemas_of_stac_or_has_no_time(snapshot):
    try:
        files = stac_files(_something(snapshot), NOW)
    except CatalogueError as error:
        files = {}
        refused = error.code
    judge_stac(files)
    assert files or refused == "FID-4043"


@STEADY
@given(snapshots())
def test_any_snapshot_is_read_by_rdflib_and_fits_the_shapes(snapshot):
    judge_dcat(dcat_turtle(_something(snapshot), NOW))


@STEADY
@given(snapshots())
def test_any_product_makes_a_request_for_a_doi(snapshot):
    for product in snapshot.products:
        judge_datacite(datacite_request(snapshot, product.id, NOW))


@STEADY
@given(snapshots(), st.randoms())
def test_the_order_of_records_does_not_matter(snapshot, random_source: random.Random):
    _something(snapshot)
    shuffled = replace(
        snapshot,
        **{
            name: tuple(random_source.sample(getattr(snapshot, name), len(getattr(snapshot, name))))
            for name in ("entities", "files", "products", "runs", "agents", "edges")
        },
    )
    assert document(prov_document(snapshot)) == document(prov_document(shuffled))
    assert document(crate(snapshot, NOW)) == document(crate(shuffled, NOW))
    assert dcat_turtle(snapshot, NOW) == dcat_turtle(shuffled, NOW)


@STEADY
@given(snapshots())
def test_what_is_upstream_is_a_part_and_upstream_of_it_is_itself(snapshot):
    for product in snapshot.products:
        part = upstream(snapshot, product.id)
        assert product in part.products
        assert set(part.edges) <= set(snapshot.edges)
        assert all(one in snapshot.files for one in part.files)
        assert upstream(part, product.id) == part


@given(st.text(), st.text())
def test_names_of_records_are_one_to_one(one, other):
    assert (record(one) == record(other)) == (one == other)
