"""What a combination may be told: methods, thresholds in physical units, guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fiducial.errors import InputError

Weighting = Literal["variance-components", "absolute-deviation", "equal"]
Grouping = Literal["centre", "constellation", "block", "satellite"]
ScaleModel = Literal["per-constellation", "common"]

DEFAULT_SATELLITE_FACTOR: Final = 4.7


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinationOptions:
    """Options of the orbit combination; every default stands here.

    Attributes
    ----------
    weighting : str
        ``variance-components`` (centre and satellite variances), ``absolute-deviation`` (legacy IGS), ``equal``.
    weights_by : str
        What one weight of a centre holds for: all its satellites (``centre``), a ``constellation``, a ``block`` of
        satellites or one ``satellite``.
    scale_model : str
        One scale of a centre for each constellation (antenna offsets differ between them) or one ``common``.
    share_limit : float
        Largest share of one centre in a mean, 0 to 1.
    minimum_centres : int
        Satellites with fewer centres are left out.
    satellite_factor : float
        A centre's satellite is rejected when its RMS exceeds this times that of the constellation ...
    satellite_limit_m : dict of constellation letter to float, or None
        ... or these limits, when given.
    satellite_floor_m : float
        No satellite with a smaller RMS is rejected, however well the others agree.
    satellites_before_centre : int
        With more rejected satellites the whole centre is compared only.
    translation_limit_m, rotation_limit_mas, scale_limit_ppb : float
        A centre whose Helmert parameters to the combination exceed one of these is compared only.
    gross_limit_m : float
        A record farther than this from the median of the centres is no position of that satellite.
    spike_limit_m : float
        A single record that departs this far from its own neighbours, relative to the other centres, is an outlier.
    rejections : int
        Largest number of rejections.
    """

    weighting: Weighting = "variance-components"
    weights_by: Grouping = "constellation"
    scale_model: ScaleModel = "per-constellation"
    share_limit: float = 0.4
    minimum_centres: int = 1
    satellite_factor: float = DEFAULT_SATELLITE_FACTOR
    satellite_limit_m: dict[str, float] | None = None
    satellite_floor_m: float = 0.02
    satellites_before_centre: int = 5
    translation_limit_m: float = 0.05
    rotation_limit_mas: float = 0.3
    scale_limit_ppb: float = 1.0
    gross_limit_m: float = 2.0
    spike_limit_m: float = 0.03
    rejections: int = 100

    def __post_init__(self) -> None:
        positive = ("satellite_factor", "satellite_floor_m", "translation_limit_m", "rotation_limit_mas",
                    "scale_limit_ppb", "gross_limit_m", "spike_limit_m")  # fmt: skip
        for name in positive:
            if not getattr(self, name) > 0:
                raise _bad(f"{name} must be above zero, not {getattr(self, name)}", name)
        if not 0 < self.share_limit <= 1:
            raise _bad(f"share_limit must be above 0 and at most 1, not {self.share_limit}", "share_limit")
        if self.minimum_centres < 1:
            raise _bad("minimum_centres must be 1 or more", "minimum_centres")


def _bad(problem: str, where: str) -> InputError:
    return InputError("FID-1201", problem, where=where, fix="see the bounds in `fiducial orbits combine --help`")
