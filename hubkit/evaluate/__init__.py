"""Computes the measures of the catalogue from files on disk, one file per family. Never imports train."""
