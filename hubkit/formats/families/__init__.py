"""One module a family of SAE files: how it is known, and how it is read. Every module here is asked; none is named elsewhere. What it gives is a `Family` (`formats/family.py`)."""
