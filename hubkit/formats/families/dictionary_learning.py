"""saprmarks/dictionary_learning: `trainer_N/config.json` {trainer, buffer} + `ae.pt`."""

from __future__ import annotations

from collections.abc import Mapping

from hubkit.formats.family import Family

FAMILY = Family(
    name="dictionary_learning",
    loader="dictionary_learning (load_dictionary), or SAELens's converter dictionary_learning_1",
    detect=lambda cfg: isinstance(cfg.get("trainer"), Mapping),
    # BatchTopK and AutoEncoderTopK keep one running value there, -1 until threshold_start_step
    thresholds=("threshold",),
)
