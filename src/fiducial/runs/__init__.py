"""Steps: the only place where a file, a function and a product meet."""
