"""Who does the work: units, workers, done markers, progress events. Knows nothing of SAEs."""
