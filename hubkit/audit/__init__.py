"""Many repositories: enumerate, validate concurrently within the rate limits, resume, rank, report.

What is known stands in one SQLite file (`store.py`); nothing here grows with the number of repositories but that file.
"""
