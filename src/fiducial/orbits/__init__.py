"""Tier 3: combination of analysis-centre orbits and clocks."""
