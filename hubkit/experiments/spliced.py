"""An SAE in the place of its activations: the base model's loss and predictions with x -> xhat, beside the clean model, zeros and means. Needs torch.

The arithmetic is SAELens's (`evals.py`, 6.54): special tokens keep their activations and are not counted, ablations are at every position. Means are
over all tokens of all documents at once, and the documents are what is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError, UsageError
from hubkit.evaluate.texts import CONTEXT, module_path
from hubkit.evaluate.values import Loss
from hubkit.formats.computed import computation
from hubkit.inference.hooks import changed, recorded
from hubkit.measures.spliced import CLEAN, MEAN, SAE, ZERO, Spliced
from hubkit.release.digests import sha256_of_json
from hubkit.release.metrics import TextsRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from hubkit.formats.sae import Sae
    from hubkit.inference.hooks import Change
    from hubkit.inference.load import BaseModel
    from hubkit.repo.view import RepoView

    Run = Callable[[NDArray[np.float64]], tuple[Any, Any]]
    """Rows (n, d) to latents and reconstructions (n, d)."""

MOST = 1 << 25
"""Numbers of one table of logits: the clean ones, and those of one run, are in memory together."""
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id")
"""As SAELens has it: tokens of a chat template are not among them."""


@dataclass(frozen=True)
class Document:
    """Tokens that the model reads, and from which of them on what it predicts is counted."""

    tokens: tuple[int, ...]
    begin: int = 0
    """Predictions of the tokens from this one on are counted: 0 for a text, the length of the prompt for a completion."""
    text: int | None = None
    """Pieces of the same text are drawn together; None for a text of its own."""


@dataclass(frozen=True)
class Insert:
    """An SAE, and where it stands."""

    path: str
    """The module whose output it reads and replaces."""
    run: Run


def special_ids(tokenizer: Any) -> frozenset[int]:
    """The tokens that stand for no text."""
    found = (getattr(tokenizer, name, None) for name in SPECIAL)
    return frozenset(one for one in found if one is not None)


def splice(
    base: BaseModel,
    documents: Sequence[Document],
    saes: Mapping[str, Insert],
    *,
    special: frozenset[int] | None = None,
    report: Progress = silent,
) -> dict[str, Spliced]:
    """For each of `saes` what the model loses by it on `documents`.

    `special` are tokens that are left alone; None for those of the tokenizer. Raises UsageError without a token that is counted, HubkitError where an SAE
    gives another shape or what is no number.
    """
    left = special_ids(base.tokenizer) if special is None else special
    batches = list(_batches(base, documents, left))
    if not sum(int(batch.counted.sum()) for batch in batches):
        raise UsageError("the texts hold no token that is counted", hint="give texts of two tokens or more")
    paths = sorted({one.path for one in saes.values()})
    means = _means(base, batches, paths)
    parts: dict[str, list[_Sums]] = {name: [] for name in saes}
    for number, batch in enumerate(batches):
        clean = _clean(base, batch)
        ablated = {
            path: {
                ZERO: _against(base, batch, clean, {path: torch.zeros_like}),
                MEAN: _against(base, batch, clean, {path: _everywhere(means[path])}),
            }
            for path in paths
        }
        for name, one in saes.items():
            own = _against(base, batch, clean, {one.path: _inserted(name, one.run, batch)})
            parts[name].append(_Sums(batch, clean, {SAE: own, **ablated[one.path]}))
        report(Event("loss", number + 1, len(batches), "batches"))
    texts = [number if one.text is None else -1 - one.text for number, one in enumerate(documents)]
    return {name: _together(several, texts) for name, several in parts.items()}


@dataclass(frozen=True)
class _Batch:
    ids: Any
    """(rows, positions)"""
    mask: Any
    """(rows, positions) 1 where a token is."""
    ordinary: Any
    """(rows, positions) bool: a token that is no special one."""
    counted: Any
    """The same, of which the prediction is counted."""

    @property
    def counted_next(self) -> Any:
        """(rows, positions - 1): counted, and there is a next token."""
        return self.counted[:, :-1] & self.mask[:, 1:].bool()


@dataclass(frozen=True)
class _Clean:
    log_p: Any
    """(rows, positions, vocabulary)"""
    ce: Any
    """(rows,) sums."""


@dataclass(frozen=True)
class _Sums:
    batch: _Batch
    clean: _Clean
    runs: Mapping[str, tuple[Any, Any]]
    """Cross entropy and KL, (rows,) each."""


def _batches(base: BaseModel, documents: Sequence[Document], special: frozenset[int]) -> Iterator[_Batch]:
    """Neighbours, as many as fit."""
    vocabulary = int(base.model.config.get_text_config().vocab_size)
    part: list[Document] = []
    for one in documents:
        longest = max(len(each.tokens) for each in (*part, one))
        if part and (len(part) + 1) * longest * vocabulary > MOST:
            yield _batch(part, special)
            part = []
        part.append(one)
    if part:
        yield _batch(part, special)


def _batch(documents: Sequence[Document], special: frozenset[int]) -> _Batch:
    longest = max(len(one.tokens) for one in documents)
    ids = torch.zeros((len(documents), longest), dtype=torch.int64)
    mask, begun = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, one in enumerate(documents):
        ids[row, : len(one.tokens)] = torch.tensor(one.tokens)
        mask[row, : len(one.tokens)] = 1
        begun[row, max(0, one.begin - 1) :] = True  # the token before the first that counts predicts it
    ordinary = mask.bool() & ~torch.isin(ids, torch.tensor(sorted(special), dtype=torch.int64))
    return _Batch(ids, mask, ordinary, ordinary & begun)


def _run(base: BaseModel, batch: _Batch, changes: Mapping[str, Change]) -> Any:
    """Log probabilities (rows, positions, vocabulary)."""
    device = base.model.device
    with torch.no_grad(), changed(base.model, changes):
        out = base.model(
            input_ids=batch.ids.to(device), attention_mask=batch.mask.to(device), use_cache=False
        )
        return torch.log_softmax(out.logits.float(), -1).cpu()


def _cross_entropy(log_p: Any, batch: _Batch) -> Any:
    """(rows,) sums over the tokens that are counted."""
    own = log_p[:, :-1].gather(-1, batch.ids[:, 1:, None])[..., 0]
    return torch.where(batch.counted_next, -own.double(), 0.0).sum(1)


def _clean(base: BaseModel, batch: _Batch) -> _Clean:
    log_p = _run(base, batch, {})
    return _Clean(log_p, _cross_entropy(log_p, batch))


def _against(base: BaseModel, batch: _Batch, clean: _Clean, changes: Mapping[str, Change]) -> tuple[Any, Any]:
    log_p = _run(base, batch, changes)
    divergence = (clean.log_p.exp() * (clean.log_p - log_p)).sum(-1).double()
    return _cross_entropy(log_p, batch), torch.where(batch.counted, divergence, 0.0).sum(1)


def _everywhere(mean: Any) -> Change:
    return lambda output: mean.to(output.device, output.dtype).expand_as(output)


def _inserted(name: str, run: Run, batch: _Batch) -> Change:
    """Reconstructions at the tokens that are no special ones."""

    def change(output: Any) -> Any:
        ordinary = batch.ordinary.to(output.device)
        rows = output[ordinary].double().cpu().numpy()
        _, x_hat = run(rows)
        if x_hat.shape != rows.shape or not np.isfinite(x_hat).all():
            raise HubkitError(
                f"{name}: gives {x_hat.shape} for activations {rows.shape}, or what is no number; expected finite reconstructions"
            )
        replaced = output.clone()
        replaced[ordinary] = torch.from_numpy(np.asarray(x_hat)).to(output.device, output.dtype)
        return replaced

    return change


def _means(base: BaseModel, batches: Sequence[_Batch], paths: Sequence[str]) -> dict[str, Any]:
    """Of the activations at every token that is no special one, (d,) float64."""
    sums, count = dict.fromkeys(paths, 0.0), 0
    for batch in batches:
        with recorded(base.model, paths) as outputs:
            _run(base, batch, {})
        count += int(batch.ordinary.sum())
        for path in paths:
            sums[path] = sums[path] + outputs[path].cpu()[batch.ordinary].double().sum(0)
    return {path: total / count for path, total in sums.items()}


def _together(several: Sequence[_Sums], texts: Sequence[int]) -> Spliced:
    """One for all texts, pieces of one added up, without those that have no token to count."""
    _, text_of = np.unique(np.array(texts), return_inverse=True)

    def summed(parts: list[Any]) -> NDArray[np.float64]:
        found = np.zeros(int(text_of.max()) + 1)
        np.add.at(found, text_of, np.concatenate([np.asarray(part, dtype=np.float64) for part in parts]))
        return found

    places = summed([one.batch.counted.sum(1) for one in several])
    kept = places > 0
    runs = (SAE, ZERO, MEAN)
    ce = {run: summed([one.runs[run][0] for one in several])[kept] for run in runs}
    return Spliced(
        {CLEAN: summed([one.clean.ce for one in several])[kept], **ce},
        {run: summed([one.runs[run][1] for one in several])[kept] for run in runs},
        summed([one.batch.counted_next.sum(1) for one in several])[kept],
        places[kept],
    )


def documents_of(base: BaseModel, texts: Sequence[str], tokens: int) -> list[Document]:
    """The first `tokens` tokens of the texts as the tokenizer gives them, in pieces of 128, one text after the other."""
    found: list[Document] = []
    left = tokens
    for number, text in enumerate(texts):
        ids = [int(token) for token in base.tokenizer(text).input_ids][:left]
        left -= len(ids)
        found += [
            Document(tuple(ids[start : start + CONTEXT]), text=number)
            for start in range(0, len(ids), CONTEXT)
        ]
        if not left:
            break
    return found


def run_on(base: BaseModel, documents: Sequence[Document]) -> TextsRun:
    """What a release says of these documents."""
    special = special_ids(base.tokenizer)
    begun = sum(one.tokens[0] == base.tokenizer.bos_token_id for one in documents)
    return TextsRun(
        documents=len(
            {(one.text, number if one.text is None else 0) for number, one in enumerate(documents)}
        ),
        tokens=sum(len(one.tokens) for one in documents),
        special=sum(token in special for one in documents for token in one.tokens),
        longest=max(len(one.tokens) for one in documents),
        bos="all" if begun == len(documents) else "some" if begun else "none",
        after_prompt=any(one.begin for one in documents),
        precision=base.precision,
        tokens_sha256=sha256_of_json({"tokens": [[one.begin, *one.tokens] for one in documents]}),
    )


def losses(
    base: BaseModel,
    documents: Sequence[Document],
    saes: Sequence[Sae],
    view: RepoView,
    report: Progress = silent,
) -> dict[str, Loss]:
    """Of every SAE of `view` what the model loses by it. Raises UsageError for one that is no autoencoder of a module's output here."""
    inserts = {one.sae_id: Insert(module_path(base, one), computation(one, view)) for one in saes}
    run = run_on(base, documents)
    found = splice(base, documents, inserts, report=report)
    return {
        one.sae_id: Loss(
            found[one.sae_id],
            run.model_copy(
                update={"trained_on": _vector(one), "hook_name": one.hook_name or inserts[one.sae_id].path}
            ),
        )
        for one in saes
    }


def _vector(sae: Sae) -> str | None:
    """What one row of its training was, where that was no token."""
    pooling = sae.training.record.pooling
    if pooling is None or pooling == "all":
        return None
    return f"the {pooling} over {sae.training.record.token_span or 'its tokens'}"
