"""Sampling: each completion depends on its seed alone, follows the model's distribution, and stops at the end token."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tiny_models import FAMILIES

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


def test_a_prefill_is_put_behind_the_prompt_and_messages_go_through_the_template(base: BaseModel) -> None:
    from hubkit.inference.load import load_model
    from hubkit.inference.tokens import prompt_ids

    begun = Scenario(scenario_id="x", prompt="Q: old ledger A:", prefill=" truly")
    assert base.tokenizer.decode(prompt_ids(base.tokenizer, begun)) == "Q: old ledger A: truly"
    said = Scenario.model_validate(
        {
            "scenario_id": "x",
            "messages": [
                {"role": "user", "content": "old"},
                {"role": "assistant", "content": "ledger"},
                {"role": "user", "content": "night"},
            ],
            "prefill": " quietly",
        }
    )
    with pytest.raises(UsageError, match="'x': the tokenizer has no chat template"):
        prompt_ids(base.tokenizer, said)
    tokenizer = load_model(base.model.config._name_or_path).tokenizer
    tokenizer.chat_template = "{% for m in messages %}{{ 'Q: ' + m['content'] + ' ' }}{% endfor %}A:"
    assert tokenizer.decode(prompt_ids(tokenizer, said)) == "Q: old Q: ledger Q: night A: quietly"
    tokenizer.chat_template = "{{ raise_exception('no system here') }}"
    with pytest.raises(UsageError, match="refuses it: no system here"):
        prompt_ids(tokenizer, said)


def test_top_p_draws_from_the_nucleus_and_from_all_of_it(base: BaseModel) -> None:
    import torch

    from hubkit.inference.tokens import prompt_ids

    prompt = prompt_ids(base.tokenizer, SCENARIO)
    with torch.no_grad():
        shares = base.model(input_ids=torch.tensor([prompt])).logits[0, -1].double().softmax(-1)
    likeliest = shares.sort(descending=True)
    for top_p in (0.3, 0.6, 0.95):
        size = int((likeliest.values.cumsum(0) < top_p).sum()) + 1
        nucleus = set(likeliest.indices[:size].tolist())
        drawn = sample(base, prompt, range(2000), temperature=1.0, top_p=top_p, max_new_tokens=1)
        tokens = [one.token_ids[0] for one in drawn if one.token_ids]
        assert set(tokens) <= nucleus
        counts = torch.bincount(torch.tensor(tokens), minlength=len(shares))[likeliest.indices[:size]]
        expected = likeliest.values[:size] / likeliest.values[:size].sum()
        assert float((counts / 2000 - expected).abs().max()) < 0.045


def test_the_nucleus_of_a_flat_distribution_is_found_behind_the_likeliest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from hubkit.inference import generate

    shares = torch.rand((3, 500), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shares /= shares.sum(-1, keepdim=True)
    top_p = torch.tensor([0.9, 1.0, 0.2], dtype=torch.float64)
    exact = generate._nucleus(shares, top_p)
    monkeypatch.setattr(generate, "LIKELIEST", 4)
    assert torch.equal(generate._nucleus(shares, top_p), exact)
    assert torch.equal(exact[1], shares[1])
    assert 0.9 <= float(exact[0].sum()) < 0.91
    assert 0.2 <= float(exact[2].sum()) < 0.21


def test_a_stop_string_ends_a_completion_with_the_token_that_completes_it(base: BaseModel) -> None:
    from hubkit.inference.tokens import prompt_ids

    prompt = prompt_ids(base.tokenizer, SCENARIO)
    free = sample(base, prompt, range(30), temperature=1.0, max_new_tokens=13)
    word = free[0].text.split()[4]
    pair = " ".join(free[1].text.split()[6:8])  # lies over two tokens
    stopped = sample(base, prompt, range(30), temperature=1.0, max_new_tokens=13, stop=(word, pair))
    for before, after in zip(free, stopped, strict=True):
        ends = [before.text.find(text) + len(text) for text in (word, pair) if text in before.text]
        assert after.text == (before.text[: min(ends)] if ends else before.text)
        assert after.ended == ("stop string" if ends else before.ended)
    assert {one.ended for one in stopped} >= {"stop string", "limit"}


def test_rows_of_a_batch_have_their_own_prompts_and_settings(base: BaseModel) -> None:
    from hubkit.inference.generate import Draw
    from hubkit.inference.generate import sample as sample_batch
    from hubkit.inference.tokens import prompt_ids

    prompts = [
        tuple(prompt_ids(base.tokenizer, one))[: 4 + place] for place, one in enumerate(text.scenarios()[:4])
    ]
    how = (
        Decoding(temperature=0, max_new_tokens=3),
        Decoding(temperature=0.5, max_new_tokens=13),
        Decoding(top_p=0.5, max_new_tokens=9),
        Decoding(max_new_tokens=13),
    )
    draws = [Draw(prompt, seed, one) for seed, (prompt, one) in enumerate(zip(prompts, how, strict=True))]
    together = sample_batch(base, draws)
    assert together == [one for draw in draws for one in sample_batch(base, [draw])]
    assert all(
        len(one.token_ids) <= draw.decoding.max_new_tokens for one, draw in zip(together, draws, strict=True)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_run_once_change_nothing_and_states_are_those_of_the_tokens(
    random_model: Callable[[str], Path], family: str
) -> None:
    """Against the model run on the whole sequence: logits by greedy sampling, states of every token at every block."""
    import numpy as np
    import torch

    from hubkit.inference.generate import Draw
    from hubkit.inference.generate import sample as sample_batch
    from hubkit.inference.hooks import recorded
    from hubkit.inference.load import load_model

    base = load_model(str(random_model(family)))
    paths = [base.hf_hook_name(layer) for layer in range(base.n_layers)]
    draws = [
        Draw(prompt, seed, Decoding(max_new_tokens=limit))
        for seed, (prompt, limit) in enumerate(
            [((5, 6, 7, 8, 9, 10), 7), ((5, 6), 3), ((5, 6, 7, 8, 9, 10), 12), ((11,), 12)]
        )
    ]
    drawn = sample_batch(base, draws, module_paths=paths)
    assert any(one.token_ids for one in drawn)
    for draw, one in zip(draws, drawn, strict=True):
        assert len(one.token_ids) == draw.decoding.max_new_tokens or one.ended == "end token"
        with torch.no_grad(), recorded(base.model, paths) as outputs:
            base.model(input_ids=torch.tensor([[*draw.prompt, *one.token_ids]]), use_cache=False)
        for path in paths if one.token_ids else ():
            whole = outputs[path][0, len(draw.prompt) :].numpy()
            away = np.linalg.norm(one.states[path].numpy() - whole, axis=1)
            assert (away <= 1e-5 * np.linalg.norm(whole, axis=1)).all()


def test_a_prompt_is_run_once(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.inference.generate import Draw
    from hubkit.inference.generate import sample as sample_batch
    from hubkit.inference.prompts import Prompts

    lengths: list[int] = []
    whole = type(base.model).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        lengths.append(kwargs["input_ids"].shape[1])
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(type(base.model), "forward", counted)
    prompts, how = Prompts(base), Decoding(max_new_tokens=4)
    for _ in range(2):
        sample_batch(base, [Draw(prompt, 1, how) for prompt in [(5, 6, 7)] * 5 + [(5, 6)] * 5], prompts)
    assert sorted(length for length in lengths if length > 1) == [2, 3]


def test_what_is_kept_of_prompts_is_their_keys_and_values_and_bounded(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No view of a larger tensor, and no more than the bound, whatever the number of prompts; a batch has all of its own."""
    from hubkit.inference import prompts

    kept = prompts.Prompts(base)
    chosen = [(5, number, 7, 8) for number in range(5, 25)]
    begun = kept.begin(chosen)
    (one, *_) = [one for one in kept._seen.values() if one is not None]
    held = [one.logits, *(part for pair in one.layers if pair for part in pair)]
    assert [part.untyped_storage().nbytes() for part in held] == [part.nbytes for part in held]
    assert len(kept._seen) == 20
    monkeypatch.setattr(prompts, "MOST_KEPT", 3 * one.bytes + 1)
    again = kept.begin(chosen)
    assert list(kept._seen) == chosen[-3:]
    assert bool((again.logits == begun.logits).all())


def test_a_memory_that_is_not_of_every_token_is_begun_together(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model with a recurrent state or a short window the prompts of a batch are run with the batch."""
    from hubkit.inference import prompts
    from hubkit.inference.generate import Draw
    from hubkit.inference.generate import sample as sample_batch

    draws = [Draw((5, 6, 7)[: 1 + seed % 3], seed, Decoding(max_new_tokens=9)) for seed in range(8)]
    once = sample_batch(base, draws)
    monkeypatch.setattr(prompts, "_seen", lambda *_: None)
    assert sample_batch(base, draws) == once
