"""The names of the files of a release and of its work folder."""

from __future__ import annotations

import re

CFG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
METRICS = "metrics.json"
README = "README.md"
ROOT_CONFIG = "config.json"
EVALUATION = "evaluation.json"
EVIDENCE = "evidence.yaml"
"""What the author states; published."""
PROVENANCE = "provenance.json"
FIGURES = "figures"
CARD_SETTINGS = "card.yaml"
"""The author's own; not published."""

LEFT_OUT_FOLDERS = {"wandb", ".ipynb_checkpoints", ".idea", ".vscode", ".ssh", ".aws", ".gnupg", ".kube"}
LEFT_OUT_FILES = re.compile(
    r"\.DS_Store|\._.*|\..+\.[0-9a-f]{8}\.hubkit-fix|Thumbs\.db|desktop\.ini|.*\.py[co]|.*\.tmp|.*\.sw[op]|.*~|slurm-.*\.(?:out|err)|nohup\.out|rclone\.conf|\.(?:bash|zsh|python|psql|mysql|node_repl)_history",
    re.IGNORECASE,
)


def is_left_out(path: str) -> bool:
    """Whether a file is what an editor, a file manager, a tracker or a scheduler left in the folder: no part of a release unless asked for."""
    *folders, name = path.split("/")
    return bool(LEFT_OUT_FOLDERS.intersection(folders)) or LEFT_OUT_FILES.fullmatch(name) is not None


PUBLISHED_POOL = "pool"
"""The folder of a release that holds its pool, laid out as a work folder is; only where the author asked for it."""
PUBLISHED_COMPLETIONS = "completions.jsonl"
"""In it: every completion with what each judge said. Text, so that the search for secrets and the Hub's page can read it."""
PUBLISHED_SPECS = "specs.json"
"""In it: what each SAE was trained by."""
COMPLETIONS = "completions.parquet"
ACTIVATIONS = "activations"
VERDICTS = "verdicts"
"""In the work folder: a file for each judge with its settings, a line for each completion."""
JUDGEMENTS = "judgements.parquet"
"""In the work folder: what every judge said of every completion, with its reason."""
AGREEMENT = "agreement.json"
"""In the work folder: how far the judges agree."""
IMPORTED = "imported"
"""In the work folder: completions and activations that came from elsewhere, as they came."""
MANIFEST = "manifest.json"
EXTRAS = "extras.json"
"""Beside the manifest of a pool: rows that say what its labels mean."""
POOL_REPORT = "pool_report.json"
EXPERIMENTS = "experiments.json"
"""In the work folder: what experiments with the base model found."""
TIMES = "collecting.json"
"""In the work folder: what each stage of collecting took."""
DONE = "done.json"
TRAINING = "training.json"
"""In the work folder: what the training recorded of each SAE."""
