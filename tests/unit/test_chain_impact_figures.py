"""Figures of an outage: panels in order, tiers shaded, correlations as bars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fiducial.errors import RunError
from fiducial.reports.chain_impact import degradation_figure, tornado_figure
from fiducial.reports.style import png_bytes

TIERS = [("Immediate", 0, 7), ("Short", 7, 30), ("Medium", 30, 365), ("Long", 365, math.inf)]


def curves(names=("late", "soon", "never", "$x$")):
    days = np.r_[0.0, np.geomspace(1 / 24, 3000, 80)]
    delays = [100.0, 2.0, math.inf, 20.0]
    values = np.array([[1 - np.exp(-days / (scale * delay)) for scale in (2.0, 1.0, 0.5)] for delay in delays])
    return days, values.transpose(0, 2, 1)[: len(names)], list(names)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def test_panels_stand_in_the_order_of_loss():
    figure = degradation_figure(*curves(), TIERS, "Outage")
    assert [axes.get_title(loc="left") for axes in panels(figure)] == ["soon", "\\$x\\$", "late", "never"]
    assert panels(figure)[0].get_xscale() == "log"
    assert len(png_bytes(figure, dpi=40)) > 1000
    labels = [text.get_text() for text in panels(figure)[-1].get_xticklabels()]
    assert labels == ["1 h", "6 h", "1 d", "1 wk", "1 mo", "1 yr"]
    assert "4  Long" in figure._supxlabel.get_text()


def test_the_median_is_drawn_in_percent_without_the_time_zero():
    days, values, names = curves(("one",))
    axes = panels(degradation_figure(days, values, names, [], "Outage"))[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * values[0, 1:, 1])
    np.testing.assert_allclose(axes.lines[0].get_xdata(), days[1:])


@pytest.mark.parametrize("fault", ["names", "shape", "order", "empty", "times"])
def test_arrays_that_do_not_fit_are_refused(fault):
    days, values, names = curves()
    wrong = {
        "names": (days, values, names[:2]), "shape": (days, values[..., :2], names), "order": (days[::-1], values, names),
        "empty": (days, values[:0], []), "times": (-days, values, names),
    }[fault]  # fmt: skip
    with pytest.raises(RunError) as caught:
        degradation_figure(*wrong, TIERS, "Outage")
    assert caught.value.code == "FID-5010"


def test_nothing_finite_is_refused():
    days, values, names = curves()
    with pytest.raises(RunError) as caught:
        degradation_figure(days, values * np.nan, names, TIERS, "Outage")
    assert caught.value.code == "FID-5011"


def test_the_strongest_drivers_are_drawn():
    rows = [("Sea Level", [("a", 0.1), ("b", -0.9), ("c", 0.5)]), ("Sea Ice", [])]
    figure = tornado_figure(rows, title="Drivers", most=2)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "c"]
    assert sorted(bar.get_width() for bar in axes.patches) == [-0.9, 0.5]
    assert "without any: Sea Ice" in axes.get_xlabel()
    assert len(png_bytes(figure, dpi=40)) > 1000


@pytest.mark.parametrize(
    ("drivers", "code"), [([("a", 1.5)], "FID-5010"), ([("a", math.nan)], "FID-5010"), ([], "FID-5011")]
)
def test_correlations_that_are_none_are_refused(drivers, code):
    with pytest.raises(RunError) as caught:
        tornado_figure([("x", drivers)], title="Drivers")
    assert caught.value.code == code
