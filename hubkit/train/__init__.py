"""SAE specs (torch-free) and their training with SAELens's own classes, saved as explicit v6 and read back."""
