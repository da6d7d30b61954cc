"""Shared mathematics: NumPy in, NumPy out."""
