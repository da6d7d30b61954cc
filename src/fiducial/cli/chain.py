"""``fiducial chain``: what depends on what, and what degrades when a link fails."""

from __future__ import annotations

from cyclopts import App

app = App(name="chain", help="The supply chain: show, check, what fails alone, what degrades and when, requirements.")
