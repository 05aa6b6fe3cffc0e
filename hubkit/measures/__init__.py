"""The catalogue of everything hubkit measures, one module a family: formula, bounds, splits, what a card shows of it. Torch-free.

The function that computes a measure stands beside its declaration; `evaluate/` has what measures are taken of.
"""
