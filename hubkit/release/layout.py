"""The names of the files of a release and of its work folder."""

from __future__ import annotations

CFG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
METRICS = "metrics.json"
README = "README.md"
ROOT_CONFIG = "config.json"
EVALUATION = "evaluation.json"
EVIDENCE = "evidence.yaml"
"""What the author states; published."""
PROVENANCE = "provenance.json"
CARD_SETTINGS = "card.yaml"
"""The author's own; not published."""

COMPLETIONS = "completions.parquet"
ACTIVATIONS = "activations"
MANIFEST = "manifest.json"
DONE = "done.json"
