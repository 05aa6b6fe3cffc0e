"""hubkit: sparse autoencoders from activations to a Hub repository that tells the truth about itself."""

__version__ = "0.1.0"
