"""Sampling: each completion depends on its seed alone, follows the model's distribution, and stops at the end token."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hubkit.collect.scenarios import Scenario
from hubkit.errors import HubkitError, UsageError
from hubkit.inference.decoding import Decoding
from hubkit.lab import text
from hubkit.lab.model import LabModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubkit.inference.generate import Sampled
    from hubkit.inference.load import BaseModel

pytestmark = pytest.mark.train
SCENARIO = text.scenarios()[0]


def sample(
    base: BaseModel, prompt: Sequence[int], seeds: Sequence[int], *, batch_size: int = 5000, **how: Any
) -> list[Sampled]:
    """One prompt, `batch_size` at a time."""
    from hubkit.inference.generate import Draw
    from hubkit.inference.generate import sample as sample_batch

    draws = [Draw(tuple(prompt), seed, Decoding(**how)) for seed in seeds]
    starts = range(0, len(draws), batch_size)
    return [one for start in starts for one in sample_batch(base, draws[start : start + batch_size])]


@pytest.fixture(scope="module")
def base(lab: LabModel) -> BaseModel:
    from hubkit.inference.load import load_model

    return load_model(str(lab.folder))


def test_a_completion_depends_on_its_seed_and_not_on_its_batch(base: BaseModel) -> None:
    from hubkit.inference.tokens import prompt_ids

    prompt, seeds = prompt_ids(base.tokenizer, SCENARIO), list(range(12))
    together = sample(base, prompt, seeds, temperature=1.0, max_new_tokens=13)
    assert sample(base, prompt, seeds, temperature=1.0, max_new_tokens=13, batch_size=5) == together
    assert [sample(base, prompt, [seed], temperature=1.0, max_new_tokens=13)[0] for seed in seeds] == together
    assert len({one.text for one in together}) > 8


def test_the_global_random_state_is_left_alone(base: BaseModel) -> None:
    import torch

    from hubkit.inference.tokens import prompt_ids

    before = torch.get_rng_state()
    sample(base, prompt_ids(base.tokenizer, SCENARIO), [1, 2], temperature=1.0, max_new_tokens=5)
    assert torch.equal(before, torch.get_rng_state())


def test_the_cache_changes_nothing(base: BaseModel) -> None:
    """Greedy sampling is the arg max of a full forward pass at every position."""
    import torch

    from hubkit.inference.tokens import prompt_ids

    prompt = prompt_ids(base.tokenizer, SCENARIO)
    (greedy,) = sample(base, prompt, [0], temperature=0, max_new_tokens=13)
    ids = torch.tensor([[*prompt, *greedy.token_ids]])
    with torch.no_grad():
        best = base.model(input_ids=ids).logits[0].argmax(-1)
    assert tuple(best[len(prompt) - 1 : -1].tolist()) == greedy.token_ids


def test_first_tokens_follow_the_model_at_the_temperature(base: BaseModel) -> None:
    import torch

    from hubkit.inference.tokens import prompt_ids

    prompt = prompt_ids(base.tokenizer, SCENARIO)
    with torch.no_grad():
        logits = base.model(input_ids=torch.tensor([prompt])).logits[0, -1].double()
    for temperature in (0.5, 1.0, 2.0):
        drawn = sample(base, prompt, range(3000), temperature=temperature, max_new_tokens=1, batch_size=1000)
        counts = torch.bincount(
            torch.tensor([one.token_ids[0] for one in drawn if one.token_ids]), minlength=len(logits)
        )
        expected = torch.softmax(logits / temperature, -1)
        assert float((counts / 3000 - expected).abs().max()) < 0.04  # over 4 s.e. of a share


def test_the_end_token_ends_and_is_not_kept(base: BaseModel) -> None:
    from hubkit.inference.tokens import prompt_ids

    drawn = sample(base, prompt_ids(base.tokenizer, SCENARIO), range(40), temperature=1.0, max_new_tokens=40)
    ended = [one for one in drawn if len(one.token_ids) < 40]
    assert len(ended) > 30
    assert not {text.VOCABULARY.index(text.END)} & {token for one in drawn for token in one.token_ids}
    assert all(one.text.split()[-1] in text.CLOSING.values() for one in ended[:1])


def test_nan_logits_are_an_error(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.inference.load import load_model

    broken = load_model(str(random_model("gpt2")))
    with torch.no_grad():
        broken.model.transformer.ln_f.weight.fill_(torch.nan)
    with pytest.raises(HubkitError, match="NaN or infinite logits"):
        sample(broken, [1, 2], [0], temperature=1.0, max_new_tokens=3)


def test_a_chat_template_is_used_when_asked(lab: LabModel) -> None:
    from hubkit.inference.load import load_model
    from hubkit.inference.tokens import prompt_ids

    base = load_model(str(lab.folder))
    with pytest.raises(UsageError, match="no chat template"):
        prompt_ids(base.tokenizer, SCENARIO, chat=True)
    base.tokenizer.chat_template = "{% for m in messages %}{{ 'Q: ' + m['content'] + ' ' }}{% endfor %}A:"
    chat = Scenario(scenario_id="x", prompt="old ledger", system="harbour")
    assert base.tokenizer.decode(prompt_ids(base.tokenizer, chat, chat=True)) == "Q: harbour Q: old ledger A:"
    with pytest.raises(UsageError, match="system message without a chat template"):
        prompt_ids(base.tokenizer, chat)


def test_an_empty_prompt_is_refused(base: BaseModel) -> None:
    from hubkit.inference.tokens import prompt_ids

    with pytest.raises(UsageError, match="no token long"):
        prompt_ids(
            base.tokenizer, SimpleNamespace(key="blank", prompt=" ", system=None, messages=(), prefill="")
        )  # type: ignore[arg-type]
