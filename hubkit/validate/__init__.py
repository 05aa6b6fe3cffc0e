"""Findings about SAE repositories: rules, the run, reporters. Reads only."""
