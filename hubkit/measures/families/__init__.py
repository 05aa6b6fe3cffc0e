"""One module a family of measures, each with `MEASURES`. Every module here is in the catalogue; none is named elsewhere. What a measure says of itself, and how it is
computed, is a `Measure` (`measures/measure.py`)."""
