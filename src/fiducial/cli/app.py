"""The command groups."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from cyclopts import App

from fiducial import __version__

COMMAND_MODULES: Final = (
    "motion_calibrations",
    "motion_frames",
    "motion_score",
    "frame_combine",
    "frame_iterate",
    "frame_stack",
    "stations_check",
    "stations_model",
    "chain_impact",
    "chain_validate",
    "chain_show",
    "chain_structure",
    "chain_requirements",
    "catalogue_health",
    "catalogue_export",
)
"""Modules that add commands to the ``app`` of another one when they are imported."""

app = App(
    name="fiducial",
    version=__version__,
    help="Runs and knows the geodesy supply chain, from analysis-centre solutions to absolute ground motion.",
)
app.command(
    "fiducial.cli.motion:app", name="motion", help="InSAR ground motion: import, calibrate, Ortho, audit, export."
)
app.command(
    "fiducial.cli.demo:demo",
    name="demo",
    help="Run the whole chain on a small simulated world, or on real data.\n\nExample: ``fiducial demo --out demo``",
)
app.command(
    "fiducial.cli.simulate:simulate",
    name="simulate",
    help="Write a known world as the files that the real one would have.\n\nExample: ``fiducial simulate world --seed 7``",
)
app.command(
    "fiducial.cli.orbits:app",
    name="orbits",
    help="GNSS orbits and clocks: combine centres, compare, what if one fails.",
)
app.command(
    "fiducial.cli.frame:app", name="frame", help="Terrestrial reference frames: transform, combine and align stations."
)
app.command(
    "fiducial.cli.stations:app", name="stations", help="GNSS stations: velocities from series, velocity models."
)
app.command(
    "fiducial.cli.chain:app",
    name="chain",
    help="The supply chain: what depends on what, and what degrades when a link fails.",
)
app.command(
    "fiducial.cli.catalogue:app",
    name="catalogue",
    help="What exists and what it was made from: add, list, trace, verify, export, health.",
)
app.command(
    "fiducial.cli.run:run",
    name="run",
    help="Run a recipe, and of it only what is not there yet.\n\nExample: ``fiducial run chain.yaml --dry-run``",
)
app.command(
    "fiducial.cli.recipe:app", name="recipe", help="Recipes: write one with every field explained, check, list."
)
app.command("fiducial.cli.eop:app", name="eop", help="Earth rotation parameters: compare with C04.")
app.command(
    "fiducial.cli.doctor:doctor",
    name="doctor",
    help="Tell whether this machine has what Fiducial needs.\n\nExample: ``fiducial doctor --json``",
)
for module in COMMAND_MODULES:
    import_module(f"fiducial.cli.{module}")
