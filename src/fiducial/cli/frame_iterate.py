"""``fiducial frame iterate``: stations and orbits held against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.frame import app

if TYPE_CHECKING:
    from fiducial.runs.frame_codetermination import CoDetermination
    from fiducial.runs.frame_iterate import RotationComparison

Flag = Annotated[bool, Parameter(negative="")]
Sources = Annotated[list[str] | None, Parameter(name="SRC", help="SP3 files or folders, as for `orbits combine`.")]


@app.command
def iterate(
    src: Sources = None,
    /,
    *,
    frame_summary: Path | None = None,
    compare_only: str | None = None,
    without: str | None = None,
    frame: str | None = None,
    simulate: Flag = False,
    seed: int = 0,
    centres: int = 6,
    sweeps: int = 20,
    json: Flag = False,
) -> None:
    """Determine station frame and orbits together: each centre's stations and orbits turn by one rotation.

    On real orbits with a SINEX-combination summary the rotations of both are put side by side; the summary has no
    coordinates, so the frame stays fixed. With --simulate, centres with stations and covariance are made up, both move,
    and the step of the frame is logged until it vanishes: its ratio is the contraction factor of the circle.

    Example: ``fiducial frame iterate 2024-263-final --compare-only IGF,IGL``

    Parameters
    ----------
    frame_summary
        IGS SINEX-combination summary; found beside the orbits by default.
    compare_only
        Centres that are compared but not weighted; the combined products of the IGS by default.
    without
        Centres to leave out.
    frame
        Terrestrial frame, where headers do not name it or differ.
    simulate
        Iterate over simulated centres with known truth.
    seed
        Of the simulation.
    centres
        Number of simulated centres.
    sweeps
        Most sweeps over stations and orbits.
    json
        Print JSON.
    """
    from fiducial.errors import InputError

    if simulate == bool(src):
        raise InputError(
            "FID-1362", "give either orbits or --simulate", where="frame iterate",
            fix="name a folder with SP3 files and a frame summary, or leave it out and give --simulate",
        )  # fmt: skip
    if simulate:
        from fiducial.runs.frame_codetermination import determine_together
        from fiducial.runs.simulated_centres import simulate_centres

        world = simulate_centres(seed, centres=centres)
        found = determine_together(world.solutions, world.orbits, world.reference_m, sweeps=sweeps)
        truth = {name: value.tolist() for name, value in world.rotation_rad.items()}
        print_json({**found.to_dict(), "true_rotation_rad": truth}) if json else _show_simulation(found, truth)
        return
    from fiducial.runs.frame_iterate import compare_rotations
    from fiducial.runs.orbit_combine import CombineRequest

    request = CombineRequest(
        sources=src or [], frame_summary=frame_summary, compare_only=_names(compare_only),
        without=_names(without) or (), frame=frame,
    )  # fmt: skip
    compared = compare_rotations(request)
    print_json(compared.to_dict()) if json else _show_comparison(compared)


def _show_simulation(found: CoDetermination, truth: dict[str, Any]) -> None:
    from fiducial.constants import MILLIARCSECOND_RAD

    uas = 1e3 / MILLIARCSECOND_RAD
    given = found.to_dict()
    rows = []
    for one in given["centres"]:
        for axis, name in enumerate(("Rx", "Ry", "Rz")):
            rows.append([
                one["centre"] if axis == 0 else "", name, truth[one["centre"]][axis] * uas, one["stations_uas"][axis],
                one["orbits_uas"][axis], one["rotation_uas"][axis], one["rotation_sigma_uas"][axis],
            ])  # fmt: skip
    print_table("rotation from the centre to the frame, µas",
                ["centre", "", "truth", "stations", "orbits", "together", "sigma"], rows)  # fmt: skip
    steps = [[k + 1, one["frame_step_mm"], one["rotation_step_uas"], one["agreement_uas"]]
             for k, one in enumerate(given["sweeps"])]  # fmt: skip
    print_table("sweeps", ["sweep", "frame step mm", "rotation step µas", "stations - orbits µas"], steps)
    factor = given["contraction_factor"]
    told = "converged" if found.converged else "not converged"
    print_lines([f"{told}; contraction factor {'unknown' if factor is None else format(factor, '.3f')}"])


def _show_comparison(found: RotationComparison) -> None:
    given = found.to_dict()
    columns = ["centre"]
    for axis in ("Rx", "Ry", "Rz"):
        columns += [f"{axis} stations µas", f"{axis} orbits µas", "sigma"]
    columns += ["RMS before mm", "RMS after mm"]
    rows = [
        [
            one["centre"],
            *(one[f"{kind}_{axis}{end}_uas"] for axis in ("Rx", "Ry", "Rz")
              for kind, end in (("stations", ""), ("orbits", ""), ("orbits", "_sigma"))),
            one["rms_before_mm"], one["rms_after_mm"],
        ]
        for one in given["centres"]
    ]  # fmt: skip
    print_table("rotations of the centres, position-vector signs, less their mean", columns, rows)
    told = ", ".join(f"{axis} {value:.2f}" for axis, value in given["correlation"].items())
    lines = [f"correlation of stations and orbits over the centres: {told}"]
    lines += [
        f"combination against {one['reference']}: RMS {one['rms_before_mm']:.2f} mm before the rotations, "
        f"{one['rms_after_mm']:.2f} mm after"
        for one in given["references"]
    ]
    print_lines([*lines, f"frame {given['frame']}", *given["notes"]])


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip().upper() for name in text.split(",") if name.strip())
