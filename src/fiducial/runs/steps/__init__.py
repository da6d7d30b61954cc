"""Steps that recipes are made of: adapters from the engine to the run functions."""
