"""One module an architecture that hubkit trains. Every module here is asked (`hubkit/train/architecture.py`); none is named elsewhere."""
