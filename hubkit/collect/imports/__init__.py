"""What a researcher has already: completions with labels, and activations taken elsewhere, made a pool like any other. Torch-free but for running a model."""
