"""InSAR ground motion: statistics, calibration, Ortho, audit. Pure: NumPy in, NumPy out."""
