"""Many repositories: validate each, rank, report."""
