"""Computes the measures of the catalogue from files on disk. Never imports train.

A measure is a declaration with its function in `hubkit/measures/families/`; here are what they are taken of (`subject.py`: an SAE on a pool, or
the raw activations of a layer), running SAEs and fitting probes, and the values as a release states them (`values.py`).
"""
