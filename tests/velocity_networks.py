"""Small simulated networks of station velocities."""

from __future__ import annotations

import numpy as np

from fiducial.geodesy.covariance_functions import great_circle_km, unit_vectors
from fiducial.geodesy.station_velocities import StationVelocities

FRAME = "plate:EURA@ITRF2014"


def network(
    count: int = 220, seed: int = 1, *, correlation: float = 0.0, extra: int = 0
) -> tuple[StationVelocities, StationVelocities]:
    """Stations, and ``extra`` places of the same field without errors: an exponential field of 0.8 mm/yr and 300 km."""
    generator = np.random.default_rng(seed)
    longitude, latitude = generator.uniform(0.0, 20.0, count + extra), generator.uniform(42.0, 54.0, count + extra)
    vectors = unit_vectors(longitude, latitude)
    covariance = 0.64 * np.exp(-great_circle_km(vectors, vectors) / 300.0) + 1e-9 * np.eye(count + extra)
    field = np.linalg.cholesky(covariance) @ generator.standard_normal((count + extra, 3))
    sigma = generator.uniform(0.1, 0.3, (count + extra, 3))
    errors = sigma[:, :, None] * sigma[:, None, :] * np.eye(3)
    errors[:, 0, 1] = errors[:, 1, 0] = correlation * sigma[:, 0] * sigma[:, 1]
    noise = np.einsum("sij,sj->si", np.linalg.cholesky(errors), generator.standard_normal((count + extra, 3)))
    noise[count:] = 0.0
    both = StationVelocities(
        names=np.array([f"S{i:03d}" for i in range(count + extra)]), longitude_deg=longitude, latitude_deg=latitude,
        velocity_enu_mm_per_yr=field + noise, covariance_enu=errors, frame=FRAME, source="simulated",
    )  # fmt: skip
    return both.select(np.arange(count)), both.select(np.arange(count, count + extra))


def table_text(stations: StationVelocities) -> str:
    """Return stations as a CSV table."""
    lines = [
        "name,longitude,latitude,east_mm_yr,north_mm_yr,up_mm_yr,sigma_east_mm_yr,sigma_north_mm_yr,sigma_up_mm_yr"
    ]
    sigma = np.sqrt(np.diagonal(stations.covariance_enu, axis1=1, axis2=2))
    for i in range(stations.size):
        numbers = [stations.longitude_deg[i], stations.latitude_deg[i], *stations.velocity_enu_mm_per_yr[i], *sigma[i]]
        lines.append(",".join([str(stations.names[i]), *(f"{x:.6f}" for x in numbers)]))
    return "\n".join(lines) + "\n"
