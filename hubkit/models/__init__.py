"""What a base model is, torch-free: hook names, their translation, layers and widths."""
