"""One module a family of measures, each with `MEASURES`. Every module here is in the catalogue; none is named elsewhere."""
