"""One module a file format: bytes or a path in, plain arrays out, and back; nothing is computed here."""
