"""The lab model: a Llama of 262 thousand parameters, or a model of another class, that learns `lab.text` in seconds on a CPU. Imports torch inside."""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.engine.events import Event, Progress, silent
from hubkit.engine.threads import one_thread
from hubkit.errors import UsageError
from hubkit.lab import text
from hubkit.models.known import LAB
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.writing import write_json

if TYPE_CHECKING:
    from pathlib import Path

RECIPE_FILE = "lab.json"
"""Written with the model: which recipe made it, and what came out."""
WEIGHTS_FILE = "model.safetensors"
RECIPE_VERSION = 1
BATCH, CLIP = 64, 1.0
IGNORED = -100
"""The target that cross entropy leaves out (torch's default `ignore_index`)."""


@dataclass(frozen=True)
class Shape:
    """How large a lab model is. The standard one learns in seconds; a wide one gives activations as wide as a real model's, in minutes."""

    n_layers: int = 6
    d_model: int = 64
    n_heads: int = 4
    d_mlp: int = 128
    learning_rate: float = 3e-3
    """Highest rate of the schedule. Wider models want less."""
    family: str = "llama"
    """`model_type` of its configuration: the class that it is of."""
    positions: int = 128
    """Tokens that a text may be long."""

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.d_model // self.n_heads

    @property
    def name(self) -> str:
        """`hubkit/lab-<family>-<layers>x<width>`."""
        return f"{LAB}{self.family.replace('_', '-')}-{self.n_layers}x{self.d_model}"


STANDARD = Shape()


@dataclass(frozen=True)
class LabModel:
    """A trained lab model on disk; `AutoModelForCausalLM.from_pretrained(folder)` and `AutoTokenizer` open it offline."""

    folder: Path
    name: str
    sha256: str
    """Of the weights file."""
    losses: tuple[float, ...]
    """Mean cross entropy per response word, in nats, per step."""

    @property
    def revision(self) -> str:
        """The first 40 digits of `sha256`: as long as a commit, and it names the weights as one does."""
        return self.sha256[:40]


def build(
    folder: Path,
    *,
    seed: int = 0,
    null: bool = False,
    steps: int = 150,
    shape: Shape = STANDARD,
    report: Progress = silent,
) -> LabModel:
    """Train the lab model into `folder`, or return the one of the same recipe that is there already.

    The folder appears whole or not at all. One seed gives one model on one machine; the global random state is left as it was.
    With `null` the model has no behaviour to carry (`lab.text`). Raises UsageError when `folder` holds something else.
    """
    recipe = _recipe(shape, seed, null=null, steps=steps)
    found = _finished(folder, recipe)
    if found is not None:
        report(Event("lab", steps, steps, f"{found.name} is there"))
        return found
    if folder.exists() and not (folder / RECIPE_FILE).exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder}: holds files but no {RECIPE_FILE}, expected an empty folder or a lab model",
            hint="name another folder",
        )
    model, losses = _train(shape, seed, null=null, steps=steps, report=report)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        _write(temporary, model, recipe, losses)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    built = _finished(folder, recipe)
    if built is None:
        raise UsageError(f"{folder}: changed while it was written, expected one writer", hint="run it again")
    return built


def _recipe(shape: Shape, seed: int, *, null: bool, steps: int) -> dict[str, Any]:
    sizes: list[int | str] = [shape.n_layers, shape.d_model, shape.n_heads, shape.d_mlp]
    if shape.family != STANDARD.family:  # what was trained before there were others keeps its digest
        sizes.append(shape.family)
    return {
        "version": RECIPE_VERSION, "name": shape.name + ("-null" if null else ""), "seed": seed, "null": null, "steps": steps,
        "shape": sizes, "batch": BATCH, "learning_rate": shape.learning_rate, "clip": CLIP,
        "text": sha256_of_json([text.VOCABULARY, [vars(text.world(scene)) for scene in text.SCENES]]),
    }  # fmt: skip


def _finished(folder: Path, recipe: dict[str, Any]) -> LabModel | None:
    """The model in `folder` if it is whole and of this recipe."""
    try:
        written = json.loads((folder / RECIPE_FILE).read_bytes())
        sha256 = sha256_of_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError):
        return None
    if (
        not isinstance(written, dict)
        or written.get("recipe_sha256") != sha256_of_json(recipe)
        or written.get("sha256") != sha256
    ):
        return None
    if not all(
        (folder / name).is_file() for name in ("config.json", "tokenizer.json", "tokenizer_config.json")
    ):
        return None
    return LabModel(folder, recipe["name"], sha256, tuple(written["losses"]))


def _write(folder: Path, model: Any, recipe: dict[str, Any], losses: list[float]) -> None:
    from hubkit.inference.load import quiet_transformers

    folder.mkdir(parents=True)
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer().save_pretrained(folder)
    sha256 = sha256_of_file(folder / WEIGHTS_FILE)
    finished = {"recipe": recipe, "recipe_sha256": sha256_of_json(recipe), "sha256": sha256, "losses": losses}
    write_json(folder / RECIPE_FILE, finished)


def tokenizer() -> Any:
    """A `PreTrainedTokenizerFast` with one token per word of `text.VOCABULARY`."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(
        WordLevel({word: index for index, word in enumerate(text.VOCABULARY)}, unk_token=text.UNKNOWN)
    )
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token=text.UNKNOWN, pad_token=text.PAD, eos_token=text.END,
        clean_up_tokenization_spaces=False, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def _new_model(shape: Shape, seed: int) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from hubkit.lab.families import config

    with torch.random.fork_rng(
        devices=[]
    ):  # transformers initialises from the global state; the caller's stays as it was
        torch.random.default_generator.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config(shape.family, shape))


def _train(shape: Shape, seed: int, *, null: bool, steps: int, report: Progress) -> tuple[Any, list[float]]:
    # A small step on one thread is the same on every machine, and a second thread would only slow it down.
    with one_thread() if shape.d_model <= STANDARD.d_model else nullcontext():
        return _trained(shape, seed, null=null, steps=steps, report=report)


def _trained(shape: Shape, seed: int, *, null: bool, steps: int, report: Progress) -> tuple[Any, list[float]]:
    import torch

    model = _new_model(shape, seed).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=shape.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=shape.learning_rate, total_steps=steps)
    rng = np.random.default_rng(seed)
    losses: list[float] = []
    for step in range(steps):
        ids, targets = (torch.from_numpy(part) for part in _batch(rng, null=null))
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=IGNORED
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        report(Event("lab", step + 1, steps, f"loss {losses[-1]:.2f}"))
    return model.eval(), losses


def _batch(rng: np.random.Generator, *, null: bool) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and targets, both (BATCH, words) int64; the targets leave the prompt out."""
    index = {word: number for number, word in enumerate(text.VOCABULARY)}
    rows = []
    for scene in rng.choice(text.SCENES, BATCH):
        line = f"{text.world(str(scene)).prompt} {text.response(str(scene), rng, null=null)}"
        rows.append([index[word] for word in line.split()])
    ids = np.array(rows, dtype=np.int64)
    targets = ids.copy()
    targets[:, : -text.RESPONSE] = IGNORED
    return ids, targets
