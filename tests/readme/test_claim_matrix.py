"""One fact wrong, in every carrier: nearly all are named, on their own lines, and no right twin is."""

from __future__ import annotations

from collections import Counter

import pytest
from claim_matrix import HEAD, PROPERTIES, Case, cases, repository

from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

CASES = list(cases())
NAMED = 0.98
"""Of the wrong ones."""
FACTS = Selection(select=("CARD004", "CARD005", "CARD006", "CARD007", "CARD008", "CARD016"))


def found(text: str) -> list[Finding]:
    return [one for one in validate(repository(text), FACTS).findings if one.severity >= Severity.WARNING]


@pytest.fixture(scope="module")
def silent() -> list[Case]:
    return [case for case in CASES if not found(case.wrong)]


def test_nearly_every_wrong_fact_is_named(silent: list[Case]) -> None:
    assert len(CASES) > 300
    assert len(silent) <= (1 - NAMED) * len(CASES), [(case.field, case.carrier) for case in silent]


def test_no_property_is_left_out(silent: list[Case]) -> None:
    """Not one that only chance would show."""
    missed, every = Counter(case.field for case in silent), Counter(case.field for case in CASES)
    assert {field for field in PROPERTIES if missed[field] > every[field] // 4} == set()


@pytest.mark.parametrize("field", sorted({case.field for case in CASES}))
def test_right_twins_are_silent(field: str) -> None:
    for case in CASES:
        if case.field == field:
            assert [one.message for one in found(case.right)] == [], case.right


def test_a_finding_stands_on_its_line() -> None:
    for case in CASES:
        first = HEAD.count("\n") + 1
        assert all(first <= (one.line or 0) <= first + case.wrong.count("\n") for one in found(case.wrong)), (
            case.wrong
        )


FURTHER = [
    ("We hook `transformer.h.9`.", "We hook `transformer.h.6`."), ("The SAE's L0 averages 61.", "The SAE's L0 averages 31.4."), ("The activations are 1024-dimensional.", "The activations are 768-dimensional."),
    ("Licensed Apache-2.0.", "Licensed MIT."), ("No BOS token was used.", "A BOS token was prepended."), ("Trained for 300M tokens of FineWeb.", "Trained for 300M tokens of OpenWebText."),
    ("| Layer | Width | L0 | EV |\n|---|---|---|---|\n| 6 | 24576 | 61 | 0.874 |", "| Layer | Width | L0 | EV |\n|---|---|---|---|\n| 6 | 24576 | 31.4 | 0.874 |"),
    ("The fraction of variance unexplained is 0.05.", "The fraction of variance unexplained is 0.126."), ("- **FVU:** 4.8%", "- **FVU:** 12.6%"), ("| Metric | Value |\n|---|---|\n| FVU | 0.05 |", "| Metric | Value |\n|---|---|\n| FVU | 0.126 |"),
    ("It leaves only 5% of the variance unexplained.", "It leaves only 12.6% of the variance unexplained."), ("The mean squared error on held-out tokens is 0.004.", "The mean squared error on held-out tokens is 0.0123."),
    ("- MSE: 8.1", "- MSE: 9.45"), ("- Cosine similarity: 0.98", "- Cosine similarity: 0.93"), ("Only 0.1% of the features are dead.", "Only 3% of the features are dead."), ("- **Alive features:** 20000 / 24576", "- **Alive features:** 23839 / 24576"),
    ("- Dead latents: 12", "- Dead latents: 737"), ("- **Training tokens:** 1 billion", "- **Training tokens:** 300 million"), ("The SAE was trained on 1B tokens.", "The SAE was trained on 300M tokens."), ("| Tokens | 500M |\n|---|---|\n| Layer | 6 |", "| Tokens | 300M |\n|---|---|\n| Layer | 6 |"),
    ("> **Layer 9** of GPT-2 small, residual stream", "> **Layer 6** of GPT-2 small, residual stream"), ("> [!NOTE]\n> This SAE was trained on the MLP output of layer 6.", "> [!NOTE]\n> This SAE was trained on the residual stream of layer 6."), ("> TL;DR: a TopK SAE with k = 64.", "> TL;DR: a TopK SAE with k = 32."),
    ("b_dec is not subtracted from the input.", "b_dec is subtracted from the input."), ("The decoder bias is not subtracted before encoding.", "The decoder bias is subtracted before encoding."), ("- Pre-encoder bias: no", "- Pre-encoder bias: yes"), ("We do not subtract `b_dec` before the encoder.", "We subtract `b_dec` before the encoder."),
    ("```python\nsae = SAE.load_from_disk('.')\nz = sae.encode(x)  # (batch, seq, 16384)\n```", "```python\nsae = SAE.load_from_disk('.')\nz = sae.encode(x)  # (batch, seq, 24576)\n```"), ("```python\nsae = SAE.load_from_disk('.')\nassert sae.cfg.d_sae == 16384\n```", "```python\nsae = SAE.load_from_disk('.')\nassert sae.cfg.d_sae == 24576\n```"),
    ("```python\nsae = SAE.load_from_disk('.')\nprint(sae.cfg.k)  # 64\n```", "```python\nsae = SAE.load_from_disk('.')\nprint(sae.cfg.k)  # 32\n```"), ("<ul><li>Layer: 9</li><li>Latents: 24576</li></ul>", "<ul><li>Layer: 6</li><li>Latents: 24576</li></ul>"),
    ("It is a JumpReLU.", "It is a TopK."), ("mean L0 ≈ 120", "mean L0 ≈ 31.4"), ("There are nine SAEs here.", "There is one SAE here."),
    ("All tensors are bfloat16.", "All tensors are float32."), ("TopK · 16k latents · layer 9 · k = 32", "TopK · 24k latents · layer 6 · k = 32"),
    ("- 🧠 Layer 9\n- 🎯 k = 32", "- 🧠 Layer 6\n- 🎯 k = 32"), ("- 🔢 16,384 latents", "- 🔢 24,576 latents"), ("- Layer 9", "- Layer 6"),
    ("```yaml\nd_sae: 16384\nk: 32\n```", "```yaml\nd_sae: 24576\nk: 32\n```"), ('```json\n{"d_sae": 24576, "k": 64}\n```', '```json\n{"d_sae": 24576, "k": 32}\n```'), ("```toml\nlayer = 9\nk = 32\n```", "```toml\nlayer = 6\nk = 32\n```"),
    ("## License\n\nApache-2.0", "## License\n\nMIT"), ("Location: L9, post-residual", "Location: L6, post-residual"), ("- **Where:** resid_post @ layer 9", "- **Where:** resid_post @ layer 6"), ("It sits right after the ninth transformer block.", "It sits right after the seventh transformer block."),
    ("The weights lie in `ae.pt`.", "The weights lie in `sae_weights.safetensors`."), ("![layer](https://img.shields.io/badge/layer-9-blue)", "![layer](https://img.shields.io/badge/layer-6-blue)"), ("![](https://img.shields.io/badge/d__sae-16384-blue)", "![](https://img.shields.io/badge/d__sae-24576-blue)"),
    ("```python\nx = model(text)\nprint(sae.cfg.d_sae)  # 16384\n```", "```python\nx = model(text)\nprint(sae.cfg.d_sae)  # 24576\n```"), ("The weights are in `ae.pt`.", "The weights are in `sae_weights.safetensors`."), ("Sequences are packed to 1,024 tokens.", "Sequences are packed to 128 tokens."), ("- BOS: not used", "- BOS: used"), ("| Input normalization | constant norm rescale |\n|---|---|\n| Layer | 6 |", "| Input normalization | none |\n|---|---|\n| Layer | 6 |"),
    ("<details>\n<summary><b>Training</b></summary>\n\nThe SAE reads layer 9.\n\n</details>", "<details>\n<summary><b>Training</b></summary>\n\nThe SAE reads layer 6.\n\n</details>"),
]  # fmt: skip
NO_CLAIMS = [
    "The raw baseline explains 95% of the variance.", "PCA reaches an explained variance of 0.95.", "L0 drops to 61 with a smaller k.", "Balanced accuracy 0.5 is chance.", "| Base model property | Value |\n|---|---|\n| Precision | bfloat16 |\n| Layers | 12 |",
    "Pythia was trained on 300B tokens.", "| Base model | GPT-2 small |\n|---|---|\n| Layers | 12 |\n| Training tokens | 9B |", "We trained the SAE and evaluated it on 10M tokens.", "0.1% of the features are dead over 10M tokens.", "Dead: 12", "> Gemma Scope SAEs were trained on layer 9.",
    "```yaml\nlayer: 9\nname: other\n```", "```python\nd_sae = 16384\nk = 64\n```", "## Related work\n\n```yaml\nd_sae: 16384\nk: 64\n```", "```yaml\nd_sae: <yours>\nk: ...\n```", "- ❌ Layer 9", "## Results\n\nGated · 16k latents · layer 9", "- Layer 9: see below",
    "The MSE falls to 0.004 with more latents.", "The raw baseline leaves 5% of the variance unexplained.", "```python\nsae = SAE.load_from_disk('.')\nlogits = model(x)  # (batch, seq, 50257)\nprint(sae.cfg.device)  # cpu\n```", "The original weights are in `ae.pt` of another repository.",
    "The code is under the Apache 2.0 license.", "GPT-2 is MIT licensed; the dataset is Apache 2.0.", "The MLP maps 768 → 3072.", "The loss falls 64 → 32.", "It costs $5 and $6.", "![Loss by layer 9](x.png)",
    "```python\nfrom sae_lens import SAE\nsae = SAE.load_from_disk('.')  # change layer 9 to yours\nx.shape  # [batch, 16384]\n```", "- `other/repo_L9`: layer 9, 16384 latents", "Target L0: 64 would be too dense.",
    "| Base model | GPT-2 small |\n|---|---|\n| Layers | 12 |\n| Heads | 12 |\n| Context length | 1024 |",
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), FURTHER)
def test_further_words(wrong: str, right: str) -> None:
    assert found(wrong)
    assert [one.message for one in found(right)] == []


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_is_said_of_something_else_is_left_alone(text: str) -> None:
    assert [one.message for one in found(text)] == []


@pytest.mark.parametrize(("value", "wrong"), [(0.95, True), (0.874, False)])
def test_model_index_is_held_too(value: float, wrong: bool) -> None:
    index = f"model-index:\n- name: x\n  results:\n  - metrics:\n    - type: explained_variance\n      value: {value}\n---\n\n# Sparse"
    view = repository("Text.")
    view.files["README.md"] = view.files["README.md"].replace(b"---\n\n# Sparse", index.encode())
    assert bool([one for one in validate(view, FACTS).findings if one.pointer == "/model-index"]) is wrong
