"""Fiducial runs and knows the geodesy supply chain, from analysis-centre solutions to absolute ground motion."""

__version__ = "0.1.0"
