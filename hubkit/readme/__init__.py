"""Anybody's README: front matter, code blocks, each with its line."""
