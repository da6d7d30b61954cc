"""A table of GNSS velocities around the points of the EGMS factory."""

from __future__ import annotations

import numpy as np

HEADER = (
    "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr"
)


def write_gnss(path, stations=6):
    rng = np.random.default_rng(4)
    rows = [
        f"S{k},{13.1 + 0.05 * (k % 3):.4f},{38.6 + 0.06 * (k // 3):.4f},{rng.normal(-0.7, 0.1):.3f},"
        f"{rng.normal(1.9, 0.1):.3f},{rng.normal(-1.5, 0.1):.3f},0.1,0.1,0.3"
        for k in range(stations)
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path
