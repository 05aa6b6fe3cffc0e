"""The model's loss with an SAE in it: SAELens's own numbers on the same tokens, and ten lines that are written out."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError, UsageError
from hubkit.evaluate.values import computed_versions, values_spliced
from hubkit.experiments.spliced import Document, Insert, special_ids, splice
from hubkit.measures.spliced import CLEAN, MEAN, SAE, ZERO, Spliced

pytestmark = pytest.mark.train
HOOK = "blocks.1.hook_resid_pre"
BOS = 0


@pytest.fixture(scope="module")
def parts() -> Any:
    """A HookedTransformer built from a configuration, behind the face that a model of transformers has; tokens with BOS in places; an SAE of SAELens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sae_lens import StandardSAE, StandardSAEConfig
        from sae_lens.saes.sae import SAEMetadata
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        torch.manual_seed(0)
        cfg = HookedTransformerConfig(
            n_layers=2, d_model=16, n_ctx=12, d_head=8, n_heads=2, d_mlp=32, d_vocab=50, act_fn="relu", seed=0
        )
        model = HookedTransformer(cfg)
    sae = StandardSAE(
        StandardSAEConfig(d_in=16, d_sae=48, metadata=SAEMetadata(hook_name=HOOK, hook_head_index=None))
    )
    with torch.no_grad():
        for parameter in (*model.parameters(), *sae.parameters()):
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    tokens = torch.randint(1, 50, (7, 12))
    tokens[:, 0] = BOS
    tokens[3, 5] = BOS

    class Faced(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.device = model, torch.device("cpu")
            self.config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=50))

        def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
            assert attention_mask.all() or not use_cache
            return SimpleNamespace(logits=self.inner(input_ids, return_type="logits", prepend_bos=False))

    base: Any = SimpleNamespace(model=Faced(), tokenizer=SimpleNamespace(bos_token_id=BOS, eos_token_id=None))

    def run(rows: Any) -> tuple[Any, Any]:
        with torch.no_grad():
            acts = sae.encode(torch.from_numpy(rows).float())
            return acts.numpy(), sae.decode(acts).numpy()

    return SimpleNamespace(model=model, sae=sae, tokens=tokens, base=base, run=run, torch=torch)


def spliced_of(parts: Any, documents: Any = None, run: Any = None) -> Spliced:
    documents = documents or [Document(tuple(row)) for row in parts.tokens.tolist()]
    return splice(parts.base, documents, {"a": Insert(f"inner.{HOOK}", run or parts.run)})["a"]


def value(spliced: Spliced, name: str) -> float:
    found = {one.measure: one for one in values_spliced(spliced, "held_out")}[name].value
    assert found is not None
    return found


def test_the_same_numbers_as_saelens(parts: Any) -> None:
    from sae_lens.evals import get_downstream_reconstruction_metrics
    from sae_lens.training.activation_scaler import ActivationScaler

    with parts.torch.no_grad():
        theirs = get_downstream_reconstruction_metrics(
            parts.sae, parts.model, SimpleNamespace(get_batch_tokens=lambda _: parts.tokens), ActivationScaler(),
            compute_kl=True, compute_ce_loss=True, n_batches=1, eval_batch_size_prompts=7, ignore_tokens=[BOS], model_kwargs={"prepend_bos": False},
        )  # fmt: skip
    ours = spliced_of(parts)
    for name, their_name in {
        "ce_loss_score": "ce_loss_score", "kl_div_score": "kl_div_score", "ce_loss_clean": "ce_loss_without_sae", "ce_loss_sae": "ce_loss_with_sae",
        "ce_loss_zero": "ce_loss_with_ablation", "kl_div_sae": "kl_div_with_sae", "kl_div_zero": "kl_div_with_ablation",
    }.items():  # fmt: skip
        assert value(ours, name) == pytest.approx(theirs[their_name], abs=1e-5), name
    assert ours.tokens.sum() == 7 * 11 - 7 - 1
    assert ours.places.sum() == 7 * 12 - 7 - 1


