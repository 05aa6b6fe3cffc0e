"""The artefacts on disk as models: what each file holds, how it is written, how its content is digested.

The file, never a Python object, is the interface between the stages. No torch here, and nothing that computes.
"""
