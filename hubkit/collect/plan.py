"""What to collect, as a study file writes it, and the digest that says whether it has been collected. Torch-free."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.collect.judges import AnyJudge
from hubkit.collect.scenarios import Scenario, unique
from hubkit.errors import IncompleteError
from hubkit.inference.precision import Precision
from hubkit.release.digests import sha256_of_file, sha256_of_json

METHOD_VERSION = 2
"""Rises when the same plan would give another pool."""
SPANS = {
    "response_without_commit": "response without the commit span",
    "response": "whole response",
}
COMMIT = re.compile(r"[0-9a-f]{40}")


class CollectPlan(BaseModel):
    """Everything that decides what a pool holds; `device` and `batch_size` only how it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """A folder or a Hub id that transformers opens."""
    model_name: str
    """What the model is called in every artefact."""
    revision: str | None = None
    """A commit of the Hub id; for a folder, what to call its state. Found out when it is not given (`model_revision`)."""
    scenarios: tuple[Scenario, ...]
    chat: bool = False
    """Put the prompts through the tokenizer's chat template."""
    samples: int = Field(default=256, gt=0)
    """Completions in all, spread evenly over the scenarios; the first ones get one more when it does not come out even."""
    temperature: float = Field(default=1.0, ge=0)
    max_new_tokens: int = Field(gt=0)
    labels: tuple[str, str]
    """The first is the positive class of every probe."""
    judge: AnyJudge
    layers: tuple[int, ...] = Field(min_length=1)
    pooling: Literal["mean", "last"] = "mean"
    pool_over: Literal["response_without_commit", "response"] = "response_without_commit"
    """Without the commit span a probe cannot read the word that the judge read."""
    folds: int = Field(default=5, ge=2)
    seed: int = 0
    precision: Precision = "float32"
    device: str = "cpu"
    batch_size: int = Field(default=32, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        unique(self.scenarios)
        if self.labels[0] == self.labels[1] or self.judge.labels != set(self.labels):
            raise ValueError(
                f"labels {list(self.labels)}, but the judge gives {sorted(self.judge.labels)}; expected the same two"
            )
        if len(set(self.layers)) != len(self.layers) or min(self.layers) < 0:
            raise ValueError(f"layers {list(self.layers)}, expected each once, from 0")
        if self.samples < len(self.scenarios):
            raise ValueError(
                f"{self.samples} samples of {len(self.scenarios)} scenarios, expected at least one of each"
            )
        return self

    def samples_of(self, position: int) -> int:
        """How many completions the scenario at `position` gets."""
        share, rest = divmod(self.samples, len(self.scenarios))
        return share + (position < rest)

    def inputs_sha256(self, revision: str | None) -> str:
        """Digest of what the pool is made from, `revision` being the resolved one: equal digest, same pool."""
        asked = self.model_dump(mode="json", exclude={"model", "revision", "device", "batch_size"})
        return sha256_of_json({"method": METHOD_VERSION, "revision": revision, "plan": asked})

    def completions_sha256(self, revision: str | None) -> str:
        """Digest of what the completions' texts are made from: other layers or another judge leave them as they are."""
        asked = (
            "model_name",
            "scenarios",
            "chat",
            "samples",
            "temperature",
            "max_new_tokens",
            "seed",
            "precision",
        )
        plan = self.model_dump(mode="json", include=set(asked))
        return sha256_of_json({"method": METHOD_VERSION, "revision": revision, "plan": plan})


def model_revision(plan: CollectPlan) -> str | None:
    """The state of the base model: the plan's own word, the commit of a Hub id, or the sha256 of a folder's weights.

    Several weight files count with one digest over their names and digests. Asks the Hub when the plan gives an id and no full
    commit; from the local cache when offline. Raises IncompleteError when there is no such model.
    """
    folder = Path(plan.model)
    if folder.is_dir():
        return plan.revision or _sha256_of_weights(folder)
    if plan.revision is not None and COMMIT.fullmatch(plan.revision):
        return plan.revision
    return _commit_of(plan.model, plan.revision)


def _sha256_of_weights(folder: Path) -> str:
    digests = {path.name: sha256_of_file(path) for path in sorted(folder.glob("*.safetensors"))}
    if not digests:
        raise IncompleteError(f"{folder}: no *.safetensors file, expected the weights of a model")
    return next(iter(digests.values())) if len(digests) == 1 else sha256_of_json(digests)


def _commit_of(repo_id: str, revision: str | None) -> str:
    """The commit that `revision` (or the default branch) stands for: the snapshot folder that config.json comes from."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(hf_hub_download(repo_id, "config.json", revision=revision)).parent.name
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise IncompleteError(
            f"{repo_id}: neither a folder nor a model on the Hub that can be read: {error}",
            hint="give a folder, or an id such as HuggingFaceTB/SmolLM2-135M",
        ) from error
