"""What exists, what it was made from, by which run: products, files, runs and the edges between them."""
