"""Figures and self-contained HTML pages from plain results."""
