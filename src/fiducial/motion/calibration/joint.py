"""The joint adjustment: all bursts and tracks tied at once to one velocity field and to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.burst_planes import BurstPlanes
from fiducial.motion.calibration.fitting import outlier_rejections, result_of, station_residuals
from fiducial.motion.calibration.gnss import StationLineOfSight, check_inputs, line_of_sight_of_tracks
from fiducial.motion.calibration.input_checks import check_tracks
from fiducial.motion.calibration.network_adjustment import NetworkSolution, Processes, adjust
from fiducial.motion.calibration.network_cells import NetworkCells, cells_of
from fiducial.motion.calibration.network_design import burst_basis, burst_terms, design_network, regional_field
from fiducial.motion.calibration.network_model import CLUSTER_SIGMA_MM_PER_YR, NetworkModel, estimate_model
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, Recipe, TrackCalibration
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface

Array = NDArray[np.float64]

MOST_BURSTS: Final = 1_000
"""More bursts than a large country has are adjusted as a network of planes (`BurstPlanes`)."""


@dataclass(frozen=True)
class JointRecipe:
    """One network adjustment of all tracks.

    y = l.(g + d) + l_u u + S_track + S_burst + S_cluster + e: g the GNSS field and d its correction with the
    covariance that the stations leave; u vertical motion that the field does not resolve, seen by every track;
    S the long-wave errors, removed; e short-wave errors, budgeted and kept. docs/calibration.md derives it.

    Attributes
    ----------
    model : NetworkModel or None
        Hyper-parameters; None estimates them from the data.
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    """

    model: NetworkModel | None = None
    systematic_sigma_mm_per_yr: float = 0.0

    @property
    def name(self) -> str:
        """``joint``."""
        return "joint"

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Adjust all tracks together; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061 when there is no block; FID-1063, FID-1066 when the inputs do not belong together; FID-1132 when a
            burst stands twice; FID-1133 when lines of sight follow different conventions.
        NumericsError
            FID-3010, FID-3011 when covariances or normal equations are singular.
        """
        check_inputs(tracks, stations, field)
        check_tracks(tracks)
        if len(tracks) > MOST_BURSTS:
            # Dense normal equations of so many bursts fill the memory; planes of bursts have sparse ones.
            result = BurstPlanes().fit(tracks, stations, field)
            note = f"{len(tracks)} bursts are adjusted as a network of planes: nuisance fields are for {MOST_BURSTS}"
            return replace(result, notes=(*result.notes, note))
        cells = cells_of(tracks)
        regional = regional_field(cells, field)
        residual = cells.velocity_mm_per_yr - regional.along_mm_per_yr
        processes = Processes.of(cells)
        model, extra = self.model or NetworkModel(), np.zeros(cells.size)
        # Outliers must not decide the hyper-parameters: a first solution with assumed ones finds them.
        for estimating in (True, False) if self.model is None else (False,):
            design = design_network(cells, regional, model)
            solution = adjust(cells, processes, design, model, residual, extra, with_covariance=not estimating)
            extra = solution.extra_variance
            if estimating:
                model = estimate_model(cells, residual, regional.between, extra, model)
        fitted = [
            self._burst(track, cells, solution, model, gnss)
            for track, gnss in zip(tracks, line_of_sight_of_tracks(tracks, stations, field), strict=True)
        ]
        result = result_of(self.name, fitted, stations, field)
        return replace(result, notes=(*result.notes, regional.note, model.note), hyper_parameters=model.to_dict())

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the hyper-parameters; see `Recipe.fixed`."""
        if not result.hyper_parameters:
            return self
        return replace(self, model=NetworkModel.from_dict(result.hyper_parameters))

    def _burst(
        self,
        track: TrackObservations,
        cells: NetworkCells,
        solution: NetworkSolution,
        model: NetworkModel,
        gnss: StationLineOfSight,
    ) -> TrackCalibration:
        burst = cells.burst_names.index(track.name)
        rows = np.flatnonzero(cells.burst == burst)
        surface = _surface(track, burst, cells, solution, self.systematic_sigma_mm_per_yr)
        noise = _noise(cells, rows, model, track.track)
        columns = solution.normals.design.track_columns[int(cells.track_of_burst[burst])]
        own = solution.normals.design.burst_columns[burst]
        parameters = solution.effective_parameters(columns) + solution.effective_parameters(own)
        used = solution.extra_variance[rows] == 0.0
        lowered = int((~used).sum())
        notes = (f"{lowered} of {len(rows)} cells lowered in weight as local motion or noise",) if lowered else ()
        return TrackCalibration(
            surface=surface,
            noise=noise,
            stations=station_residuals(
                track.samples,
                gnss,
                surface,
                noise,
                used=np.zeros(track.samples.size, dtype=bool),
                local_up_sigma_mm_per_yr=model.up_sigma,
            ),
            rejected=outlier_rejections(track.samples.names[gnss.outlier]),
            observations=len(rows),
            degrees_of_freedom=max(len(rows) - round(parameters), 0),
            variance_factor=model.factor(track.track),
            notes=(*track.notes, *notes, gnss.note),
            local_up_sigma_mm_per_yr=model.up_sigma,
        )


def _surface(
    track: TrackObservations, burst: int, cells: NetworkCells, solution: NetworkSolution, systematic: float
) -> CorrectionSurface:
    """Gather what a burst shares with its track and what it has of its own in one spline, exactly."""
    design = solution.normals.design
    index = int(cells.track_of_burst[burst])
    basis, terms = burst_basis(cells, burst, design.bases[index])
    shared = design.track_columns[index].start + terms
    own = np.arange(design.burst_columns[burst].start, design.burst_columns[burst].stop)
    columns = np.concatenate([shared, own])
    gather = np.eye(basis.terms)
    if len(own):
        # Splines reproduce a plane when its values at the nodes are the coefficients.
        gather = np.hstack([gather, burst_terms(*basis.nodes, design.burst_centre_m[burst])])
    covariance = gather @ solution.covariance[np.ix_(columns, columns)] @ gather.T
    clusters = None
    if design.cluster_columns[burst]:
        labels, places = (
            np.array(list(part)) for part in zip(*sorted(design.cluster_columns[burst].items()), strict=True)
        )
        clusters = ClusterOffsets(
            labels=labels,
            offset_mm_per_yr=solution.unknowns[places],
            sigma_mm_per_yr=np.sqrt(np.diag(solution.covariance)[places]),
            cross_covariance=solution.covariance[np.ix_(places, columns)] @ gather.T,
            unknown_sigma_mm_per_yr=CLUSTER_SIGMA_MM_PER_YR,
        )
    return CorrectionSurface(
        track=track.name,
        crs=track.crs,
        basis=basis,
        coefficients=gather @ solution.unknowns[columns],
        covariance=0.5 * (covariance + covariance.T),
        systematic_sigma_mm_per_yr=systematic,
        clusters=clusters,
    )


def _noise(cells: NetworkCells, rows: NDArray[np.intp], model: NetworkModel, track: str) -> ExponentialModel:
    """Describe what is left of InSAR minus GNSS field: unresolved motion and short-wave errors."""
    motion = float(np.mean(cells.sight[rows, 2] ** 2)) * model.up_sigma**2
    errors = model.noise_sigma**2 * model.factor(track)
    length = (motion * model.up_length_km + errors * model.noise_length_km) / (motion + errors)
    white = model.white_sigma**2 + float(np.median(cells.white_variance[rows]))
    return ExponentialModel(
        float(np.sqrt(motion + errors)), length, float(np.sqrt(white)), model.cells, model.at_bounds
    )
