"""Headers of EGMS files in both vocabularies, each way to get one wrong, and number styles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import egms_factory
from fiducial.errors import FormatError
from fiducial.formats.egms_columns import (
    date_columns_of,
    epochs_of,
    merge_styles,
    number_style,
    parse_header,
)

LEVEL2 = [*egms_factory.REAL_LEVEL2, "20200103", "20200109", "20200121"]
LEVEL3 = [*egms_factory.REAL_LEVEL3, "20200103", "20200109"]


@pytest.mark.parametrize(
    ("columns", "level"),
    [
        (egms_factory.REAL_LEVEL2, "L2b"), (egms_factory.DOCUMENT_LEVEL2, "L2"),
        (("pid", "cluster_label", *egms_factory.DOCUMENT_LEVEL2[1:]), "L2a"),
        (egms_factory.REAL_LEVEL3, "L3"), (egms_factory.DOCUMENT_LEVEL3, "L3"),
    ],
)  # fmt: skip
def test_both_vocabularies_and_the_level_they_tell(columns, level):
    header = parse_header([*columns, "20200103", "20200109"], "a.csv")
    assert header.level == level
    assert header.spelled == tuple(columns)
    assert {"height", "rmse"} <= set(header.names)
    assert not {"height_ortho", "height_ellipse", "rmse_ts"} & set(header.names)
    np.testing.assert_array_equal(header.epochs, np.array(["2020-01-03", "2020-01-09"], dtype="datetime64[ns]"))


def test_date_columns_and_epochs_invert_each_other():
    columns = tuple(egms_factory.dates(300))
    assert date_columns_of(epochs_of(columns)) == columns


def without(columns: list[str], name: str) -> list[str]:
    return [column for column in columns if column != name]


BAD = [
    ("FID-2003", [*LEVEL2[:5], "colour", *LEVEL2[5:]], "'colour'"),
    ("FID-2003", [*LEVEL2[:5], "PID", "rgb", *LEVEL2[5:]], "'PID' and 1 more"),
    ("FID-2003", [*LEVEL2[:-1], "2020012"], "'2020012'"),
    ("FID-2003", [*LEVEL2[:-1], "\u0662\u0660\u0662\u0660\u0660\u0661\u0662\u0661"], "unknown column"),
    ("FID-2003", [*LEVEL3[:5], "los_up", *LEVEL3[5:]], "'los_up'"),
    ("FID-2003", [""], "''"),
    ("FID-2003", [*LEVEL2, ""], "''"),
    ("FID-2003", ["x" * 100_000], "x" * 40),
    ("FID-2004", without(LEVEL2, "pid"), "'pid'"),
    ("FID-2004", without(without(LEVEL2, "los_up"), "easting"), "'easting' is missing and 1 more"),
    ("FID-2004", without(LEVEL3, "rmse_ts"), "'rmse'"),
    ("FID-2004", list(egms_factory.REAL_LEVEL2), "fewer than two acquisition"),
    ("FID-2004", LEVEL2[:-2], "fewer than two acquisition"),
    ("FID-2005", [*egms_factory.REAL_LEVEL2, "20200109", "20200103"], "20200109 before 20200103"),
    ("FID-2005", ["20200103", "20200109", *egms_factory.REAL_LEVEL2], "mixed"),
    ("FID-2005", [*LEVEL2[:8], "20190101", *LEVEL2[8:]], "mixed"),
    ("FID-2006", [*LEVEL2, "20200121"], "20200121 stands twice"),
    ("FID-2006", [*LEVEL2, "20200103"], "20200103 stands twice"),
    ("FID-2018", [*LEVEL2, "20200230"], "not a date"),
    ("FID-2018", [*LEVEL2, "20201301"], "not a date"),
    ("FID-2018", ["00000000" if name == "20200103" else name for name in LEVEL2], "not a date"),
    # datetime64[ns] would take these two round the end of its range in silence.
    ("FID-2018", [*LEVEL2, "99991231"], "not a date"),
    ("FID-2018", ["00010101" if name == "20200103" else name for name in LEVEL2], "not a date"),
    ("FID-2019", [*LEVEL2[:5], "pid", *LEVEL2[5:]], "'pid' stands twice"),
    ("FID-2019", [*LEVEL2[:5], "rmse", *LEVEL2[5:]], "'rmse' stands twice"),
]


@pytest.mark.parametrize(("code", "columns", "told"), BAD)
def test_each_wrong_header_has_its_code(code, columns, told):
    with pytest.raises(FormatError) as caught:
        parse_header(columns, "a.csv")
    assert caught.value.code == code
    assert told in caught.value.problem
    assert caught.value.where == "a.csv, header"


STYLES = [
    (["0.1", "-0.0", "12.0", "7.3"], "shortest"), (["0.1", "0.25"], "shortest"), (["0", "7", "-3"], "integer"),
    (["0.10", "2.00", "3.14"], "fixed:2"), (["1.500", "0.250"], "fixed:3"), (["1", "0.5"], "plain"),
    (["1.0", "2.0"], "shortest"), ([], "shortest"), (["", ""], "shortest"), (["", "1", ""], "integer"),
    (["1e-5", "2"], "shortest"), (["1E5"], "shortest"),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "style"), STYLES)
def test_number_style(texts, style):
    assert number_style(texts) == style


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        ("integer", "integer", "integer"), ("integer", "shortest", "plain"), ("integer", "plain", "plain"),
        ("plain", "shortest", "plain"), ("shortest", "fixed:2", "fixed:2"), ("fixed:3", "fixed:3", "fixed:3"),
    ],
)  # fmt: skip
def test_styles_of_two_parts_of_a_column(first, second, merged):
    assert merge_styles(first, second) == merge_styles(second, first) == merged


def test_merged_style_does_not_depend_on_the_order_of_the_parts():
    styles = ["integer", "plain", "shortest", "fixed:2", "fixed:3"]
    for first, second in itertools.combinations_with_replacement(styles, 2):
        assert merge_styles(first, second) == merge_styles(second, first)
    # Two lengths cannot both be fixed: then no digit may be cut.
    assert merge_styles("fixed:2", "fixed:3") == "shortest"
