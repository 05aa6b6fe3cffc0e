"""Which keys only a training, or only the runner of one, has."""

from __future__ import annotations

from hubkit.formats.architectures import ALL_TRAINING_KEYS
from hubkit.validate.rules.vocabulary import TRAINING

RUNNER_KEYS = TRAINING - ALL_TRAINING_KEYS
"""What the runner of a training reads; SAELens's export leaves it out of cfg.json."""
