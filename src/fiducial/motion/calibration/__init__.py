"""Recipes that tie relative InSAR velocities to a GNSS velocity field."""
