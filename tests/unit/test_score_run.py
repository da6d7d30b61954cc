"""Judges by content of their file, the report's curves, and what is kept between runs."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError, RunError
from fiducial.reports.curves import Curve, curve_plot
from fiducial.runs.score import _Kept, chosen_recipes
from fiducial.runs.score_judges import station_names, with_judges
from fiducial.runs.score_text import interval, series, table_columns, table_rows
from scored_world import scored
from synthetic_network import network

HEADER = (
    "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr\n"
)
AREA = tuple(part.ravel() for part in np.meshgrid(np.linspace(8, 16, 40), np.linspace(40, 46, 40)))


@pytest.fixture
def stations():
    return network(0, 30, noise=False)[0]


def write(path, text):
    path.write_text(text)
    return path


def test_a_list_of_names_is_told_from_a_table(tmp_path):
    assert station_names(write(tmp_path / "a", "# judges\nS001\n\nS002\r\n")) == ["S001", "S002"]
    assert station_names(write(tmp_path / "b", f"{HEADER}S1,12,43,0,0,0,1,1,1\n")) is None
    assert station_names(write(tmp_path / "c", "12.0 43.0 1 1 0 0 .1 .1 0 1 0 .2 S001\n")) is None
    assert station_names(write(tmp_path / "d", "\n")) is None
    (tmp_path / "e.gz").write_bytes(b"\x1f\x8b\xff\xfe")
    assert station_names(tmp_path / "e.gz") is None


def test_named_stations_judge_and_leave_the_fit(tmp_path, stations):
    panel = with_judges(write(tmp_path / "names", "S003\nS007\n"), "ETRF2000", stations, *AREA)
    assert panel.stations is stations
    assert stations.names[~panel.trainable].tolist() == ["S003", "S007"]
    assert "2 stations" in panel.note


def test_a_table_of_judges_takes_its_own_out_of_the_fit(tmp_path, stations):
    """One judge stands 30 m from S004, one has the name S009 beside S009, one is far away, one is new."""
    lon, lat = stations.longitude_deg, stations.latitude_deg
    rows = [("X1", lon[4], lat[4] + 0.0003), ("S009", lon[9] + 0.02, lat[9]), ("FAR", 40.0, 50.0), ("NEW", 12.0, 43.0)]
    table = HEADER + "".join(f"{name},{x:.6f},{y:.6f},1,2,0.5,0.2,0.2,0.5\n" for name, x, y in rows)
    panel = with_judges(write(tmp_path / "t.csv", table), "ETRF2000", stations, *AREA)
    judges = panel.stations.select(~panel.trainable)
    assert sorted(judges.names) == ["NEW", "S009", "X1"]
    assert judges.velocity_enu_mm_per_yr[0] == pytest.approx([1.0, 2.0, 0.5])
    kept = set(panel.stations.names[panel.trainable])
    assert kept == set(stations.names) - {"S004", "S009"}
    assert panel.stations.frame == "ETRF2000"
    assert panel.stations.covariance_enu.shape == (31, 3, 3)


@pytest.mark.parametrize(
    ("text", "code"),
    [("S001\nNOBODY\n", "FID-1121"), (f"{HEADER}FAR,40,50,1,1,1,1,1,1\n", "FID-1121"), (None, "FID-1001")],
)
def test_judges_that_cannot_judge(tmp_path, stations, text, code):
    path = tmp_path / "judges"
    if text is not None:
        write(path, text)
    with pytest.raises(InputError, match=code):
        with_judges(path, "ETRF2000", stations, *AREA)


def test_the_reference_is_always_scored():
    assert [one.name for one in chosen_recipes(["plane", "plane"])] == ["plane", "egms"]
    names = [one.name for one in chosen_recipes(["all"])]
    assert names.count("egms") == 1
    assert {"plane", "quadratic", "window-30"} <= set(names)
    with pytest.raises(InputError, match="FID-1060"):
        chosen_recipes(["nonsense"])


def test_what_is_kept_is_read_back_or_made_again(tmp_path):
    plan, made, *_ = scored()
    kept = _Kept.of(tmp_path, {"step": "score", "recipe": "egms"})
    assert kept.read(plan) is None
    kept.write(made[1])
    back = kept.read(plan)
    assert back.recipe == "egms"
    assert back.leakage == pytest.approx(made[1].leakage)
    assert _Kept.of(tmp_path, {"step": "score", "recipe": "other"}).read(plan) is None
    kept.path.write_bytes(kept.path.read_bytes()[:-300])
    assert kept.read(plan) is None
    nowhere = _Kept.of(None, {"step": "score"})
    nowhere.write(made[1])
    assert nowhere.read(plan) is None


def test_the_table_of_the_terminal_is_whole():
    rows = scored()[2]
    columns, table = table_columns(rows, "egms"), table_rows(rows)
    assert [line[0] for line in table] == ["before", "GNSS only", "nothing", "egms", "copy"]
    assert all(len(line) == len(columns) for line in table)
    assert columns[-1] == "4/8/16/32 stations"
    assert table[2][columns.index("leakage 5/10/20/40 km")] == ".00/.00/.00/.00"
    assert series([-0.04, 1.0], leading_zero=False) == "-.04/1.00"
    assert interval(float("nan"), float("nan"), float("nan")) == "-"


def test_curves_draw_every_line_apart_and_refuse_nonsense():
    sizes = [5.0, 10.0, 20.0]
    curves = [Curve(f"r{k}", [0.1 * k, 0.2, np.nan], [0.0, 0.1, np.nan], [0.3, 0.4, np.nan]) for k in range(9)]
    figure = curve_plot(sizes, [*curves, Curve("base", [0.1, 0.1, 0.1], baseline=True)], title="T", size_label="km",
                        value_label="share", floor=0.0, ceiling=1.0)  # fmt: skip
    axes = figure.axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(labels) == sorted(["base", *(f"r{k}" for k in range(9))])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["5", "10", "20"]
    looks = {(str(line.get_color()), line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len({look for look in looks if look[1] != "None"}) == 10
    with pytest.raises(RunError, match="FID-5010"):
        curve_plot([10.0, 5.0], [Curve("a", [1, 2])], title="T", size_label="", value_label="")
    with pytest.raises(RunError, match="FID-5011"):
        curve_plot([5.0, 10.0], [Curve("a", [np.nan, np.nan])], title="T", size_label="", value_label="")
