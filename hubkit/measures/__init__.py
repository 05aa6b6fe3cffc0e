"""The catalogue of everything hubkit measures: name, version, formula, unit, bounds, source. Torch-free."""
