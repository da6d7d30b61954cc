"""Station solutions: frame combination, trajectories, velocities."""
