"""What to collect, as a study file writes it, and the digest that says whether it has been collected. Torch-free."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.collect.also import VERSION, Also
from hubkit.collect.judges import AnyJudge
from hubkit.collect.scenarios import Texts, unique
from hubkit.collect.situations import Scenarios
from hubkit.errors import IncompleteError
from hubkit.inference.decoding import Decoding
from hubkit.inference.precision import Precision
from hubkit.inference.site import RESID_POST, Site
from hubkit.inference.source import GGUF, find_model
from hubkit.release.digests import sha256_of_file, sha256_of_json

METHOD_VERSION = 2
"""Rises when the same plan would give another pool."""
HOW = {"model", "revision", "device", "batch_size", "taken", "completions_from", "also"}
FOR_READERS = {"family", "labels", "anchors", "notes"}
"""Of a scenario: what its completions do not depend on."""
NUMBERS = (int, float, int | None, float | None)
Pooling = Literal["mean", "last", "first", "all"]
COMMIT = re.compile(r"[0-9a-f]{40}")


class CollectPlan(BaseModel):
    """Everything that decides what a pool holds; `HOW` is only how it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str
    """A folder or a Hub id that transformers opens, a GGUF file, or `package:NAME` for the GGUF file that an installed package ships."""
    gguf_file: str | None = None
    """The GGUF file in that folder or repository, where it is to be read in place of transformers' own form."""
    model_name: str
    """What the model is called in every artefact."""
    revision: str | None = None
    """A commit of the Hub id; for a folder, what to call its state. Found out when it is not given (`model_revision`)."""
    scenarios: Scenarios
    """What is put to the model: a set that ships (`builtin:NAME`), a file beside the study file, or the situations themselves."""
    chat: bool = False
    """Put the prompts through the tokenizer's chat template."""
    samples: int = Field(default=256, gt=0)
    """Completions in all, spread evenly over the scenarios; the first ones get one more when it does not come out even."""
    control_samples: int = Field(default=16, ge=0)
    """Completions of each control, beside `samples`."""
    completions_from: str | None = None
    """The work folder of another pool whose completions are taken in place of sampling: the same texts and labels, at another precision."""
    temperature: float = Field(default=1.0, ge=0)
    """0 takes the likeliest token."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Draw from the likeliest tokens that have this probability together."""
    max_new_tokens: int = Field(gt=0)
    """Length of a completion in tokens."""
    stop: Texts = ()
    """A completion ends with the token that completes one of these."""
    labels: tuple[str, str]
    """The first is the positive class of every probe."""
    judge: AnyJudge
    """Who decides."""
    second_judges: tuple[AnyJudge, ...] = ()
    """Who is asked beside, and decides nothing: how far they agree goes into the record."""
    layers: tuple[int, ...] = Field(min_length=1)
    """Blocks of the base model, counted from 0."""
    sites: tuple[Site, ...] = Field(default=(RESID_POST,), min_length=1)
    """Places in each of the layers; SAEs are trained on the first."""
    pooling: Pooling = "mean"
    """`all` keeps a row for each token: for looking at positions, not for training."""
    pool_over: Literal["response_without_commit", "response"] = "response_without_commit"
    """Without the commit span a probe cannot read the word that the judge read."""
    skip_after_commit: int | None = Field(default=None, ge=0)
    """Pool from the n-th token behind the commit span on, 0 being the first, and none before it: just behind the word, a model still holds the word."""
    also: Also = Also()
    """Rows kept beside the pool, by which it can be told what the labels mean: of controls, at distances from the committing word, with that word swapped or deleted."""
    folds: int = Field(default=5, ge=2)
    """Outer folds: what is measured of an SAE on rows that it has not seen."""
    seed: int = 0
    """Of every draw; a completion keeps its text when other scenarios come or go."""
    precision: Precision = Precision()
    """A word (`float32`, `bfloat16`, `float16`, `int8`, `nf4`, `fp4`, `Q4_0`, `Q4_1`, `Q5_0`, `Q8_0`), or a mapping with `weights`, `double_quant` and `compute`."""
    device: str = "cpu"
    """Where the base model runs: `cpu`, `cuda`, `cuda:1`."""
    batch_size: int | None = Field(default=None, gt=0)
    """Completions at once; by default as many as the memory at hand takes, found when sampling begins."""
    taken: Literal["afterwards", "while_sampling"] = "afterwards"
    """When activations are taken: by running the stored tokens once more, or while they are drawn, which costs no time and the disk of every token."""

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_no_booleans(cls, raw: Any) -> Any:
        """`samples: yes` would be 1: YAML makes it true, and Python counts with that."""
        for name, value in raw.items() if isinstance(raw, dict) else ():
            of = cls.model_fields.get(name)
            if isinstance(value, bool) and of is not None and of.annotation in NUMBERS:
                words = "yes, on and true" if value else "no, off and false"
                raise ValueError(f"{name}: {words} are booleans to YAML, expected a number")
        return raw

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        unique(self.scenarios)
        if self.labels[0] == self.labels[1]:
            raise ValueError(f"labels {list(self.labels)}, expected two")
        self._judges_fit()
        if len(set(self.layers)) != len(self.layers) or min(self.layers) < 0:
            raise ValueError(f"layers {list(self.layers)}, expected each once, from 0")
        if len(set(self.sites)) != len(self.sites):
            raise ValueError(f"sites {list(self.sites)}, expected each once")
        if self.samples < self._scenarios:
            raise ValueError(
                f"{self.samples} samples of {self._scenarios} scenarios, expected at least one of each"
            )
        if "" in self.stop:
            raise ValueError("an empty stop string ends every completion")
        if self.skip_after_commit is not None and self.pool_over == "response":
            raise ValueError(
                "skip_after_commit and pool_over: response, expected one: the whole response holds the commit span"
            )
        if self.completions_from is not None and self.taken == "while_sampling":
            raise ValueError("completions_from and taken: while_sampling, expected one: nothing is sampled")
        unknown = {label for one in self.scenarios for label in (*one.labels, *one.anchors)} - set(
            self.labels
        )
        if unknown:
            raise ValueError(f"scenarios name the labels {sorted(unknown)}, expected {sorted(self.labels)}")
        return self

    @property
    def _scenarios(self) -> int:
        """Those that are no controls."""
        return sum(not one.control for one in self.scenarios)

    def _judges_fit(self) -> None:
        for judge in (self.judge, *self.second_judges):
            if judge.labels != set(self.labels):
                raise ValueError(
                    f"judge {judge.name!r} gives {sorted(judge.labels)}, expected the study's labels {list(self.labels)}"
                )
            for scenario in self.scenarios:
                if problem := judge.problem(scenario):
                    raise ValueError(f"judge {judge.name!r}, scenario {scenario.key!r}: {problem}")
        names = [one.name for judge in (self.judge, *self.second_judges) for one in (judge, *judge.members)]
        if len(set(names)) != len(names):
            raise ValueError(f"judges {names}, expected each once")

    def samples_of(self, position: int) -> int:
        """How many completions the scenario at `position` gets."""
        if self.scenarios[position].control:
            return self.control_samples
        place = sum(not one.control for one in self.scenarios[:position])
        share, rest = divmod(self.samples, self._scenarios)
        return share + (place < rest)

    @property
    def total(self) -> int:
        """All completions, those of the controls too."""
        return sum(self.samples_of(position) for position in range(len(self.scenarios)))

    @property
    def decoding(self) -> Decoding:
        """How completions are drawn where a scenario says nothing else."""
        return Decoding(
            temperature=self.temperature,
            top_p=self.top_p,
            max_new_tokens=self.max_new_tokens,
            stop=self.stop,
        )

    @property
    def token_span(self) -> str:
        """Which tokens are pooled, in words."""
        if self.skip_after_commit is not None:
            return f"response behind the commit span, {self.skip_after_commit} tokens skipped"
        return "whole response" if self.pool_over == "response" else "response without the commit span"

    def inputs_sha256(self, revision: str | None, sampled: str, judged: str | None = None) -> str:
        """Digest of what the pool is made from: equal digest, same pool. `revision` is the resolved one, `sampled` the digest of the texts, `judged`
        what the judge's verdicts depend on beside its settings (`Judge.state_sha256`)."""
        asked = self.model_dump(mode="json", exclude=HOW | {"judge", "second_judges"})
        asked["judge"] = [self.judge.settings(), judged]
        return sha256_of_json(
            {"method": METHOD_VERSION, "revision": revision, "sampled": sampled, "plan": asked}
        )

    def extras_sha256(self, pool: str) -> str:
        """Digest of what is kept beside the pool of the digest `pool`."""
        return sha256_of_json({"version": VERSION, "pool": pool, "also": self.also.model_dump(mode="json")})

    def completions_sha256(self, revision: str | None) -> str:
        """Digest of what the completions' texts are made from: other layers, another judge or other anchors leave them as they are."""
        asked = {"model_name", "gguf_file", "samples", "control_samples", "seed", "precision"} | set(
            Decoding.model_fields
        )
        plan = self.model_dump(mode="json", include=asked)
        return sha256_of_json(
            {"method": METHOD_VERSION, "revision": revision, "plan": plan, "prompts": self.prompts_sha256}
        )

    @property
    def prompts_sha256(self) -> str:
        """Digest of what is put to the model."""
        prompts = [one.model_dump(mode="json", exclude=FOR_READERS) for one in self.scenarios]
        return sha256_of_json({"chat": self.chat, "prompts": prompts})

    def questions_sha256(self, sampled: str) -> str:
        """Digest of what a judge is shown: the completions, of which `sampled` is the digest, and everything about their scenarios."""
        scenarios = [one.model_dump(mode="json", exclude={"notes"}) for one in self.scenarios]
        return sha256_of_json({"sampled": sampled, "scenarios": scenarios})


