"""Recipes: YAML that says what is to be made of which files."""