def test_a_naive_run_and_the_means(parts: Any) -> None:
    """Two documents of different lengths, the second with a prompt of four tokens whose predictions do not count."""
    torch = parts.torch
    documents = [Document(tuple(parts.tokens[0, :6].tolist())), Document(tuple(parts.tokens[1].tolist()), 4)]
    ours = spliced_of(parts, documents)
    rows, mean = [], []
    with torch.no_grad():
        for one in documents:
            ids = torch.tensor([one.tokens])
            _, cache = parts.model.run_with_cache(ids, prepend_bos=False)
            mean.append(cache[HOOK][0, 1:])
        everywhere = torch.cat(mean).mean(0)
        for one in documents:
            ids, first = torch.tensor([one.tokens]), max(1, one.begin - 1)
            for change in (
                lambda x, hook: x,
                lambda x, hook: everywhere.expand_as(x),
                lambda x, hook: torch.zeros_like(x),
            ):
                log_p = parts.model.run_with_hooks(
                    ids, fwd_hooks=[(HOOK, change)], prepend_bos=False
                ).log_softmax(-1)[0]
                rows.append(sum(-float(log_p[t, ids[0, t + 1]]) for t in range(first, len(one.tokens) - 1)))
    found = [float(ours.ce[run][document]) for document in (0, 1) for run in (CLEAN, MEAN, ZERO)]
    assert found == pytest.approx(rows, abs=1e-4)
    assert ours.tokens.tolist() == [4, 8]
    increase = value(ours, "ce_loss_sae") - value(ours, "ce_loss_clean")
    assert value(ours, "ce_loss_increase") == pytest.approx(increase)
    mean_score = (value(ours, "ce_loss_mean") - value(ours, "ce_loss_sae")) / (
        value(ours, "ce_loss_mean") - value(ours, "ce_loss_clean")
    )
    assert value(ours, "ce_loss_score_mean") == pytest.approx(mean_score)


def test_an_sae_that_says_everything_back_costs_nothing(parts: Any) -> None:
    ours = spliced_of(parts, run=lambda rows: (rows, rows))
    assert value(ours, "ce_loss_increase") == pytest.approx(0.0, abs=1e-6)
    assert value(ours, "ce_loss_score") == pytest.approx(1.0, abs=1e-5)
    assert value(ours, "kl_div_score") == pytest.approx(1.0, abs=1e-5)
    nothing = spliced_of(parts, run=lambda rows: (rows, 0 * rows))
    assert value(nothing, "ce_loss_score") < 0.9
    with pytest.raises(HubkitError, match="a: gives"):
        spliced_of(parts, run=lambda rows: (rows, rows[:, :3]))
    with pytest.raises(UsageError, match="no token"):
        spliced_of(parts, [Document((BOS,))])


def test_intervals_are_over_documents() -> None:
    """One document weighs with all of its tokens: as many tokens in fewer documents say less."""

    def of(documents: int) -> Spliced:
        offset = np.linspace(-1, 1, documents)
        tokens = np.full(documents, 400 / documents)
        ce = {CLEAN: 3 * tokens, SAE: (3.5 + 0.2 * offset) * tokens, ZERO: 9 * tokens, MEAN: 7 * tokens}
        return Spliced(ce, {run: ce[run] / 5 for run in (SAE, ZERO, MEAN)}, tokens, tokens)

    widths = {}
    for documents in (4, 100):
        (found,) = [
            one for one in values_spliced(of(documents), "train") if one.measure == "ce_loss_increase"
        ]
        assert (found.n, found.n_effective, found.interval_method) == (
            400,
            documents,
            "bootstrap over documents",
        )
        assert found.interval is not None
        assert (found.null_level, found.null_kind) == (0.0, "the model's own loss")
        widths[documents] = found.interval[1] - found.interval[0]
    assert widths[4] > 2 * widths[100]
    told = {one.measure: one.null_kind for one in values_spliced(of(4), "train") if one.null is not None}
    assert told == {
        "ce_loss_increase": "the model's own loss",
        "ce_loss_score": "zeros in the place of the activations",
        "ce_loss_score_mean": "their mean in the place of the activations",
        "kl_div_score": "zeros in the place of the activations",
    }
    one = Spliced({run: np.array([1.0]) for run in (CLEAN, SAE, ZERO, MEAN)}, {run: np.array([0.0]) for run in (SAE, ZERO, MEAN)}, np.array([5.0]), np.array([6.0]))  # fmt: skip
    found = {value.measure: value for value in values_spliced(one, "train")}
    assert found["ce_loss_score"].reason is not None
    assert "no scale" in found["ce_loss_score"].reason
    assert found["ce_loss_clean"].interval is None
    assert found["kl_div_score"].value is None


def test_an_evaluation_without_the_base_model_has_no_such_measure() -> None:
    assert "ce_loss_score" not in computed_versions()
    assert "ce_loss_score" in computed_versions(["train"], spliced=True)
    tokenizer = SimpleNamespace(
        bos_token_id=1, eos_token_id=2, pad_token_id=2, additional_special_tokens_ids=[7]
    )
    assert special_ids(tokenizer) == {1, 2}
