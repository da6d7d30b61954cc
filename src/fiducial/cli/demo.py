"""``fiducial demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines


def demo(
    *,
    out: Path = Path("demo-output"),
    real: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 1,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the whole chain on a small simulated world whose truth is known, and write a report.

    The folder gets the world, the recipes chain.yaml and velocities.yaml, their products, a catalogue, and the report. A
    second run makes only what is missing; one that was killed goes on where it was. Progress is told on stderr.

    Example: ``fiducial demo --out demo-output``, then open ``demo-output/report.html``

    Parameters
    ----------
    out
        Folder of everything that is made; an earlier demonstration of another world in it is replaced.
    real
        Use the real files of FIDUCIAL_DATA instead: Ustica (EGMS) and Anatolia (LiCSBAS).
    seed
        Of the simulated world.
    json
        Print the figures as JSON.
    """
    if real:
        from fiducial.runs.demo_real import run_demo_real

        report = run_demo_real(out, None)
        print_json({"report": str(report)}) if json else print_lines([f"report: {report}"])
        return
    from fiducial.runs.demo import run_demo

    result = run_demo(out, seed=seed)
    print_json(result.to_dict()) if json else print_lines(result.lines())
