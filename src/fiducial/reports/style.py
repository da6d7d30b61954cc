"""What all figures share: colours that print and that colour-blind readers can tell apart, checks, export."""

from __future__ import annotations

import io
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import RunError

Floats = NDArray[np.float64]

INK: Final = "#1d2733"
SOFT_INK: Final = "#55606e"
NO_DATA: Final = "#c4cad2"
"""Ground of every map: where there is no point, nothing is known, and that must not look like zero."""
LINE_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#7A5C00", "#4B4B4B")
"""Okabe & Ito (2008), yellow and orange darkened for thin lines on white."""
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")

SCREEN_DPI: Final = 100
PRINT_DPI: Final = 200
PAGE_QUALITY: Final = 85
"""Of WebP: speckle of points costs PNG four times as much, and a palette of 256 colours makes steps in colour bars."""


def _srgb_from_oklab(lab: Floats) -> Floats:
    """Convert Oklab to sRGB 0..1 (Ottosson 2020)."""
    cube_root = lab @ np.array([[1.0, 1.0, 1.0],
                                [0.3963377774, -0.1055613458, -0.0894841775],
                                [0.2158037573, -0.0638541728, -1.2914855480]])  # fmt: skip
    linear = cube_root**3 @ np.array([[4.0767416621, -1.2684380046, -0.0041960863],
                                      [-3.3077115913, 2.6097574011, -0.7034186147],
                                      [0.2309699292, -0.3413193965, 1.7076147010]])  # fmt: skip
    linear = np.clip(linear, 0.0, 1.0)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def diverging_colours() -> Colormap:
    """Return the map of velocities: red-brown below zero, cream at zero, blue above.

    Returns
    -------
    matplotlib.colors.Colormap
        256 colours whose lightness falls linearly, and equally on both sides, with the distance from zero, so
        that equal steps look equal and a grey copy still shows the size; out of range is drawn in the end colour.

    Notes
    -----
    Built in Oklab. Negative is warm, away from the satellite, as users of ground motion services expect; red
    against blue stays apart for red- and green-blind readers.
    """
    value = np.linspace(-1.0, 1.0, 256)
    size = np.abs(value)
    lightness = 0.97 - 0.60 * size
    hue = np.deg2rad(np.where(value < 0, 72.0 - 40.0 * size, 228.0 + 32.0 * size))
    chroma = np.where(value < 0, 0.38 * size * (1.0 - 0.66 * size), 0.26 * size * (1.0 - 0.55 * size))
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    return LinearSegmentedColormap.from_list("fiducial_diverging", _srgb_from_oklab(lab).tolist(), N=256)


def sequential_colours() -> Colormap:
    """Return the map of one-sided quantities (sigma, coherence): matplotlib's cividis, dark is more."""
    return mpl.colormaps["cividis_r"]


def vector(name: str, values: ArrayLike, size: int | None = None) -> Floats:
    """Return ``values`` as a float vector, or raise FID-5010 when it is none or has another length."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        wanted = "one dimension" if size is None else f"shape ({size},)"
        raise RunError("FID-5010", f"a figure needs {name} with {wanted}, not shape {array.shape}", where=name,
                       fix="pass arrays of the same points in the same order")  # fmt: skip
    return array


def require_finite(name: str, values: Floats) -> None:
    """Raise FID-5011 when there is nothing to draw."""
    if not np.isfinite(values).any():
        raise RunError("FID-5011", f"{name} holds no finite value to draw", where=name,
                       fix="check the selection and the mask that made this array")  # fmt: skip


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is not below ``value``."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])
    return float(steps[np.argmax(steps >= value / power * (1 - 1e-9))] * power)


def new_figure(width_in: float, height_in: float, *, layout: str = "constrained") -> Figure:
    """Return an empty figure on the Agg canvas, without pyplot's global state."""
    figure = Figure(figsize=(width_in, height_in), dpi=SCREEN_DPI, layout=layout, facecolor="white")  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, *, grid: bool = True) -> None:
    """Give axes the house's thin frame, ink and grid."""
    for spine in axes.spines.values():
        spine.set(color=SOFT_INK, linewidth=0.8)
    axes.tick_params(colors=INK, labelsize=8.5, width=0.8, length=3.5)
    axes.xaxis.label.set(color=INK, size=9.5)
    axes.yaxis.label.set(color=INK, size=9.5)
    if grid:
        axes.grid(visible=True, color="#e3e6ea", linewidth=0.7)
        axes.set_axisbelow(True)


def left_title(axes: Axes, title: str, *, pad: float = 6.0) -> None:
    """Write the title flush left in bold."""
    axes.set_title(title, loc="left", fontsize=11.0, fontweight="bold", color=INK, pad=pad)


def fit_height(figure: Figure) -> None:
    """Take away, or add, the height that the layout leaves empty around maps of fixed proportions."""
    for _ in range(2):
        figure.draw_without_rendering()
        needed = figure.get_tightbbox().height + 0.16
        figure.set_size_inches(figure.get_figwidth(), float(np.clip(needed, 2.0, 16.0)))


def png_bytes(figure: Figure, *, dpi: int = PRINT_DPI) -> bytes:
    """Return the figure as PNG; the default is twice the screen resolution."""
    return _export(figure, "png", dpi=dpi, metadata={"Software": None})


def webp_bytes(figure: Figure) -> bytes:
    """Return the figure as WebP for a page, at the resolution of :func:`png_bytes`."""
    return _export(figure, "webp", dpi=PRINT_DPI, pil_kwargs={"quality": PAGE_QUALITY, "method": 5})


def svg_bytes(figure: Figure) -> bytes:
    """Return the figure as SVG, byte for byte the same for the same figure."""
    with mpl.rc_context({"svg.hashsalt": "fiducial"}):
        return _export(figure, "svg", metadata={"Date": None})


def _export(figure: Figure, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format=kind, **options)
    return sink.getvalue()
