"""The catalogue of everything hubkit measures, one module a family: formula, bounds, splits, what a card shows of it. Torch-free.

`hubkit/evaluate/families/` has the function that computes each.
"""
