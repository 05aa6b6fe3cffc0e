"""Who wrote an SAE folder, and what it holds: one file per family, detected by key sets, never by file name."""
