"""Computes the measures of the catalogue from files on disk. Never imports train.

A measure is one function in `families/`, bound to its declaration in `hubkit/measures/families/` by name (`registry.py`); it is
given a `Subject` (`subject.py`: an SAE on a pool, or the raw activations of a layer) and a split.
"""