def model_revision(plan: CollectPlan) -> str | None:
    """The state of the base model: the plan's own word, the commit of a Hub id, or the sha256 of a folder's weights or of a GGUF file.

    Several weight files count with one digest over their names and digests. Asks the Hub when the plan gives an id and no full
    commit; from the local cache when offline. Raises IncompleteError when there is no such model.
    """
    source = find_model(plan.model, plan.gguf_file)
    if source.folder is not None:
        file = source.gguf_path
        return plan.revision or (sha256_of_file(file) if file else _sha256_of_weights(source.folder))
    if plan.revision is not None and COMMIT.fullmatch(plan.revision):
        return plan.revision
    return _commit_of(plan.model, plan.gguf_file or "config.json", plan.revision)


def _sha256_of_weights(folder: Path) -> str:
    digests = {path.name: sha256_of_file(path) for path in sorted(folder.glob("*.safetensors"))}
    if not digests:
        gguf = sorted(path.name for path in folder.glob(f"*{GGUF}"))
        raise IncompleteError(
            f"{folder}: no *.safetensors file, expected the weights of a model",
            hint=f"to read a GGUF file in it: gguf_file: {gguf[0]}" if gguf else None,
        )
    return next(iter(digests.values())) if len(digests) == 1 else sha256_of_json(digests)


def _commit_of(repo_id: str, file: str, revision: str | None) -> str:
    """The commit that `revision` (or the default branch) stands for: the snapshot folder that `file` comes from."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        path = Path(hf_hub_download(repo_id, file, revision=revision))
        return path.parents[file.count("/")].name
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise IncompleteError(
            f"{repo_id}: neither a folder nor a model on the Hub that can be read: {error}",
            hint="give a folder, a .gguf file, or an id such as HuggingFaceTB/SmolLM2-135M",
        ) from error
